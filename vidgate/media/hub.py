"""The hub: stream name -> live stream. Pulls on the first reader, stops when idle, retries."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import structlog

from vidgate.aio.backoff import Backoff
from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.supervisor import Supervisor, cancel_and_wait
from vidgate.errors import (
    DeniedAddressError,
    NoMediaError,
    RemoteError,
    SessionsTakenError,
    UnauthorizedError,
    VidgateError,
    is_retryable,
    retold,
)
from vidgate.media.reader import Reader
from vidgate.media.source import SourceFactory
from vidgate.media.stream import Stream, StreamLimits
from vidgate.model.media import StreamKey, StreamState

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HubSettings:
    """How the hub treats its streams; seconds and bytes."""

    idle_stop: float = 10.0
    stalled_after: float = 1.5
    retry_first: float = 0.25
    retry_cap: float = 2.5
    lookup_first: float = 60.0  # until an address that our settings forbid is looked up again
    lookup_cap: float = 600.0
    picture_every: float = 240.0  # how old the picture of a watched stream may be kept
    tries_again: bool = True  # False: a stream that fails is over, and so are its readers
    limits: StreamLimits = field(default_factory=StreamLimits)


class Hub:
    """Knows every live stream: `async with hub.read(key) as reader:`."""

    def __init__(
        self,
        factory: SourceFactory,
        bus: Bus,
        settings: HubSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.streams: dict[StreamKey, Stream] = {}
        # Told of a stream whose last picture is worth keeping: no other comes, or none was kept
        # for minutes.
        self.on_picture: Callable[[Stream], None] = lambda stream: None
        # Told when the last reader of a stream has left; its pull goes on for a while.
        self.on_unwatched: Callable[[], None] = lambda: None
        # Says whether a stream's last source was made of what has changed since.
        self.is_outdated: Callable[[StreamKey], bool] = lambda key: False
        self._factory = factory
        self._bus = bus
        self._settings = settings or HubSettings()
        self._clock = clock or SystemClock()
        self._tasks = Supervisor("hub")
        self._pulls: dict[StreamKey, asyncio.Task[None]] = {}
        self._stops: dict[StreamKey, asyncio.TimerHandle] = {}

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.keep(self._watch, "watch")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for timer in self._stops.values():
            timer.cancel()
        await self._tasks.__aexit__(kind, error, trace)
        for stream in list(self.streams.values()):
            for mailbox in list(stream.readers):
                stream.detach(mailbox)

    @asynccontextmanager
    async def read(self, key: StreamKey) -> AsyncIterator[Reader]:
        """Read a stream while inside the block; the first reader starts the pull.

        Raises what the factory raises for a name that cannot be pulled.
        """
        stream = self._stream(key)
        mailbox = stream.attach()
        try:
            self._start(stream)
            yield Reader(stream, mailbox)
        finally:
            stream.detach(mailbox)
            self._schedule_stop(stream)
            if not stream.readers:
                self.on_unwatched()

    def give_up(self, key: StreamKey) -> bool:
        """End now a pull that nobody reads; False where somebody does, or where there is none."""
        stream = self.streams.get(key)
        if stream is None or stream.readers or key not in self._pulls:
            return False
        self._forget_stop(key)
        self._stop_if_idle(stream)
        return True

    def hurry(self, key: StreamKey) -> None:
        """Try now what waits for its next try."""
        stream = self.streams.get(key)
        if stream is None or stream.retry_at is None or key not in self._pulls:
            return
        self._pulls.pop(key).cancel()
        stream.tried_again()
        self._start(stream)

    def find(self, key: StreamKey) -> Stream | None:
        """The stream of that key, if it was ever read."""
        return self.streams.get(key)

    async def forget(self, name: str) -> None:
        """The channel or its credential changed: drop what was learnt, restart what is watched.

        A stream that is not tried again would begin from its beginning: it is over instead.
        """
        for key in [key for key in self.streams if key.name == name]:
            stream = self.streams.get(key)
            if stream is None:
                continue  # it went while another was ended
            if not self._settings.tries_again:
                self._end(stream)
            await cancel_and_wait(self._pulls.pop(key, None))
            stream.idle()
            stream.forget_camera()  # its last key frame proves nothing of who feeds next
            if stream.readers:
                self._start(stream)
            else:
                self._drop(stream)

    # -- inside ----------------------------------------------------------------------------------

    def _stream(self, key: StreamKey) -> Stream:
        stream = self.streams.get(key)
        if stream is None:
            stream = Stream(key, self._clock, self._settings.limits, self._announce)
            self.streams[key] = stream
        self._forget_stop(key)
        return stream

    def _forget_stop(self, key: StreamKey) -> None:
        timer = self._stops.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _start(self, stream: Stream) -> None:
        if stream.key in self._pulls:
            if isinstance(stream.error, DeniedAddressError):
                self.hurry(stream.key)  # whoever opens it need not wait out the pause
            return
        if _is_shut(stream):
            return
        if stream.state is StreamState.BLOCKED:
            stream.tried_again()
        task = self._tasks.start(self._pull(stream), f"pull {stream.key.name}")
        self._pulls[stream.key] = task
        task.add_done_callback(lambda done: self._ended(stream.key, done))

    def _ended(self, key: StreamKey, task: asyncio.Task[None]) -> None:
        if self._pulls.get(key) is task:
            del self._pulls[key]

    async def _pull(self, stream: Stream) -> None:
        settings = self._settings
        backoff = Backoff(first=settings.retry_first, cap=settings.retry_cap)
        lookups = Backoff(first=settings.lookup_first, cap=settings.lookup_cap)
        while True:
            frames = stream.stats.frames
            source = None
            try:
                source = self._factory(stream.key)
                stream.connecting(source.request_key_frame)
                await source.run(stream)
                raise NoMediaError(f"{stream.key.name}: 码流结束 / the source ended the stream")
            except VidgateError as error:
                failure = retold(error)
            except Exception as error:
                log.exception("source failed", channel=stream.key.name)
                failure = RemoteError(f"{type(error).__name__}: {error}")
            if stream.stats.frames > frames:
                backoff.reset()
                lookups.reset()
            is_denied = isinstance(failure, DeniedAddressError)  # so far: names lead elsewhere
            is_over = source is None or not settings.tries_again  # none can be made of it
            if is_over or not (is_denied or is_retryable(failure)):
                stream.failed(failure, None)
                if is_over:
                    self._pulls.pop(stream.key, None)  # a reader of now needs a pull of its own
                    self._end(stream)
                return
            if is_denied:
                delay = max(settings.lookup_first, lookups.next())
            else:
                delay = max(backoff.next(), self._rest(failure))
            stream.failed(failure, delay)
            await asyncio.sleep(delay)

    def _rest(self, failure: VidgateError) -> float:
        """For how many seconds the camera is to be left in peace."""
        again_at = failure.again_at if isinstance(failure, RemoteError) else None
        return 0.0 if again_at is None else again_at - self._clock.now()

    def _end(self, stream: Stream) -> None:
        """It is over, and so are its readers; who comes next begins anew."""
        self._forget_stop(stream.key)
        self._drop(stream)
        for mailbox in list(stream.readers):
            stream.detach(mailbox)

    def _schedule_stop(self, stream: Stream) -> None:
        if stream.readers or self.streams.get(stream.key) is not stream:
            return
        # One that waits for a session of its platform has nothing to be kept for whoever is next.
        idle_stop = 0.0 if _has_no_session(stream) else self._settings.idle_stop
        loop = asyncio.get_running_loop()
        self._stops[stream.key] = loop.call_later(idle_stop, self._stop_if_idle, stream)

    def _stop_if_idle(self, stream: Stream) -> None:
        self._stops.pop(stream.key, None)
        if not stream.readers:
            _ = self._tasks.start(self._stop(stream), f"stop {stream.key.name}")

    async def _stop(self, stream: Stream) -> None:
        await cancel_and_wait(self._pulls.pop(stream.key, None))
        if stream.readers:  # a reader came while the source was closing
            self._start(stream)
        elif stream.key in self._pulls:
            pass  # one came and left again: the pull that it began is ended by its own timer
        elif stream.state is not StreamState.BLOCKED:
            stream.idle()
            self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        if self.streams.get(stream.key) is stream:
            del self.streams[stream.key]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            self._look_over()  # apart: a name of ours would keep the last stream while we sleep

    def _look_over(self) -> None:
        for stream in list(self.streams.values()):
            stream.check_stalled(self._settings.stalled_after)
            if stream.is_picture_due(self._settings.picture_every):
                self.on_picture(stream)

    def _announce(self, stream: Stream) -> None:
        if stream.state not in (StreamState.LIVE, StreamState.CONNECTING):
            self.on_picture(stream)
        now = self._clock.now()
        self._bus.publish(
            "stream.state",
            stream.key.name,
            {
                "variant": stream.key.variant.value,
                "state": stream.state.value,
                "reason": stream.error.code if stream.error else "",
                "attempt": stream.attempt,
                "retry_in": None if stream.retry_at is None else round(stream.retry_at - now, 2),
                "viewers": len(stream.readers),
                "lossy": stream.losses.is_lossy,
            },
        )


def _has_no_session(stream: Stream) -> bool:
    return stream.state is StreamState.RETRYING and isinstance(stream.error, SessionsTakenError)


def _is_shut(stream: Stream) -> bool:
    """Whether a new reader changes nothing. Where tries at a login are counted the source itself
    says, without a call, until when it leaves the camera in peace.
    """
    is_counted = isinstance(stream.error, UnauthorizedError) and stream.error.again_at is not None
    return stream.state is StreamState.BLOCKED and not is_counted
