"""Which media of a description we take, as what tracks. Pure; tolerant of what cameras write."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from vidgate.errors import ProtocolError
from vidgate.model.media import Codec, Track
from vidgate.rtp import aac, annexb, h264, h265
from vidgate.rtp.audio import AudioDepacketiser
from vidgate.rtp.sps import sps_info
from vidgate.wire import sdp

Depacketiser = (
    h264.Depacketiser
    | h265.Depacketiser
    | AudioDepacketiser
    | aac.Depacketiser
    | aac.LatmDepacketiser
)
Maker = Callable[[], Depacketiser]
Mapped = Sequence[tuple[int, sdp.RtpMap]]

_CODECS = {
    "H264": Codec.H264,
    "H265": Codec.H265,
    "HEVC": Codec.H265,
    "PCMA": Codec.PCMA,
    "PCMU": Codec.PCMU,
    "MPEG4-GENERIC": Codec.AAC,
    "MP4A-LATM": Codec.AAC,
    "OPUS": Codec.OPUS,
}
_MAKERS: dict[Codec, Maker] = {
    Codec.H264: h264.Depacketiser,
    Codec.H265: h265.Depacketiser,
    Codec.PCMA: AudioDepacketiser,
    Codec.PCMU: AudioDepacketiser,
    Codec.OPUS: AudioDepacketiser,
}
_MAX_FORMATS = 64  # of the whole description, in which parameter sets are looked for
_MAX_SETS = 16
# Servers that call what they send `sendonly`, as if the words were theirs to read (D-Link).
_OWN_VIEW = ("CV-RTSPHandler",)


@dataclass(frozen=True, slots=True)
class Offer:
    """One media that can be pulled; `depacketiser` makes what takes its packets apart."""

    media: sdp.Media
    payload_type: int
    codec: Codec
    clock_rate: int
    parameter_sets: tuple[bytes, ...] = ()
    feedback: bool = False  # the camera takes PLI
    channels: int = 1
    maker: Maker | None = field(default=None, repr=False, compare=False)

    def depacketiser(self) -> Depacketiser:
        """A new one."""
        return (self.maker or _MAKERS[self.codec])()

    def track(self, number: int) -> Track:
        """The track as the hub knows it."""
        profile = ""
        if self.codec is Codec.H264:
            profile = self._profile()
        return Track(
            id=number,
            codec=self.codec,
            clock_rate=self.clock_rate,
            channels=self.channels,
            parameter_sets=self.parameter_sets,
            profile=profile,
        )

    def _profile(self) -> str:
        for unit in self.parameter_sets:
            if unit[0] & 31 == h264.SPS and len(unit) >= 4:
                return unit[1:4].hex()
        return ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a description tells of its pictures; None where it is silent."""

    width: int | None = None
    height: int | None = None
    fps: float | None = None


def choose(session: sdp.Session) -> tuple[list[Offer], list[str]]:
    """The first video and the first sound that we can take, video first; and the names of others.

    A camera's back channel (we would send) is listed as sound with `sendonly`, and is left out.
    """
    chosen: dict[bool, Offer] = {}
    others: list[str] = []
    is_own_view = (session.line("o") or "").startswith(_OWN_VIEW)
    for media in session.media:
        is_video = media.kind == "video"
        is_sound = media.kind == "audio" and (is_own_view or media.direction != "sendonly")
        mapped, offer = media.mapped, None
        # Only the first of a kind is read whole: its parameters may stand under all the others.
        if (is_video or is_sound) and is_video not in chosen:
            offer = _video(media, mapped, session) if is_video else _sound(media, mapped)
        if offer is None:
            others.append(_name(media, mapped))
        else:
            chosen[is_video] = offer
    return [chosen[is_video] for is_video in (True, False) if is_video in chosen], others


def _name(media: sdp.Media, mapped: Mapped) -> str:
    return mapped[0][1].name.lower() if mapped else media.kind


def _takes(mapped: Mapped, *, is_video: bool) -> Iterator[tuple[int, Codec, sdp.RtpMap]]:
    """The payload types that stand for a codec of ours of that kind."""
    for payload_type, meaning in mapped:
        codec = _CODECS.get(meaning.name)
        if codec is not None and codec.is_video == is_video:
            yield payload_type, codec, meaning


def _video(media: sdp.Media, mapped: Mapped, session: sdp.Session) -> Offer | None:
    for payload_type, codec, meaning in _takes(mapped, is_video=True):
        sets = _parameter_sets(_formats(media, payload_type, session), codec)
        feedback = any(value.split()[1:] == ["nack", "pli"] for value in media.all("rtcp-fb"))
        return Offer(media, payload_type, codec, meaning.clock_rate, sets, feedback)
    return None


def _sound(media: sdp.Media, mapped: Mapped) -> Offer | None:
    for payload_type, codec, meaning in _takes(mapped, is_video=False):
        if codec is Codec.AAC:
            return _aac(media, payload_type, meaning)
        if codec is Codec.OPUS:  # RFC 7587 7: 48000/2 whatever is inside and whatever they write
            return Offer(media, payload_type, codec, 48000, channels=2)
        if meaning.channels == 1:
            return Offer(media, payload_type, codec, meaning.clock_rate)
    return None


def _aac(media: sdp.Media, payload_type: int, meaning: sdp.RtpMap) -> Offer | None:
    """AAC in either framing; None where its configuration cannot be read."""
    fmtp = media.fmtp(payload_type)
    rate = meaning.clock_rate
    try:
        if meaning.name == "MP4A-LATM":
            config, maker = _latm(fmtp, rate)
        else:
            config, maker = _generic(fmtp, rate)
    except ValueError:  # config= is no hexadecimal number
        return None
    except ProtocolError:
        return None
    return Offer(
        media,
        payload_type,
        Codec.AAC,
        rate,
        (config.data,),
        channels=config.channels,
        maker=maker,
    )


def _generic(fmtp: Mapping[str, str], rate: int) -> tuple[aac.Config, Maker]:
    if not fmtp.get("mode", "AAC-hbr").upper().startswith("AAC"):
        raise ProtocolError(f"不支持的 AAC 封装 / mpeg4-generic of mode {fmtp['mode'][:20]}")
    config = aac.Config.parse(_hexadecimal(fmtp))
    layout, step = aac.Layout.of(fmtp), config.step(rate)
    return config, lambda: aac.Depacketiser(layout, step)


def _latm(fmtp: Mapping[str, str], rate: int) -> tuple[aac.Config, Maker]:
    mux = aac.Mux.parse(_hexadecimal(fmtp))
    is_inside = fmtp.get("cpresent", "1") != "0"
    step = mux.config.step(rate)
    return mux.config, lambda: aac.LatmDepacketiser(mux, is_inside=is_inside, step=step)


def _hexadecimal(fmtp: Mapping[str, str]) -> bytes:
    return bytes.fromhex(fmtp.get("config", "")[:256])


def _formats(media: sdp.Media, payload_type: int, session: sdp.Session) -> Iterator[str]:
    """Where parameter sets may stand, the likely places first.

    Some write them under another payload type, and some under the sound.
    """
    yield media.fmtps.get(payload_type, "")
    others = (other for other in session.media if other is not media)
    for each in (media, *others):
        yield from (value.partition(" ")[2] for value in each.all("fmtp"))


def _parameter_sets(formats: Iterator[str], codec: Codec) -> tuple[bytes, ...]:
    """The NAL units of the first format that has them whole."""
    for text in islice(formats, _MAX_FORMATS):
        parameters = sdp.parse_parameters(text)
        if codec is Codec.H264:
            units = _decode(parameters.get("sprop-parameter-sets", ""))
            if any(unit[0] & 31 == h264.SPS for unit in units):
                return units
        else:
            names = ("sprop-vps", "sprop-sps", "sprop-pps")
            if all(parameters.get(name) for name in names):
                return tuple(unit for name in names for unit in _decode(parameters[name]))
    return ()


def _decode(text: str) -> tuple[bytes, ...]:
    units: list[bytes] = []
    for part in text.split(",", _MAX_SETS)[:_MAX_SETS]:
        try:
            data = base64.b64decode(part + "=" * (-len(part) % 4), validate=False)
        except (binascii.Error, ValueError):
            continue
        units += annexb.split(data)  # some cameras leave the start code in
    return tuple(unit for unit in units if len(unit) > 1)[:_MAX_SETS]


def picture(offer: Offer) -> Picture:
    """Size and rate by the parameter sets and `a=framerate`."""
    announced = _framerate(offer.media.get("framerate"))
    info = sps_info(offer.codec, offer.parameter_sets)
    if info is None:
        return Picture(fps=announced)
    return Picture(info.width, info.height, announced or info.fps)


def _framerate(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value <= 1000 else None
