"""A peer's bytes, taken in turns: however much one sends, the others get theirs in between."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast

from vidgate.aio.limits import Allowed
from vidgate.errors import ProtocolError

TURN = 0.002  # seconds of work for one peer before the others have their turn
PORTION = 8 << 10  # bytes at most between two looks at the clock
LEAST = 512
LOOKED_AFTER = 32  # items, about: each may be a picture that goes to all viewers
MOST_ITEMS = 20_000  # a second; 160 Mbit/s in packets of 1,000 bytes are as many


def allowed(now: float) -> Allowed:
    """What a camera may send: `MOST_ITEMS` a second, beyond a burst of as many."""
    return Allowed(MOST_ITEMS, MOST_ITEMS, now)


def flooded() -> ProtocolError:
    """What a peer is ended with that sends more."""
    return ProtocolError(
        f"每秒多于 {MOST_ITEMS} 个包, 没有摄像机会发这么多 / "
        f"more than {MOST_ITEMS} packets a second: no camera sends as many"
    )


Process = Callable[[bytes], int]


class Intake:
    """Hands what a connection receives to `process`, in order, a portion at a time.

    `process` returns how many items it found in a portion. When the work of one turn of the event
    loop has taken `TURN` seconds the rest waits for the next turn, and reading pauses until then:
    what waits is bounded by what the transport had read. A peer that sends more than `MOST_ITEMS`
    a second, beyond a burst of as many, is told of by ProtocolError to `fail`.
    """

    def __init__(
        self,
        process: Process,
        fail: Callable[[ProtocolError], None],
        now: Callable[[], float] = perf_counter,
        most: int = PORTION,
    ) -> None:
        self._process = process
        self._most = most  # bytes of a portion
        self._fail = fail
        self._now = now
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._next: asyncio.Handle | None = None  # the turn in which what waits is taken
        self._is_open = False
        self._portion = LEAST
        self._worked = 0.0  # seconds, less the time that went to others since
        self._looked = now()
        self._allowed = allowed(self._looked)

    def open(self, transport: asyncio.BaseTransport) -> None:
        """The connection exists: what it receives is taken."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._is_open = True

    def close(self) -> None:
        """Nothing more is taken; what waits is forgotten, and so is whom this was for."""
        self._is_open = False
        self._process, self._fail, self._transport = _no_item, _nobody, None
        self._waiting.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def add(self, data: bytes) -> None:
        """Bytes that the transport has read."""
        if not self._is_open:
            return
        if self._next is not None:  # what was there before comes first
            self._waiting.append(data)
            return
        now = self._now()
        idle = now - self._looked
        self._worked = max(0.0, self._worked - idle)
        self._looked = now
        self._take(data)

    def _take(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._worked > TURN:
                self._wait(data[at:])
                return
            portion = data[at : at + self._portion]
            at += len(portion)
            found = self._process(portion)
            if self._is_open:
                self._count(found)
            if not self._is_open:
                return
            each = len(portion) // max(found, 1)
            self._portion = min(self._most, max(LEAST, LOOKED_AFTER * each))

    def _count(self, found: int) -> None:
        now = self._now()
        spent = now - self._looked
        self._looked = now
        self._worked += spent
        if not self._allowed.takes(found, now):
            fail = self._fail
            self.close()
            fail(flooded())

    def _wait(self, rest: bytes) -> None:
        self._read(is_wanted=False)
        self._waiting.append(rest)
        self._next = asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._next = None
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._worked = 0.0
        self.add(data)
        if not self._waiting and self._is_open:
            self._read(is_wanted=True)

    def _read(self, *, is_wanted: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if is_wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()


def _no_item(_: bytes) -> int:
    return 0


def _nobody(_: ProtocolError) -> None:
    pass
