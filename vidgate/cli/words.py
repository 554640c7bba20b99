"""The words of the closed sets, in Chinese."""

from collections.abc import Mapping
from typing import Any

from vidgate.cli import output
from vidgate.model.channel import LIFECYCLE_WORDS
from vidgate.model.declared import CODEC_WORDS, STATUS_WORDS
from vidgate.model.health import STATE_WORDS

REASONS = {
    "ok": "正常",
    "unreachable": "连不上",
    "timeout": "超时",
    "tls": "TLS 加密失败",
    "protocol_error": "协议错误",
    "unauthorized": "口令不对",
    "no_credential": "没有口令",
    "busy": "会话已满",
    "not_found": "没有这路码流",
    "refused": "拒绝",
    "no_media": "没有画面",
    "no_key_frame": "没有关键帧",
    "frozen": "画面静止",
    "unsupported": "编码不支持",
    "denied_address": "地址不允许",
    "no_address": "没有地址",
    "not_tested": "未探测",
    "excused": "已免责",
    "error": "内部错误",
}
LEVELS = {"reach": "连通", "describe": "应答", "media": "画面", "picture": "画质"}
OUTCOMES = {"passed": "通过", "failed": "未通过", "not_tested": "未测"}
CAUSES = {
    "uplink": "本系统网络",
    "platform": "平台",
    "area": "片区",
    "host": "设备",
    "scattered": "零散",
    "single": "单路",
}
SEVERITIES = {"critical": "紧急", "major": "重要", "minor": "一般"}
ATTENTIONS = {"open": "待处置", "acknowledged": "已确认", "closed": "已关闭"}
DEPARTURES = {
    "recovered": "恢复",
    "maintenance": "转入检修",
    "withdrawn": "不再探测",
    "moved": "并入更大的告警",
    "left_over": "仍故障, 另立告警",
}
FIELDS = {
    "id": "编号",
    "number": "序号",
    "name": "名称",
    "gb_code": "国标编码",
    "kind": "类型",
    "url": "主码流地址",
    "sub_url": "子码流地址",
    "vendor": "厂商",
    "address": "IP 地址",
    "port": "端口",
    "channel_no": "通道号",
    "credential": "口令",
    "platform": "平台",
    "department": "部门",
    "area": "行政区划",
    "point": "点位",
    "point_class": "点位类型",
    "industry": "行业",
    "longitude": "经度",
    "latitude": "纬度",
    "lifecycle": "建设阶段",
    "tags": "标签",
    "enabled": "启用",
    "transport": "传输",
    "declared_status": "平台状态",
    "declared_codec": "登记编码",
    "declared_resolution": "登记分辨率",
    "declared_fps": "登记帧率",
    "pinyin": "拼音",
    "revision": "版本",
    "state": "状态",
    "reason": "原因",
    "since": "起始时间",
    "level": "探测深度",
    "has_sub": "有子码流",
    "probed": "最近探测",
    "media_seen": "最近有画面",
    "last_frame": "最近一帧",
    "asked": "目标深度",
    "t0": "发起",
    "connected": "连通",
    "t1": "应答",
    "t2": "首包",
    "t3": "首个关键帧",
    "codec": "编码",
    "width": "宽",
    "height": "高",
    "fps": "帧率",
    "bitrate": "码率 bit/s",
    "falls": "近一小时掉线",
    "at": "时间",
    "jitter": "抖动",
    "fps_by": "帧率依据",
    "fps_at": "帧率测于",
    "clock_offset": "时钟快",
    "clock_by": "时钟依据",
    "clock_at": "时钟测于",
    "key_interval": "关键帧间隔 s",
    "key_at": "关键帧间隔测于",
    "group_frames": "关键帧间隔帧数",
    "group_seconds": "关键帧间隔时长 s",
    "measured_fps": "实测帧率",
    "measured_bitrate": "实测码率 bit/s",
    "announced_fps": "标称帧率",
    "announced_bitrate": "标称码率 bit/s",
    "bitrate_by": "码率依据",
    "bitrate_at": "码率测于",
    "expected": "应收包数",
    "lost": "丢包数",
    "loss": "丢包率",
    "loss_at": "丢包率测于",
    "first_frame": "首帧用时",
    "detail": "详情",
}
VARIANTS = {"main": "主码流", "sub": "子码流"}

COMPARED = {"status": "状态", "codec": "视频编码", "resolution": "分辨率", "fps": "帧率"}
DIFFERENCES = {
    "online_down": "平台报在线实际不可用",
    "offline_up": "平台报离线实际可用",
    "codec": "编码",
    "resolution": "分辨率",
    "fps": "帧率",
}


def state(word: object) -> str:
    """The Chinese word of a state; an unknown one as it is."""
    return STATE_WORDS.get(str(word), str(word))


def reason(word: object) -> str:
    """The Chinese word of a reason; an unknown one as it is."""
    return REASONS.get(str(word), str(word))


def level(word: object) -> str:
    """The Chinese word of a level, with the level's own."""
    return f"{LEVELS[str(word)]} {word}" if word in LEVELS else str(word)


def outcome(word: object) -> str:
    """The Chinese word of what a level's look came to."""
    return OUTCOMES.get(str(word), str(word))


def field(name: str) -> str:
    """The Chinese name of a column, with the column's own name."""
    return f"{FIELDS[name]} {name}" if name in FIELDS else name


def variant(word: object) -> str:
    """The Chinese word of a stream's variant, with its own."""
    return f"{VARIANTS[str(word)]} {word}" if word in VARIANTS else str(word)


def compared(item: str) -> str:
    """What is compared of a channel, with its own word."""
    return f"{COMPARED[item]} {item}" if item in COMPARED else item


def told(item: str, value: object) -> str:
    """One side of a comparison; `-` where nothing is known."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}"
    return {**STATE_WORDS, **STATUS_WORDS}.get(str(value), CODEC_WORDS.get(str(value), str(value)))


def counted(word: object) -> str:
    """How a frame rate came to be known, with its own word."""
    known = {"counted": "观看时计数", "announced": "码流自称"}
    return f"{known[str(word)]} {word}" if word in known else str(word)


def difference_kind(word: object) -> str:
    """In what something contradicts what is declared."""
    return DIFFERENCES.get(str(word), str(word))


def standing(item: Mapping[str, object]) -> str:
    """The state of a channel, or where its lifecycle stands while that is what counts.

    A channel that is not accepted is neither up nor down, whatever a probe says of it.
    """
    step = str(item.get("lifecycle", "accepted"))
    return state(item["state"]) if step == "accepted" else f"({LIFECYCLE_WORDS.get(step, step)})"


_DEFAULTS = {"enabled": True, "kind": "rtsp", "point_class": "9", "transport": "auto"}
_ACTIONS = {"created": "新增", "removed": "移除"}


def difference(row: Mapping[str, Any]) -> str:
    """`名称: 旧 > 新` for every field that differs; a new thing has no before."""
    if row["action"] in _ACTIONS:
        return _ACTIONS[row["action"]]
    before, after = row["before"], row["after"]
    return "; ".join(
        f"{FIELDS.get(name, name)}: {_value(name, before[name])} > {_value(name, after[name])}"
        for name in after
    )


def _value(name: str, value: object) -> str:
    """A value as a person reads it; a change keeps none for what is the default."""
    if name == "lifecycle":
        step = str(value or "accepted")
        return LIFECYCLE_WORDS.get(step, step)
    return output.text(value if value is not None else _DEFAULTS.get(name))
