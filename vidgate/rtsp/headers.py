"""RTSP headers with a structure: Transport, Session, Public, and the addresses of streams."""

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from vidgate.errors import InputError
from vidgate.wire.uri import Uri

DEFAULT_TIMEOUT = 60.0  # seconds; RFC 2326 12.37
MAX_LENGTH = 1024  # characters of a header with a structure that are looked at
METHODS = frozenset(
    ("ANNOUNCE", "DESCRIBE", "GET_PARAMETER", "OPTIONS", "PAUSE", "PLAY", "RECORD", "REDIRECT")
    + ("SETUP", "SET_PARAMETER", "TEARDOWN")
)  # RFC 2326 10

_PAIR = re.compile(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?", re.ASCII)
_UNSENDABLE = re.compile(r"[\r\n\0]")
_HEX = re.compile(r"[0-9A-Fa-f]{1,8}")
_ABSOLUTE = re.compile(r"(?:rtsps?u?://)+[^/?]*", re.IGNORECASE)


def date_of(text: str | None) -> float | None:
    """The wall-clock seconds of a Date header (RFC 2326 12.18); None for none and for nonsense."""
    try:
        return parsedate_to_datetime((text or "")[:MAX_LENGTH]).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _pair(text: str, top: int) -> tuple[int, int] | None:
    found = _PAIR.match(text.strip())
    if found is None:
        return None
    first = int(found[1])
    second = int(found[2]) if found[2] else first + 1
    return (first, second) if first <= top and second <= top else None


@dataclass(frozen=True, slots=True)
class TransportHeader:
    """One transport of a Transport header (RFC 2326 12.39)."""

    is_tcp: bool
    interleaved: tuple[int, int] | None = None
    client_port: tuple[int, int] | None = None
    server_port: tuple[int, int] | None = None
    source: str = ""
    ssrc: int | None = None
    is_multicast: bool = False
    mode: str = ""

    @classmethod
    def parse(cls, text: str) -> "TransportHeader":
        """Read the first transport offered; what cannot be read is taken as absent.

        `RTP/AVP` with interleaved channels is TCP: many cameras forget the `/TCP`.
        """
        first, *rest = text[:MAX_LENGTH].split(",", 1)[0].split(";")
        values: dict[str, str] = {}
        for part in rest:
            name, _, value = part.strip().partition("=")
            values.setdefault(name.strip().lower(), value.strip().strip('"'))
        interleaved = _pair(values.get("interleaved", ""), 255)
        ssrc = values.get("ssrc", "").strip()
        return cls(
            is_tcp=first.strip().upper().endswith("/TCP") or "interleaved" in values,
            interleaved=interleaved,
            client_port=_pair(values.get("client_port", ""), 65535),
            server_port=_pair(values.get("server_port", ""), 65535),
            source=values.get("source", ""),
            ssrc=int(ssrc, 16) if _HEX.fullmatch(ssrc) else None,
            is_multicast="multicast" in values,
            mode=values.get("mode", "").strip('"').lower(),
        )

    def __str__(self) -> str:
        parts = ["RTP/AVP/TCP" if self.is_tcp else "RTP/AVP"]
        parts.append("multicast" if self.is_multicast else "unicast")
        for name in ("interleaved", "client_port", "server_port"):
            pair: tuple[int, int] | None = getattr(self, name)
            if pair is not None:
                parts.append(f"{name}={pair[0]}-{pair[1]}")
        if self.source:
            parts.append(f"source={self.source}")
        if self.ssrc is not None:
            parts.append(f"ssrc={self.ssrc:08X}")
        if self.mode:
            parts.append(f"mode={self.mode}")
        return ";".join(parts)


def parse_session(text: str) -> tuple[str, float]:
    """A Session header: id and timeout in seconds (60 where none or nonsense is given).

    The id ends before what could not be said back in a header.
    """
    identity, *rest = text[:MAX_LENGTH].split(";")
    identity = _UNSENDABLE.split(identity, maxsplit=1)[0]
    timeout = DEFAULT_TIMEOUT
    for part in rest:
        name, _, value = part.strip().partition("=")
        digits = value.strip()
        if name.strip().lower() == "timeout" and digits.isdecimal() and int(digits[:6]) > 0:
            timeout = float(digits[:6])
    return identity.strip(), timeout


def parse_public(values: list[str]) -> frozenset[str]:
    """The methods of all Public headers that RTSP has, in capitals."""
    names = ",".join(values)[:MAX_LENGTH].upper().split(",")
    return METHODS.intersection(name.strip() for name in names)


def base_uri(registered: Uri, content_base: str) -> Uri:
    """Where relative control addresses begin: only the path is believed.

    The host is always the registered one: cameras name their inner address, or none, or two
    (`rtsp://rtsp://`), and a hostile one would send us elsewhere.
    """
    text = content_base.strip()
    absolute = _ABSOLUTE.match(text)
    if absolute:
        return registered.with_path(_clean(text[absolute.end() :]) or registered.path)
    if text.startswith("/"):
        return registered.with_path(_clean(text))
    # No scheme: "192.168.1.64/Streaming/" names a host first, anything else is no base at all.
    host, slash, path = text.partition("/")
    if slash and (host.partition(":")[0] == registered.host or re.fullmatch(r"[\d.:]+", host)):
        return registered.with_path(_clean(slash + path))
    return registered


def redirected(current: Uri, status: int, location: str) -> Uri | None:
    """Where a 3xx leads, if that is another path of the very address we are connected to.

    Anything else is None: another host is another camera (whoever answers could send us anywhere),
    another scheme would strip the encryption off, and a proxy (305) is nobody's to choose.
    """
    if status not in (301, 302, 303, 307, 308):
        return None
    try:
        target = Uri.parse(location).without_credentials()
    except InputError:
        return None
    same = (target.scheme, target.host, target.effective_port) == (
        current.scheme,
        current.host,
        current.effective_port,
    )
    return current.with_path(_clean(target.path)) if same else None


def resolve_control(base: Uri, control: str | None) -> Uri:
    """The address that an `a=control` names.

    A relative one is appended, even after a query and even with a leading slash: so do FFmpeg and
    GStreamer, and so cameras are tested.
    """
    text = (control or "").strip()
    if text in ("", "*"):
        return base
    absolute = _ABSOLUTE.match(text)
    if absolute:
        return base.with_path(_clean(text[absolute.end() :]) or base.path)
    if text.startswith("?"):
        return base.with_path(base.path + _clean(text))
    return base.with_path(f"{base.path.rstrip('/')}/{_clean(text).lstrip('/')}")


def _clean(path: str) -> str:
    """A path from a peer: no white space or control character may enter a request line."""
    return "".join(c for c in path[:2048] if c.isprintable() and c != " ")
