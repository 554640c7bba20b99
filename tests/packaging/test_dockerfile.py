"""What the Dockerfile says, before it is carried out: see test_image."""

from tests.packaging.conftest import ROOT, context
from tests.packaging.dockerfile import parse
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
