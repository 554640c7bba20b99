"""HTTP on one connection: aiohttp's, but for what it answers past every middleware and hook.

To bytes that are no request, and to errors that no handler caught, its own answer tells its version
and Python's; to the former it adds what was sent, and a traceback in the log for whoever cares to
fill it.
"""

import asyncio
from typing import Any, cast

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong
from aiohttp.web_request import BaseRequest

from vidgate.web import security
from vidgate.web.problems import SEE_LOG, problem

KEEP_ALIVE = 12.0  # seconds between two requests, the second one's head included
LINGER = 0.75  # seconds that the rest of a refused body is read, so that its sender sees why
MAX_HEADERS = 64

_OPTIONS: dict[str, Any] = {
    "access_log": None,  # it would write addresses of pages with what their users look at
    "keepalive_timeout": KEEP_ALIVE,
    "auto_decompress": False,
    "max_headers": MAX_HEADERS,
    "lingering_time": LINGER,
}
_HTTPS = "Received HTTPS"  # how aiohttp's message begins where a TLS handshake came
_NO_REQUEST = "不是有效的 HTTP 请求 / not a valid HTTP request"
_TOO_LONG = "请求行或头部过长 / the request line or a header is too long"
_ENCRYPTED = "此端口是明文 HTTP, 不是 https:// / this port speaks plain HTTP, not https://"
_EXPECTED = "只支持 Expect: 100-continue / no other expectation than 100-continue is met"


class Protocol(web.RequestHandler):
    """One connection of a client."""

    __slots__ = ()

    def __init__(self, server: web.Server) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **_OPTIONS)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is told of an error that passed every handler, before the connection ends."""
        asked = cast("web.Request", request)
        if isinstance(exc, HttpProcessingError):
            response = problem(asked, "bad_input", _explained(exc))
        else:  # ours: it goes into the log; raises ConnectionError where an answer had begun
            super().handle_error(request, status, exc, message)
            response = problem(asked, "error", SEE_LOG, status=status)
        response.headers.update(security.HEADERS)
        response.force_close()
        return response

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; the one to an unknown expectation is aiohttp's own and quotes it."""
        if isinstance(resp, web.HTTPExpectationFailed):
            asked = cast("web.Request", request)
            resp = problem(asked, "bad_input", _EXPECTED, status=resp.status)
        return await super().finish_response(request, resp, start_time)


def _explained(error: HttpProcessingError) -> str:
    if isinstance(error, LineTooLong):
        return _TOO_LONG
    if isinstance(error, BadHttpMethod) and error.message.startswith(_HTTPS):
        return _ENCRYPTED
    return _NO_REQUEST
