"""The Dockerfile, carried out natively: no container engine is at hand.

Every step of every stage runs as written, in a room of its own over this machine's files in place
of the base images; then the result runs as the image says: user, volume, command, health check.
"""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, Image, context
from tests.packaging.console import assert_served, run_inside
from tests.packaging.dockerfile import parse
from tests.packaging.rooms import first_process, running_in
from vidgate.settings import Settings


def test_what_is_sent_to_the_build() -> None:
    sent = {str(path) for path in context()}
    assert {"pyproject.toml", "vidgate/app.py", "vidgate/console/src/main.ts"} <= sent
    assert "vidgate/console/package-lock.json" in sent
    unwanted = ("node_modules", "dist/", ".git/", ".venv", "console/tests", "__pycache__")
    assert [path for path in sent if any(part in path for part in unwanted)] == []


def test_what_the_image_says_of_itself() -> None:
    stages = parse(ROOT / "Dockerfile")
    assert [stage.name for stage in stages] == ["console", "wheel", "runtime"]
    assert stages[0].base.startswith("node:22-")
    assert {stage.base for stage in stages[1:]} == {"python:3.11-slim-bookworm"}
    runtime = stages[-1]
    settings = Settings()
    assert runtime.last("EXPOSE").split() == [
        f"{settings.http.port}/tcp",
        f"{settings.http.tls.port}/tcp",
        f"{settings.webrtc.port}/udp",
    ]
    assert runtime.last("STOPSIGNAL") == "SIGTERM"
    assert runtime.last("VOLUME") == "/var/lib/vidgate"
    assert runtime.last("USER") == "vidgate"


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_image_serves_as_its_user_and_nothing_else(image: Image, tmp_path: Path) -> None:
    runtime, room = image.runtime, image.room
    user = runtime.last("USER")
    data = _volume(room.upper, user, tmp_path)
    words = [*runtime.argv("ENTRYPOINT"), *runtime.argv("CMD")]
    check = runtime.last("HEALTHCHECK").partition(" CMD ")[2]
    assert check == '["vidgate", "doctor", "--ready"]'
    async with running_in(
        room, words, image.environment,
        sealed=True, network=False, user=user, volumes={runtime.last("VOLUME"): data},
    ) as program:  # fmt: skip
        await program.says(r"vidgate ready http=0\.0\.0\.0:8080", timeout=60)
        pid = first_process(program.process.pid)
        assert os.stat(f"/proc/{pid}").st_uid == os.stat(data).st_uid != 0
        env = image.environment
        status, told = await run_inside(pid, "vidgate", "doctor", "--ready", user=user, env=env)
        assert status == 0, told
        console = next(room.upper.glob("opt/vidgate/lib/python3*/site-packages/vidgate/console"))
        await assert_served(pid, "http://127.0.0.1:8080", console / "dist")
        status, told = await run_inside(pid, "touch", "/opt/vidgate/x", user=user, env=env)
        assert status != 0, "the image can be written"
        os.kill(pid, getattr(signal, runtime.last("STOPSIGNAL")))
        assert await program.process.wait() == 0
    assert (data / "vidgate.db").exists()


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(240)
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


def _links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))


def _volume(upper: Path, user: str, folder: Path) -> Path:
    """A volume, owned as the image's folder is: an engine makes it so."""
    entries = (upper / "etc" / "passwd").read_text().splitlines()
    fields = next(line.split(":") for line in entries if line.startswith(f"{user}:"))
    data = folder / "volume"
    data.mkdir(mode=0o700)
    os.chown(data, int(fields[2]), int(fields[3]))
    assert (upper / "var" / "lib" / "vidgate").stat().st_mode & 0o777 == 0o700
    return data
