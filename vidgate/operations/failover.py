"""Failover of watched streams: another channel of the same point stands in, and gives way again.

A place with two channels (点位互补) is watched by the name of one. While that one gives no picture
its stream is fed by the other; as soon as a probe sees its own picture again, it is pulled beside
the stand-in and takes over at its first key frame, so that nobody loses a picture by it.
Health is never judged from a stand-in: the stream says from whom its frames are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog

from vidgate.aio.bus import Bus
from vidgate.errors import RemoteError, UnauthorizedError, is_retryable
from vidgate.media.source import Publisher, Source
from vidgate.model.channel import Channel
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.model.media import Frame, Reception, StreamKey, Track

log = structlog.get_logger(__name__)

RETURN_CHECK = 20.0  # seconds between two looks whether the own picture is back
RETURN_TIMEOUT = 20.0  # seconds for its first key frame then; until it comes the stand-in stays

Look = Callable[[Channel, Level], Awaitable[ProbeResult]]
Make = Callable[[Channel], Source]


class Candidate(NamedTuple):
    """A channel that may feed, and what its source is made of: route and login."""

    channel: Channel
    made: object


class Failover:
    """Remembers who feeds which stream; tells `stream.source` when that changes."""

    def __init__(self, bus: Bus, *, check: float = RETURN_CHECK) -> None:
        self.check = check
        self._bus = bus
        self._feeding: dict[StreamKey, str] = {}
        self._failed: dict[StreamKey, tuple[str, str]] = {}
        self._refused: dict[str, object] = {}

    def feeding(self, key: StreamKey) -> str:
        """The id of the channel whose pictures the stream shows."""
        return self._feeding.get(key, key.name)

    def source(
        self, key: StreamKey, candidates: Sequence[Candidate], make: Make, look: Look
    ) -> Source:
        """A source that tries the candidates, the stream's own channel first."""
        return _Source(self, key, candidates, make, look)

    def order(self, key: StreamKey, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that may be called, the one that broke last at the end.

        A camera that refused its login is not called with the same one again: it would lock.
        """
        broken, _ = self._failed.get(key, ("", ""))
        open_ = [one for one in candidates if self._refused.get(one.channel.id) != one.made]
        return sorted(open_, key=lambda one: one.channel.id == broken)

    def refused(self, candidate: Candidate) -> None:
        """A camera refused its login."""
        self._refused[candidate.channel.id] = candidate.made

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
        candidates: Sequence[Candidate],
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
        failures: list[RemoteError] = []
        for candidate in self._book.order(self._key, self._candidates):
            id_ = candidate.channel.id
            reason = failures[-1].reason if failures else self._book.why(self._key, id_)
            told = _Told(publisher, self._book, self._key, id_, reason)
            try:
                await self._feed(candidate.channel, told)
            except RemoteError as error:
                failures.append(error)
                if isinstance(error, UnauthorizedError):
                    self._book.refused(candidate)
                if told.is_started:
                    # Whoever feeds has failed: the own camera, if it has come back meanwhile.
                    self._book.broke(self._key, self._book.feeding(self._key), error.reason)
                    raise
        if not failures:
            raise UnauthorizedError(
                f"{self._key.name}: every camera of the point refuses its login"
            )
        # A refused password stops the retries; where another may come back they go on.
        raise next(filter(is_retryable, failures), failures[0])

    def request_key_frame(self) -> None:
        """Ask whoever feeds."""
        if self._source is not None:
            self._source.request_key_frame()

    async def _feed(self, channel: Channel, told: "_Told") -> None:
        self._source = source = self._make(channel)
        own = self._own()
        if own is None or channel is own:
            await source.run(told)
            return
        try:
            async with asyncio.TaskGroup() as group:
                feeding = group.create_task(source.run(told))
                group.create_task(self._take_back(own, told, feeding))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def _own(self) -> Channel | None:
        """The stream's own channel, unless it may not be called."""
        order = self._book.order(self._key, self._candidates)
        return next((one.channel for one in order if one.channel.id == self._key.name), None)

    async def _take_back(
        self, own: Channel, stand_in: "_Told", feeding: asyncio.Task[None]
    ) -> None:
        """Feed from the own camera as soon as it gives pictures; raises when it fails then."""
        while await self._is_back(own):
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
            except (RemoteError, TimeoutError) as error:
                if told.is_started:
                    raise
                log.info("own picture did not come", channel=self._key.name, error=str(error))
                if isinstance(error, UnauthorizedError):
                    self._refuse(own)
                    return

    async def _is_back(self, own: Channel) -> bool:
        """Wait until a probe sees its picture; False when it may not be called again."""
        while True:
            await asyncio.sleep(self._book.check)
            result = await self._look(own, Level.MEDIA)
            if result.is_good:
                return True
            if result.reason in (Reason.UNAUTHORIZED, Reason.NO_CREDENTIAL):
                self._refuse(own)
                return False

    def _refuse(self, own: Channel) -> None:
        self._book.refused(next(one for one in self._candidates if one.channel is own))


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

    def received(self, reception: Reception) -> None:
        """How they arrive; before it has taken over it tells of nobody's stream."""
        if self._told.is_started:
            self._told.received(reception)
