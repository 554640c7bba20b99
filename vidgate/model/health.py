"""Probe results and the states made from them (design.md 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from vidgate.model.media import Codec


class State(IntEnum):
    """The state of a channel; the numbers are the metric's codes."""

    UNKNOWN = 0
    UP = 1
    DEGRADED = 2
    BUSY = 3
    DOWN = 4
    UNAUTHORIZED = 5
    MAINTENANCE = 6
    DISABLED = 7
    REACHABLE = 8

    @property
    def label(self) -> str:
        """The word used in JSON, labels and the console's catalogue."""
        return self.name.lower()


STATE_WORDS = {
    "unknown": "未知",
    "up": "在线",
    "degraded": "画面异常",
    "busy": "忙",
    "down": "离线",
    "unauthorized": "未授权",
    "maintenance": "检修",
    "disabled": "停用",
    "reachable": "可达",
}


class Level(IntEnum):
    """How deep a probe went; 0 is "not tested"."""

    NONE = 0
    REACH = 1
    DESCRIBE = 2
    MEDIA = 3
    PICTURE = 4

    @property
    def label(self) -> str:
        """The word used in JSON and on the command line."""
        return self.name.lower()


class Outcome(StrEnum):
    """What a look at one level came to; a level without a result was not looked at."""

    PASSED = "passed"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a probe or a stream ended as it did: a closed set, used as a label."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROTOCOL_ERROR = "protocol_error"
    UNAUTHORIZED = "unauthorized"
    NO_CREDENTIAL = "no_credential"
    BUSY = "busy"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    NO_MEDIA = "no_media"
    NO_KEY_FRAME = "no_key_frame"
    FROZEN = "frozen"
    UNSUPPORTED = "unsupported"
    DENIED_ADDRESS = "denied_address"
    NO_ADDRESS = "no_address"
    NOT_TESTED = "not_tested"
    EXCUSED = "excused"  # it failed, and a person said that it counts for nothing
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One look at one channel.

    `level` is the deepest level reached, `asked` the one asked for. `t0` wall-clock seconds of the
    request; the others seconds after it: connection (`connected`), response (t1), first packet
    (t2), first key frame (t3); None where not reached. `fps` and `bitrate` (bits per second) as the
    stream announces them, `jitter` in seconds. `clock_offset`: by how many seconds the camera's
    clock is ahead of ours, by its sender report (`clock_by` sr: less the way it took), its Date
    header (date: to half a second) or the time in a picture's packets (extension, ONVIF's 0xABAC:
    less the age of the picture).

    Counted from PLAY to the end, None where that was too short to tell (`rtp.tally` says how long
    is long enough): `measured_fps`, `measured_bitrate` (bits per second, RTP included),
    `group_frames` and `group_seconds` from a key frame to the next. `expected`: RTP packets that
    should have come, `lost` of them never did; of every look to which any came.
    """

    channel: str
    asked: Level
    level: Level
    reason: Reason
    t0: float
    connected: float | None = None
    t1: float | None = None
    t2: float | None = None
    t3: float | None = None
    codec: Codec | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    bitrate: float | None = None
    jitter: float | None = None
    clock_offset: float | None = None
    clock_by: str = ""
    measured_fps: float | None = None
    measured_bitrate: float | None = None
    group_frames: int | None = None
    group_seconds: float | None = None
    expected: int | None = None
    lost: int | None = None
    stayed: float = 0.0  # seconds after the key frame, for the next one
    detail: str = ""

    @property
    def was_made(self) -> bool:
        """Whether anybody looked; the others say what is held of a channel that nobody asked."""
        return self.reason is not Reason.NOT_TESTED and self.asked is not Level.NONE

    @property
    def is_good(self) -> bool:
        """Whether it reached what it was asked for."""
        return self.reason is Reason.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelResult:
    """The last result at one level, told at wall instant `at`.

    `since`: when its outcome became what it is. `took`: seconds from the request until the level
    was reached; None: it was not, or a live stream told of it.
    """

    outcome: Outcome
    reason: Reason
    at: float
    since: float
    took: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The newest measurement of each kind, the last of them at wall instant `at`.

    `clock_offset`, `clock_by` as in a result, told at `clock_at`; `key_interval` seconds between
    key frames, `fps` pictures and `bitrate` bits a second, `jitter` seconds, `first_frame` seconds
    from the request to the first key frame, `key_wait` the longest of late from the first packet
    to it: key frames are at least so far apart. `width` and `height` pixels. `fps_by` is counted
    (at `fps_at`) or announced (what the stream says of itself), `bitrate_by` and `bitrate_at` the
    same of the bit rate; what is announced is also kept for itself. `key_interval` with its
    `group_frames` was measured at `key_at`, of pictures of this codec and size. `loss`: the share
    of RTP packets that never came, at `loss_at`.
    """

    at: float
    clock_offset: float | None = None
    clock_by: str = ""
    clock_at: float | None = None
    key_interval: float | None = None
    codec: Codec | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    fps_by: str = ""
    fps_at: float | None = None
    bitrate: float | None = None
    jitter: float | None = None
    first_frame: float | None = None
    key_wait: float | None = None
    bitrate_by: str = ""
    bitrate_at: float | None = None
    announced_fps: float | None = None
    announced_bitrate: float | None = None
    key_at: float | None = None
    group_frames: int | None = None
    loss: float | None = None
    loss_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """How many looks in a row, up to now, got no answer, no picture, no good picture.

    A decided state has none: they are what is doubted of it.
    """

    answer: int = 0
    media: int = 0
    picture: int = 0

    @property
    def most(self) -> int:
        """Of the question that went wrong most often; 0: nothing is in doubt."""
        return max(self.answer, self.media, self.picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is known of one channel now. Instants are wall-clock seconds; None is "not yet"."""

    channel: str
    state: State = State.UNKNOWN
    reason: Reason = Reason.NOT_TESTED
    since: float = 0.0
    level: Level = Level.NONE
    failed: Level = Level.NONE  # the level of the last failure that nothing has refuted yet
    probed: float | None = None
    media_seen: float | None = None  # last evidence of a key frame
    last_frame: float | None = None
    good: int = 0  # consecutive good results
    misses: Misses = Misses()
    last: ProbeResult | None = None
    measured: Measured | None = None
    levels: Mapping[Level, LevelResult] = field(default_factory=dict)
    falls: tuple[float, ...] = ()  # wall instants of its last falls, the newest last
