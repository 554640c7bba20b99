"""Sessions and tokens, looked up in the database and remembered for a few seconds."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from vidgate.aio.clock import Clock
from vidgate.auth.opaque import fingerprint
from vidgate.errors import NotAuthenticatedError
from vidgate.model.user import Principal
from vidgate.web.parts import Accounts

MAX_SECRET = 512
KEEP = 5.0  # seconds
MAX_KNOWN = 4096


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal, and the credential it came with: `session:HASH`, `token:ID`, `ticket` ..."""

    principal: Principal
    credential: str

    @property
    def session(self) -> str | None:
        """The hash of the caller's session, if that is what it came with."""
        kind, _, hash_ = self.credential.partition(":")
        return hash_ if kind == "session" else None


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
        return await self._remembered("session", secret, self._session)

    async def token(self, secret: str) -> Caller:
        """Raises NotAuthenticatedError when the token is unknown or revoked."""
        return await self._remembered("token", secret, self._token)

    async def stands(self, credential: str) -> bool:
        """Whether a session that opened something long ago still stands; tokens have no age.

        Asking counts as use of the session: in the hall nobody clicks for hours.
        """
        kind, _, hash_ = credential.partition(":")
        return kind != "session" or await self._accounts.session(hash_) is not None

    def forget(self) -> None:
        """Something was revoked: ask the database again."""
        self._forgotten += 1
        self._known.clear()

    async def _remembered(
        self, kind: str, secret: str, find: Callable[[str], Awaitable[Caller]]
    ) -> Caller:
        if len(secret) > MAX_SECRET:
            raise NotAuthenticatedError("会话或令牌无效 / not a session or token of ours")
        hash_ = fingerprint(secret)
        key = kind + hash_
        held = self._recent(key)
        if held is not None:
            return held
        # A hundred requests at once would otherwise take every connection of the database.
        lock = self._looking.get(key)
        if lock is None:
            lock = self._looking[key] = asyncio.Lock()
        async with lock:
            return self._recent(key) or await self._look(key, hash_, find)

    def _recent(self, key: str) -> Caller | None:
        held = self._known.get(key)
        return held[1] if held is not None and self._clock.now() - held[0] < KEEP else None

    async def _look(self, key: str, hash_: str, find: Callable[[str], Awaitable[Caller]]) -> Caller:
        now, forgotten = self._clock.now(), self._forgotten
        caller = await find(hash_)
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
        name = f"token {token.id} {token.name}".strip()
        return Caller(Principal(name, token.role, "token"), f"token:{token.id}")
