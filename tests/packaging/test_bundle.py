"""The bundle on a machine without network, without pip, without Debian's venv, as nobody."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.packaging.console import assert_served, run_inside
from tests.packaging.rooms import SYSTEM, Room, first_process, running_in
from tests.programs import Program

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(240)]
USER = "nobody"
HOME = "/home/site"
PREFIX = f"{HOME}/vidgate"
ENVIRONMENT = {"PATH": SYSTEM, "HOME": HOME, "TMPDIR": HOME, "LANG": "C.UTF-8"}


@pytest.fixture
def room(archive: Path, tmp_path: Path) -> Room:
    """An empty home with the archive in it, on a Debian that lacks what python3-venv brings."""
    made = Room(tmp_path / "room").make()
    home = made.upper / HOME.lstrip("/")
    home.mkdir(parents=True)
    home.chmod(0o777)
    shutil.copy2(archive, home)
    lacking = made.upper / "usr" / "lib" / "python3.11" / "ensurepip"
    lacking.parent.mkdir(parents=True)
    subprocess.run(["mknod", lacking, "c", "0", "0"], check=True)  # overlayfs: deleted
    return made


@pytest.fixture
async def demo(room: Room) -> AsyncIterator[Program]:
    """The demo, from the archive, with no network at all."""
    install = f"tar -xzf vidgate-*.tar.gz && vidgate-*/install {PREFIX}"
    words = ["sh", "-c", f"{install} && exec {PREFIX}/bin/vidgate demo"]
    async with running_in(
        room, words, ENVIRONMENT, where=HOME, network=False, user=USER
    ) as program:
        yield program


async def test_installs_and_shows_a_picture_without_a_network(demo: Program, room: Room) -> None:
    address = (await demo.says("^open (http\\S+)", timeout=120))[1]
    data = (await demo.says(r"VIDGATE_DATA=(\S+)", timeout=20))[1]
    channel = (await demo.says(r"/faults/(\S+)", timeout=20))[1]
    pid = first_process(demo.process.pid)
    dist = next(
        room.upper.glob(f"{PREFIX[1:]}/current/lib/python3*/site-packages/vidgate/console/dist")
    )
    await assert_served(pid, address, dist)
    words = (f"{PREFIX}/bin/vidgate", "probe", channel, "--level", "media", "--json")
    env = ENVIRONMENT | {"VIDGATE_DATA": data}
    status, told = await run_inside(pid, *words, user=USER, env=env)
    assert status == 0, told
    assert json.loads(told)["up"] == 1


def test_the_archive_is_in_order_and_whole(archive: Path) -> None:
    with tarfile.open(archive) as bundle:
        members = bundle.getmembers()
        top = members[0].name
        names = [member.name for member in members]
        assert names == sorted(names, key=lambda name: name.split("/"))
        assert {(m.uid, m.gid, m.mtime) for m in members} == {(0, 0, members[0].mtime)}
        files = [m for m in members if m.isfile() and m.name != f"{top}/SHA256SUMS"]
        sums = bundle.extractfile(f"{top}/SHA256SUMS")
        assert sums is not None
        lines = (line.split("  ") for line in sums.read().decode().splitlines())
        listed = {name: digest for digest, name in lines}
        for member in files:
            content = bundle.extractfile(member)
            assert content is not None
            name = "./" + member.name.removeprefix(f"{top}/")
            assert listed.pop(name) == sha256(content.read()).hexdigest()
        assert listed == {}
    assert {f"{top}/docs/performance.md", f"{top}/configs/vidgate.service"} <= set(names)
