"""The Dockerfile, carried out natively: no container engine is at hand.

Every step of every stage runs as written, in a room of its own over this machine's files in place
of the base images; then the result runs as the image says: user, volume, command, health check.
And it still does its work behind the walls of configs/vidgate.service: no systemd runs on the test
machines, so that its filter of system calls and address families, its read-only file system and its
user without privileges are laid by the test, read from the unit.

All in one file: it takes as long to build the image as all that is done with it.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, Image
from tests.packaging.console import assert_served, run_inside
from tests.packaging.rooms import first_process, running_in
from tests.packaging.test_unit import unit

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(240)]

CONFINE = Path(__file__).parent / "confine.py"
CHANNELS = 3


@pytest.fixture
def volume(image: Image, tmp_path: Path) -> Path:
    """A volume, owned as the image's folder is: an engine makes it so."""
    upper, user = image.room.upper, image.runtime.last("USER")
    entries = (upper / "etc" / "passwd").read_text().splitlines()
    fields = next(line.split(":") for line in entries if line.startswith(f"{user}:"))
    made = tmp_path / "volume"
    made.mkdir(mode=0o700)
    os.chown(made, int(fields[2]), int(fields[3]))
    return made


async def test_the_image_serves_as_its_user_and_nothing_else(image: Image, volume: Path) -> None:
    runtime, room = image.runtime, image.room
    user = runtime.last("USER")
    words = [*runtime.argv("ENTRYPOINT"), *runtime.argv("CMD")]
    check = runtime.last("HEALTHCHECK").partition(" CMD ")[2]
    assert check == '["vidgate", "doctor", "--ready"]'
    async with running_in(
        room, words, image.environment,
        sealed=True, network=False, user=user, volumes={runtime.last("VOLUME"): volume},
    ) as program:  # fmt: skip
        await program.says(r"vidgate ready http=0\.0\.0\.0:8080", timeout=60)
        pid = first_process(program.process.pid)
        assert os.stat(f"/proc/{pid}").st_uid == os.stat(volume).st_uid != 0
        env = image.environment
        status, told = await run_inside(pid, "vidgate", "doctor", "--ready", user=user, env=env)
        assert status == 0, told
        console = next(room.upper.glob("opt/vidgate/lib/python3*/site-packages/vidgate/console"))
        await assert_served(pid, "http://127.0.0.1:8080", console / "dist")
        status, told = await run_inside(pid, "touch", "/opt/vidgate/x", user=user, env=env)
        assert status != 0, "the image can be written"
        os.kill(pid, getattr(signal, runtime.last("STOPSIGNAL")))
        assert await program.process.wait() == 0
    assert (volume / "vidgate.db").exists()


def test_the_image_holds_what_it_should(image: Image) -> None:
    prefix = image.room.upper / "opt" / "vidgate"
    package = next(prefix.glob("lib/python3*/site-packages/vidgate"))
    assert (package / "py.typed").exists()
    assert list((package / "storage" / "migrations" / "versions").glob("[0-9]*.py"))
    assert (package / "registry" / "url_forms.yaml").exists()
    assert not (package / "console" / "src").exists()
    share = prefix / "share" / "vidgate"
    for name in ("configs/vidgate.yaml", "configs/vidgate.service", "constraints.txt", "LICENSE"):
        assert (share / name).read_bytes() == (ROOT / name).read_bytes()
    pages = [share / "README.md", *(share / "docs").glob("*.md")]
    targets = [(page, target) for page in pages for target in _links(page)]
    assert [where for where in targets if not (where[0].parent / where[1]).exists()] == []
    assert not list(prefix.glob("bin/pip*"))
    assert [*image.room.upper.rglob("wqy-microhei*"), *Path("/usr/share/fonts").rglob("wqy-m*")]
    assert (image.room.upper / "var" / "lib" / "vidgate").stat().st_mode & 0o777 == 0o700


def _links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))


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


async def test_works_behind_the_walls_of_the_unit(image: Image, volume: Path) -> None:
    if shutil.which("systemd-analyze") is None and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    user, at = image.runtime.last("USER"), image.runtime.last("VOLUME")
    wall = ["/usr/bin/python3", f"{at}/confine.py", ",".join(_allowed()), ",".join(_families())]
    shutil.copy(CONFINE, volume)
    (volume / "confine.py").chmod(0o644)
    register = f"{at}/register.xlsx"
    # The cameras are outside of the wall, and go with the service: it is process 1.
    cameras = f"vidgate simulate register --channels {CHANNELS} -o {register}"
    cameras += f" && vidgate simulate fleet --register {register} & exec "
    words = ["sh", "-c", cameras + shlex.join([*wall, "vidgate", "serve"])]
    env = image.environment
    async with running_in(
        image.room, words, env, sealed=True, network=False, user=user, volumes={at: volume}
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
