"""A platform's endpoint for tests: a real HTTP server, on a free port of 127.0.0.1."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import BasicAuth, web

from vidgate.model.channel import Login

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def platform(handler: Handler) -> AsyncIterator[str]:
    """The address of a server that answers everything with `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class Guarded:
    """Gives addresses to whom it lets in, and counts those whom it does not."""

    password: str
    url: str = "rtsp://127.0.0.1:9"
    forbidden: frozenset[str] = frozenset()  # paths that the login may not see
    status: int = 200
    wrong: int = 0
    right: int = 0
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        given = BasicAuth.decode(request.headers["Authorization"])
        if (given.login, given.password) != ("us", self.password):
            self.wrong += 1
            return web.Response(status=401)
        if request.path in self.forbidden:
            return web.Response(status=403)
        self.right += 1
        return web.json_response({"url": self.url + request.path}, status=self.status)

    def login(self, password: str) -> Login:
        """What to sign in with."""
        return Login("us", password)
