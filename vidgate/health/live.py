"""Judges a watched channel from its live streams, so that nobody probes what everybody sees."""

from dataclasses import dataclass, replace

from vidgate.errors import (
    DeniedAddressError,
    HeldBackError,
    HeldBusyError,
    SessionsTakenError,
    UnauthorizedError,
)
from vidgate.health import state as states
from vidgate.health.measure import of_stream
from vidgate.health.prober import REACHED, reason_of
from vidgate.media.hub import Hub
from vidgate.media.stream import Stream
from vidgate.model.health import Health, Level, Reason
from vidgate.model.media import StreamKey, StreamState, Variant

# Key frames of a live stream may lie this far apart (recorders' "smart" codecs reach 20 s); sound
# alone, however lively, is no picture.
KEY_FRAME_VALID = 60.0
GRACE = 15.0  # the hub retries every 2.5 s or sooner: as many tries as a probe gets, and more

UNASKED = (HeldBackError, HeldBusyError, SessionsTakenError)

PULLED = frozenset(
    {StreamState.CONNECTING, StreamState.LIVE, StreamState.STALLED, StreamState.RETRYING}
)


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture is there: monotonic instants of the last key frame and the last frame."""

    key_frame: float
    frame: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """No picture comes. `is_final`: the camera's own answer, no need to wait and see."""

    reason: Reason
    level: Level
    is_final: bool


class LiveJudge:
    """Looks at the hub's streams; remembers only what it said of those in trouble."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._troubled: dict[str, float] = {}
        self._told: dict[str, BaseException | None] = {}
        self._moved: set[StreamKey] = set()  # pulled from where the channel was, until made anew

    def moved(self, name: str) -> None:
        """The channel has another address: what is pulled from the old one says nothing of it."""
        self._moved.update(StreamKey(name, variant) for variant in Variant)

    def names(self) -> set[str]:
        """Names of all streams that the hub knows."""
        return {key.name for key in self._hub.streams}

    def is_watched(self, name: str) -> bool:
        """Whether the channel is judged from its streams now.

        A sub-stream that fails says nothing of the main one: only a living picture, or the main
        stream's own fate, stands for the channel. Looks find a forbidden address mended sooner than
        a pull, which rests for minutes.
        """
        main, *others = self._streams(name)
        if main is not None and main.state in PULLED and not _is_left_to_looks(main):
            return True
        return any(stream is not None and _shows(stream) for stream in others)

    def sight(self, name: str, now: float) -> Sight | None:
        """The newest live picture of the channel, of either stream."""
        seen = [sight for stream in self._streams(name) if (sight := self._sight(stream, now))]
        return max(seen, key=lambda sight: sight.frame, default=None)

    def trouble(self, name: str, now: float) -> Trouble | None:
        """Why the watched main stream shows nothing, once that is certain enough to say.

        A camera's final answer is told once: a later probe may know better. One that was not asked
        has said nothing.
        """
        main = self._streams(name)[0]
        if main is None or _is_untold(main) or self.sight(name, now):
            self._troubled.pop(name, None)
            return None
        trouble = _trouble(main)
        since = self._troubled.setdefault(name, now)
        if not trouble.is_final:
            return trouble if now - since >= GRACE else None
        if self._told.get(name) is main.error:
            return None
        self._told[name] = main.error
        return trouble

    def seen(self, before: Health, now: float, wall: float) -> Health | None:
        """The health with the living picture as evidence; None where there is none.

        `now` is monotonic, `wall` the same instant of the wall clock.
        """
        sight = self.sight(before.channel, now)
        if sight is None:
            return None
        key_frame, frame = wall - (now - sight.key_frame), wall - (now - sight.frame)
        health = states.witness(before, key_frame, frame, wall)
        main = self._streams(before.channel)[0]  # what is measured is told of the main stream
        if main is None or main.state is not StreamState.LIVE:
            return health
        return replace(health, measured=of_stream(health.measured, main.stats, wall))

    def judged(self, before: Health, now: float, wall: float) -> Health | None:
        """The health by what the streams show or do not show; None where they say nothing."""
        health = self.seen(before, now, wall)
        if health is not None:
            return health
        trouble = self.trouble(before.channel, now)
        if trouble is None:
            return None
        return states.miss(before, trouble.reason, trouble.level, wall)

    def keep_only(self, names: set[str]) -> None:
        """Forget channels whose streams are gone."""
        for memory in (self._troubled, self._told):
            for name in memory.keys() - names:
                del memory[name]
        self._moved = {key for key in self._moved if key.name in names}

    def _sight(self, stream: Stream | None, now: float) -> Sight | None:
        if stream is None or not _shows(stream):
            return None
        key, frame = stream.stats.last_key_frame, stream.stats.last_frame
        if key is None or frame is None or now - key > KEY_FRAME_VALID:
            return None
        return Sight(key, frame)

    def _streams(self, name: str) -> list[Stream | None]:
        """Its streams; what a stand-in shows says nothing of the channel."""
        streams = [self._hub.find(StreamKey(name, variant)) for variant in Variant]
        return [
            stream if stream and stream.origin == name and not self._is_left(stream.key) else None
            for stream in streams
        ]

    def _is_left(self, key: StreamKey) -> bool:
        """Whether it is still pulled from where the channel was."""
        if key in self._moved and not self._hub.is_outdated(key):
            self._moved.discard(key)
        return key in self._moved


def _shows(stream: Stream) -> bool:
    """Whether it lives, and has pictures: a camera may offer sound alone that we can take."""
    return stream.state is StreamState.LIVE and stream.has_video


def _is_untold(stream: Stream) -> bool:
    """Whether it says nothing of the camera, which was not asked."""
    return stream.state is StreamState.IDLE or isinstance(stream.error, UNASKED)


def _is_left_to_looks(stream: Stream) -> bool:
    return _is_untold(stream) or isinstance(stream.error, DeniedAddressError)


def _trouble(stream: Stream) -> Trouble:
    error = stream.error
    if error is None:
        reason = _unsaid(stream)
        return Trouble(reason, REACHED.get(reason, Level.NONE), False)
    reason = reason_of(error)
    # To be busy at PLAY is no wonder after a DESCRIBE went through, so only a picture refutes it.
    level = Level.DESCRIBE if reason is Reason.BUSY else REACHED.get(reason, Level.NONE)
    final = isinstance(error, UnauthorizedError | DeniedAddressError) or reason is Reason.BUSY
    return Trouble(reason, level, final or stream.state is StreamState.BLOCKED)


def _unsaid(stream: Stream) -> Reason:
    """Why it shows no picture where no error tells."""
    if stream.state is StreamState.CONNECTING:
        return Reason.TIMEOUT
    if stream.tracks and not stream.has_video:
        return Reason.UNSUPPORTED
    return Reason.NO_KEY_FRAME if stream.state is StreamState.LIVE else Reason.NO_MEDIA
