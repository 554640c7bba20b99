"""What callers opened and keeps running: event sockets and viewers' sessions.

Signing out or revoking a token ends both at once (ASVS 7.4.1).
"""

from collections.abc import Container
from dataclasses import dataclass

from aiohttp import WSCloseCode, web

from vidgate.errors import LimitError

MAX_CLIENTS = 256
REVOKED = 4001  # close code: the session or token is no longer good


class Sockets:
    """The open event sockets, by the credential that opened them."""

    def __init__(self) -> None:
        self._open: dict[web.WebSocketResponse, str] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, socket: web.WebSocketResponse, credential: str) -> None:
        """Remember it until `discard`. Raises LimitError beyond MAX_CLIENTS."""
        if len(self._open) >= MAX_CLIENTS:
            raise LimitError("事件连接过多 / too many event connections")
        self._open[socket] = credential

    def discard(self, socket: web.WebSocketResponse) -> None:
        """It is closed."""
        self._open.pop(socket, None)

    @property
    def credentials(self) -> set[str]:
        """What opened them."""
        return set(self._open.values())

    async def revoke(self, credential: str) -> None:
        """Close what this session or token opened."""
        await self._close([s for s, c in self._open.items() if c == credential], REVOKED)

    async def close(self) -> None:
        """The service stops."""
        await self._close(list(self._open), WSCloseCode.GOING_AWAY)

    async def _close(self, sockets: list[web.WebSocketResponse], code: int) -> None:
        for socket in sockets:
            await socket.close(code=code, drain=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """Who opened a viewer's session, and the ICE user names of its offer."""

    credential: str
    ufrags: frozenset[str]


class Viewers:
    """What the web layer remembers of viewers' sessions, which also end without telling it."""

    def __init__(self) -> None:
        self._opened: dict[str, Opened] = {}
        self._sweep_at = 64

    def add(self, id_: str, opened: Opened, alive: Container[str]) -> None:
        """Remember a session, and now and then forget those that are no longer alive."""
        self._opened[id_] = opened
        if len(self._opened) >= self._sweep_at:
            self._opened = {key: value for key, value in self._opened.items() if key in alive}
            self._sweep_at = max(64, 2 * len(self._opened))

    @property
    def credentials(self) -> set[str]:
        """What opened them; some may be over."""
        return {one.credential for one in self._opened.values()}

    def find(self, id_: str) -> Opened | None:
        """What is remembered of a session."""
        return self._opened.get(id_)

    def discard(self, id_: str) -> None:
        """The session was ended."""
        self._opened.pop(id_, None)

    def of(self, credential: str) -> list[str]:
        """The sessions that this session or token opened; some may be over."""
        return [id_ for id_, one in self._opened.items() if one.credential == credential]
