"""Rooms to run commands in: this machine's files below, what a step writes above, nothing kept.

A room is an overlay file system and a chroot in namespaces of its own, so that the steps of a
Dockerfile run natively with the paths they name, and leave no trace on this machine. Needs root.
"""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.programs import Program, running

SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STOP_TIMEOUT = 15.0
SYSTEM_PYTHON = Path("/usr/bin/python3")


def need_rooms() -> None:
    """Skip where this machine cannot make rooms; in CI it must."""
    lack = _lack()
    if lack and os.environ.get("CI") != "true":
        pytest.skip(lack)
    assert not lack, lack


def _lack() -> str:
    if os.geteuid() != 0:
        return "namespaces, mounts and chroot need root"
    if not SYSTEM_PYTHON.exists() or _minor(SYSTEM_PYTHON) != sys.version_info[:2]:
        return f"{SYSTEM_PYTHON} is not the Python {sys.version_info[0]}.{sys.version_info[1]}"
    return ""


def _minor(python: Path) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return tuple(map(int, done.stdout.split()))


@dataclass(frozen=True)
class Room:
    """An overlay over `/`: what is written goes to `folder/upper`."""

    folder: Path

    @property
    def upper(self) -> Path:
        """What the steps have written."""
        return self.folder / "upper"

    def make(self) -> "Room":
        """Lay the folders, with `python` where an image of Python has it."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True)
        programs = self.upper / "usr" / "local" / "bin"
        programs.mkdir(parents=True)
        for name in ("python", "python3"):
            (programs / name).symlink_to(SYSTEM_PYTHON)
        # What is thrown away need not reach the disk; as in the images of Debian.
        settings = self.upper / "etc" / "dpkg" / "dpkg.cfg.d"
        settings.mkdir(parents=True)
        (settings / "room").write_text("force-unsafe-io\n")
        return self

    def command(
        self,
        words: Sequence[str],
        *,
        where: str = "/",
        network: bool = True,
        sealed: bool = False,
        volumes: Mapping[str, Path] | None = None,
        user: str = "",
    ) -> list[str]:
        """The command line that runs `words` inside.

        `sealed` mounts the room read-only, with a /tmp of its own; without `network` there is only
        the loopback device. The command is process 1 of its namespace.
        """
        root = self.folder / "root"
        layers = f"lowerdir=/,upperdir={self.upper},workdir={self.folder / 'work'}"
        inner = f"cd {shlex.quote(where)} && exec {_become(user)}{shlex.join(words)}"
        script = [
            "set -e",
            f"mount -t overlay overlay -o {layers} {root}",
            *(f"mount --rbind /{name} {root}/{name}" for name in ("dev", "sys")),
            f"mount -t proc proc {root}/proc",
            *(f"mount --bind {path} {root}{at}" for at, path in (volumes or {}).items()),
            *((f"mount -t tmpfs tmpfs {root}/tmp", f"mount -o remount,bind,ro {root}") * sealed),
            *(("ip link set lo up",) * (not network)),
            f"exec chroot {root} sh -c {shlex.quote(inner)}",
        ]
        spaces = ["--mount", "--pid", "--fork", "--kill-child", *(["--net"] * (not network))]
        return ["unshare", *spaces, "sh", "-c", "\n".join(script)]


def inside(pid: int, words: Sequence[str], *, user: str = "") -> list[str]:
    """The command line that runs `words` where process `pid` is, as `docker exec` does."""
    space = ["nsenter", f"--target={pid}", "--all", "--root", "--wd"]
    return [*space, "sh", "-c", f"exec {_become(user)}{shlex.join(words)}"]


def _become(user: str) -> str:
    """What goes before a command of the shell to be run by a user of the room."""
    if not user:
        return ""
    return f"setpriv --reuid={user} --regid=$(id -g {user}) --clear-groups --no-new-privs "


@asynccontextmanager
async def running_in(
    room: Room, words: Sequence[str], environment: Mapping[str, str], **options: Any
) -> AsyncIterator[Program]:
    """Run a command in a room, with this environment and no other, while inside the block."""
    pairs = [f"{name}={value}" for name, value in environment.items()]
    command = room.command(["env", "-i", *pairs, *words], **options)
    async with running(*command) as program:
        try:
            yield program
        finally:
            # `unshare` heeds no SIGTERM, and a change of user takes its hold on the child away.
            for how in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError, IndexError, FileNotFoundError, TimeoutError):
                    os.kill(first_process(program.process.pid), how)
                    async with asyncio.timeout(STOP_TIMEOUT):
                        await program.process.wait()


def first_process(pid: int) -> int:
    """The process 1 of a room, as this machine numbers it; `pid` is that of its `unshare`."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])
