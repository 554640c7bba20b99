"""How registers write what they declare of a camera: codec, picture size, frame rate, status.

Texts come without outer blanks and full-width signs (`fields.ascii_plain`). Each parser gives None
for what says "not known", and raises ValueError with a sentence for what it cannot read.
"""

import re
from collections.abc import Callable, Iterable

from vidgate.model.declared import CODEC_WORDS, STATUS_WORDS, DeclaredCodec, DeclaredStatus

_UNKNOWN = frozenset({"-", "--", "/", "无", "未知", "不详", "n/a", "unknown"})
_APART = re.compile(r"[/,，、;；|]")
_REMARK = re.compile(r"[(（\[【].*?[)）\]】]")

_STATUSES = {
    **dict.fromkeys(
        ("在线", "online", "on", "1", "是", "true", "yes", "正常"), DeclaredStatus.ONLINE
    ),
    **dict.fromkeys(
        (
            "离线",
            "不在线",
            "掉线",
            "断线",
            "故障",
            "异常",
            "offline",
            "off",
            "0",
            "否",
            "false",
            "no",
        ),
        DeclaredStatus.OFFLINE,
    ),
}

# Without blanks, points, dashes and pluses. A bare number of a code table is not here: 4 is 3GP in
# the f= line of GB/T 28181 and H.265 in registers of the police.
_CODECS = {
    **dict.fromkeys(("h264", "264", "avc", "x264", "smart264", "mpeg4avc"), DeclaredCodec.H264),
    **dict.fromkeys(("h265", "265", "hevc", "x265", "smart265"), DeclaredCodec.H265),
    **dict.fromkeys(("mpeg4", "mp4v"), DeclaredCodec.MPEG4),
    **dict.fromkeys(("mjpeg", "mjpg", "motionjpeg"), DeclaredCodec.MJPEG),
    **dict.fromkeys(("svac", "svac10", "svac20", "svac2"), DeclaredCodec.SVAC),
}

_SIZES = {
    "qcif": "176x144",
    "cif": "352x288",
    "2cif": "704x288",
    **dict.fromkeys(("d1", "4cif"), "704x576"),
    "960h": "960x576",
    "vga": "640x480",
    "svga": "800x600",
    "xga": "1024x768",
    **dict.fromkeys(("720p", "720"), "1280x720"),
    "960p": "1280x960",
    "sxga": "1280x1024",
    "uxga": "1600x1200",
    **dict.fromkeys(("1080p", "1080i", "1080", "fhd", "全高清"), "1920x1080"),
    "qxga": "2048x1536",
    **dict.fromkeys(("1440p", "2k", "qhd"), "2560x1440"),
    **dict.fromkeys(("2160p", "4k", "uhd"), "3840x2160"),
}
_SIZE = re.compile(r"([1-9][0-9]{1,4})[x×*]([1-9][0-9]{1,4})(?:像素|p|i)?")
# Cameras are sold by their pixels: 200万, 400W像素, 5MP.
_TEN_THOUSANDS = re.compile(r"([1-9][0-9]{1,3})(?:万|w)(?:像素)?")
_MEGAPIXELS = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,2})?)(?:mp|m|百万像素)")
_RATE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)(?:fps|帧/秒|帧每秒|帧/s|帧|f/s|f|hz)?")
FASTEST = 240.0  # pictures a second


def status(text: str) -> str | None:
    """Online or offline."""
    value = text.lower()
    if not value or value in _UNKNOWN:
        return None
    if value not in _STATUSES:
        raise ValueError(f"应为 {' / '.join(STATUS_WORDS.values())}")
    return _STATUSES[value].value


def codec(text: str) -> str | None:
    """One encoding; two names of the same one are one."""
    return _one_of(text, _codec, "写了几种编码，请只填主码流现用的一种")


def resolution(text: str) -> str | None:
    """A picture size as `1920x1080`, or megapixels as `4MP` where only those are named."""
    return _one_of(text, _resolution, "写了几种分辨率，请只填主码流现用的一种")


def frame_rate(text: str) -> float | None:
    """Pictures a second."""
    value = text.lower().replace(" ", "")
    if not value or value in _UNKNOWN:
        return None
    found = _RATE.fullmatch(value)
    if found is None or not 0 < float(found[1]) <= FASTEST:
        raise ValueError(f"应为每秒帧数，大于 0，最大 {FASTEST:g}，如 25")
    return float(found[1])


def _one_of(text: str, parse: Callable[[str], str], several: str) -> str | None:
    """What all parts of a text say, remarks in brackets left out where there is more."""
    whole = text.lower().replace(" ", "")
    value = _REMARK.sub("", whole) or whole.strip("()[]【】")
    if value in _UNKNOWN:
        return None
    found = _exact(parse(part) for part in _APART.split(value) if part)
    if len(found) > 1:
        raise ValueError(several)
    return next(iter(found), None)


def _exact(found: Iterable[str]) -> set[str]:
    """All that was said; megapixels say less than a size beside them."""
    said = set(found)
    sizes = {one for one in said if not one.endswith("MP")}
    return sizes or said


def _codec(word: str) -> str:
    value = re.sub(r"[.\-_+]|编码$|^视频", "", word)
    if value not in _CODECS:
        raise ValueError(f"应为 {' / '.join(CODEC_WORDS.values())} 之一")
    return _CODECS[value].value


def _resolution(word: str) -> str:
    if word in _SIZES:
        return _SIZES[word]
    if size := _SIZE.fullmatch(word):
        return f"{size[1]}x{size[2]}"
    if tens := _TEN_THOUSANDS.fullmatch(word):
        return f"{int(tens[1]) / 100:g}MP"
    millions = _MEGAPIXELS.fullmatch(word)
    if millions and float(millions[1]) > 0:
        return f"{float(millions[1]):g}MP"
    raise ValueError("应为宽x高或通称，如 1920x1080、1080P、400万")
