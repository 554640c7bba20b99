"""WHEP's offer and answer (draft-ietf-wish-whep, RFC 8829, 8843): what a browser can take.

Pure: text in, text out. A browser offers every codec that it decodes; we answer with the one that
the camera sends, for nothing is transcoded here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vidgate.errors import InputError, NotAcceptableError, ProtocolError
from vidgate.model.media import Codec, Track
from vidgate.rtp.h265 import Profile, profile_of
from vidgate.webrtc import h265
from vidgate.webrtc.fingerprint import Fingerprint
from vidgate.wire.sdp import Media, Session

MAX_OFFER = 64 << 10
MAX_SECTIONS = 16
MAX_CANDIDATES = 32  # of one m= line; we need none, for the browser calls us
MAX_PROTOCOL = 32  # characters of an m= line's, in messages
MAX_LISTED = 300  # characters of what was offered, in messages
NAMES = {
    Codec.H264: "H264",
    Codec.H265: "H265",
    Codec.PCMA: "PCMA",
    Codec.PCMU: "PCMU",
    Codec.OPUS: "OPUS",
}
RECEIVING = ("recvonly", "sendrecv")
Candidate = tuple[int, dict[str, str]]
"""A payload type with its format parameters."""

FEEDBACK = ("nack", "nack pli", "ccm fir")
NO_CODECS = ("RTX", "RED", "ULPFEC", "FLEXFEC-03", "CN", "TELEPHONE-EVENT")
_EMPTY = "流中没有画面也没有声音 / the stream has neither picture nor sound"
CANDIDATE_PRIORITY = 2130706431  # host, component 1 (RFC 8445 5.1.2)


@dataclass(frozen=True, slots=True)
class Pick:
    """One m-line that is answered: with this payload type, for this track."""

    mid: str
    payload_type: int
    track: Track


@dataclass(frozen=True, slots=True)
class Offer:
    """A parsed offer; `ufrag` and `password` are the browser's, for its own checks of ours."""

    session: Session
    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What we send on an m-line: its SSRC and the name that ties sound to picture."""

    pick: Pick
    ssrc: int
    cname: str


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of the transport."""

    ufrag: str
    password: str = field(repr=False)
    fingerprint: Fingerprint
    hosts: tuple[str, ...]
    port: int


def parse_offer(text: str) -> Offer:
    """Read a browser's offer. Raises InputError, which says what is missing."""
    if len(text) > MAX_OFFER:
        raise InputError(
            f"offer 超过 {MAX_OFFER} 字符 / the offer is longer than {MAX_OFFER} characters"
        )
    try:
        session = Session.parse(text)
    except ProtocolError as error:
        raise InputError(f"offer 读不懂 / the offer cannot be read: {error.message}") from None
    if not 1 <= len(session.media) <= MAX_SECTIONS:
        raise InputError(
            f"offer 应有 1 到 {MAX_SECTIONS} 个 m= 行 / "
            f"the offer must have 1 to {MAX_SECTIONS} m= lines"
        )
    for section in (session, *session.media):
        if len(section.all("candidate")) > MAX_CANDIDATES:
            raise InputError(
                f"一个 m= 行最多 {MAX_CANDIDATES} 个候选地址 / "
                f"an m= line may have {MAX_CANDIDATES} candidates at most"
            )
    fingerprints = tuple(
        found
        for section in (session, *session.media)
        for value in section.all("fingerprint")
        if (found := _fingerprint(value)).is_supported
    )
    if not fingerprints:
        raise InputError(
            "offer 没有可核对的证书指纹 / "
            "the offer has no certificate fingerprint that we can check"
        )
    setup = _anywhere(session, "setup")
    if setup not in ("actpass", "active"):
        raise InputError("offer 应让我方被动 / the offer must let us be passive: a=setup:actpass")
    return Offer(
        session,
        _anywhere(session, "ice-ufrag"),
        _anywhere(session, "ice-pwd"),
        tuple(dict.fromkeys(fingerprints)),
    )


def choose(offer: Offer, tracks: Sequence[Track]) -> list[Pick]:
    """The m-lines that these tracks answer, pictures first.

    Raises NotAcceptableError when the browser cannot take the pictures (or, of a stream without
    pictures, the sound). Sound alone that it cannot take is left out.
    """
    picks: list[Pick] = []
    taken: set[int] = set()
    for track in sorted(tracks, key=lambda track: not track.is_video):
        if any(pick.track.is_video == track.is_video for pick in picks):
            continue  # one picture, one sound
        found = _find(offer, track, taken)
        if found is not None:
            position, pick = found
            taken.add(position)
            picks.append(pick)
        elif track.is_video:
            raise _unable(offer, track)
    if not picks:
        raise _unable(offer, tracks[0]) if tracks else NotAcceptableError(_EMPTY)
    return picks


def answer(offer: Offer, outgoing: Sequence[Outgoing], local: Local) -> str:
    """The answer: ICE-lite, passive DTLS, everything bundled on our one port."""
    by_mid = {out.pick.mid: out for out in outgoing}
    session = Session(
        lines=[
            ("v", "0"),
            ("o", "- 1 1 IN IP4 127.0.0.1"),
            ("s", "-"),
            ("t", "0 0"),
            ("a", "ice-lite"),
            ("a", "group:BUNDLE " + " ".join(out.pick.mid for out in outgoing)),
            ("a", "msid-semantic: WMS *"),
        ]
    )
    for position, offered in enumerate(offer.session.media):
        found = by_mid.pop(_mid(offered, position), None)
        session.media.append(
            _rejected(offered) if found is None else _accepted(offered, found, local)
        )
    return str(session)


def codecs(offer: Offer) -> list[str]:
    """Names of the codecs offered, for messages."""
    names = (
        meanings[number].name
        for media in offer.session.media
        for meanings in (media.rtpmaps,)
        for number in media.payload_types
        if number in meanings
    )
    return [name for name in dict.fromkeys(names) if name not in NO_CODECS]


def _unable(offer: Offer, track: Track) -> NotAcceptableError:
    """What is wrong with the first m-line for it; its codecs, where anything can be sent at all."""
    kind = _kind(track)
    refusal = NotAcceptableError(
        f"offer 里没有 m={kind} / the offer has no m={kind}", hint=_receiving(kind)
    )
    for position, media in reversed(list(enumerate(offer.session.media))):
        if media.kind == kind:
            obstacle = _obstacle(offer, position)
            if obstacle is None:
                return _undecoded(offer, track)
            refusal = obstacle
    return refusal


def _obstacle(offer: Offer, position: int) -> NotAcceptableError | None:
    """Why nothing can be sent on an m-line whatever its codecs; None where something can."""
    media = offer.session.media[position]
    where = f"m={media.kind} ({position + 1})"
    if "SAVPF" not in media.protocol:
        protocol = media.protocol
        if len(protocol) > MAX_PROTOCOL:
            protocol = protocol[:MAX_PROTOCOL] + "…"
        return NotAcceptableError(
            f"offer 的 {where} 是 {protocol}, 没有 DTLS 加密 / "
            f"{where} of the offer is {protocol}, without DTLS",
            hint="应为 UDP/TLS/RTP/SAVPF, 如浏览器的 createOffer() 所给 / "
            "must be UDP/TLS/RTP/SAVPF, as a browser's createOffer() has it",
        )
    direction = _direction(offer, media)
    if direction not in RECEIVING:
        return NotAcceptableError(
            f"offer 的 {where} 是 a={direction}, 不接收 / "
            f"{where} of the offer is a={direction}: it receives nothing",
            hint=_receiving(media.kind),
        )
    return None


def _receiving(kind: str) -> str:
    call = f"addTransceiver('{kind}', {{direction: 'recvonly'}})"
    return f"createOffer() 之前调用 {call} / call {call} before createOffer()"


def _undecoded(offer: Offer, track: Track) -> NotAcceptableError:
    name = NAMES.get(track.codec, track.codec.value.upper())
    offered = _offered(offer)
    if track.codec is not Codec.H265:
        return NotAcceptableError(
            f"码流是 {name}, 浏览器只接受 {offered or '无'} / "
            f"the stream is {name}; the browser offers {offered or 'nothing'}",
            hint=f"请用能解码 {name} 的浏览器 / use a browser that decodes {name}",
        )
    demands = h265.describe(profile_of(track.parameter_sets))
    return NotAcceptableError(
        f"码流是 H265 ({demands}), 浏览器只接受 {offered or '无'} / "
        f"the stream is H265 ({demands}); the browser offers {offered or 'nothing'}",
        hint="请看 H.264 子码流, 或用能解码它的浏览器 / "
        "watch the H.264 sub-stream (?stream=sub), or use a browser that decodes it",
    )


def _offered(offer: Offer) -> str:
    """The codecs offered, and with which parameters H.265, for messages; empty where none is."""
    names = [name for name in codecs(offer) if name != "H265"]
    for media in offer.session.media:
        meanings, parameters = media.rtpmaps, media.fmtps
        for number in media.payload_types:
            if number in meanings and meanings[number].name == "H265":
                told = " ".join(
                    f"{key}={value}" for key, value in parameters.get(number, {}).items()
                )
                names.append(f"H265 ({told})")
    return ", ".join(names)[:MAX_LISTED]


def _find(offer: Offer, track: Track, taken: set[int]) -> tuple[int, Pick] | None:
    kind, name = _kind(track), NAMES.get(track.codec)
    for position, media in enumerate(offer.session.media):
        if media.kind != kind or position in taken or name is None or _obstacle(offer, position):
            continue
        meanings = media.rtpmaps
        numbers = [
            number
            for number in media.payload_types
            if (mapped := meanings.get(number)) is not None
            and mapped.name == name
            and (track.is_video or mapped.clock_rate in (track.clock_rate, 48000))
        ]
        number = _best(media, numbers, track)
        if number is not None:
            return position, Pick(_mid(media, position), number, track)
    return None


def _kind(track: Track) -> str:
    return "video" if track.is_video else "audio"


def _direction(offer: Offer, media: Media) -> str:
    """Its own, else the session's, else the one that is meant by none (RFC 8866 6.7)."""
    return media.direction or offer.session.direction or "sendrecv"


def _best(media: Media, numbers: Sequence[int], track: Track) -> int | None:
    """The payload type whose parameters are nearest to what the camera sends."""
    parameters = media.fmtps
    candidates = [(number, parameters.get(number, {})) for number in numbers]
    if track.codec is Codec.H264:
        candidates = _best_h264(candidates, track.profile[:2].lower())
    elif track.codec is Codec.H265:
        candidates = _best_h265(candidates, profile_of(track.parameter_sets))
    return next((number for number, _ in candidates), None)


def _best_h264(candidates: Sequence[Candidate], profile: str) -> list[Candidate]:
    # Mode 1 is a must, for we send FU-A. Decoders take every profile that they offer, and in
    # practice more: so an equal profile is preferred, and another one is no reason to refuse.
    fit = [one for one in candidates if one[1].get("packetization-mode") == "1"]
    return sorted(fit, key=lambda one: _distance(one[1], profile))


def _best_h265(candidates: Sequence[Candidate], profile: Profile | None) -> list[Candidate]:
    if profile is None:
        return []  # nothing can be promised of a stream whose parameter sets nobody has seen
    fit = [one for one in candidates if h265.takes(one[1], profile)]
    return sorted(fit, key=lambda one: not h265.is_exact(one[1], profile))


def _distance(parameters: dict[str, str], profile: str) -> int:
    offered = parameters.get("profile-level-id", "42e01f").lower()
    if offered[:2] == profile:
        return 0
    return 1 if offered[:4] == "42e0" else 2


def _accepted(offered: Media, out: Outgoing, local: Local) -> Media:
    number = str(out.pick.payload_type)
    media = Media(kind=offered.kind, port=local.port, protocol=offered.protocol, formats=[number])
    media.lines.append(("c", f"IN {_family(local.hosts[0])} {local.hosts[0]}"))
    media.add("mid", out.pick.mid)
    media.add("sendonly")
    media.add("rtcp-mux")
    for value in offered.all("rtpmap"):
        if value.split(" ", 1)[0] == number:
            media.add("rtpmap", value)
    for value in _parameters(offered, out.pick):
        media.add("fmtp", f"{number} {value}")
    if out.pick.track.is_video:
        for feedback in FEEDBACK:
            if _offers_feedback(offered, number, feedback):
                media.add("rtcp-fb", f"{number} {feedback}")
    media.add("setup", "passive")
    media.add("ice-ufrag", local.ufrag)
    media.add("ice-pwd", local.password)
    media.add("fingerprint", f"{local.fingerprint.algorithm} {local.fingerprint.value}")
    for position, host in enumerate(local.hosts, 1):
        priority = CANDIDATE_PRIORITY - position + 1
        media.add("candidate", f"{position} 1 udp {priority} {host} {local.port} typ host")
    media.add("end-of-candidates")
    media.add("msid", f"{out.cname} {offered.kind}")
    media.add("ssrc", f"{out.ssrc} cname:{out.cname}")
    return media


def _parameters(offered: Media, pick: Pick) -> list[str]:
    """The fmtp values of the answer: the offer's own, but for what would claim too much."""
    profile = profile_of(pick.track.parameter_sets) if pick.track.codec is Codec.H265 else None
    if profile is not None:
        return [h265.answer_parameters(offered.fmtp(pick.payload_type), profile)]
    pairs = (value.strip().partition(" ") for value in offered.all("fmtp"))
    return [rest for number, _, rest in pairs if number == str(pick.payload_type)]


def _offers_feedback(media: Media, number: str, feedback: str) -> bool:
    return any(
        value.split() in ([number, *feedback.split()], ["*", *feedback.split()])
        for value in media.all("rtcp-fb")
    )


def _rejected(offered: Media) -> Media:
    media = Media(
        kind=offered.kind, port=0, protocol=offered.protocol, formats=list(offered.formats)
    )
    media.lines.append(("c", "IN IP4 0.0.0.0"))
    mid = offered.get("mid")
    if mid is not None:
        media.add("mid", mid)
    media.add("inactive")
    return media


def _mid(media: Media, position: int) -> str:
    return media.get("mid") or str(position)


def _anywhere(session: Session, name: str) -> str:
    """An attribute of the session or of its first medium that has it; they are all bundled."""
    for section in (session, *session.media):
        value = section.get(name)
        if value:
            return value
    raise InputError(f"offer 没有 a={name} / the offer has no a={name}")


def _fingerprint(value: str) -> Fingerprint:
    algorithm, _, digest = value.strip().partition(" ")
    return Fingerprint(algorithm.lower(), digest.strip().upper())


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"
