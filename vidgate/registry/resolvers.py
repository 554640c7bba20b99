"""From a route to an address that can be called now.

The answer of an `http` platform lives for one pull or probe: it is returned, and neither kept nor
logged nor quoted in an error. The platform is a stranger: deadline, size cap, no redirects, and
the address guard for the endpoint (by the IP address that is then connected to) as for the answer.
"""

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.names import Names
from vidgate.errors import (
    DeniedAddressError,
    InputError,
    MissingStreamError,
    NoCredentialError,
    ProtocolError,
    RefusedError,
    RemoteError,
    RemoteTimeoutError,
    UnauthorizedError,
    UnreachableError,
    cannot_connect,
)
from vidgate.model.channel import Login
from vidgate.registry import placeholders
from vidgate.registry.asking import CLOSED, REFUSALS, Judge, Rests, Turns
from vidgate.registry.routes import Question, Route
from vidgate.wire import schemes
from vidgate.wire.uri import Uri, place_of

TIMEOUT = 5.0  # seconds for the whole answer
MAX_ANSWER = 64 << 10
PARALLEL = 16  # questions to one platform at once
MAX_STEPS = 16

Permits = Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class Located:
    """An address without a login, and the login. It may hold a ticket: never print or keep it."""

    url: str = field(repr=False)
    login: Login | None = field(default=None, repr=False)


class Resolver:
    """`async with Resolver(guard.permits) as resolver: await resolver.locate(route)`."""

    def __init__(
        self,
        permits: Permits,
        *,
        timeout: float = TIMEOUT,
        clock: Clock | None = None,
        names: Names | None = None,
    ) -> None:
        """`names` finds the addresses of endpoints, and is closed by whoever made it."""
        self._permits = permits
        clock = clock or SystemClock()
        self._names = names or Names(clock)
        self._own = None if names else self._names
        self._turns, self._rests = Turns(clock), Rests(clock)
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._own is not None:
            self._own.close()

    async def locate(self, route: Route) -> Located:
        """The address to call now. Raises the RemoteError of a platform that does not give one.

        HeldBackError at once where the platform refused its login lately, VerdictPendingError where
        others try it and nothing is known yet.
        """
        if route.question is None:
            return _filled(route)
        located = _read_answer(await self._ask(route.question), route.question.path)
        return Located(located.url, located.login or route.login)

    def reopen(self, route: Route) -> None:
        """A person asks for one more try at the platform's login, if it has one."""
        if route.question is not None:
            with suppress(InputError):  # of an endpoint that is none: said when it is asked
                self._turns.reopen(route.question)

    def owed_at(self, route: Route) -> float | None:
        """When that try is in order, where the platform refused too many before it."""
        if route.question is not None:
            with suppress(InputError):
                return self._turns.owed_at(route.question)
        return None

    async def _ask(self, asked: Question) -> bytes:
        where = self._check(asked)
        self._rests.heed(asked, where)
        async with self._turns.take(asked, where) as judge:
            return await self._request(asked, where, judge)

    async def _request(self, asked: Question, where: str, judge: Judge) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                async with self._opened().request(
                    asked.method,
                    asked.endpoint,
                    data=asked.body.encode() if asked.body else None,
                    headers=_headers(asked),
                    ssl=_pinned(asked.fingerprint),
                    allow_redirects=False,
                ) as response:
                    judge(response.status)
                    if response.status in CLOSED:
                        later = response.headers.get("Retry-After", "")
                        raise self._rests.refusal(asked, where, response.status, later)
                    _check_status(where, response.status)
                    return await _read(where, response)
        except TimeoutError:
            raise RemoteTimeoutError(
                f"{where}: 平台 {self._timeout:g} 秒内没有应答 / "
                f"no answer within {self._timeout:g} s"
            ) from None
        except aiohttp.ServerFingerprintMismatch:
            raise UnreachableError(
                f"{where}: 证书不是所固定的 / the certificate is not the pinned one"
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise cannot_connect(where, error.os_error) from error.os_error
        except (aiohttp.ClientError, ValueError) as error:
            # Its text may quote headers or the answer.
            raise ProtocolError(
                f"{where}: 平台的应答无效 / not a valid answer ({type(error).__name__})"
            ) from None

    def _check(self, asked: Question) -> str:
        """Where the question goes, for messages: host and port, nothing else of the endpoint."""
        try:
            uri = Uri.parse(asked.endpoint)
        except InputError as error:
            raise RefusedError(
                f"平台的接口地址有误 / the platform's endpoint: {error.message}"
            ) from None
        if uri.scheme not in ("http", "https"):
            raise RefusedError(
                "平台的接口应为 http:// 或 https:// / "
                "the platform's endpoint must be http:// or https://"
            )
        if asked.auth != "none" and asked.login is None:
            raise NoCredentialError(
                f"{uri.authority}: 平台的凭据不存在 / the platform's credential is not there"
            )
        if is_address(uri.host) and not self._permits(uri.host, uri.effective_port):
            raise _denied(uri.authority)
        return uri.authority

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_Guarded(self._permits, self._names),
                use_dns_cache=False,
                limit_per_host=PARALLEL,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            )
        return self._session


class _Guarded(AbstractResolver):
    """Resolves names to the addresses that we may connect to, which are then connected to."""

    def __init__(self, permits: Permits, names: Names) -> None:
        self._permits = permits
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        allowed = [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._names.resolve(host)
            if self._permits(address, port)
        ]
        if not allowed:
            raise _denied(place_of(host, port))
        return allowed

    async def close(self) -> None:
        pass


def _denied(where: str) -> DeniedAddressError:
    return DeniedAddressError(
        f"{where}: 设置不允许平台的地址 / the platform's address is not allowed",
        hint="见设置 media.allow, media.deny / see media.allow and media.deny in the settings",
    )


def is_address(host: str) -> bool:
    """Whether a host is an IP address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _filled(route: Route) -> Located:
    """A form's address with the login inside, where the make wants it there."""
    wanted = placeholders.names(route.url) & set(placeholders.SECRETS)
    if not wanted:
        return Located(route.url, route.login)
    if route.login is None:
        raise NoCredentialError(
            "取流地址里要有登录, 而通道没有凭据 / "
            "the URL form wants a login in the path and the channel has none"
        )
    values = {"username": route.login.username, "password": route.login.password}
    return Located(placeholders.fill(route.url, values), route.login)


def _headers(asked: Question) -> Mapping[str, str]:
    headers = {"Content-Type": "application/json"} if asked.body else {}
    if asked.login is None or asked.auth == "none":
        return headers
    if asked.auth == "basic":
        pair = f"{asked.login.username}:{asked.login.password}".encode()
        return headers | {"Authorization": f"Basic {b64encode(pair).decode()}"}  # RFC 7617
    return headers | {"Authorization": f"Bearer {asked.login.password}"}


def _pinned(fingerprint: str) -> aiohttp.Fingerprint | bool:
    return aiohttp.Fingerprint(bytes.fromhex(fingerprint)) if fingerprint else True


_REFUSALS: Mapping[int, type[RemoteError]] = {
    404: MissingStreamError,
    408: RemoteTimeoutError,
    504: RemoteTimeoutError,
}


def _check_status(where: str, status: int) -> None:
    if status == 200:
        return
    if status in REFUSALS:
        raise UnauthorizedError(
            f"{where}: 平台拒绝接口的登录, 应答 {status} / "
            f"the platform refuses the login of its endpoint, it answered {status}"
        )
    raise _REFUSALS.get(status, RefusedError)(
        f"{where}: 平台应答 {status} / the platform answered {status}"
    )


async def _read(where: str, response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_chunked(16 << 10):
        body += piece
        if len(body) > MAX_ANSWER:
            raise ProtocolError(
                f"{where}: 应答超过 {MAX_ANSWER} 字节 / "
                f"the answer is larger than {MAX_ANSWER} bytes"
            )
    return bytes(body)


def _read_answer(body: bytes, path: str) -> Located:
    """The address at `path` of a JSON answer; no message quotes the answer."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ProtocolError("平台的应答不是 JSON / the platform's answer is not JSON") from None
    text = dig(value, path)
    if not isinstance(text, str) or not text:
        raise MissingStreamError(
            f"平台的应答在 {path} 没有地址 / the platform's answer holds no address at {path}"
        )
    try:
        uri = Uri.parse(text)
    except InputError:
        raise ProtocolError(
            "平台给出的不是地址 / what the platform gives is not an address"
        ) from None
    if uri.scheme not in schemes.PULLED:
        raise schemes.unsupported(uri.scheme)
    login = None if uri.username is None else Login(uri.username, uri.password or "")
    return Located(str(uri.without_credentials()), login)


def steps(path: str) -> list[str | int]:
    """The steps of `data.list[0].url` (a leading `$.` may stand). Raises ValueError."""
    found: list[str | int] = []
    rest = path.removeprefix("$").removeprefix(".")
    for part in rest.split("."):
        name, *indexes = part.split("[")
        if not name and (found or not indexes):
            raise ValueError("应形如 data.url 或 data.list[0].url")
        found += [name] if name else []
        for index in indexes:
            if not (index.endswith("]") and index[:-1].isascii() and index[:-1].isdigit()):
                raise ValueError("方括号里应为从 0 开始的序号")
            found.append(int(index[:-1]))
    if len(found) > MAX_STEPS:
        raise ValueError(f"最多 {MAX_STEPS} 级")
    return found


def dig(value: Any, path: str) -> Any:
    """What stands at a path of a JSON value; None where nothing does."""
    for step in steps(path):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
