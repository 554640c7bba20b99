"""WHEP's offer and answer (draft-ietf-wish-whep, RFC 8829, 8843): what a browser can take.

Pure: text in, text out. A browser offers every codec that it decodes; we answer with the one that
the camera sends, for nothing is transcoded here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from vidgate.errors import InputError, NotAcceptableError, ProtocolError
from vidgate.model.media import Codec, Track
from vidgate.rtp.h265 import Profile, profile_of
from vidgate.webrtc import h265
from vidgate.webrtc.fingerprint import Fingerprint
from vidgate.wire.sdp import Media, Session, parse_parameters

MAX_OFFER = 64 << 10
MAX_CANDIDATES = 32  # of one m= line; we need none, for the browser calls us
MAX_PROTOCOL = 32  # characters of an m= line's, in messages
MAX_TOLD = 16  # formats of H.265 that was offered, in messages
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
    """The m-line of that position is answered: with this payload type, for this track."""

    position: int
    payload_type: int
    track: Track


@dataclass(frozen=True, slots=True)
class Offer:
    """A parsed offer; `bundles` are its BUNDLE groups, of positions of m-lines in their order."""

    session: Session
    fingerprints: tuple[Fingerprint, ...]
    bundles: tuple[tuple[int, ...], ...]

    def bundle(self, position: int) -> tuple[int, ...]:
        """The group that holds an m-line; empty where none does."""
        return next((group for group in self.bundles if position in group), ())

    def tagged(self, position: int) -> int | None:
        """The tagged m-line of that one's group, whose transport all use; None without a group.

        It is the first that has a port and is not to be rejected (RFC 8843 7.3.1).
        """
        for member in self.bundle(position):
            media = self.session.media[member]
            if media.port and media.payload_types and not _unusable(media, member):
                return member
        return None


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
    if not session.media:
        raise InputError("offer 没有 m= 行 / the offer has no m= lines")
    for section in (session, *session.media):
        if len(section.all("candidate")) > MAX_CANDIDATES:
            raise InputError(
                f"一个 m= 行最多 {MAX_CANDIDATES} 个候选地址 / "
                f"an m= line may have {MAX_CANDIDATES} candidates at most"
            )
    fingerprints = tuple(
        found
        for value in _everywhere(session, "fingerprint")
        if (found := _fingerprint(value)).is_supported
    )
    if not fingerprints:
        raise InputError(
            "offer 没有可核对的证书指纹 / "
            "the offer has no certificate fingerprint that we can check"
        )
    for name in ("setup", "ice-ufrag", "ice-pwd"):
        if not any(_everywhere(session, name)):
            raise InputError(f"offer 没有 a={name} / the offer has no a={name}")
    if not {"actpass", "active"}.issuperset(_everywhere(session, "setup")):
        raise InputError("offer 应让我方被动 / the offer must let us be passive: a=setup:actpass")
    return Offer(session, tuple(dict.fromkeys(fingerprints)), _bundles(session))


def _bundles(session: Session) -> tuple[tuple[int, ...], ...]:
    mids = [media.get("mid") for media in session.media]
    groups = (value.split() for value in session.all("group") if value)
    return tuple(
        tuple(mids.index(tag) for tag in dict.fromkeys(tags) if tag in mids)
        for semantics, *tags in groups
        if semantics == "BUNDLE"
    )


def choose(offer: Offer, tracks: Sequence[Track]) -> list[Pick]:
    """The m-lines that these tracks answer, pictures first; all on one transport.

    Sound goes with pictures only where the offer bundles the two, for we have one transport to
    give. Raises NotAcceptableError when the browser cannot take the pictures (or, of a stream
    without pictures, the sound). Sound alone that it cannot take is left out.
    """
    picks: list[Pick] = []
    for track in sorted(tracks, key=lambda track: not track.is_video):
        if any(pick.track.is_video == track.is_video for pick in picks):
            continue  # one picture, one sound
        places = offer.bundle(picks[0].position) if picks else range(len(offer.session.media))
        pick = _find(offer, track, places)
        if pick is not None:
            picks.append(pick)
        elif track.is_video:
            raise _unable(offer, track)
    if not picks:
        raise _unable(offer, tracks[0]) if tracks else NotAcceptableError(_EMPTY)
    return picks


def answer(offer: Offer, outgoing: Sequence[Outgoing], local: Local) -> str:
    """The answer: ICE-lite, passive DTLS, all on our one port, bundled where the offer bundles."""
    sent = {out.pick.position: out for out in outgoing}
    first = outgoing[0].pick.position
    # Answered even if there is nothing to send on it: where it is rejected, or not the first of
    # the answer's group, Chromium with `max-bundle` refuses the whole answer.
    tagged = offer.tagged(first)
    bundled = [position for position in offer.bundle(first) if position in {*sent, tagged}]
    session = Session(
        lines=[
            ("v", "0"),
            ("o", "- 1 1 IN IP4 127.0.0.1"),
            ("s", "-"),
            ("t", "0 0"),
            ("a", "ice-lite"),
            ("a", "msid-semantic: WMS *"),
        ]
    )
    if bundled:
        mids = (str(offer.session.media[position].get("mid")) for position in bundled)
        session.add("group", "BUNDLE " + " ".join(mids))
    for position, offered in enumerate(offer.session.media):
        if position in sent:
            session.media.append(_sending(offered, sent[position], local))
        elif position == tagged:
            session.media.append(_accepted(offered, offered.payload_types[0], "inactive", local))
        else:
            session.media.append(_rejected(offered, local))
    return str(session)


def codecs(offer: Offer) -> list[str]:
    """Names of the codecs offered where something can be sent, for messages."""
    names = (meaning.name for media in _receivers(offer) for _, meaning in media.mapped)
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


def _receivers(offer: Offer) -> list[Media]:
    """The m-lines on which something can be sent."""
    media = offer.session.media
    return [each for position, each in enumerate(media) if not _obstacle(offer, position)]


def _obstacle(offer: Offer, position: int) -> NotAcceptableError | None:
    """Why nothing can be sent on an m-line whatever its codecs; None where something can."""
    media = offer.session.media[position]
    where = _where(media, position)
    if not media.port and not (media.has("bundle-only") and offer.tagged(position) is not None):
        return NotAcceptableError(
            f"offer 的 {where} 端口为 0, 即不用 / {where} of the offer has port 0: it is not used",
            hint="端口应为 9; 只有 BUNDLE 组里带 a=bundle-only 的可为 0 / "
            "must be 9; 0 is for a=bundle-only within a BUNDLE group",
        )
    unusable = _unusable(media, position)
    if unusable is not None:
        return unusable
    direction = _direction(offer, media)
    if direction not in RECEIVING:
        return NotAcceptableError(
            f"offer 的 {where} 是 a={direction}, 不接收 / "
            f"{where} of the offer is a={direction}: it receives nothing",
            hint=_receiving(media.kind),
        )
    return None


def _unusable(media: Media, position: int) -> NotAcceptableError | None:
    """Why an m-line could have no transport of ours; None where it could."""
    where = _where(media, position)
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
    if not (media.has("rtcp-mux") or media.has("rtcp-mux-only")):
        return NotAcceptableError(
            f"offer 的 {where} 没有 a=rtcp-mux / {where} of the offer has no a=rtcp-mux",
            hint="RTP 与 RTCP 须共用一个端口: rtcpMuxPolicy: 'require' / "
            "RTP and RTCP must share one port: rtcpMuxPolicy: 'require'",
        )
    return None


def _where(media: Media, position: int) -> str:
    return f"m={media.kind} ({position + 1})"


def _receiving(kind: str) -> str:
    call = f"addTransceiver('{kind}', {{direction: 'recvonly'}})"
    return f"createOffer() 之前调用 {call} / call {call} before createOffer()"


def _undecoded(offer: Offer, track: Track) -> NotAcceptableError:
    name = NAMES.get(track.codec, track.codec.value.upper())
    offered = _offered(offer)
    if track.codec is Codec.H264 and name in codecs(offer):
        return NotAcceptableError(
            "offer 的 H264 没有 packetization-mode=1 / "
            "the offer has H264 without packetization-mode=1",
            hint="在 a=fmtp (GStreamer: caps) 里写明 packetization-mode=1, 不写即为 0 / "
            "say packetization-mode=1 in a=fmtp (GStreamer: in the caps); nothing said means 0",
        )
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
    formats = (
        fmtps.get(number, "")
        for media in _receivers(offer)
        for fmtps in (media.fmtps,)
        for number, meaning in media.mapped
        if meaning.name == "H265"
    )
    for text in islice(formats, MAX_TOLD):
        told = " ".join(f"{key}={value}" for key, value in parse_parameters(text).items())
        names.append(f"H265 ({told})")
    return ", ".join(names)[:MAX_LISTED]


def _find(offer: Offer, track: Track, places: Iterable[int]) -> Pick | None:
    """The first of these m-lines that takes the track."""
    kind, name = _kind(track), NAMES.get(track.codec)
    for position in places:
        media = offer.session.media[position]
        if media.kind != kind or name is None or _obstacle(offer, position):
            continue
        numbers = [
            number
            for number, meaning in media.mapped
            if meaning.name == name
            and (track.is_video or meaning.clock_rate in (track.clock_rate, 48000))
        ]
        number = _best(media, numbers, track)
        if number is not None:
            return Pick(position, number, track)
    return None


def _kind(track: Track) -> str:
    return "video" if track.is_video else "audio"


def _direction(offer: Offer, media: Media) -> str:
    """Its own, else the session's, else the one that is meant by none (RFC 8866 6.7)."""
    return media.direction or offer.session.direction or "sendrecv"


def _best(media: Media, numbers: Sequence[int], track: Track) -> int | None:
    """The payload type whose parameters are nearest to what the camera sends."""
    fmtps = media.fmtps
    candidates = [(number, parse_parameters(fmtps.get(number, ""))) for number in numbers]
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


def _sending(offered: Media, out: Outgoing, local: Local) -> Media:
    media = _accepted(offered, out.pick.payload_type, "sendonly", local)
    number = media.formats[0]
    for value in _parameters(offered, out.pick):
        media.add("fmtp", f"{number} {value}")
    if out.pick.track.is_video:
        for feedback in FEEDBACK:
            if _offers_feedback(offered, number, feedback):
                media.add("rtcp-fb", f"{number} {feedback}")
    media.add("msid", f"{out.cname} {offered.kind}")
    media.add("ssrc", f"{out.ssrc} cname:{out.cname}")
    return media


def _accepted(offered: Media, payload_type: int, direction: str, local: Local) -> Media:
    """An m-line of ours, with our transport."""
    number = str(payload_type)
    media = Media(kind=offered.kind, port=local.port, protocol=offered.protocol, formats=[number])
    media.append("c", f"IN {_family(local.hosts[0])} {local.hosts[0]}")
    _begin(media, offered, direction, local)
    media.add("rtcp-mux")
    for value in offered.all("rtpmap"):
        if value.split(" ", 1)[0] == number:
            media.add("rtpmap", value)
    for position, host in enumerate(local.hosts, 1):
        priority = CANDIDATE_PRIORITY - position + 1
        media.add("candidate", f"{position} 1 udp {priority} {host} {local.port} typ host")
    media.add("end-of-candidates")
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


def _rejected(offered: Media, local: Local) -> Media:
    media = Media(
        kind=offered.kind, port=0, protocol=offered.protocol, formats=list(offered.formats)
    )
    media.append("c", "IN IP4 0.0.0.0")
    _begin(media, offered, "inactive", local)
    return media


def _begin(media: Media, offered: Media, direction: str, local: Local) -> None:
    """What every m-line has: GStreamer's webrtcbin wants even rejected ones to be so complete."""
    mid = offered.get("mid")
    if mid:
        media.add("mid", mid)
    media.add(direction)
    media.add("setup", "passive")
    media.add("ice-ufrag", local.ufrag)
    media.add("ice-pwd", local.password)
    media.add("fingerprint", f"{local.fingerprint.algorithm} {local.fingerprint.value}")


def _everywhere(session: Session, name: str) -> list[str]:
    """The values of an attribute of the session and of all its media."""
    return [value for section in (session, *session.media) for value in section.all(name)]


def _fingerprint(value: str) -> Fingerprint:
    algorithm, _, digest = value.strip().partition(" ")
    return Fingerprint(algorithm.lower(), digest.strip().upper())


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"
