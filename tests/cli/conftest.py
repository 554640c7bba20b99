"""A service that answers what a test tells it to, and a way to run commands against it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from vidgate.cli.main import run


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """A command has a loop of its own, which may wait for files and for a person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the service saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    data: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.data)


@dataclass
class FakeService:
    """Answers by method and path; everything else is the service's own 404."""

    answers: dict[tuple[str, str], web.Response | list[object]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, method: str, path: str, content: object, status: int = 200) -> None:
        """Answer with a JSON document."""
        kind = "application/json" if status < 400 else "application/problem+json"
        self.answers[method, path] = web.Response(
            status=status, body=json.dumps(content).encode(), content_type=kind
        )

    def refuse(self, method: str, path: str, status: int, code: str, **told: str) -> None:
        """Answer with a problem document."""
        self.answer(method, path, {"status": status, "code": code, **told}, status)

    def give(self, method: str, path: str, content: bytes, **headers: str) -> None:
        """Answer with bytes; none of them is 204."""
        status = 200 if content else 204
        self.answers[method, path] = web.Response(
            status=status,
            body=content,
            content_type="application/octet-stream",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def stream(self, method: str, path: str, lines: list[object]) -> None:
        """Answer with lines of JSON."""
        self.answers[method, path] = lines

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            Asked(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                await request.read(),
            )
        )
        path = request.raw_path.partition("?")[0].removeprefix("/api/v1")
        answer = self.answers.get((request.method, path))
        if answer is None:
            self.refuse("", "", 404, "not_found", title="不存在", detail="no such thing")
            answer = self.answers["", ""]
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        for line in answer:
            await response.write(json.dumps(line).encode() + b"\n")
        return response


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeService]:
    """A fake service on the unix socket of a data folder."""
    monkeypatch.setenv("VIDGATE_DATA", str(tmp_path))
    monkeypatch.delenv("VIDGATE_SERVER", raising=False)
    monkeypatch.delenv("VIDGATE_TOKEN", raising=False)
    fake = FakeService()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "vidgate.sock")).start()
    yield fake
    await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Vidgate:
    """`await vidgate("channel", "list")` runs one command as the shell would."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    async def __call__(self, *arguments: str) -> Outcome:
        self._captured.readouterr()
        status = await asyncio.to_thread(run, arguments)
        out, err = self._captured.readouterr()
        return Outcome(status, out, err)


@pytest.fixture
def vidgate(capsys: pytest.CaptureFixture[str]) -> Vidgate:
    return Vidgate(capsys)
