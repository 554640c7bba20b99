"""One reader of one stream and its mailbox."""

from collections.abc import AsyncIterator

from vidgate.aio.mailbox import Mailbox, MailboxClosed
from vidgate.media.stream import Stream
from vidgate.model.media import Frame, Track


class Reader:
    """Takes frames from a stream; made by `Hub.read`, which closes it."""

    def __init__(self, stream: Stream, mailbox: Mailbox[Frame]) -> None:
        self.stream = stream
        self.mailbox = mailbox

    @property
    def dropped(self) -> int:
        """Frames lost because this reader was slow."""
        return self.mailbox.dropped

    async def tracks(self, timeout: float = 10.0) -> tuple[Track, ...]:
        """Wait until the stream is described.

        Raises the error of the attempt under way when it fails (so that a viewer hears "busy" or
        "unauthorised" at once), RemoteTimeoutError after `timeout` seconds.
        """
        return await self.stream.described(timeout)

    async def get(self) -> Frame:
        """Wait for the next frame, first of all those of the current GOP."""
        return await self.mailbox.get()

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Frame]:
        while True:
            try:
                yield await self.get()
            except MailboxClosed:
                return
