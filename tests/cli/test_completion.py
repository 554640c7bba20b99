"""`vidgate completion`: each shell takes what it is given."""

import shutil
import subprocess

import pytest

from tests.cli.conftest import Vidgate
from vidgate.cli.completion import USE
from vidgate.cli.main import run


@pytest.mark.parametrize("shell", sorted(USE))
def test_the_shell_accepts_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(("completion", shell)) == 0
    ended = capsys.readouterr()
    assert ended.err == ""  # it is sourced by start-up files
    for word in ("channel", "history", "credential", "completion", "password-stdin"):
        assert word in ended.out
    if found := shutil.which(shell):
        told = subprocess.run(
            [found, "-n"], input=ended.out, capture_output=True, text=True, check=False
        )
        assert (told.returncode, told.stderr) == (0, "")


COMPLETE = """
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); _vidgate; echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("vidgate ch", {"channel", "change"}),
        ("vidgate channel hi", {"history"}),
        ("vidgate channel list --outp", {"--output"}),
        ("vidgate channel list --output x", {"xlsx"}),
        ("vidgate completion f", {"fish"}),
    ],
)
def test_bash_completes(words: str, told: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(("completion", "bash")) == 0
    script = capsys.readouterr().out + COMPLETE.format(words=words)
    done = subprocess.run(
        ["bash", "--norc"], input=script, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == told, done.stderr


async def test_help_tells_of_it(vidgate: Vidgate) -> None:
    assert "completion" in (await vidgate("--help")).out
    assert "source <(vidgate completion bash)" in (await vidgate("completion", "--help")).out


@pytest.mark.parametrize("arguments", [(), ("tcsh",)])
async def test_another_shell_is_2(vidgate: Vidgate, arguments: tuple[str, ...]) -> None:
    assert (await vidgate("completion", *arguments)).status == 2
