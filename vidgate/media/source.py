"""What feeds a stream: one coroutine that runs until it fails or is cancelled."""

from collections.abc import Callable, Sequence
from typing import Protocol

from vidgate.model.media import Frame, Reception, StreamKey, Track


class Publisher(Protocol):
    """The stream's side of a source."""

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        """Tell the tracks before the first frame. Track ids are their indexes.

        Told again where frames of another channel follow, the first one of them a key frame.

        `origin` names the channel that the frames are from, where it is not the stream's own, and
        `cause` says why, as a reason code.
        """
        ...

    def frame(self, frame: Frame) -> None:
        """Publish one frame; timestamps start anywhere, must not go back by more than reordering.

        The frame belongs to the stream from here on, which writes its own time into it.
        Never waits and never raises for slow readers.
        """
        ...

    def missed(self) -> None:
        """Pictures were lost on the way: until the next key frame, what follows refers to them.

        Told again while they are held back for want of it.
        """
        ...

    def received(self, reception: Reception) -> None:
        """How they arrive, told every few seconds where the source can tell."""
        ...


class Source(Protocol):
    """A camera, a pusher, a conference leg, a composed wall: anything that makes frames."""

    async def run(self, publisher: Publisher) -> None:
        """Connect, publish until cancelled; raises a `RemoteError` when the peer fails.

        Never retries by itself: the hub does. Closes its connection politely (TEARDOWN) on every
        way out, within a deadline of its own.
        """
        ...

    def request_key_frame(self) -> None:
        """Ask the peer for a key frame, if the protocol can; debounced by the stream."""
        ...


SourceFactory = Callable[[StreamKey], Source]
"""Makes the source of a stream; raises NotFoundError or InputError where there can be none."""
