"""What flows through the hub: tracks and encoded frames."""

from dataclasses import dataclass, field
from enum import StrEnum


class Codec(StrEnum):
    """Encodings by the name that SDP gives them, in lower case."""

    H264 = "h264"
    H265 = "h265"
    PCMA = "pcma"
    PCMU = "pcmu"
    AAC = "aac"
    OPUS = "opus"

    @property
    def is_video(self) -> bool:
        """Whether frames of this codec are pictures."""
        return self in (Codec.H264, Codec.H265)


class Variant(StrEnum):
    """Which of a channel's two streams."""

    MAIN = "main"
    SUB = "sub"


class StreamState(StrEnum):
    """The life of one stream in the hub."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    RETRYING = "retrying"
    BLOCKED = "blocked"  # a fatal refusal (401): waits for a changed channel or credential


@dataclass(frozen=True, slots=True)
class StreamKey:
    """Names one stream of the hub: a channel id, `soldier/ID`, `wall/ID` ... and a variant."""

    name: str
    variant: Variant = Variant.MAIN


@dataclass(frozen=True, slots=True)
class Track:
    """One elementary stream.

    `id` is its index among the stream's tracks; `clock_rate` in Hz; `parameter_sets` are NAL units
    without start codes (H.264: SPS, PPS), of AAC the AudioSpecificConfig alone; `profile` is
    H.264's profile-level-id as six hex digits.
    """

    id: int
    codec: Codec
    clock_rate: int
    channels: int = 1
    parameter_sets: tuple[bytes, ...] = ()
    profile: str = ""
    is_video: bool = field(init=False, repr=False, compare=False)  # whether frames are pictures

    def __post_init__(self) -> None:
        # Asked several times for each frame of each stream: an attribute, not a property.
        object.__setattr__(self, "is_video", self.codec.is_video)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """How a source's pictures arrive: packets lost, of those expected, since it was connected,
    jitter in seconds, and by how many seconds its clock is ahead of ours (None: it does not say),
    by its sender reports (`clock_by` sr) or the times in its packets (extension).
    """

    lost: int = 0
    expected: int = 0
    jitter: float = 0.0
    clock_offset: float | None = None
    clock_by: str = ""


@dataclass(slots=True)
class Frame:
    """One access unit (video) or one packet of sound.

    `timestamp` counts `Track.clock_rate` ticks, unwrapped and continuous within one stream, also
    across reconnects. `units` are NAL units without start codes (a key frame carries its parameter
    sets in band), or the one payload of a sound packet. `received` is monotonic seconds.
    `packets` is a cache slot for whoever packetises the frame first; see `webrtc.fanout`.
    `size` is the bytes of all units. `resumable`, told by the stream, is whether a reader that lost
    everything before can go on from here: sound is only where the stream has no pictures.
    `recorded` is when a device says that it recorded it, wall-clock seconds.
    """

    track: int
    timestamp: int
    key: bool
    units: tuple[bytes, ...]
    received: float
    packets: list[bytes] | None = field(default=None, repr=False, compare=False)
    resumable: bool = field(default=False, repr=False, compare=False)
    size: int = field(init=False, repr=False, compare=False)
    recorded: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        # Asked by each reader's mailbox, the group of pictures and the counters: added up once.
        self.size = sum(map(len, self.units))
