"""A bounded queue for one slow reader: it loses old frames, never memory."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What a mailbox holds: it weighs something, and may be a point to resume from."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def resumable(self) -> bool:
        """Whether a reader that lost everything before can go on from here."""
        ...


T = TypeVar("T", bound=Sized)

GREED = 16  # items taken in a row, without having waited, before other tasks get their turn


class MailboxClosed(Exception):
    """The writer closed the mailbox; no item will come any more."""


class Mailbox(Generic[T]):
    """Drop-oldest queue bounded in items and bytes, for one writer and one reader.

    When full, everything held is dropped, and so is all that follows until a resumable item (a key
    frame): a decoder can do nothing with the rest. `dropped` counts the lost items. A reader that
    finds many items waiting does not hold the event loop until it has taken them all.
    """

    def __init__(self, *, max_items: int = 512, max_bytes: int = 8 << 20) -> None:
        self.max_items = max_items
        self.max_bytes = max_bytes
        self.dropped = 0
        self._items: deque[T] = deque()
        self._bytes = 0
        self._skipping = False
        self._taken = 0  # in a row
        self._waiter: asyncio.Future[None] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def bytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def put(self, item: T) -> bool:
        """Offer an item; returns False when it (or what was held before it) had to be dropped."""
        if self._is_closed:
            return False
        if self._skipping:
            if not item.resumable:
                self.dropped += 1
                return False
            self._skipping = False
        size = item.size
        kept = True
        if len(self._items) >= self.max_items or self._bytes + size > self.max_bytes:
            kept = False
            self.dropped += len(self._items)
            self._items.clear()
            self._bytes = 0
            if not item.resumable:
                self.dropped += 1
                self._skipping = True
                return False
        self._items.append(item)
        self._bytes += size
        self._wake()
        return kept

    async def get(self) -> T:
        """Wait for the oldest item. Raises MailboxClosed once it is closed and empty."""
        while not self._items or self._taken >= GREED:
            if self._items:  # they may be gone, or others, when it is our turn again
                self._taken = 0
                await asyncio.sleep(0)
            elif self._is_closed:
                raise MailboxClosed
            else:
                await self._wait()
        self._taken += 1
        item = self._items.popleft()
        self._bytes -= item.size
        return item

    async def _wait(self) -> None:
        self._taken = 0
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def close(self) -> None:
        """End it: the reader gets what is held, and then MailboxClosed."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
