"""What can be wrong, or merely different, with a simulated camera: one table; and when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vidgate.errors import InputError
from vidgate.model.health import Reason, State
from vidgate.simulator.manner import (
    Auth,
    Description,
    Link,
    Look,
    Manner,
    Media,
    Nonce,
    Redirect,
    Replay,
    Sound,
)

MAX_PLAN = 100_000
_KEYS = {"channel", "fault", "from", "until"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look must find."""

    state: State
    reason: Reason = Reason.OK


@dataclass(frozen=True, slots=True)
class Amount:
    """The number that may follow a name (`loss=10`): which field takes it, in which unit."""

    target: str
    default: float
    least: float
    most: float
    unit: str
    scale: float = 1.0  # what one of that unit is in the field


DESCRIBED, SHOWN = Verdict(State.REACHABLE), Verdict(State.UP)


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: its name, its words, what it does, and what a look of either depth must find."""

    name: str
    chinese: str
    english: str
    effect: Mapping[str, Any] = field(default_factory=dict, hash=False)
    describe: Verdict = DESCRIBED
    media: Verdict = SHOWN
    amount: Amount | None = None
    condition: str = ""  # in the truth, where it is not the name

    @property
    def is_harmless(self) -> bool:
        """Whether a camera of this manner is healthy."""
        return self.describe is DESCRIBED and self.media is SHOWN

    def apply(self, manner: Manner, value: float | None) -> Manner:
        """The manner with this fault."""
        changes = dict(self.effect)
        if self.amount is not None:
            given = self.amount.default if value is None else value
            scaled = given * self.amount.scale
            changes[self.amount.target] = int(scaled) if self.amount.unit == "" else scaled
        return replace(manner, **changes)

    def as_json(self) -> dict[str, Any]:
        """For `simulate faults` and `GET /fault-names`."""
        amount = self.amount
        return {
            "name": self.name,
            "zh": self.chinese,
            "en": self.english,
            "describe": {"state": self.describe.state.label, "reason": self.describe.reason.value},
            "media": {"state": self.media.state.label, "reason": self.media.reason.value},
            "value": amount
            and {
                "default": amount.default,
                "least": amount.least,
                "most": amount.most,
                "unit": amount.unit,
            },
        }


def _both(state: State, reason: Reason) -> dict[str, Any]:
    return {"describe": Verdict(state, reason), "media": Verdict(state, reason)}


def _media(state: State, reason: Reason) -> dict[str, Any]:
    return {"media": Verdict(state, reason)}


def _trait(
    name: str,
    chinese: str,
    english: str,
    effect: Mapping[str, Any] | None = None,
    amount: Amount | None = None,
) -> Fault:
    return Fault(name, chinese, english, effect or {}, amount=amount, condition="up")


_DOWN, _BUSY, _REFUSED = State.DOWN, State.BUSY, State.UNAUTHORIZED
_PROTOCOL = _both(_DOWN, Reason.PROTOCOL_ERROR)
_FOREIGN = _both(State.REACHABLE, Reason.UNSUPPORTED)
_LOGIN = _both(_REFUSED, Reason.UNAUTHORIZED)
_SECONDS = "s"

# From the worst to the mildest: where a camera has several, the first one decides what is found.
_TABLE = (
    # -- the connection
    Fault("down", "断电, 连接被重置", "no power: connections are reset",
          {"link": Link.RESETS, "cuts": True}, **_both(_DOWN, Reason.UNREACHABLE)),
    Fault("flapping", "时通时断", "there and away by turns",
          amount=Amount("period", 30, 0.1, 86_400, _SECONDS)),
    Fault("close", "不答复即断开", "closes instead of answering",
          {"link": Link.CLOSES, "cuts": True}, **_both(_DOWN, Reason.UNREACHABLE)),
    Fault("half-open", "半开连接, 无 FIN", "half-open TCP: gone without a FIN",
          {"link": Link.HALF_OPEN, "media": Media.STALLED}, **_both(_DOWN, Reason.TIMEOUT)),
    Fault("silent", "接受连接但从不答复", "takes connections and never answers",
          {"link": Link.SILENT, "media": Media.STALLED}, **_both(_DOWN, Reason.TIMEOUT)),
    Fault("babble", "答复不是 RTSP", "answers with bytes that are no RTSP",
          {"link": Link.BABBLES, "cuts": True}, **_PROTOCOL),
    Fault("drip", "每秒 1 字节", "answers a byte a second", {},
          **_both(_DOWN, Reason.TIMEOUT), amount=Amount("rate", 1, 0.1, 1e6, "bytes/s")),
    # -- the login
    Fault("401", "密码已不对", "the password is not right any more",
          {"refuses_password": True, "cuts": True}, **_LOGIN, condition="unauthorized"),
    Fault("403", "禁止访问", "forbidden", {"statuses": (("*", 403),)}, **_LOGIN),
    Fault("wrong-nonce", "每个 nonce 都说过期", "calls every nonce stale",
          {"nonce": Nonce.NEVER}, **_LOGIN),
    # -- the answers
    Fault("503", "服务不可用", "service unavailable", {"statuses": (("*", 503),)},
          **_both(_BUSY, Reason.BUSY)),
    Fault("missing", "平台没有该路径 (404)", "no such path: 404",
          {"statuses": (("*", 404),), "cuts": True}, **_both(_DOWN, Reason.NOT_FOUND)),
    Fault("500", "内部错误", "internal error", {"statuses": (("*", 500),)},
          **_both(_DOWN, Reason.REFUSED)),
    Fault("redirect-loop", "循环重定向", "redirects in a circle",
          {"redirect": Redirect.LOOP}, **_both(_DOWN, Reason.REFUSED)),
    Fault("redirect-away", "重定向到另一主机", "redirects to another host",
          {"redirect": Redirect.AWAY}, **_both(_DOWN, Reason.REFUSED)),
    # -- the description
    Fault("endless-headers", "无尽的头部", "headers without end",
          {"description": Description.ENDLESS_HEAD}, **_PROTOCOL),
    Fault("huge-sdp", "声称 10 GB 的 SDP", "says that its SDP is 10 GB long",
          {"description": Description.TEN_GB}, **_PROTOCOL),
    Fault("long-sdp", "一百万行 SDP", "SDP of a million lines",
          {"description": Description.MILLION_LINES}, **_PROTOCOL),
    Fault("short-sdp", "SDP 不足 Content-Length", "SDP shorter than it says",
          {"description": Description.SHORT}, **_both(_DOWN, Reason.TIMEOUT)),
    Fault("wrong-sdp", "SDP 是乱码", "SDP that is none",
          {"description": Description.NONSENSE}, **_PROTOCOL),
    Fault("empty-sdp", "SDP 没有媒体", "SDP without media",
          {"description": Description.EMPTY}, **_PROTOCOL),
    Fault("foreign-codec", "只有不支持的编码", "only a codec that we cannot take",
          {"description": Description.FOREIGN}, **_FOREIGN),
    Fault("sound-only", "只有声音", "no picture in its description",
          {"description": Description.SOUND_ONLY}, **_FOREIGN),
    # -- the session and the pictures
    Fault("busy", "会话已满 (453)", "every session is taken: SETUP gets 453",
          {"statuses": (("SETUP", 453),)}, **_media(_BUSY, Reason.BUSY)),
    Fault("wrong-type", "SDP 的载荷类型不对", "names another payload type than it sends",
          {"description": Description.OTHER_TYPE}, **_media(_DOWN, Reason.NO_MEDIA)),
    Fault("stalled", "已播放但无数据", "connected and playing, but no packets come",
          {"media": Media.STALLED}, **_media(_DOWN, Reason.NO_MEDIA)),
    Fault("no-key-frame", "从无关键帧", "never a key frame",
          {"media": Media.HEADLESS}, **_media(_DOWN, Reason.NO_KEY_FRAME)),
    Fault("frozen", "画面静止", "packets come, the picture stands still",
          {"media": Media.FROZEN}),
    Fault("black", "黑屏", "black pictures", {"look": Look.BLACK}),
    Fault("covered", "镜头被遮挡", "something before the lens", {"look": Look.COVERED}),
    # -- what a healthy camera may be like
    _trait("stale-nonce", "nonce 只用一次", "each nonce is good for one request",
           {"nonce": Nonce.ONCE}),
    _trait("redirect", "重定向到自己的另一路径", "redirects to another path of its own",
           {"redirect": Redirect.NEAR}),
    _trait("garbage", "帧间夹杂乱码", "bytes between the frames that are neither RTSP nor RTP",
           {"has_garbage": True}),
    _trait("strays", "夹杂其他类型和损坏的包", "packets of other types, broken ones, false RTCP",
           {"has_strays": True}),
    _trait("clock", "时钟偏差", "its clock is off (Date, sender reports)",
           amount=Amount("skew", 3600, -1e9, 1e9, _SECONDS)),
    _trait("loss", "UDP 丢包", "UDP packets are lost",
           amount=Amount("loss", 10, 0, 100, "%", 0.01)),
    _trait("reorder", "UDP 乱序", "UDP packets overtake each other",
           amount=Amount("reorder", 1, 0, 100, "%", 0.01)),
    _trait("jitter", "UDP 抖动", "UDP packets are late by turns",
           amount=Amount("jitter", 30, 0, 5000, "ms", 0.001)),
    _trait("rtt", "往返时延", "each answer takes a round trip",
           amount=Amount("delay", 30, 0, 60_000, "ms", 0.001)),
    _trait("idr", "关键帧间隔", "seconds between key frames",
           amount=Amount("interval", 10, 2, 10, _SECONDS)),
    _trait("key-at-play", "PLAY 即给关键帧", "a key frame right at PLAY",
           {"begins_with_key": True}),
    _trait("pli", "支持 PLI", "gives a key frame when asked by PLI", {"takes_pli": True}),
    _trait("sessions", "会话数上限", "how many sessions it allows",
           amount=Amount("sessions", 1, 1, 1000, "")),
    _trait("no-tcp", "不支持 TCP (461)", "answers TCP transport with 461", {"refused": "tcp"}),
    _trait("no-udp", "不支持 UDP (461)", "answers UDP transport with 461", {"refused": "udp"}),
    _trait("no-replay", "不支持录像回放 (551)", "knows no replay: 551", {"replay": Replay.UNKNOWN}),
    _trait("no-recording", "没有录像 (457)", "has recorded nothing: 457",
           {"replay": Replay.EMPTY}),
    _trait("live-replay", "回放请求却送实况", "answers a replay with what is live",
           {"replay": Replay.IGNORED}),
    *(_trait(f"auth-{kind.value}", f"认证: {kind.value}", f"login: {kind.value}", {"auth": kind})
      for kind in Auth),
    *(_trait(f"audio-{kind.value}", f"声音: {kind.value}", f"sound: {kind.value}", {"sound": kind})
      for kind in Sound),
)  # fmt: skip
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _TABLE}
_ORDER = {fault.name: at for at, fault in enumerate(_TABLE)}
_ALIASES = {"unauthorized": "401", "unauthorised": "401"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault as a camera has it: the row, and the number that was given with it."""

    fault: Fault
    value: float | None = None

    @property
    def text(self) -> str:
        """As the faults file spells it."""
        return self.fault.name if self.value is None else f"{self.fault.name}={self.value:g}"


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault of one channel; instants are seconds since the fleet's start, None is open."""

    channel: str
    trouble: Trouble
    start: float | None = None
    until: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The form of the faults file."""
        return {
            "channel": self.channel,
            "fault": self.trouble.text,
            "from": self.start,
            "until": self.until,
        }


def combined(own: Manner, troubles: Iterable[Trouble]) -> Manner:
    """A camera's manner with its troubles; the worst is laid on last."""
    worst_last = sorted(troubles, key=lambda trouble: -_ORDER[trouble.fault.name])
    for trouble in worst_last:
        own = trouble.fault.apply(own, trouble.value)
    return own


def decisive(troubles: Iterable[Trouble]) -> Fault | None:
    """The fault that decides what is found; None for a healthy camera."""
    return min(
        (trouble.fault for trouble in troubles),
        key=lambda fault: (fault.is_harmless, _ORDER[fault.name]),
        default=None,
    )


def parse_fault(name: object) -> Trouble:
    """A fault by name, perhaps with `=NUMBER`; raises InputError with all names."""
    text, equals, number = str(name).strip().lower().partition("=")
    fault = FAULTS.get(_ALIASES.get(text, text))
    if fault is None:
        raise InputError(
            f"没有叫 {name!r} 的故障 / no fault is called {name!r}",
            hint=f"可用 / one of {', '.join(FAULTS)}",
        )
    return Trouble(fault, _amount(fault, number) if equals else None)


def _amount(fault: Fault, number: str) -> float:
    amount = fault.amount
    if amount is None:
        raise InputError(f"{fault.name} 不带数值 / takes no number")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not amount.least <= value <= amount.most:
        raise InputError(
            f"{fault.name}={number}: 应为 / must be {amount.least:g} .. {amount.most:g} "
            f"{amount.unit}".rstrip()
        )
    return value


def parse_plan(document: object) -> list[PlannedFault]:
    """Read `[{"channel": ID, "fault": NAME, "from": S, "until": S}]`.

    Raises InputError that tells the entry.
    """
    if isinstance(document, dict):
        document = [document]
    if not isinstance(document, list) or len(document) > MAX_PLAN:
        raise InputError("faults are a list of objects with channel and fault")
    return [_parse_entry(index, entry) for index, entry in enumerate(document, start=1)]


def _parse_entry(index: int, entry: object) -> PlannedFault:
    if not isinstance(entry, dict) or not {"channel", "fault"} <= entry.keys() <= _KEYS:
        raise InputError(
            f"fault {index}: an object with channel, fault and perhaps from and until is needed"
        )
    start, until = (_instant(index, entry.get(key)) for key in ("from", "until"))
    if start is not None and until is not None and until <= start:
        raise InputError(f"fault {index}: until must be later than from")
    return PlannedFault(str(entry["channel"]), parse_fault(entry["fault"]), start, until)


def _instant(index: int, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise InputError(f"fault {index}: {value!r} is not seconds since the start")
    return float(value)
