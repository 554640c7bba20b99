"""Children of the demo: they tell when they are ready, and none outlives its parent."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.waiting import until
from vidgate.cli.children import ChildError, Children

PYTHON = (sys.executable, "-c")
WAIT = "import signal; signal.pause()"
WITH_GRANDCHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {WAIT!r}])
print("pid", child.pid, file=sys.stderr, flush=True)
{WAIT}
"""
TELLING = f"""
import os, sys
print("pid", os.getpid(), file=sys.stderr, flush=True)
{WAIT}
"""
PARENT = f"""
import asyncio, os, sys
from vidgate.cli.children import Children

async def main():
    async with Children(program=(sys.executable, "-c")) as children:
        child = await children.start("child", ({TELLING!r},), os.environ)
        await child.expect("pid", timeout=20)
        print(os.getpid(), child.pid, flush=True)
        await children.run()

asyncio.run(main())
"""


def _is_running(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture(autouse=True)
async def no_process_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Whatever a test started has ended: known by an environment that only they were given."""
    mark = f"VIDGATE_TEST_FOLDER={tmp_path}"
    monkeypatch.setenv(*mark.split("="))
    yield
    await until(lambda: not _running_with(mark), what="no process is left")


def _running_with(mark: str) -> list[int]:
    """Processes with this in their environment; those that wait to be reaped have none."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found


async def test_a_child_tells_that_it_is_ready() -> None:
    program = f"import sys; print('ready port=7', file=sys.stderr, flush=True); {WAIT}"
    async with Children(program=PYTHON) as children:
        child = await children.start("child", (program,), os.environ)
        first, second = await asyncio.gather(
            child.expect(r"ready (port)", timeout=20), child.expect(r"port=(\d)", timeout=20)
        )
        again = await child.expect(r"ready", timeout=20)
    assert (first[1], second[1], again[0]) == ("port", "7", "ready")


async def test_an_early_end_is_told_with_its_last_words() -> None:
    program = "import sys; sys.exit('admin password: secret\\nno such thing')"
    async with Children(program=PYTHON) as children:
        child = await children.start("child", (program,), os.environ)
        with pytest.raises(ChildError, match="no such thing") as raised:
            await child.expect("ready", timeout=20)
    assert "secret" not in str(raised.value)


async def test_running_ends_with_the_first_end_that_nobody_saw() -> None:
    async with Children(program=PYTHON) as children:
        seen = await children.start("seen", ("",), os.environ)
        with pytest.raises(ChildError):
            await seen.expect("ready", timeout=20)
        await children.start("waiting", (WAIT,), os.environ)
        await children.start("unseen", ("",), os.environ)
        with pytest.raises(ChildError, match="unseen"):
            await children.run()


async def test_a_late_child_is_an_error() -> None:
    async with Children(program=PYTHON) as children:
        child = await children.start("child", (WAIT,), os.environ)
        with pytest.raises(ChildError, match="in time"):
            await child.expect("ready", timeout=0.01)


async def test_stopping_leaves_no_grandchild() -> None:
    async with Children(program=PYTHON) as children:
        child = await children.start("child", (WITH_GRANDCHILD,), os.environ)
        grandchild = int((await child.expect(r"pid (\d+)", timeout=20))[1])
        assert _is_running(grandchild)
    await until(lambda: not _is_running(grandchild))


async def test_who_ignores_sigterm_is_killed_on_demand() -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"print('deaf', file=sys.stderr, flush=True); {WAIT}; {WAIT}"
    )
    async with Children(program=PYTHON) as children:
        child = await children.start("child", (program,), os.environ)
        await child.expect("deaf", timeout=20)
        children.kill()


async def test_a_child_dies_with_a_killed_parent() -> None:
    parent = await asyncio.create_subprocess_exec(
        *PYTHON, PARENT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert parent.stdout is not None
    own, child = map(int, (await parent.stdout.readline()).split())
    os.kill(own, signal.SIGKILL)
    await parent.wait()
    await until(lambda: not _is_running(child))
