"""How one camera behaves: what it is by itself, and what its faults make of it."""

from dataclasses import dataclass
from enum import Enum, StrEnum


class Link(Enum):
    """What becomes of a request."""

    ANSWERS = "answers"
    RESETS = "resets"  # the connection breaks
    CLOSES = "closes"  # the connection is closed in good order, without an answer
    SILENT = "silent"  # read, never answered
    HALF_OPEN = "half open"  # not even read; running pictures stop, no FIN, no RST
    BABBLES = "babbles"  # answered by bytes that are no RTSP


class Auth(StrEnum):
    """Which login a camera asks for."""

    NONE = "none"
    BASIC = "basic"
    MD5 = "md5"
    SHA256 = "sha256"
    BOTH = "both"  # offers SHA-256 and MD5, takes only MD5


class Nonce(Enum):
    """How long a nonce is good."""

    LASTING = "lasting"
    ONCE = "once"  # for one request; the next one gets 401 with stale=true
    NEVER = "never"  # every answer is called stale


class Description(Enum):
    """What a DESCRIBE is answered with."""

    RIGHT = "right"
    NONSENSE = "nonsense"  # no line of SDP
    EMPTY = "empty"  # SDP without media
    FOREIGN = "foreign"  # Motion JPEG alone
    SOUND_ONLY = "sound only"
    OTHER_TYPE = "other type"  # names a payload type that never comes
    ENDLESS_HEAD = "endless head"
    TEN_GB = "ten gigabytes"  # Content-Length says so, and the bytes begin to come
    MILLION_LINES = "million lines"
    SHORT = "short"  # Content-Length says more than comes


class Redirect(Enum):
    """Where a DESCRIBE is sent on to."""

    NONE = "none"
    NEAR = "near"  # another path of the same camera, which answers
    LOOP = "loop"  # that path redirects again
    AWAY = "away"  # another host


class Media(Enum):
    """What comes after PLAY."""

    FLOWS = "flows"
    STALLED = "stalled"  # nothing
    FROZEN = "frozen"  # the picture stands still
    HEADLESS = "headless"  # never a key frame


class Look(StrEnum):
    """What the pictures show below the strip."""

    STREET = "street"
    BLACK = "black"
    COVERED = "covered"  # something before the lens: dull, hardly any contrast


class Replay(Enum):
    """What becomes of a request for a recording."""

    KEPT = "kept"
    UNKNOWN = "unknown"  # 551: it knows no such option
    EMPTY = "empty"  # 457: nothing was recorded
    IGNORED = "ignored"  # it plays what is live


class Sound(StrEnum):
    """The sound track; its tone says the channel in each of them."""

    NONE = "none"
    PCMA = "pcma"
    PCMU = "pcmu"
    AAC = "aac"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """All that a fault may change. Times in seconds, shares from 0 to 1."""

    link: Link = Link.ANSWERS
    statuses: tuple[tuple[str, int], ...] = ()  # method or "*", and what it is answered with
    auth: Auth = Auth.MD5
    refuses_password: bool = False
    nonce: Nonce = Nonce.LASTING
    description: Description = Description.RIGHT
    redirect: Redirect = Redirect.NONE
    rate: float = 0.0  # bytes a second of its answers; 0: at once
    media: Media = Media.FLOWS
    has_garbage: bool = False  # bytes between interleaved frames
    has_strays: bool = False  # packets of other types, broken ones, RTCP that is none
    refused: str = ""  # the transport that SETUP answers with 461: tcp or udp
    loss: float = 0.0  # of UDP, as are the two below
    reorder: float = 0.0
    jitter: float = 0.0
    skew: float = 0.0  # of its clock: Date and sender reports
    look: Look = Look.STREET
    interval: float = 2.0  # between key frames
    begins_with_key: bool = False  # at PLAY
    takes_pli: bool = False
    delay: float = 0.0  # of each answer
    sound: Sound = Sound.PCMA
    replay: Replay = Replay.KEPT
    sessions: int = 0  # that it allows; 0: the fleet's own limit
    period: float = 0.0  # of flapping: so long there, so long away
    cuts: bool = False  # running sessions end with the fault

    def status_of(self, method: str) -> int:
        """The status that a method is refused with; 0: none."""
        table = dict(self.statuses)
        return table.get(method) or table.get("*", 0)
