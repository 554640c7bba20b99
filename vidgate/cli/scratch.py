"""The folder of one demonstration: it goes with its process, or at the next one's start.

A process that is killed takes nothing along. The folder names its owner by process id and start
time, so that the next demo can tell a dead one's from another one's that still runs.
"""

import contextlib
import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "vidgate-demo-"
MARKER = "owner.json"
MAX_MARKER = 4096
LOCK = Path("data") / "vidgate.db.lock"  # the service holds it as long as it lives
START_TIME = 19  # its place after the command's name in /proc/PID/stat; proc(5): field 22


@contextmanager
def scratch() -> Iterator[Path]:
    """A fresh folder, after the folders of dead demos were removed."""
    for folder in stale():
        shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        folder = Path(name)
        (folder / MARKER).write_text(json.dumps(_identity(os.getpid())))
        yield folder


def stale() -> Iterator[Path]:
    """Folders in the temporary directory that dead demos of this very user left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            if _is_ours(folder) and _is_orphan(folder):
                yield folder


def _is_ours(folder: Path) -> bool:
    """A real folder of this user: a link would lead somewhere else."""
    state = folder.lstat()
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()


def _is_orphan(folder: Path) -> bool:
    """Whether its demo is dead, and its service too, which may still be writing its last."""
    with (folder / MARKER).open() as file:
        owner = json.loads(file.read(MAX_MARKER))
    if not isinstance(owner, dict) or not isinstance(owner.get("pid"), int):
        return False
    return owner != _identity(owner["pid"]) and not _is_locked(folder / LOCK)


def _identity(pid: int) -> dict[str, object]:
    """What tells a process from a later one of the same number; no start where there is none."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return {"pid": pid, "boot": boot, "start": None}
    return {"pid": pid, "boot": boot, "start": line.rpartition(")")[2].split()[START_TIME]}


def _is_locked(lock: Path) -> bool:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
