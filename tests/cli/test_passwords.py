"""Passwords: from a prompt or stdin; an address on the command line is warned of."""

import getpass
import io
import sys

import pytest

from vidgate.cli import passwords


class Terminal(io.StringIO):
    """An input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(prompt: str, stream: object = None) -> str:
        asked.append(prompt)
        return "typed"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    assert passwords.read("口令", from_stdin=False) == "typed"
    assert asked == ["口令: "]


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("rtsp://u:p@10.0.0.1/1", True),
        ("RTSP://u:p@10.0.0.1/1", True),
        ("rtsp://10.0.0.1:554/1", False),
        ("rtsp://u@10.0.0.1/1", False),
        ("rtsp://10.0.0.1/a:b@c", False),
        (None, False),
    ],
)
def test_a_password_in_an_address(
    capsys: pytest.CaptureFixture[str], address: str | None, warned: bool
) -> None:
    passwords.warn_of_address(address)
    assert bool(capsys.readouterr().err) is warned
