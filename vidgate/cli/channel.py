"""`vidgate channel`: the register of video channels."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from vidgate.cli import names, next_steps, output, passwords, tables, words
from vidgate.cli.client import Client, segment
from vidgate.cli.credential import TRIAL, TRIALS, trial_row
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, Output, option
from vidgate.model.channel import LIFECYCLE_WORDS

OK, FAILED = 0, 1
StateWord = Literal[
    "unknown",
    "up",
    "degraded",
    "busy",
    "down",
    "unauthorized",
    "maintenance",
    "disabled",
    "reachable",
]
DifferenceWord = Literal["online_down", "offline_up", "codec", "resolution", "fps", "any"]
LifecycleWord = Literal["planned", "commissioning", "accepted", "suspended", "retired"]
_LIST = tables.Sheet(
    "channels",
    ("id", "name", "number", "state", "reason", "since", "level", "kind", "platform",
     "department", "area", "lifecycle", "enabled", "tags", "has_sub",
     "declared_status", "differs"),
    times=("since",),
)  # fmt: skip
_CHANNEL = tables.Sheet(
    "channel",
    ("id", "name", "number", "revision", "gb_code", "kind", "url", "sub_url", "vendor", "address",
     "port", "channel_no", "credential", "platform", "department", "area", "point", "point_class",
     "industry", "longitude", "latitude", "lifecycle", "tags", "enabled", "transport",
     "declared_status", "declared_codec", "declared_resolution", "declared_fps", "has_sub",
     "state", "reason", "since", "level", "levels", "probed", "media_seen", "last_frame",
     "comparison", "transports", "warnings"),
    times=("since", "probed", "media_seen", "last_frame"),
)  # fmt: skip
_HISTORY = tables.Sheet(
    "history",
    ("change", "time", "actor", "cause", "source", "undone_by", "kind", "id", "action",
     "before", "after"),
    times=("time",),
)  # fmt: skip
Id = Annotated[str, option("通道编号或国标编码 · the channel's id", completer=names.CHANNELS)]


@Parameter(name="*")
@dataclass(kw_only=True)
class Filter:
    """Which channels to list."""

    search: Annotated[
        str, option("名称、编号或拼音首字母 · name, id or pinyin", "--search", "-q")
    ] = ""
    state: Annotated[StateWord | None, option("状态 · state")] = None
    platform: Annotated[str, option("平台 · platform", completer=names.PLATFORMS)] = ""
    department: Annotated[str, option("部门 · department", completer=names.DEPARTMENTS)] = ""
    area: Annotated[str, option("行政区划 · area", completer=names.AREAS)] = ""
    lifecycle: Annotated[LifecycleWord | None, option("建设阶段, planned 为规划中 · lifecycle")] = (
        None
    )
    differs: Annotated[
        DifferenceWord | None,
        option("与平台或登记所报不符, 如 online_down 报在线而不可用 · contradicts"),
    ] = None
    limit: Annotated[int | None, option("最多几条 · at most so many")] = None
    offset: Annotated[int | None, option("跳过几条 · skip so many")] = None


@Parameter(name="*")
@dataclass(kw_only=True)
class Fields:
    """The columns of the register, as options; an empty value clears one.

    All are texts: the service reads them as it reads a cell of the register.
    """

    name: Annotated[str | None, option("名称")] = None
    gb_code: Annotated[str | None, option("20 位国标编码", "--gb-code", "--gb_code")] = None
    kind: Annotated[str | None, option("类型: rtsp, onvif, push")] = None
    url: Annotated[str | None, option("主码流地址 rtsp://...")] = None
    sub_url: Annotated[str | None, option("子码流地址", "--sub-url", "--sub_url")] = None
    vendor: Annotated[str | None, option("厂商")] = None
    address: Annotated[str | None, option("IP 地址")] = None
    port: Annotated[str | None, option("端口")] = None
    channel_no: Annotated[str | None, option("通道号", "--channel-no", "--channel_no")] = None
    username: Annotated[str | None, option("用户名; 口令另外询问 · asks for the password")] = None
    credential: Annotated[
        str | None, option("口令的名字 · a credential's name", completer=names.CREDENTIALS)
    ] = None
    platform: Annotated[str | None, option("平台", completer=names.PLATFORMS)] = None
    department: Annotated[str | None, option("部门", completer=names.DEPARTMENTS)] = None
    area: Annotated[str | None, option("行政区划", completer=names.AREAS)] = None
    point: Annotated[str | None, option("点位")] = None
    point_class: Annotated[
        str | None, option("点位类型: 1, 2, 3, 9", "--point-class", "--point_class")
    ] = None
    industry: Annotated[str | None, option("行业")] = None
    longitude: Annotated[str | None, option("经度 WGS-84")] = None
    latitude: Annotated[str | None, option("纬度 WGS-84")] = None
    lifecycle: Annotated[
        str | None, option("planned, commissioning, accepted, suspended, retired")
    ] = None
    tags: Annotated[str | None, option("标签, 逗号分隔 · separated by commas")] = None
    enabled: Annotated[str | None, option("启用: true, false")] = None
    transport: Annotated[str | None, option("传输: auto, tcp, udp")] = None
    declared_status: Annotated[
        str | None,
        option("平台状态: online, offline", "--declared-status", "--declared_status"),
    ] = None
    declared_codec: Annotated[
        str | None,
        option("登记的视频编码: h264, h265 ...", "--declared-codec", "--declared_codec"),
    ] = None
    declared_resolution: Annotated[
        str | None,
        option("登记的分辨率: 1920x1080, 400万", "--declared-resolution", "--declared_resolution"),
    ] = None
    declared_fps: Annotated[
        str | None, option("登记的帧率", "--declared-fps", "--declared_fps")
    ] = None
    password_stdin: Annotated[bool, option("从标准输入读口令 · password from stdin")] = False

    def body(self) -> dict[str, object]:
        """The fields that were given, as the API takes them."""
        passwords.warn_of_address(self.url, self.sub_url)
        given = {
            name: value
            for name, value in asdict(self).items()
            if value is not None and name != "password_stdin"
        }
        if self.username:
            given["password"] = passwords.read("口令 password", from_stdin=self.password_stdin)
        elif self.password_stdin:
            raise UsageError(both("缺少 --username", "--password-stdin needs --username"))
        return given


async def history(
    id: Id,
    /,
    *,
    limit: Annotated[int | None, option("最多几条 · at most so many")] = None,
    shape: Output | None = None,
) -> int:
    """What was done to one channel, the newest first."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get(f"/channels/{segment(id)}/history", {"limit": limit})
    if tables.written(shape, _HISTORY, found):
        return OK
    output.table(
        (
            ("变更", "change"),
            ("时间", lambda item: output.moment(item["time"])),
            ("操作者", "actor"),
            ("动作", "cause"),
            ("来源", "source"),
            ("修改", words.difference),
        ),
        found["items"],
    )
    newest = [one["change"] for one in found["items"][:1]]
    next_steps.tell("channel history", "some" if newest else "", id=id, change=newest)
    return OK


async def list_channels(*, chosen: Filter | None = None, shape: Output | None = None) -> int:
    """List channels and their states."""
    tables.check(shape)
    query = asdict(chosen or Filter())
    query["q"] = query.pop("search")
    async with Client() as client:
        found = await client.get("/channels", query)
    if tables.written(shape, _LIST, found):
        return OK
    output.table(_columns(is_compared=bool(query["differs"])), found["items"])
    output.note(f"共 {found['total']} 路, 显示 {len(found['items'])} 路")
    _after_list(found["items"], is_narrowed=chosen is not None and chosen != Filter())
    return OK


def _columns(*, is_compared: bool) -> tuple[Any, ...]:
    columns = (
        ("编号", "id"),
        ("名称", "name"),
        ("状态", words.standing),
        ("原因", lambda item: words.reason(item.get("reason") or "")),
        ("自", lambda item: output.moment(item.get("since"))),
        ("平台", "platform"),
        ("部门", "department"),
        ("区划", "area"),
    )
    compared = (("不符", lambda item: ", ".join(map(words.difference_kind, item["differs"]))),)
    return columns + (compared if is_compared else ())


def _after_list(items: list[Any], *, is_narrowed: bool) -> None:
    """Probing is for what is accepted; of others the next step of their life comes next."""
    if not items:
        next_steps.tell("channel list", "nothing" if is_narrowed else "empty")
        return
    steps = {item.get("lifecycle", "accepted") for item in items}
    first = items[0].get("lifecycle", "accepted")
    next_steps.tell("channel list", "" if "accepted" in steps else first, id=items[0]["id"])


async def show(id: Id, /, *, shape: Output | None = None) -> int:
    """Everything about one channel."""
    tables.check(shape)
    async with Client() as client:
        channel = await client.get(f"/channels/{segment(id)}")
    if tables.written(shape, _CHANNEL, channel, [channel.get("health", {}) | channel]):
        return OK
    _show_channel(channel)
    next_steps.tell("channel show", channel.get("lifecycle", ""), id=channel["id"])
    return OK


async def try_channel(
    id: Id,
    /,
    *,
    sub: Annotated[bool, option("试子码流 · the sub-stream")] = False,
    credential: Annotated[
        str, option("改用这个凭据试 · with this credential instead", completer=names.CREDENTIALS)
    ] = "",
    shape: Output | None = None,
) -> int:
    """Try a channel now: the rule and address used, whose login, and what the camera says."""
    tables.check(shape)
    body = {"stream": "sub" if sub else "main", "credential": credential}
    async with Client() as client:
        trial = await client.call("POST", f"/channels/{segment(id)}/test", body=body)
    if not tables.written(shape, TRIALS, trial, [trial_row(trial)]):
        output.table(TRIAL, [trial])
        if trial["probe"]["detail"]:
            output.note(trial["probe"]["detail"])
        next_steps.tell("channel test", "" if trial["is_good"] else "bad", id=trial["channel"])
    return OK if trial["is_good"] else FAILED


async def add(id: Id = "", *, fields: Fields | None = None, json: Json = False) -> int:
    """Add one channel; its id is its GB code where none is given."""
    body = (fields or Fields()).body()
    if id:
        body["id"] = id
    async with Client() as client:
        channel = await client.call("POST", "/channels", body=body)
    return _changed(channel, "add", "已新增 added", json=json)


async def set_fields(id: Id, /, *, fields: Fields | None = None, json: Json = False) -> int:
    """Change fields of one channel; an empty value clears a field."""
    body = (fields or Fields()).body()
    if not body:
        raise UsageError(
            both("没有给出要修改的字段", "no field to change was given"),
            hint=f"vidgate channel set {id} --name 名称",
        )
    async with Client() as client:
        channel = await client.call("PATCH", f"/channels/{segment(id)}", body=body)
    return _changed(channel, "set", "已修改 changed", json=json)


async def remove(*ids: Id) -> int:
    """Remove channels; `change undo` brings them back."""
    if not ids:
        raise UsageError(both("没有给出通道编号", "no channel was given"))
    async with Client() as client:
        for id in ids:
            await client.call("DELETE", f"/channels/{segment(id)}")
            output.note(f"已移除 removed: {id}")
    next_steps.tell("channel remove")
    return OK


async def submit(*ids: Id, json: Json = False) -> int:
    """Put channels up for acceptance: they are built and can be tried (commissioning)."""
    return await _move(ids, "commissioning", json=json)


async def approve(*ids: Id, json: Json = False) -> int:
    """Accept channels: from now on they count. Needs the permission channel.accept."""
    return await _move(ids, "accepted", json=json)


async def _move(ids: tuple[str, ...], step: str, *, json: bool) -> int:
    """One change for all of them, or none where one may not go that way."""
    if not ids:
        raise UsageError(both("没有给出通道编号", "no channel was given"))
    body = {"ids": list(ids), "fields": {"lifecycle": step}}
    async with Client() as client:
        report = await client.call("PATCH", "/channels", body=body)
    if json:
        output.document(report)
        return OK
    output.note(f"{LIFECYCLE_WORDS[step]}: {report['updated']} 路, 不变 {report['unchanged']} 路")
    verb = "submit" if step == "commissioning" else "approve"
    next_steps.tell(f"channel {verb}", ids=ids[:3])
    return OK


def _changed(channel: Any, verb: str, said: str, *, json: bool) -> int:
    if json:
        output.document(channel)
        return OK
    output.note(f"{said}: {channel['id']}")
    _warn(channel)
    next_steps.tell(f"channel {verb}", channel.get("lifecycle", ""), id=channel["id"])
    return OK


def _warn(channel: Any) -> None:
    for one in channel.get("warnings", ()):
        output.note(f"提醒 warning: {words.field(one['field'])}: {output.text(one['message'])}")


def _show_channel(channel: Any) -> None:
    """The channel's fields, then what is known of its health, then the last look at it."""
    health = channel["health"]
    known = {name: value for name, value in health.items() if name not in channel}
    last, measured = known.pop("last") or {}, known.pop("measured", None) or {}
    levels, compared = known.pop("levels", []), channel.get("comparison", [])
    carried = channel.get("transports", [])
    pairs = [
        (words.field(name), _readable(name, channel[name]))
        for name in channel
        if name not in ("warnings", "comparison", "transports")
    ]
    pairs += [(words.field(name), _readable(name, value)) for name, value in known.items()]
    pairs += [(f"实际传输 {words.variant(one['variant'])}", _carried(one)) for one in carried]
    pairs += [(f"分级 {words.level(one['level'])}", _level(one)) for one in levels]
    pairs += [(f"对照 {words.compared(one['item'])}", _compared(one)) for one in compared]
    pairs += [(f"实测 {words.field(name)}", _readable(name, measured[name])) for name in measured]
    pairs += [(f"探测 {words.field(name)}", _readable(name, last[name])) for name in last]
    output.fields(pair for pair in pairs if not isinstance(pair[1], dict))
    _warn(channel)


def _level(found: Any) -> str:
    """One level's last result, since when, and when it was looked at last."""
    outcome = words.outcome(found["outcome"])
    if found["at"] is None:
        return outcome
    said = output.milliseconds(found["took"])
    if found["outcome"] == "failed":
        said = words.reason(found["reason"])
    since, at = output.moment(found["since"]), output.moment(found["at"])
    return " · ".join(filter(None, (outcome, said, f"自 {since}", f"测于 {at}")))


def _compared(one: Any) -> str:
    """Both sides of an item, and in words whether they agree."""
    declared, measured = (words.told(one["item"], one[side]) for side in ("declared", "measured"))
    verdict = {True: "不符 differs", False: "相符 agrees"}.get(one["differs"], "")
    return " · ".join(filter(None, (f"所报 {declared}", f"实测 {measured}", verdict)))


def _carried(one: Any) -> str:
    """By which transport a stream came last, and why by that."""
    return " · ".join(filter(None, (one["transport"].upper(), one["reason"])))


def _offset(seconds: object) -> str:
    """How wrong a camera's clock is; less than can be told is nothing, in either direction."""
    return f"{round(seconds, 1) + 0.0:+.1f} s" if isinstance(seconds, int | float) else ""


def _rounded(value: object) -> object:
    """A measurement without the digits that mean nothing."""
    if not isinstance(value, float):
        return value
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}".rstrip("0").rstrip(".")


_MOMENTS = ("since", "probed", "media_seen", "last_frame", "t0", "at", "clock_at", "fps_at",
            "bitrate_at", "key_at", "loss_at")  # fmt: skip
_READABLE: dict[str, Callable[[Any], object]] = {
    "state": words.state,
    "reason": words.reason,
    "level": words.level,
    "asked": words.level,
    "lifecycle": lambda step: LIFECYCLE_WORDS.get(str(step), step),
    "fps_by": words.counted,
    "bitrate_by": words.counted,
    "clock_offset": _offset,
    "loss": output.percent,
    "longitude": str,
    "latitude": str,
    **dict.fromkeys(_MOMENTS, output.moment),
    **dict.fromkeys(("connected", "t1", "t2", "t3", "jitter", "first_frame"), output.milliseconds),
}


def _readable(name: str, value: object) -> object:
    if value is None:
        return None
    if name in ("declared_status", "declared_codec") and value:
        return words.told(name, value)
    return _READABLE.get(name, _rounded)(value)
