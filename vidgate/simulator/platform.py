"""A platform that hands out addresses for a while only, as the big ones do.

`GET /platform/streams/ID?stream=0|1` with Basic auth answers
`{"code": 0, "data": {"url": "rtsp://HOST:PORT/ticket/..."}}`. The address needs no login of the
camera; it opens connections until it expires, and is not found after that.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass

from aiohttp import hdrs, web

from vidgate.model.channel import Login
from vidgate.model.media import Variant
from vidgate.simulator.camera import Camera
from vidgate.simulator.gate import is_basic_login
from vidgate.wire.uri import place_of

PATH = "/platform/streams/{id}"
ENDPOINT = PATH + "?stream={stream}"  # as the resolver `http` of a platform is told it
PREFIX = "/ticket/"
STREAMS = {"0": Variant.MAIN, "1": Variant.SUB}
MAX_TICKETS = 100_000
Admitted = tuple[Camera, Variant]


@dataclass(slots=True)
class PlatformCounts:
    """What was asked of it."""

    issued: int = 0
    refused: int = 0  # without the right login
    opened: int = 0
    expired: int = 0  # addresses that came too late


class TicketPlatform:
    """Issues tickets for cameras and knows which are still good."""

    def __init__(self, seconds: float, login: Login | None, now: Callable[[], float]) -> None:
        self.login = login or Login("platform", secrets.token_urlsafe(12))
        self.counts = PlatformCounts()
        self._seconds = seconds
        self._now = now
        self._tickets: dict[str, tuple[Camera, Variant, float]] = {}

    def issue(self, camera: Camera, variant: Variant, port: int) -> str:
        """A fresh address of a stream."""
        while len(self._tickets) >= MAX_TICKETS:
            del self._tickets[next(iter(self._tickets))]
        name = secrets.token_urlsafe(18)
        self._tickets[name] = camera, variant, self._now() + self._seconds
        self.counts.issued += 1
        return f"rtsp://{place_of(camera.host, port)}{PREFIX}{name}"

    def redeem(self, host: str, path: str) -> Admitted | None:
        """What a path opens on that host now."""
        if not path.startswith(PREFIX):
            return None
        found = self._tickets.get(path[len(PREFIX) :].rstrip("/"))
        if found is None or found[0].host != host:
            return None
        camera, variant, until = found
        if self._now() > until:
            self.counts.expired += 1
            return None
        self.counts.opened += 1
        return camera, variant

    def knows(self, authorization: str) -> bool:
        """Whether it is our login in Basic auth (RFC 7617)."""
        return is_basic_login(self.login, authorization)

    def as_json(self) -> dict[str, int]:
        """The counts."""
        return asdict(self.counts)

    def answer(
        self, request: web.Request, find: Callable[[str], Camera], port: int
    ) -> web.Response:
        """The answer to a question; `find` raises NotFoundError."""
        if not self.knows(request.headers.get(hdrs.AUTHORIZATION, "")):
            self.counts.refused += 1
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="platform"'})
        variant = STREAMS.get(request.query.get("stream", "0"))
        if variant is None:
            return web.Response(status=400)
        url = self.issue(find(request.match_info["id"]), variant, port)
        text = json.dumps({"code": 0, "msg": "success", "data": {"url": url}})
        return web.Response(text=text, content_type="application/json")
