"""The columns of a channel: what they are called, what may stand in them, what it means.

One table for import, API, command line and template. Pure; the worker process reads rows with it.
Parsers raise ValueError with a sentence that says what is wrong and how to put it right.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any

from vidgate.model.channel import (
    LIFECYCLE_WORDS,
    Channel,
    Kind,
    Lifecycle,
    PointClass,
    Transport,
)
from vidgate.model.declared import CODEC_WORDS, STATUS_WORDS
from vidgate.registry import declared

Parser = Callable[[Any], Any]

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{2}")
# What a long number becomes as text: nobody means so large a number by a name or a place.
_LOST = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?(?:1[5-9]|[2-9][0-9])")
_TAIL = re.compile(r"([0-9]{15,})\.0+")  # some programs write a long number so; no digit is lost
_AS_TEXT = re.compile(r'="(.*)"')  # how some exports keep Excel from reading a code as a number
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))
# Full-width digits and letters; brackets and stops of that width are good Chinese and stay.
_WIDE = {
    code: code - 0xFEE0
    for first, last in (("０", "９"), ("Ａ", "Ｚ"), ("ａ", "ｚ"))
    for code in range(ord(first), ord(last) + 1)
}
_PRECISION = "Excel 已丢失精度，请将该列设为“文本”格式后重新填写"


def plain(cell: Any) -> str:
    """A cell as text: trimmed, one line, numbers without a tail of `.0`."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        return repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return " ".join(str(cell).translate(_INVISIBLE).split())


def ascii_plain(cell: Any) -> str:
    """Like `plain`, with full-width letters, digits and signs made ordinary."""
    return unicodedata.normalize("NFKC", plain(cell)).strip()


def code(cell: Any) -> str:
    """A text of digits and letters that Excel may have taken for a number."""
    if isinstance(cell, float) and abs(cell) >= 1e15:
        raise ValueError(_PRECISION)
    value = ascii_plain(cell)
    quoted = _AS_TEXT.fullmatch(value)
    value = quoted[1] if quoted else value.lstrip("'").strip()
    if _SCIENTIFIC.fullmatch(value):
        raise ValueError(_PRECISION)
    tailed = _TAIL.fullmatch(value)
    return tailed[1] if tailed else value


def is_lost(value: str) -> bool:
    """Whether a text is what a spreadsheet has left of a long number."""
    return _LOST.fullmatch(value) is not None


def label(limit: int) -> Parser:
    """A code that is no key: digits, or any one line of at most `limit` characters."""
    parse_text = text(limit)
    return lambda cell: parse_text(code(cell))


def identifier(cell: Any) -> str:
    """A channel's id."""
    value = code(cell)
    if value and not ID.fullmatch(value):
        raise ValueError("只能用字母、数字和 . _ -，以字母或数字开头，最长 64 个字符")
    return value


def gb_code(cell: Any) -> str:
    """A 20-digit code of GB/T 28181; its inner parts are not judged, catalogs often break them."""
    value = re.sub(r"[\s-]", "", code(cell))  # written in groups, to be read
    if value and not (value.isascii() and value.isdigit()):
        raise ValueError("国标编码只能是数字")
    if value and len(value) != 20:
        raise ValueError(f"国标编码应为 20 位数字，现为 {len(value)} 位")
    return value


def text(limit: int, *, exact: bool = False) -> Parser:
    """One line of at most `limit` characters, full-width digits and letters made ordinary.

    With `exact` they stay: a login is what it is.
    """

    def parse(cell: Any) -> str:
        value = plain(cell) if exact else plain(cell).translate(_WIDE)
        if is_lost(value):
            raise ValueError(_PRECISION)  # two long numbers would become one
        if len(value) > limit:
            raise ValueError(f"超过 {limit} 个字符，现为 {len(value)} 个")
        if not value.isprintable():
            raise ValueError("含有控制字符，请删除")
        return value

    return parse


def slug(limit: int) -> Parser:
    """A name that becomes part of a path of the API: a text without `/`."""
    parse_text = text(limit)

    def parse(cell: Any) -> str:
        value: str = parse_text(cell)
        if "/" in value or value in (".", ".."):
            raise ValueError("不能含有 /")
        return value

    return parse


def host(cell: Any) -> str:
    """An IP address or host name, as far as a cell can show."""
    value = ascii_plain(cell)
    if len(value) > 255 or " " in value or not value.isprintable():
        raise ValueError("应为一个 IP 或主机名，没有空格")
    if value and set(value) <= set("0123456789."):
        # Digits and dots are meant as an IPv4 address; inet_aton's short and octal forms mislead.
        try:
            return str(IPv4Address(value))
        except ValueError:
            raise ValueError("不是 IPv4 地址，应为四个 0 到 255 的数，如 10.1.2.3") from None
    return value


def integer(low: int, high: int) -> Parser:
    """A whole number within bounds; blank is None."""

    def parse(cell: Any) -> int | None:
        value = ascii_plain(cell)
        if not value:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value) or not low <= int(value) <= high:
            raise ValueError(f"应为 {low} 到 {high} 的整数")
        return int(value)

    return parse


def degrees(limit: int) -> Parser:
    """Degrees of WGS-84, kept to a centimetre (7 decimals); blank is None."""

    def parse(cell: Any) -> float | None:
        value = ascii_plain(cell)
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not -limit <= number <= limit:
            swapped = "；经度和纬度填反了？" if limit < abs(number) <= 180 else ""
            raise ValueError(f"应为 -{limit} 到 {limit} 的十进制度数（WGS-84）{swapped}")
        return round(number, 7)

    return parse


def choice(
    kind: type[StrEnum], words: Mapping[str, StrEnum], aliases: Mapping[str, StrEnum] | None = None
) -> Parser:
    """One of a closed set, by its value or by a word of the trade; blank is None.

    `aliases` are taken as well and not offered.
    """
    known = {**{member.value: member.value for member in kind}, **words, **(aliases or {})}

    def parse(cell: Any) -> str | None:
        value = ascii_plain(cell).lower()
        if not value:
            return None
        if value not in known:
            raise ValueError(f"应为 {' / '.join([*words, *kind])} 之一")
        return str(known[value])

    return parse


_BOOLEANS = {
    **dict.fromkeys(("是", "启用", "true", "yes", "y", "1", "on"), True),
    **dict.fromkeys(("否", "停用", "禁用", "false", "no", "n", "0", "off"), False),
}


def boolean(cell: Any) -> bool | None:
    """Yes or no; blank is None."""
    value = ascii_plain(cell).lower()
    if not value:
        return None
    if value not in _BOOLEANS:
        raise ValueError("应为 是 或 否")
    return _BOOLEANS[value]


def tags(cell: Any) -> list[str]:
    """Words apart by commas, semicolons or blanks; a list from JSON is taken as it is."""
    given = cell if isinstance(cell, list | tuple) else [cell]
    words = (word for one in given for word in re.split(r"[,;，；、\s]+", plain(one)))
    found = list(dict.fromkeys(filter(None, words)))
    if any(map(is_lost, found)):
        raise ValueError(_PRECISION)
    if len(found) > 20 or any(len(word) > 32 for word in found):
        raise ValueError("最多 20 个标签，每个最长 32 个字符")
    if not all(word.isprintable() for word in found):
        raise ValueError("含有控制字符，请删除")
    return found


def secret(cell: Any) -> str:
    """A password as it is: blanks inside and at the ends may belong to it."""
    if isinstance(cell, float) and abs(cell) >= 1e15:
        raise ValueError(_PRECISION)
    value = cell if isinstance(cell, str) else plain(cell)
    if len(value) > 128 or not value.isprintable():
        raise ValueError("最长 128 个字符，不能有控制字符")
    return value


def address(cell: Any) -> str:
    """A stream address, login still inside: the reader of the row takes it apart."""
    return ascii_plain(cell)


def said(parse: Callable[[str], Any]) -> Parser:
    """What a platform or a register declares."""
    return lambda cell: parse(ascii_plain(cell))


LIFECYCLES = {word: Lifecycle(step) for step, word in LIFECYCLE_WORDS.items()}
# What else registers say for the steps; read, never written.
LIFECYCLE_ALIASES = {
    "待建": Lifecycle.PLANNED,
    "待验收": Lifecycle.COMMISSIONING,
    "已验收": Lifecycle.ACCEPTED,
    "暂停": Lifecycle.SUSPENDED,
    "退役": Lifecycle.RETIRED,
}
POINT_CLASSES = {
    "一类": PointClass.ONE,
    "二类": PointClass.TWO,
    "三类": PointClass.THREE,
    "其他": PointClass.OTHER,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: the name in the API, the Chinese title, other titles, parser, note."""

    name: str
    title: str
    aliases: tuple[str, ...]
    parse: Parser
    note: str
    choices: tuple[str, ...] = ()


FIELDS = (
    Field(
        "id",
        "通道编号",
        ("编号", "通道id", "channel", "channel id"),
        identifier,
        "全网唯一，不分大小写，登记后不变；空白时取国标编码",
    ),
    Field(
        "name",
        "通道名称",
        ("名称", "设备名称", "点位名称", "摄像机名称", "摄像头名称", "监控点名称", "监控名称"),
        text(128),
        "必填",
    ),
    Field(
        "gb_code",
        "国标编码",
        ("国标编号", "国标id", "设备编码", "设备国标编码", "通道编码", "code"),
        gb_code,
        "20 位数字；单元格请设为“文本”",
    ),
    Field("kind", "接入方式", ("kind", "接入类型"), choice(Kind, {}), "默认 rtsp", tuple(Kind)),
    Field(
        "url",
        "主码流地址",
        ("主码流", "地址", "取流地址", "视频地址", "流地址", "rtsp", "rtsp地址", "main url"),
        address,
        "rtsp://用户名:口令@主机:端口/路径；口令登记后转入凭据，不再显示",
    ),
    Field("sub_url", "子码流地址", ("子码流", "辅码流", "辅码流地址"), address, "H.264 子码流"),
    Field("vendor", "厂商", ("设备厂商", "厂家", "设备厂家", "品牌", "manufacturer"), text(64), ""),
    Field(
        "address",
        "设备地址",
        ("ip", "ip地址", "ipv4", "设备ip", "host"),
        host,
        "IP 或主机名",
    ),
    Field("port", "端口", ("设备端口", "端口号"), integer(1, 65535), "1 到 65535"),
    Field("channel_no", "通道号", ("channel number",), label(32), "录像机上的通道号"),
    Field("credential", "凭据", ("凭证",), slug(64), "已登记凭据的名称"),
    Field(
        "username",
        "用户名",
        ("账号", "登录名", "user"),
        text(128, exact=True),
        "与口令一起转入凭据",
    ),
    Field("password", "口令", ("密码", "登录密码"), secret, "登记后不再显示"),
    Field("platform", "所属平台", ("平台", "来源平台"), slug(64), "没有时自动新建"),
    Field("department", "所属部门", ("部门", "单位", "管理单位"), text(128), ""),
    Field("area", "行政区划", ("区域", "所属区域", "乡镇"), text(128), ""),
    Field("point", "点位编号", ("点位",), label(64), "同一点位的通道填同一个编号"),
    Field(
        "point_class",
        "点位类型",
        ("监控点位类型", "点位类别"),
        choice(PointClass, POINT_CLASSES),
        "一类 / 二类 / 三类 / 其他",
        tuple(POINT_CLASSES),
    ),
    Field("industry", "所属行业", ("行业",), text(64), ""),
    Field("longitude", "经度", ("lon", "lng"), degrees(180), "WGS-84 十进制度"),
    Field("latitude", "纬度", ("lat",), degrees(90), "WGS-84 十进制度"),
    Field(
        "lifecycle",
        "建设阶段",
        ("生命周期", "阶段"),
        choice(Lifecycle, LIFECYCLES, LIFECYCLE_ALIASES),
        "规划 / 调试 / 在用 / 停用 / 报废；默认在用",
        tuple(LIFECYCLES),
    ),
    Field("tags", "标签", (), tags, "用逗号分开"),
    Field("enabled", "启用", ("是否启用",), boolean, "是 / 否；默认是", ("是", "否")),
    Field(
        "transport",
        "传输方式",
        ("传输协议",),
        choice(Transport, {}),
        "auto / tcp / udp；默认 auto",
        tuple(Transport),
    ),
    Field(
        "declared_status",
        "平台状态",
        (
            "平台在线状态",
            "上报状态",
            "在线状态",
            "是否在线",
            "通道状态",
            "设备状态",
            "运行状态",
            "状态",
            "status",
        ),
        said(declared.status),
        "平台说它在线还是离线；只作对照，不计入状态和在线率",
        tuple(STATUS_WORDS.values()),
    ),
    Field(
        "declared_codec",
        "视频编码",
        (
            "视频编码格式",
            "视频编码类型",
            "编码格式",
            "编码类型",
            "编码方式",
            "codec",
            "video codec",
        ),
        said(declared.codec),
        "登记的主码流编码，与实测对照",
        tuple(CODEC_WORDS.values()),
    ),
    Field(
        "declared_resolution",
        "分辨率",
        ("主码流分辨率", "视频分辨率", "图像分辨率", "resolution"),
        said(declared.resolution),
        "如 1920x1080、1080P、400万；与实测对照",
    ),
    Field(
        "declared_fps",
        "帧率",
        ("主码流帧率", "视频帧率", "fps", "frame rate"),
        said(declared.frame_rate),
        "每秒帧数，与实测对照",
    ),
)

BY_NAME = {field.name: field for field in FIELDS}
URLS = ("url", "sub_url")
LOGINS = ("username", "password")
# What others say of a camera refuses no row, and of several columns for it the best is read.
DECLARED = tuple(field.name for field in FIELDS if field.name.startswith("declared_"))


def header_key(title: Any) -> str:
    """A column title for comparing: no blanks, stars, underscores or remarks in brackets."""
    value = ascii_plain(title).lower()
    return re.sub(r"\(.*?\)|[\s*_:-]", "", value)


HEADERS = {
    header_key(title): field
    for field in FIELDS
    for title in (field.name, field.title, *field.aliases)
}
# Which of a field's titles says it best: 0 the first.
RANKS = {
    header_key(title): rank
    for field in FIELDS
    for rank, title in enumerate((field.name, field.title, *field.aliases))
}

# Registers have them beside 所属部门; where that is missing they say the same.
WEAK = frozenset(map(header_key, ("管理单位", "单位")))


def problems(channel: Channel, *, is_resolved: bool = False) -> list[tuple[str, str]]:
    """What fields say together: (field, sentence) for each contradiction.

    `is_resolved`: the channel's platform finds its addresses, so it needs none of its own.
    """
    found = []
    if (channel.longitude is None) != (channel.latitude is None):
        found.append(("longitude", "经度和纬度要么都填，要么都不填"))
    elif channel.longitude == 0 and channel.latitude == 0:
        found.append(("longitude", "坐标为 0,0，请核对或留空"))
    pulled = channel.kind is Kind.RTSP and channel.lifecycle is Lifecycle.ACCEPTED
    if pulled and not is_resolved and not channel.url and not channel.address:
        found.append(("url", "在用的通道要有主码流地址；还没有时请把建设阶段设为“规划”"))
    if channel.sub_url and not channel.url:
        found.append(("sub_url", "有子码流地址而没有主码流地址"))
    return found
