"""Session descriptions of the simulated cameras (RFC 8866, RFC 6184 8.2, RFC 7798 7.1)."""

from base64 import b64encode
from functools import lru_cache

from vidgate.model.media import Codec
from vidgate.simulator.footage import VIDEO_TYPE, Footage
from vidgate.simulator.pictures import FPS


def describe(footage: Footage, host: str) -> bytes:
    """The description of a camera at `host`: a video track 0 and a sound track 1."""
    head = f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    return (head + _tracks(footage.codec, footage.parameter_sets, footage.bitrate)).encode()


@lru_cache(maxsize=64)
def _tracks(codec: Codec, sets: tuple[bytes, ...], bitrate: int) -> str:
    texts = [b64encode(unit).decode() for unit in sets]
    if codec is Codec.H265:
        parameters = ";".join(
            f"sprop-{name}={text}" for name, text in zip(("vps", "sps", "pps"), texts, strict=False)
        )
    else:
        parameters = (
            f"packetization-mode=1;profile-level-id={sets[0][1:4].hex()};"
            f"sprop-parameter-sets={','.join(texts)}"
        )
    lines = [
        "a=control:*",
        "a=range:npt=0-",
        f"m=video 0 RTP/AVP {VIDEO_TYPE}",
        f"b=AS:{-(-bitrate // 1000)}",
        f"a=rtpmap:{VIDEO_TYPE} {codec.value.upper()}/90000",
        f"a=fmtp:{VIDEO_TYPE} {parameters}",
        f"a=framerate:{FPS}",
        "a=control:trackID=0",
        "m=audio 0 RTP/AVP 8",
        "a=rtpmap:8 PCMA/8000",
        "a=ptime:40",
        "a=control:trackID=1",
    ]
    return "".join(f"{line}\r\n" for line in lines)
