"""`vidgate credential`: no password on the command line, none in the output."""

import io
import sys

import pytest

from tests.cli.conftest import FakeService, Vidgate


async def test_set_reads_the_password_from_stdin(
    service: FakeService, vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answer("PUT", "/credentials/site", {"channels": 2})
    monkeypatch.setattr(sys, "stdin", io.StringIO("秘密 s3cret\r\n"))
    ended = await vidgate("credential", "set", "site", "--username", "u", "--password-stdin")
    assert ended.status == 0, ended.err
    assert service.asked[0].body == {"username": "u", "password": "秘密 s3cret"}
    assert "s3cret" not in ended.out + ended.err


@pytest.mark.parametrize("given", ["", "\n", "x" * 2000])
async def test_an_impossible_password_is_refused(
    service: FakeService, vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    ended = await vidgate("credential", "set", "site", "--username", "u", "--password-stdin")
    assert ended.status == 2
    assert service.asked == []


async def test_no_terminal_names_the_flag(
    service: FakeService, vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("x\n"))
    ended = await vidgate("credential", "set", "site", "--username", "u")
    assert ended.status == 2
    assert "--password-stdin" in ended.err


async def test_list(service: FakeService, vidgate: Vidgate) -> None:
    found = {"items": [{"name": "site", "username": "u", "channels": 4}]}
    service.answer("GET", "/credentials", found)
    assert "site" in (await vidgate("credential", "list")).out
    assert (await vidgate("credential", "list", "--json")).document == found


async def test_patterns_are_set_without_a_password(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("PUT", "/credentials/site", {"channels": 2})
    ended = await vidgate("credential", "set", "site", "--host", "10.1.*", "--vendor", "")
    assert ended.status == 0, ended.err
    assert service.asked[0].body == {"host": "10.1.*", "vendor": ""}
    assert "credential test site" in ended.err
    assert (await vidgate("credential", "set", "site")).status == 2


async def test_a_trial_that_fails_is_status_1(service: FakeService, vidgate: Vidgate) -> None:
    probe = {"reason": "unauthorized", "t1": None, "detail": ""}
    item = {
        "channel": "c1",
        "stream": "main",
        "way": "form",
        "form": "dahua /cam",
        "url": "rtsp://h/cam",
        "credential": "site",
        "is_good": False,
        "probe": probe,
    }
    service.answer("POST", "/credentials/site/test", {"items": [item]})
    ended = await vidgate("credential", "test", "site", "--channel", "c1")
    assert ended.status == 1
    assert "dahua /cam" in ended.out
    assert service.asked[0].body == {"channel": "c1"}
    service.answer("POST", "/channels/c1/test", item)
    assert (await vidgate("channel", "test", "c1", "--sub")).status == 1
    assert service.asked[-1].body == {"stream": "sub", "credential": ""}
