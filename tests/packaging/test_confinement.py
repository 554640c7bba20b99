"""The service behind the walls of configs/vidgate.service: it still does its work there.

No systemd runs on the test machines, so that its filter of system calls and address families, its
read-only file system and its user without privileges are laid by the tests, read from the unit.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.packaging.conftest import Image
from tests.packaging.console import run_inside
from tests.packaging.rooms import first_process, running_in
from tests.packaging.test_unit import unit

CONFINE = Path(__file__).parent / "confine.py"
CHANNELS = 3


def _expanded(group: str) -> set[str]:
    """The calls of one of systemd's groups, those of the groups within it too."""
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    )
    names = [line.strip() for line in done.stdout.splitlines()[1:]]
    found: set[str] = set()
    for name in filter(lambda one: one and not one.startswith("#"), names):
        found |= _expanded(name) if name.startswith("@") else {name}
    return found


def _allowed() -> set[str]:
    allowed: set[str] = set()
    for line in unit()["SystemCallFilter"]:
        denied = line.startswith("~")
        for group in line.removeprefix("~").split():
            calls = _expanded(group)
            allowed = allowed - calls if denied else allowed | calls
    return allowed


def _families() -> list[str]:
    names = unit()["RestrictAddressFamilies"][0].split()
    return [str(int(getattr(socket, name))) for name in names]


def _is_filtered(pid: int) -> bool:
    """Whether the kernel says so; proc(5)."""
    return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()


@pytest.fixture
def data(image: Image, tmp_path: Path) -> Path:
    """A data folder of the image's user."""
    made = tmp_path / "volume"
    made.mkdir(mode=0o700)
    entries = (image.room.upper / "etc" / "passwd").read_text().splitlines()
    fields = next(line.split(":") for line in entries if line.startswith("vidgate:"))
    os.chown(made, int(fields[2]), int(fields[3]))
    return made


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_works_behind_the_walls_of_the_unit(image: Image, data: Path) -> None:
    if shutil.which("systemd-analyze") is None and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    user, at = image.runtime.last("USER"), image.runtime.last("VOLUME")
    wall = ["/usr/bin/python3", f"{at}/confine.py", ",".join(_allowed()), ",".join(_families())]
    shutil.copy(CONFINE, data)
    (data / "confine.py").chmod(0o644)
    register = f"{at}/register.xlsx"
    # The cameras are outside of the wall, and go with the service: it is process 1.
    cameras = f"vidgate simulate register --channels {CHANNELS} -o {register}"
    cameras += f" && vidgate simulate fleet --register {register} & exec "
    words = ["sh", "-c", cameras + shlex.join([*wall, "vidgate", "serve"])]
    env = image.environment
    async with running_in(
        image.room, words, env, sealed=True, network=False, user=user, volumes={at: data}
    ) as program:
        await program.says("vidgate ready", timeout=60)
        await program.says("fleet ready", timeout=60)
        pid = first_process(program.process.pid)

        async def vidgate(*words: str) -> str:
            status, told = await run_inside(pid, "vidgate", *words, user=user, env=env)
            assert status == 0, f"{words}: {told}\n{program.text}"
            return told

        assert _is_filtered(pid)
        await vidgate("channel", "import", register)  # in a worker, with limits of its own
        told = json.loads(await vidgate("probe", "--all", "--level", "media", "--json"))
        assert told["up"] == told["total"] >= CHANNELS
        await vidgate("channel", "export", "-o", f"{at}/out.xlsx")
        assert json.loads(await vidgate("token", "create", "--role", "viewer", "--json"))["token"]
