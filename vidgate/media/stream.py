"""One live stream: its tracks, the current group of pictures, its readers and its state."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vidgate.aio.clock import Clock
from vidgate.aio.mailbox import Mailbox
from vidgate.errors import (
    NoMediaError,
    ProtocolError,
    RemoteTimeoutError,
    VidgateError,
    retold,
)
from vidgate.media.timeline import Timeline
from vidgate.model.media import Codec, Frame, Reception, StreamKey, StreamState, Track
from vidgate.rtp.sps import find_sps, read_sps

KEY_FRAME_INTERVAL = 1.0  # seconds between two key-frame requests to one source
WHOLE_AFTER = 5.0  # seconds without a loss, and a key frame: then a stream is not lossy any more


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of one stream's memory."""

    gop_bytes: int = 8 << 20
    gop_frames: int = 1024
    mailbox_bytes: int = 8 << 20
    mailbox_items: int = 1024


class Picture(NamedTuple):
    """A key frame, and the channel whose picture it is."""

    channel: str
    codec: Codec
    frame: Frame


LEAST_PACKETS = 100  # to tell a share of loss
SHORTEST_GROUP = 0.2  # seconds; a key frame that was asked for ends a group early


@dataclass(slots=True)
class StreamStats:
    """Counters since the stream was made; instants are monotonic seconds."""

    frames: int = 0
    key_frames: int = 0
    bytes: int = 0
    reconnects: int = 0
    last_frame: float | None = None
    last_key_frame: float | None = None
    lost: int = 0  # packets that never came
    jitter: float | None = None  # seconds
    recorded: float | None = None  # when the device says that it recorded the last picture
    clock_offset: float | None = None  # by how many seconds the camera's clock is ahead
    clock_by: str = ""  # sr or extension; see `Reception`
    # Of the last key frame: what encodes it, and its size in pixels.
    codec: Codec | None = None
    width: int | None = None
    height: int | None = None
    loss: float | None = None  # share of the packets expected of late that never came
    # Of the last whole group of pictures: seconds, their number, and a second pictures and bits.
    key_interval: float | None = None
    group_frames: int | None = None
    fps: float | None = None
    bitrate: float | None = None

    def forget_camera(self) -> None:
        """Another camera feeds: what was measured is not of it. What flowed stays counted."""
        self.last_key_frame = self.jitter = self.clock_offset = self.loss = None
        self.codec = self.width = self.height = None
        self.key_interval = self.group_frames = self.fps = self.bitrate = None


@dataclass(slots=True)
class Losses:
    """Whether pictures were lost on their way here; instants are monotonic seconds."""

    is_lossy: bool = False  # of late: what is shown may have faults, and nobody can see that it has
    is_broken: bool = False  # since the last key frame
    _at: float = 0.0
    _lost: int = 0  # packets, and those expected, when a share was told last
    _expected: int = 0

    def missed(self, now: float) -> bool:
        """Some were; whether that is news."""
        is_news = not self.is_lossy
        self.is_lossy = self.is_broken = True
        self._at = now
        return is_news

    def picture(self, frame: Frame) -> None:
        """One came; a key frame makes what is shown whole, and some seconds on it stays so."""
        self.is_broken &= not frame.key
        self.is_lossy &= not frame.key or frame.received - self._at < WHOLE_AFTER

    def share(self, reception: Reception) -> float | None:
        """Of the packets since it was told last, once they are enough to tell a hundredth."""
        lost, expected = reception.lost - self._lost, reception.expected - self._expected
        if lost < 0 or expected < 0:  # the camera restarted its encoder, and counting began anew
            lost, expected = reception.lost, reception.expected
        if expected < LEAST_PACKETS:
            return None
        self._lost, self._expected = reception.lost, reception.expected
        return min(1.0, lost / expected)


class Stream:
    """Fed by one source at a time (it is the source's `Publisher`), read by any number of readers.

    It keeps the frames since the last key frame, bounded in bytes, so that a new reader sees a
    picture at once. A group of pictures that outgrows the bound is forgotten, not truncated: half
    of one is useless.
    """

    def __init__(
        self,
        key: StreamKey,
        clock: Clock,
        limits: StreamLimits,
        on_state: Callable[["Stream"], None],
    ) -> None:
        self.key = key
        self.origin = key.name  # whose pictures these are: a channel's, or its stand-in's
        self.cause = ""  # why a stand-in feeds, as a reason code
        self.origin_since: float | None = None  # wall clock
        self.state = StreamState.IDLE
        self.error: VidgateError | None = None
        self.attempt = 0
        self.retry_at: float | None = None
        self.tracks: tuple[Track, ...] = ()
        self.has_video = False
        self.readers: set[Mailbox[Frame]] = set()
        self.stats = StreamStats()
        self._clock = clock
        self._limits = limits
        self._on_state = on_state
        self._timeline = Timeline()
        self._gop: list[Frame] = []
        self._gop_bytes = 0
        self._picture: Picture | None = None
        self._picture_taken = clock.now()
        self._lost = 0  # of the source that feeds now
        self._sps = b""  # the one that told the picture's size
        self._since_key = (0, 0)  # pictures and bytes since the last key frame
        self._is_described = False  # by the run under way
        self._described: asyncio.Future[None] | None = None
        self._request: Callable[[], None] | None = None
        self._requested = 0.0
        self.losses = Losses()

    # -- for the hub ---------------------------------------------------------------------------

    def tried_again(self) -> None:
        """It was blocked, and a new reader may have it tried: he waits for what comes of it."""
        self._enter(StreamState.CONNECTING)

    def connecting(self, request_key_frame: Callable[[], None]) -> None:
        """A run of the source begins."""
        self.attempt += 1
        self.retry_at = None
        self.losses = Losses()
        self._request = request_key_frame
        self._timeline.restart()
        if self.state in (StreamState.IDLE, StreamState.BLOCKED):
            self._enter(StreamState.CONNECTING)

    def failed(self, error: VidgateError, retry_in: float | None) -> None:
        """The run failed; it is tried again in `retry_in` seconds, or (None) not by itself."""
        self.error = error
        self._request = None
        self._is_described = False
        self._forget_gop()
        self.retry_at = None if retry_in is None else self._clock.now() + retry_in
        self._settle(error)
        if retry_in is None:
            self._enter(StreamState.BLOCKED)
            return
        # Said after every failure, not only the first: who waits sees the count and the next try.
        self.state = StreamState.RETRYING
        self._on_state(self)

    def idle(self) -> None:
        """The last reader left long ago and the source was stopped."""
        self._fed_by(self.key.name, "")
        self._request = None
        self._is_described = False
        self.attempt = 0
        self._forget_gop()
        self._settle(NoMediaError("码流已停止 / the stream was stopped"))
        self._enter(StreamState.IDLE)

    def forget_camera(self) -> None:
        """Another one feeds from now on."""
        self.stats.forget_camera()
        self._sps = b""

    def check_stalled(self, after: float) -> None:
        """Say so when no frame has come for `after` seconds."""
        last = self.stats.last_frame
        if self.state is not StreamState.LIVE or last is None:
            return
        if self._clock.now() - last > after:
            self._enter(StreamState.STALLED)

    async def described(self, timeout: float) -> tuple[Track, ...]:
        """Wait for the tracks; see `Reader.tracks`."""
        if self._is_described:
            return self.tracks
        if self.state in (StreamState.BLOCKED, StreamState.RETRYING) and self.error is not None:
            raise retold(self.error)  # whoever comes between two tries hears at once what is wrong
        if self._described is None:
            self._described = asyncio.get_running_loop().create_future()
            self._described.add_done_callback(lambda future: future.exception())
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._described)
        except TimeoutError:
            raise RemoteTimeoutError(
                f"{self.key.name}: 摄像机 {timeout:g} 秒内没有给出码流 / "
                f"the camera did not describe its stream in {timeout:g} s"
            ) from None
        return self.tracks

    def attach(self) -> Mailbox[Frame]:
        """A new reader's mailbox, with the current group of pictures in it."""
        mailbox: Mailbox[Frame] = Mailbox(
            max_items=self._limits.mailbox_items, max_bytes=self._limits.mailbox_bytes
        )
        for frame in self._gop:
            mailbox.put(frame)
        self.readers.add(mailbox)
        return mailbox

    def detach(self, mailbox: Mailbox[Frame]) -> None:
        """Remove a reader and end its mailbox."""
        self.readers.discard(mailbox)
        mailbox.close()

    def gop(self) -> list[Frame]:
        """The frames since the last key frame, oldest first; empty when none is held."""
        return list(self._gop)

    def take_picture(self) -> Picture | None:
        """The last key frame, once; None where none came since it was taken."""
        picture, self._picture = self._picture, None
        self._picture_taken = self._clock.now()
        return picture

    def is_picture_due(self, every: float) -> bool:
        """Whether none was taken for `every` seconds."""
        return self._picture is not None and self._clock.now() - self._picture_taken >= every

    def request_key_frame(self) -> None:
        """Ask the source for a key frame, at most once a second however many viewers ask."""
        now = self._clock.now()
        if self._request is not None and now - self._requested >= KEY_FRAME_INTERVAL:
            self._requested = now
            self._request()

    # -- Publisher: for the source -------------------------------------------------------------

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        """The source knows its tracks; again where frames of another channel follow."""
        self._timeline.restart()
        self._lost = 0
        self._fed_by(origin or self.key.name, cause)
        self.tracks = tuple(tracks)
        self.has_video = any(track.is_video for track in tracks)
        was_lossy, self.losses = self.losses.is_lossy, Losses()
        self._is_described = True
        self._settle(None)
        if was_lossy:
            self._on_state(self)

    def frame(self, frame: Frame) -> None:
        """One frame from the source, to every reader."""
        track = self.tracks[frame.track]
        self._timeline.place(frame, track.clock_rate)
        frame.resumable = frame.key if track.is_video else not self.has_video
        is_first = self.stats.frames == 0
        is_leading = track.is_video or not self.has_video
        self._count(frame, is_leading, is_picture=track.is_video)
        if is_leading and self.state is not StreamState.LIVE:
            self._live(is_first)  # sound beside pictures, however lively, is none of them
        elif self.losses.is_lossy and track.is_video:
            self._look_for_losses(frame)
        self._remember(frame, track)
        for mailbox in self.readers:
            mailbox.put(frame)

    def missed(self) -> None:
        """Pictures were lost on their way here: ask for a key frame, and say so."""
        is_news = self.losses.missed(self._clock.now())
        self.request_key_frame()
        if is_news:
            self._on_state(self)

    def received(self, reception: Reception) -> None:
        """How the pictures arrive."""
        self.stats.lost += max(0, reception.lost - self._lost)
        self._lost = max(0, reception.lost)
        share = self.losses.share(reception)
        if share is not None:
            self.stats.loss = share
        self.stats.jitter = reception.jitter
        if reception.clock_offset is not None:
            self.stats.clock_offset = reception.clock_offset
            self.stats.clock_by = reception.clock_by

    # -- inside ----------------------------------------------------------------------------------

    def _live(self, is_first: bool) -> None:
        if self.state is not StreamState.STALLED and not is_first:
            self.stats.reconnects += 1
        self.attempt = 0
        self.error = None
        self._enter(StreamState.LIVE)

    def _look_for_losses(self, frame: Frame) -> None:
        self.losses.picture(frame)
        if self.losses.is_broken:  # lost too soon after another one, or the question was lost
            self.request_key_frame()
        elif not self.losses.is_lossy:
            self._on_state(self)

    def _fed_by(self, origin: str, cause: str) -> None:
        if origin != self.origin:
            self.origin_since = self._clock.wall()
            self.forget_camera()
        self.origin = origin
        self.cause = "" if origin == self.key.name else cause

    def _count(self, frame: Frame, is_leading: bool, *, is_picture: bool) -> None:
        stats = self.stats
        stats.frames += 1
        stats.bytes += frame.size
        if is_leading:
            stats.last_frame = frame.received
            stats.recorded = frame.recorded
        if not is_picture:
            return
        pictures, size = self._since_key
        if frame.key:
            self._measure(frame.received, pictures, size)
            pictures = size = 0
            stats.key_frames += 1
            stats.last_key_frame = frame.received
        self._since_key = (pictures + 1, size + frame.size)

    def _measure(self, now: float, pictures: int, size: int) -> None:
        """A group of pictures is whole; after a gap it tells of the gap, not of the camera."""
        stats = self.stats
        if stats.last_key_frame is None or self.state is not StreamState.LIVE:
            return
        seconds = now - stats.last_key_frame
        if seconds >= SHORTEST_GROUP:
            stats.key_interval, stats.group_frames = seconds, pictures
            stats.fps, stats.bitrate = pictures / seconds, 8 * size / seconds

    def _remember(self, frame: Frame, track: Track) -> None:
        if track.is_video and frame.key:
            self._forget_gop()
            self._see_size(track.codec, frame.units)
            if frame.size <= self._limits.gop_bytes:
                self._picture = Picture(self.origin, track.codec, frame)
        elif not self._gop:
            return
        self._gop.append(frame)
        self._gop_bytes += frame.size
        limits = self._limits
        if self._gop_bytes > limits.gop_bytes or len(self._gop) > limits.gop_frames:
            self._forget_gop()

    def _see_size(self, codec: Codec, units: tuple[bytes, ...]) -> None:
        """Read the size where the camera says another than before: each key frame carries it."""
        self.stats.codec = codec
        sps = find_sps(codec, units)
        if sps is None or sps == self._sps:
            return
        self._sps = sps
        try:
            info = read_sps(codec, sps)
        except ProtocolError:
            self.stats.width = self.stats.height = None
        else:
            self.stats.width, self.stats.height = info.width, info.height

    def _forget_gop(self) -> None:
        self._gop = []
        self._gop_bytes = 0

    def _settle(self, error: VidgateError | None) -> None:
        waiting, self._described = self._described, None
        if waiting is None or waiting.done():
            return
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(retold(error))

    def _enter(self, state: StreamState) -> None:
        if state is not self.state:
            self.state = state
            self._on_state(self)
