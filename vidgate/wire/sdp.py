"""Session descriptions (RFC 8866): a model that keeps every line and takes what cameras send.

Written for RTSP, SIP, GB/T 28181 and WHEP alike: unknown lines (`y=`, `f=`) stay where they were.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vidgate.errors import ProtocolError

MAX_LENGTH = 64 << 10  # characters; as much as a message of RTSP may bring
MAX_LINES = 1024  # a browser's offer has 250 with picture and sound, a camera's description 40
MAX_MEDIA = 16
# More than these are not read.
MAX_FORMATS = 128  # of one media; there are as many payload types (RFC 3550 5.1)
MAX_PARAMETERS = 64  # of one format; H.265 has 25 (RFC 7798 7.1)

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

Line = tuple[str, str]  # ("a", "rtpmap:96 H264/90000")

_LINE = re.compile(r"([a-zA-Z])\s?=(.*)", re.DOTALL)
_PORT = re.compile(r"(\d{1,5})(?:/(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RtpMap:
    """What a payload type means; `name` in capitals, `clock_rate` in Hz."""

    name: str
    clock_rate: int
    channels: int = 1


# RFC 3551 6, and 35 as Bosch sends it for H.264.
STATIC_TYPES: dict[int, RtpMap] = {
    0: RtpMap("PCMU", 8000),
    3: RtpMap("GSM", 8000),
    8: RtpMap("PCMA", 8000),
    9: RtpMap("G722", 8000),
    10: RtpMap("L16", 44100, 2),
    11: RtpMap("L16", 44100),
    14: RtpMap("MPA", 90000),
    26: RtpMap("JPEG", 90000),
    31: RtpMap("H261", 90000),
    32: RtpMap("MPV", 90000),
    33: RtpMap("MP2T", 90000),
    34: RtpMap("H263", 90000),
    35: RtpMap("H264", 90000),
}


@dataclass(slots=True)
class Section:
    """Lines with attributes among them: what a session and a media description share.

    An attribute is taken apart once, by `append`: nothing else may lengthen `lines`.
    """

    lines: list[Line] = field(default_factory=list)
    _values: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        given, self.lines, self._values = self.lines, [], {}
        for key, value in given:
            self.append(key, value)

    def append(self, key: str, value: str) -> None:
        """Append a line."""
        self.lines.append((key, value))
        if key == "a":
            name, _, rest = value.partition(":")
            self._values.setdefault(name.strip().lower(), []).append(rest.strip())

    def all(self, name: str) -> list[str]:
        """The values of every attribute of that name (names ignore case)."""
        return list(self._values.get(name.lower(), ()))

    def get(self, name: str) -> str | None:
        """The value of the first attribute of that name; empty for a flag, None if absent."""
        return next(iter(self._values.get(name.lower(), ())), None)

    def has(self, name: str) -> bool:
        """Whether there is an attribute of that name."""
        return name.lower() in self._values

    def add(self, name: str, value: str = "") -> None:
        """Append an attribute."""
        self.append("a", f"{name}:{value}" if value else name)

    def line(self, key: str) -> str | None:
        """The value of the first line of that letter, e.g. `c` or `b`."""
        return next((value for letter, value in self.lines if letter == key), None)

    @property
    def direction(self) -> str | None:
        """sendrecv, sendonly, recvonly, inactive, or None where nothing is said."""
        said = (name for name in self._values if name in DIRECTIONS and "" in self._values[name])
        return next(said, None)

    @property
    def bandwidth(self) -> int | None:
        """Bits per second from b=TIAS or b=AS."""
        for key, unit in (("TIAS", 1), ("AS", 1000)):
            for letter, value in self.lines:
                kind, _, amount = value.partition(":")
                if letter == "b" and kind.strip().upper() == key and amount.strip().isdecimal():
                    return int(amount.strip()[:12]) * unit
        return None


@dataclass(slots=True)
class Media(Section):
    """One m= line and what follows it. `lines` does not hold the m= line itself."""

    kind: str = "video"
    port: int = 0
    protocol: str = "RTP/AVP"
    formats: list[str] = field(default_factory=list)
    ports: int = 1

    @property
    def payload_types(self) -> list[int]:
        """The formats that are RTP payload types, each once."""
        numbers = [int(text) for text in self.formats if text.isdecimal() and len(text) <= 3]
        return [number for number in dict.fromkeys(numbers) if number < 128]

    @property
    def rtpmaps(self) -> dict[int, RtpMap]:
        """What every payload type means that has an rtpmap or stands in the static table."""
        given: dict[int, RtpMap] = {}
        for number, rest in self._by_type("rtpmap"):
            mapped = _rtpmap(rest)
            if mapped is not None:
                given.setdefault(number, mapped)
        return {**STATIC_TYPES, **given}

    @property
    def mapped(self) -> list[tuple[int, RtpMap]]:
        """The payload types whose meaning is known, in the order of preference."""
        meanings = self.rtpmaps
        return [(number, meanings[number]) for number in self.payload_types if number in meanings]

    def rtpmap(self, payload_type: int) -> RtpMap | None:
        """What one payload type means; None if nobody says."""
        return self.rtpmaps.get(payload_type)

    @property
    def fmtps(self) -> dict[int, str]:
        """The format parameters of every payload type that has some; see `parse_parameters`."""
        found: dict[int, str] = {}
        for number, rest in self._by_type("fmtp"):
            found.setdefault(number, rest)
        return found

    def fmtp(self, payload_type: int) -> dict[str, str]:
        """Format parameters with names in lower case; empty where there are none."""
        return parse_parameters(self.fmtps.get(payload_type, ""))

    def _by_type(self, name: str) -> Iterator[tuple[int, str]]:
        """The attributes of that name that begin with a payload type."""
        for value in self._values.get(name, ()):
            number, _, rest = value.partition(" ")
            if number.isdecimal() and len(number) <= 3:
                yield int(number), rest

    def __str__(self) -> str:
        return "".join(f"{line}\r\n" for line in self._print())

    def _print(self) -> Iterator[str]:
        port = f"{self.port}/{self.ports}" if self.ports > 1 else str(self.port)
        yield " ".join(["m=" + self.kind, port, self.protocol, *self.formats])
        for key, value in self.lines:
            yield f"{key}={value}"


@dataclass(slots=True)
class Session(Section):
    """A whole description; `lines` are those before the first m=."""

    media: list[Media] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str | bytes) -> "Session":
        """Read a description: lines that are none are skipped, a broken header does no harm.

        Raises ProtocolError only beyond the limits. An m= line that cannot be read still opens a
        section, so that its attributes do not fall to its neighbour.
        """
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if len(text) > MAX_LENGTH:
            raise ProtocolError(
                f"SDP 超过 {MAX_LENGTH} 字符 / "
                f"a session description is longer than {MAX_LENGTH} characters"
            )
        session = cls()
        section: Section = session
        lines = [line for line in text.replace("\r", "\n").split("\n") if line]
        if len(lines) > MAX_LINES:
            raise ProtocolError(
                f"SDP 多于 {MAX_LINES} 行 / a session description has more than {MAX_LINES} lines"
            )
        for raw in lines:
            line = _LINE.fullmatch(raw.strip())
            if line is None:
                continue
            if line[1] == "m":
                section = _media(line[2])
                session.media.append(section)
            else:
                section.append(line[1], line[2])
        if len(session.media) > MAX_MEDIA:
            raise ProtocolError(
                f"SDP 的 m= 行多于 {MAX_MEDIA} 个 / "
                f"a session description has more than {MAX_MEDIA} m= lines"
            )
        return session

    def __str__(self) -> str:
        head = "".join(f"{key}={value}\r\n" for key, value in self.lines)
        return head + "".join(map(str, self.media))


def parse_parameters(text: str) -> dict[str, str]:
    """`a=1;b;c=x=` as {"a": "1", "b": "", "c": "x="}; names in lower case, first one counts."""
    parameters: dict[str, str] = {}
    for part in text.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, _, value = part.strip().partition("=")
        if name:
            parameters.setdefault(name.strip().lower(), value.strip())
    return parameters


def _rtpmap(text: str) -> RtpMap | None:
    name, _, rest = text.strip().partition("/")
    rate, _, channels = rest.partition("/")
    rate, channels = rate.strip(), channels.strip()
    if not name or not rate.isdecimal() or len(rate) > 9 or int(rate) == 0:
        return None
    count = int(channels) if channels.isdecimal() and len(channels) < 3 else 1
    return RtpMap(name.strip().upper(), int(rate), max(count, 1))


def _media(text: str) -> Media:
    words = text.split(maxsplit=3 + MAX_FORMATS)[: 3 + MAX_FORMATS]
    kind, port, protocol, *formats = words + [""] * (3 - len(words))
    number = _PORT.fullmatch(port)
    first, count = (int(number[1]), int(number[2] or 1)) if number else (0, 1)
    if first > 65535:
        first = 0
    return Media(
        kind=kind or "unknown",
        port=first,
        protocol=protocol or "RTP/AVP",
        formats=formats,
        ports=max(count, 1),
    )
