"""Failover of watched streams: another channel of the same point stands in, and gives way again.

A place with two channels (点位互补) is watched by the name of one. While that one gives no picture
its stream is fed by the other; as soon as a probe sees its own picture again, it is pulled beside
the stand-in and takes over at its first key frame, so that nobody loses a picture by it.
Health is never judged from a stand-in: the stream says from whom its frames are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from vidgate.aio.bus import Bus
from vidgate.errors import (
    BusyError,
    LimitError,
    NoAddressError,
    RemoteError,
    VidgateError,
    is_retryable,
)
from vidgate.health.prober import reason_of
from vidgate.media.source import Publisher, Source
from vidgate.model.channel import Channel
from vidgate.model.health import Level, ProbeResult
from vidgate.model.media import Frame, Reception, StreamKey, Track

log = structlog.get_logger(__name__)

RETURN_CHECK = 20.0  # seconds between two looks whether the own picture is back
REST_CHECK = 1.0  # seconds between two, where it is known to be busy and nobody is asked
RETURN_TIMEOUT = 20.0  # seconds for its first key frame then; until it comes the stand-in stays
# What one channel cannot do, and another of the point may.
FAILURES = (RemoteError, LimitError, NoAddressError)

Look = Callable[[Channel, Level], Awaitable[ProbeResult]]
Make = Callable[[Channel], Source]


class Failover:
    """Remembers who feeds which stream; tells `stream.source` when that changes."""

    def __init__(self, bus: Bus, *, check: float = RETURN_CHECK) -> None:
        self.check = check
        self._bus = bus
        self._feeding: dict[StreamKey, str] = {}
        self._failed: dict[StreamKey, tuple[str, str]] = {}

    def feeding(self, key: StreamKey) -> str:
        """The id of the channel whose pictures the stream shows."""
        return self._feeding.get(key, key.name)

    def source(
        self, key: StreamKey, candidates: Sequence[Channel], make: Make, look: Look
    ) -> Source:
        """A source that tries the candidates; the stream's own channel is the first."""
        return _Source(self, key, candidates, make, look)

    def order(self, key: StreamKey, candidates: Sequence[Channel]) -> list[Channel]:
        """In which order they are called, the one that broke last at the end.

        One that refused its login costs no call: its source says so until the next try is due.
        """
        broken, _ = self._failed.get(key, ("", ""))
        return sorted(candidates, key=lambda one: one.id == broken)

    def broke(self, key: StreamKey, id_: str, reason: str) -> None:
        """A channel fed the stream and failed."""
        self._failed[key] = id_, reason

    def why(self, key: StreamKey, id_: str) -> str:
        """Why this channel is the first to be tried."""
        return "back" if id_ == key.name else self._failed.get(key, ("", "unauthorized"))[1]

    def feeds(self, key: StreamKey, id_: str, reason: str) -> None:
        """A channel feeds the stream from now on."""
        before = self.feeding(key)
        if before == id_:
            return
        self._feeding[key] = id_
        data = {"variant": key.variant.value, "source": id_, "before": before, "reason": reason}
        self._bus.publish("stream.source", key.name, data)
        log.info("stream switched", channel=key.name, source=id_, before=before, reason=reason)

    def forget(self, key: StreamKey) -> None:
        """Nobody watches: the next one begins with the stream's own channel."""
        self._feeding.pop(key, None)
        self._failed.pop(key, None)


class _Source:
    def __init__(
        self,
        book: Failover,
        key: StreamKey,
        candidates: Sequence[Channel],
        make: Make,
        look: Look,
    ) -> None:
        self._book = book
        self._key = key
        self._candidates = candidates
        self._make = make
        self._look = look
        self._source: Source | None = None

    async def run(self, publisher: Publisher) -> None:
        """Feed from the first candidate that starts; raises when it fails or none does."""
        try:
            await self._run(publisher)
        except asyncio.CancelledError:
            self._book.forget(self._key)
            raise

    async def _run(self, publisher: Publisher) -> None:
        failures: list[VidgateError] = []
        for channel in self._book.order(self._key, self._candidates):
            id_ = channel.id
            reason = reason_of(failures[-1]) if failures else self._book.why(self._key, id_)
            told = _Told(publisher, self._book, self._key, id_, reason)
            try:
                await self._feed(channel, told)
            except FAILURES as error:
                failures.append(error)
                if told.is_started:
                    # Whoever feeds has failed: the own camera, if it has come back meanwhile.
                    self._book.broke(self._key, self._book.feeding(self._key), reason_of(error))
                    raise
        # A refused password stops the retries; where another may come back they go on.
        called = [one for one in failures if not isinstance(one, NoAddressError)] or failures
        raise next(filter(is_retryable, called), called[0])

    def request_key_frame(self) -> None:
        """Ask whoever feeds."""
        if self._source is not None:
            self._source.request_key_frame()

    async def _feed(self, channel: Channel, told: "_Told") -> None:
        self._source = source = self._make(channel)
        own = self._candidates[0]
        if channel is own:
            await source.run(told)
            return
        try:
            async with asyncio.TaskGroup() as group:
                feeding = group.create_task(source.run(told))
                group.create_task(self._take_back(own, told, feeding))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _take_back(
        self, own: Channel, stand_in: "_Told", feeding: asyncio.Task[None]
    ) -> None:
        """Feed from the own camera as soon as it gives pictures; raises when it fails then."""
        while True:
            await self._is_back(own)
            source = self._make(own)
            told = _Told(stand_in.publisher, self._book, self._key, own.id, "back")
            try:
                async with asyncio.timeout(RETURN_TIMEOUT) as deadline:

                    def take_over(source: Source = source) -> None:
                        deadline.reschedule(None)
                        self._source = source
                        stand_in.is_over = True
                        feeding.cancel()

                    await source.run(_Gate(told, take_over))
            except (*FAILURES, TimeoutError) as error:
                if told.is_started:
                    raise
                log.info("own picture did not come", channel=self._key.name, error=str(error))

    async def _is_back(self, own: Channel) -> None:
        """Wait until a probe sees its picture.

        Neither a refused login nor a busy camera is called before its time; `look` raises
        BusyError of the latter.
        """
        pause = self._book.check
        while True:
            await asyncio.sleep(pause)
            try:
                if (await self._look(own, Level.MEDIA)).is_good:
                    return
                pause = self._book.check
            except BusyError:  # from now on `look` knows when it may be called again
                pause = min(self._book.check, REST_CHECK)


class _Told:
    """Passes frames on, and says from whom they are."""

    def __init__(
        self, publisher: Publisher, book: Failover, key: StreamKey, id_: str, reason: str
    ) -> None:
        self.is_started = False
        self.is_over = False  # somebody else feeds; what still comes is too late
        self.publisher = publisher
        self._book = book
        self._key = key
        self._id = id_
        self._reason = reason

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        """The source knows its tracks."""
        self.is_started = True
        self.publisher.start(tracks, origin=self._id, cause=self._reason)
        self._book.feeds(self._key, self._id, self._reason)

    def frame(self, frame: Frame) -> None:
        """One frame."""
        if not self.is_over:
            self.publisher.frame(frame)

    def missed(self) -> None:
        """Pictures were lost."""
        if not self.is_over:
            self.publisher.missed()

    def received(self, reception: Reception) -> None:
        """How they arrive."""
        if not self.is_over:
            self.publisher.received(reception)


class _Gate:
    """Holds a source back until its first key frame, and then lets it take over."""

    def __init__(self, told: _Told, take_over: Callable[[], None]) -> None:
        self._told = told
        self._take_over = take_over
        self._tracks: Sequence[Track] = ()

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        """The source knows its tracks."""
        self._tracks = tracks
        if self._told.is_started:  # it began anew by another transport
            self._told.start(tracks)

    def frame(self, frame: Frame) -> None:
        """One frame; sound alone opens nothing where there is a picture."""
        if not self._told.is_started:
            has_video = any(track.is_video for track in self._tracks)
            if not frame.key or (has_video and not self._tracks[frame.track].is_video):
                return
            self._take_over()
            self._told.start(self._tracks)
        self._told.frame(frame)

    def missed(self) -> None:
        """Pictures were lost; before it has taken over it tells of nobody's stream."""
        if self._told.is_started:
            self._told.missed()

    def received(self, reception: Reception) -> None:
        """How they arrive; before it has taken over it tells of nobody's stream."""
        if self._told.is_started:
            self._told.received(reception)
