"""Session descriptions of the simulated cameras (RFC 8866, RFC 6184 8.2, RFC 7798 7.1)."""

from base64 import b64encode
from functools import lru_cache

from vidgate.model.media import Codec
from vidgate.simulator.footage import VIDEO_TYPE, Footage
from vidgate.simulator.manner import Description, Manner, Sound
from vidgate.simulator.pictures import FPS
from vidgate.simulator.sound import FORMATS

OTHER_TYPE = VIDEO_TYPE + 10  # named by a camera that sends another one
FOREIGN = ("m=video 0 RTP/AVP 26", "a=rtpmap:26 JPEG/90000", "a=control:trackID=0")


def describe(footage: Footage, host: str, manner: Manner) -> bytes:
    """The description of a camera at `host`: a video track 0 and a sound track 1."""
    head = f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    lines = ["a=control:*", "a=range:npt=0-"]
    if manner.description is Description.FOREIGN:
        lines += FOREIGN
    elif manner.description is not Description.EMPTY:
        if manner.description is not Description.SOUND_ONLY:
            lines += _picture(footage, manner)
        lines += _sound(manner.sound)
    return (head + "".join(f"{line}\r\n" for line in lines)).encode()


def _picture(footage: Footage, manner: Manner) -> list[str]:
    is_other = manner.description is Description.OTHER_TYPE
    payload_type = OTHER_TYPE if is_other else VIDEO_TYPE
    lines = [
        f"m=video 0 RTP/AVP {payload_type}",
        f"b=AS:{-(-footage.bitrate // 1000)}",
        f"a=rtpmap:{payload_type} {footage.codec.value.upper()}/90000",
        f"a=fmtp:{payload_type} {_parameters(footage.codec, footage.parameter_sets)}",
        f"a=framerate:{FPS}",
        "a=control:trackID=0",
    ]
    return [*lines, f"a=rtcp-fb:{payload_type} nack pli"] if manner.takes_pli else lines


@lru_cache(maxsize=64)
def _parameters(codec: Codec, sets: tuple[bytes, ...]) -> str:
    texts = [b64encode(unit).decode() for unit in sets]
    if codec is Codec.H265:
        return ";".join(
            f"sprop-{name}={text}" for name, text in zip(("vps", "sps", "pps"), texts, strict=False)
        )
    return (
        f"packetization-mode=1;profile-level-id={sets[0][1:4].hex()};"
        f"sprop-parameter-sets={','.join(texts)}"
    )


def _sound(sound: Sound) -> list[str]:
    format_ = FORMATS.get(sound)
    if format_ is None:
        return []
    number = format_.payload_type
    lines = [f"m=audio 0 RTP/AVP {number}", f"a=rtpmap:{number} {format_.rtpmap}"]
    if format_.fmtp:
        lines.append(f"a=fmtp:{number} {format_.fmtp}")
    else:
        lines.append("a=ptime:40")
    return [*lines, "a=control:trackID=1"]
