"""The HTTP client of the commands: the service's unix socket, or a server and a token.

`VIDGATE_SERVER` names a server (`https://host:8443`) and `VIDGATE_TOKEN` what it knows us by;
without them the socket in the data folder is used, where the file's owner is administrator.
Redirects are off: a token goes to the server that was named and nowhere else.
"""

import json
import os
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from vidgate import errors
from vidgate.cli.errors import TITLES, UsageError, both
from vidgate.errors import NotPermittedError, UnavailableError, VidgateError
from vidgate.settings.folder import data_folder

CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 120.0  # the longest silence of a service that is at work (an import, a sweep)
MAX_BODY = 64 << 20
MAX_LINE = 8 << 20
MAX_SOCKET_PATH = 107  # sockaddr_un

Query = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the service is: a base address with a token, or a socket."""

    base: str
    token: str = ""
    socket: Path | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """By `VIDGATE_SERVER` and `VIDGATE_TOKEN`, else the data folder's socket."""
        server = os.environ.get("VIDGATE_SERVER", "").rstrip("/")
        if not server:
            return cls("http://vidgate", socket=data_folder() / "vidgate.sock")
        if "://" not in server:
            server = f"http://{server}"
        if not server.startswith(("http://", "https://")):
            raise UsageError(
                both("VIDGATE_SERVER 不是网址", f"VIDGATE_SERVER is no http address: {server}"),
                hint="VIDGATE_SERVER=https://HOST:8443",
            )
        return cls(server, token=os.environ.get("VIDGATE_TOKEN", "").strip())

    def __str__(self) -> str:
        return str(self.socket) if self.socket else self.base


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, and what the service says of it in headers."""

    content: bytes
    headers: Mapping[str, str]


class Client:
    """`async with Client() as client:` speaks with the service of the environment.

    Every call raises the service's own error by its class (`NotFoundError`, `ConflictError` ...)
    or UnavailableError where nobody answers.
    """

    def __init__(self, target: Target | None = None) -> None:
        self.target = target or Target.from_environment()
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._session = await stack.enter_async_context(self._open(stack))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def _open(self, stack: AsyncExitStack) -> aiohttp.ClientSession:
        headers = {"Accept": "application/json"}
        if self.target.token:
            headers["Authorization"] = f"Bearer {self.target.token}"
        return aiohttp.ClientSession(
            connector=self._connector(stack),
            headers=headers,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_TIMEOUT, sock_read=ANSWER_TIMEOUT
            ),
            read_bufsize=1 << 18,
            max_line_size=1 << 14,
        )

    def _connector(self, stack: AsyncExitStack) -> aiohttp.BaseConnector:
        path = self.target.socket
        if path is None:
            return aiohttp.TCPConnector()
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
            return aiohttp.UnixConnector(str(path))
        return aiohttp.UnixConnector(f"/proc/self/fd/{_folder(path, stack)}/{path.name}")

    async def get(self, path: str, query: Query | None = None) -> Any:
        """The JSON answer to a GET."""
        return await self.call("GET", path, query=query)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        data: bytes | None = None,
    ) -> Any:
        """The answer to one request: decoded JSON, else bytes, None if there is none.

        `body` is sent as JSON, `data` as it is.
        """
        async with self._request(method, path, query, body, data) as response:
            content = await _read(response)
            if not content:
                return None
            return json.loads(content) if "json" in response.content_type else content

    async def fetch(
        self, method: str, path: str, query: Query, data: bytes | None = None
    ) -> Fetched:
        """A file; with `data` one that is made of what is sent."""
        async with self._request(method, path, query, None, data) as response:
            return Fetched(await _read(response), response.headers)

    async def lines(self, method: str, path: str, body: object) -> AsyncIterator[Any]:
        """The documents of an NDJSON answer, one by one."""
        async with self._request(method, path, None, body, None) as response:
            pending = bytearray()
            async for chunk in response.content.iter_any():
                pending += chunk
                *complete, rest = pending.split(b"\n")
                pending = bytearray(rest)
                if len(pending) > MAX_LINE:
                    raise _too_long()
                for line in complete:
                    if line.strip():
                        yield json.loads(line)
            if pending.strip():
                yield json.loads(pending)

    async def is_ready(self) -> bool:
        """Whether the service says that it can do its work (`/readyz`)."""
        with self._translated():
            async with self._session.get(
                f"{self.target.base}/readyz", allow_redirects=False
            ) as response:
                return response.status == 200

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, query: Query | None, body: object, data: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {} if data is None else {"Content-Type": "application/octet-stream"}
        with self._translated():
            async with self._session.request(
                method,
                f"{self.target.base}/api/v1{path}",
                params=_parameters(query or {}),
                json=body,
                data=data,
                headers=headers,
                allow_redirects=False,
            ) as response:
                if response.status >= 300:
                    raise _problem(response, await _read(response))
                yield response

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The gate for what the HTTP library and the kernel raise."""
        try:
            yield
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(self.target, error) from None
        except ValueError as error:
            raise _nonsense(self.target, error) from None


def segment(identifier: str) -> str:
    """An id as one segment of a path."""
    return quote(identifier, safe="")


def _folder(path: Path, stack: AsyncExitStack) -> int:
    """An open descriptor of the socket's folder: a way around the limit of sockaddr_un."""
    try:
        descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        raise _unreachable(Target("", socket=path), error) from None
    stack.callback(os.close, descriptor)
    return descriptor


def _parameters(query: Query) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in query.items()
        if value is not None and value is not False and value != ""
    }


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_BODY:
            raise _too_long()
    return bytes(content)


def _too_long() -> VidgateError:
    return VidgateError(both("服务的回答太长", f"the answer is larger than {MAX_BODY} bytes"))


def _problem(response: aiohttp.ClientResponse, content: bytes) -> VidgateError:
    """The error that a problem document (RFC 9457) tells of, by its class."""
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    known = told if isinstance(told, dict) else {}
    plain = {"detail": f"HTTP {response.status} {response.reason}"}
    return error_of(plain | known, _STATUSES.get(response.status, VidgateError))


def error_of(told: Mapping[str, Any], otherwise: type[VidgateError] = VidgateError) -> VidgateError:
    """The error of a problem document: of its code's class, or of another where we know none."""
    kind = _CLASSES.get(str(told.get("code", "")), otherwise)
    title = str(told.get("title") or TITLES.get(kind.code, "操作失败"))
    hint = str(told.get("hint") or _HINTS.get(kind, ""))
    return kind(both(title, str(told.get("detail") or title)), hint=hint)


def _descend(base: type[VidgateError]) -> dict[str, type[VidgateError]]:
    found = {base.code: base}
    for below in base.__subclasses__():
        if below.__module__ == errors.__name__:
            found |= _descend(below)
    return found


_CLASSES = _descend(VidgateError)
_STATUSES: dict[int, type[VidgateError]] = {
    400: errors.InputError,
    401: errors.NotAuthenticatedError,
    403: errors.NotPermittedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    412: errors.StaleError,
    429: errors.LimitError,
    507: errors.StorageError,
}
_HINTS: dict[type[VidgateError], str] = {
    errors.NotAuthenticatedError: "VIDGATE_TOKEN=...  (vidgate token create --role engineer)",
    errors.NotPermittedError: "换一个角色更高的令牌 a token of a higher role",
}


def _unreachable(target: Target, error: Exception) -> VidgateError:
    """What a failed connection means for the person."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, PermissionError):
        return NotPermittedError(
            both("无权使用服务的套接字", f"this user may not open {target}"),
            hint="用运行服务的用户, 或 VIDGATE_SERVER + VIDGATE_TOKEN",
        )
    if isinstance(cause, ssl.SSLError | ssl.CertificateError):
        return UnavailableError(
            both("服务的证书不可信", f"{target}: {cause}"), hint="SSL_CERT_FILE=site-ca.pem"
        )
    if isinstance(cause, TimeoutError):
        return UnavailableError(both("服务没有按时回答", f"{target}: no answer in time"))
    return UnavailableError(
        both("连不上 vidgate 服务", f"no service at {target}: {_cause(cause)}"),
        hint="先启动 start it: vidgate serve   或 or: VIDGATE_SERVER + VIDGATE_TOKEN",
    )


def _nonsense(target: Target, error: Exception) -> VidgateError:
    return UnavailableError(
        both("对方的回答不像 vidgate", f"{target} does not answer like vidgate: {error}"),
        hint="VIDGATE_SERVER=http://HOST:8080",
    )


def _cause(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
