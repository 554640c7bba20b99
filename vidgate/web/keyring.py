"""Sessions and tokens, looked up in the database and remembered for a few seconds."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakValueDictionary

from vidgate.aio.clock import Clock
from vidgate.auth.opaque import fingerprint
from vidgate.auth.tickets import Ticket
from vidgate.errors import NotAuthenticatedError
from vidgate.model.user import Principal, Role
from vidgate.storage.accounts import Token
from vidgate.web.parts import Accounts

MAX_SECRET = 512
KEEP = 5.0  # seconds
MAX_KNOWN = 4096


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal, and the credential it came with: `session:HASH`, `token:ID` or `socket`.

    A ticket's is that of the session or token that asked for it, and ends with it.
    """

    principal: Principal
    credential: str

    @property
    def session(self) -> str | None:
        """The hash of the caller's session, if that is what it came with."""
        kind, _, hash_ = self.credential.partition(":")
        return hash_ if kind == "session" else None


LOCAL = Caller(Principal("local", Role.ADMINISTRATOR, "socket"), "socket")


class Keyring:
    """Who holds a secret.

    Without the memory every request of sixteen consoles would read the database; `forget` is called
    on every revocation, so that it never outlives what it remembers.
    """

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._forgotten = 0
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._looking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def session(self, secret: str) -> Caller:
        """Raises NotAuthenticatedError when the session is unknown or over."""
        hash_ = _hash(secret)
        return await self._remembered(f"session:{hash_}", partial(self._session, hash_))

    async def token(self, secret: str) -> Caller:
        """Raises NotAuthenticatedError when the token is unknown or revoked."""
        hash_ = _hash(secret)
        return await self._remembered(f"secret:{hash_}", partial(self._token, hash_))

    async def bearer(self, ticket: Ticket) -> Caller:
        """Who shows a ticket: its issuer as they are today, for the one stream.

        Raises NotAuthenticatedError when the issuer's session or token is over.
        """
        try:
            issuer = await self._remembered(ticket.issuer, partial(self._holder, ticket.issuer))
        except NotAuthenticatedError:
            raise NotAuthenticatedError(
                "开出此票据的登录或令牌已失效 / the session or token behind this ticket is over",
                hint="请重新登录或换令牌, 再取新票据 sign in again, then take a new ticket",
            ) from None
        principal = replace(issuer.principal, via="ticket", stream=ticket.stream)
        return Caller(principal, issuer.credential)

    async def stands(self, credential: str) -> bool:
        """Whether the session or token that opened something long ago still stands.

        Asking counts as use of it: in the hall nobody clicks for hours.
        """
        try:
            _ = await self._holder(credential)
        except NotAuthenticatedError:
            return False
        return True

    @property
    def revocations(self) -> int:
        """How often something was revoked since the start."""
        return self._forgotten

    def forget(self) -> None:
        """Something was revoked: ask the database again."""
        self._forgotten += 1
        self._known.clear()

    async def _remembered(self, key: str, find: Callable[[], Awaitable[Caller]]) -> Caller:
        held = self._recent(key)
        if held is not None:
            return held
        # A hundred requests at once would otherwise take every connection of the database.
        lock = self._looking.get(key)
        if lock is None:
            lock = self._looking[key] = asyncio.Lock()
        async with lock:
            return self._recent(key) or await self._look(key, find)

    def _recent(self, key: str) -> Caller | None:
        held = self._known.get(key)
        return held[1] if held is not None and self._clock.now() - held[0] < KEEP else None

    async def _look(self, key: str, find: Callable[[], Awaitable[Caller]]) -> Caller:
        now, forgotten = self._clock.now(), self._forgotten
        caller = await find()
        if forgotten == self._forgotten:  # else it may have been revoked while we asked
            self._known[key] = (now, caller)
            self._known.move_to_end(key)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return caller

    async def _session(self, hash_: str) -> Caller:
        user = await self._accounts.session(hash_)
        if user is None:
            raise NotAuthenticatedError("登录已过期 / the session is over", hint="sign in again")
        return Caller(Principal(user.name, user.role, "session"), f"session:{hash_}")

    async def _token(self, hash_: str) -> Caller:
        token = await self._accounts.token(hash_)
        if token is None:
            raise NotAuthenticatedError("令牌无效或已吊销 / unknown or revoked token")
        return _caller(token)

    async def _holder(self, credential: str) -> Caller:
        """Who holds a credential now; raises NotAuthenticatedError when it is over."""
        kind, _, key = credential.partition(":")
        if kind == "session":
            return await self._session(key)
        if kind != "token":
            return LOCAL  # who can reach the socket needs no secret
        token = await self._accounts.token_by_id(int(key))
        if token is None:
            raise NotAuthenticatedError("令牌已吊销 / the token was revoked")
        return _caller(token)


def _hash(secret: str) -> str:
    if len(secret) > MAX_SECRET:
        raise NotAuthenticatedError("会话或令牌无效 / not a session or token of ours")
    return fingerprint(secret)


def _caller(token: Token) -> Caller:
    name = f"token {token.id} {token.name}".strip()
    return Caller(Principal(name, token.role, "token"), f"token:{token.id}")
