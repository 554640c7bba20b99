"""What a platform or a register says of a channel, kept apart from what is measured (design.md 5).

It proves nothing: the state, uptime and every rate are made without it.
"""

from collections.abc import Mapping
from enum import StrEnum


class DeclaredStatus(StrEnum):
    """Whether a platform says that the camera is there (GB/T 28181 catalog: Status ON, OFF)."""

    ONLINE = "online"
    OFFLINE = "offline"


class DeclaredCodec(StrEnum):
    """Encodings of pictures that registers name; more than the two that vidgate can take."""

    H264 = "h264"
    H265 = "h265"
    MPEG4 = "mpeg4"
    MJPEG = "mjpeg"
    SVAC = "svac"


class Difference(StrEnum):
    """How what is measured contradicts what is declared: a closed set, used as a label."""

    ONLINE_DOWN = "online_down"  # declared online, and no picture can be had
    OFFLINE_UP = "offline_up"  # declared offline, and a picture comes
    CODEC = "codec"
    RESOLUTION = "resolution"
    FPS = "fps"


# How people write them, everywhere: files, command line, console.
STATUS_WORDS: Mapping[str, str] = {DeclaredStatus.ONLINE: "在线", DeclaredStatus.OFFLINE: "离线"}
CODEC_WORDS: Mapping[str, str] = {
    DeclaredCodec.H264: "H.264",
    DeclaredCodec.H265: "H.265",
    DeclaredCodec.MPEG4: "MPEG-4",
    DeclaredCodec.MJPEG: "MJPEG",
    DeclaredCodec.SVAC: "SVAC",
}
