"""The HTTP client: where it goes, what it says, what it makes of answers."""

import json
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli.conftest import FakeService, Vidgate
from vidgate.cli.client import Client, Target, segment
from vidgate.cli.errors import UsageError
from vidgate.errors import ConflictError, UnavailableError, VidgateError


def test_the_target_is_the_socket_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIDGATE_SERVER", raising=False)
    monkeypatch.setenv("VIDGATE_DATA", "/data")
    monkeypatch.setenv("VIDGATE_TOKEN", "secret")
    target = Target.from_environment()
    assert target.socket == Path("/data/vidgate.sock")
    assert target.token == ""


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://hall:8443/", "https://hall:8443"),
        ("hall:8080", "http://hall:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_server_is_an_address(monkeypatch: pytest.MonkeyPatch, given: str, base: str) -> None:
    monkeypatch.setenv("VIDGATE_SERVER", given)
    monkeypatch.setenv("VIDGATE_TOKEN", " secret\n")
    target = Target.from_environment()
    assert (target.base, target.token, target.socket) == (base, "secret", None)
    assert "secret" not in str(target)


def test_another_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDGATE_SERVER", "ftp://hall")
    with pytest.raises(UsageError):
        Target.from_environment()


async def test_the_socket_needs_no_token(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/channels", {"total": 0, "items": []})
    assert (await vidgate("channel", "list")).status == 0
    (asked,) = service.asked
    assert "Authorization" not in asked.headers
    assert asked.query == {}


async def test_a_socket_path_of_any_length(
    tmp_path: Path, service: FakeService, no_descriptor_left: None
) -> None:
    service.answer("GET", "/platforms", {"items": []})
    folder = tmp_path.joinpath(*["x" * 60] * 3)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tmp_path)
    async with Client(Target("http://vidgate", socket=folder / "vidgate.sock")) as client:
        assert await client.get("/platforms") == {"items": []}


async def test_a_missing_folder_of_any_length_is_unavailable(tmp_path: Path) -> None:
    socket = tmp_path.joinpath("x" * 200, "vidgate.sock")
    with pytest.raises(UnavailableError):
        async with Client(Target("http://vidgate", socket=socket)):
            pass


async def _tcp(handler: web.RequestHandler | object) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def test_a_server_gets_the_token_and_no_redirect_does() -> None:
    seen = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers.get("Authorization")))
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    runner, base = await _tcp(handle)
    async with Client(Target(base, token="secret")) as client:
        with pytest.raises(VidgateError):
            await client.get("/channels")
    await runner.cleanup()
    assert seen == [("/api/v1/channels", "Bearer secret")]


async def test_a_page_of_another_program_is_not_vidgate() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="{", content_type="application/json")

    runner, base = await _tcp(handle)
    async with Client(Target(base)) as client:
        with pytest.raises(UnavailableError, match="like vidgate"):
            await client.get("/channels")
    await runner.cleanup()


async def test_a_connection_that_breaks_is_unavailable() -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    runner, base = await _tcp(handle)
    async with Client(Target(base)) as client:
        with pytest.raises(UnavailableError):
            await client.get("/channels")
    await runner.cleanup()


async def test_lines_cut_anywhere_are_whole_again() -> None:
    documents = [{"done": n, "name": "通道" * n} for n in range(5)]
    content = "\n".join(json.dumps(d, ensure_ascii=False) for d in documents).encode()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(0, len(content), 7):
            await response.write(content[at : at + 7])
        return response

    runner, base = await _tcp(handle)
    async with Client(Target(base)) as client:
        assert [line async for line in client.lines("POST", "/probes", {})] == documents
    await runner.cleanup()


async def test_errors_have_their_class(service: FakeService, tmp_path: Path) -> None:
    service.refuse("POST", "/changes/1/undo", 409, "conflict", detail="row 3 changed since")
    async with Client(Target("http://vidgate", socket=tmp_path / "vidgate.sock")) as client:
        with pytest.raises(ConflictError, match="row 3 changed since"):
            await client.call("POST", "/changes/1/undo")


def test_an_id_is_one_segment() -> None:
    assert segment("soldier/1?x") == "soldier%2F1%3Fx"
