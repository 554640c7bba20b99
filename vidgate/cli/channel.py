"""`vidgate channel`: the register of video channels."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from cyclopts import Parameter

from vidgate.cli import files, output, passwords, tables, words
from vidgate.cli.client import Client, Query, segment
from vidgate.cli.credential import TRIAL
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, Output, option
from vidgate.cli.progress import Meter
from vidgate.model.channel import LIFECYCLE_WORDS

OK, FAILED, PARTLY = 0, 1, 3
ERRORS_SHOWN = 50
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
LifecycleWord = Literal["planned", "commissioning", "accepted", "suspended", "retired"]
_LIST = tables.Sheet(
    "channels",
    ("id", "name", "number", "state", "reason", "since", "level", "kind", "platform",
     "department", "area", "lifecycle", "enabled", "tags", "has_sub"),
    times=("since",),
)  # fmt: skip
_HISTORY = tables.Sheet(
    "history",
    ("change", "time", "actor", "cause", "source", "undone_by", "kind", "id", "action",
     "before", "after"),
    times=("time",),
)  # fmt: skip
Id = Annotated[str, option("通道编号或国标编码 · the channel's id")]


@Parameter(name="*")
@dataclass(kw_only=True)
class Filter:
    """Which channels to list."""

    search: Annotated[
        str, option("名称、编号或拼音首字母 · name, id or pinyin", "--search", "-q")
    ] = ""
    state: Annotated[StateWord | None, option("状态 · state")] = None
    platform: Annotated[str, option("平台 · platform")] = ""
    department: Annotated[str, option("部门 · department")] = ""
    area: Annotated[str, option("行政区划 · area")] = ""
    lifecycle: Annotated[LifecycleWord | None, option("建设阶段, planned 为规划中 · lifecycle")] = (
        None
    )
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
    credential: Annotated[str | None, option("口令的名字 · a credential's name")] = None
    platform: Annotated[str | None, option("平台")] = None
    department: Annotated[str | None, option("部门")] = None
    area: Annotated[str | None, option("行政区划")] = None
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


async def template(
    *,
    out: Annotated[
        Path, option("文件名, - 为标准输出 · - is stdout", "--out", "-o", dash=True)
    ] = Path("channels.xlsx"),
    force: Annotated[bool, option("覆盖已有文件 · replace the file")] = False,
) -> int:
    """Write an empty register with headers, notes and an example."""
    files.check_free(out, force=force)
    async with Client() as client:
        content = await client.get("/channels/template")
    files.write(out, content, force=force)
    if str(out) != "-":
        output.note(f"模板已写入 template written: {out}")
    output.next_step(f"channel import {out} --dry-run", "填好后先试导入 fill it, then try it")
    return OK


@Parameter(name="*")
@dataclass(kw_only=True)
class Manner:
    """How to import."""

    dry_run: Annotated[bool, option("只检查, 不写入 · check, write nothing")] = False
    partial: Annotated[bool, option("坏行之外照常导入 · import the good rows")] = False
    prune: Annotated[bool, option("移除文件里没有的通道 · remove what the file has not")] = False


async def import_file(
    file: Annotated[Path, option("xlsx, xls 或 csv · xlsx, xls or csv")],
    /,
    *,
    manner: Manner | None = None,
    errors: Annotated[
        Path | None, option("把标出错误的原表写到 xlsx · your sheet with its mistakes marked")
    ] = None,
    force: Annotated[bool, option("覆盖已有文件 · replace the file of --errors")] = False,
    json: Json = False,
) -> int:
    """Import a register: all rows or none, unless --partial."""
    chosen = manner or Manner()
    content = files.read(file)
    if errors is not None:
        files.check_free(errors, force=force)
    query: Query = {"filename": file.name, **asdict(chosen)}
    async with Client() as client:
        with Meter(f"导入 {file.name}"):
            report = await client.call("POST", "/channels/import", query=query, data=content)
        if errors is not None and (report["errors"] or report["warnings"]):
            named: Query = {"filename": file.name}
            marked = await client.fetch("POST", "/channels/import/errors", named, content)
            files.write(errors, marked.content, force=force)
            output.note(f"标出错误的表 marked sheet: {errors}")
            if lost := unquote(marked.headers.get("Vidgate-Lost", "")):
                output.note(f"{lost} only the values are kept")
    if json:
        output.document(report)
    else:
        _show_report(report, dry_run=chosen.dry_run)
        _after_import(report, file, chosen)
    if not report["rejected"]:
        return OK
    return PARTLY if chosen.partial and not chosen.dry_run else FAILED


async def export(
    *,
    out: Annotated[
        Path,
        option("文件名 .xlsx 或 .csv, - 为标准输出 (csv) · - is stdout", "--out", "-o", dash=True),
    ] = Path("channels.xlsx"),
    chosen: Filter | None = None,
    force: Annotated[bool, option("覆盖已有文件 · replace the file")] = False,
) -> int:
    """Write the register, or part of it, as a file that an import takes as unchanged."""
    kind = "csv" if str(out) == "-" else out.suffix.lower().removeprefix(".")
    if kind not in ("csv", "xlsx"):
        raise UsageError(
            both("文件名要以 .xlsx 或 .csv 结尾", "the name must end in .xlsx or .csv"),
            hint="vidgate channel export -o channels.xlsx",
        )
    files.check_free(out, force=force)
    query = asdict(chosen or Filter())
    query["q"] = query.pop("search")
    async with Client() as client:
        with Meter("导出"):
            made = await client.fetch("GET", "/channels/export", {**query, "format": kind})
    files.write(out, made.content, force=force)
    if str(out) != "-":
        output.note(f"已导出 written: {out} (不含口令 no passwords)")
    if (tickets := made.headers.get("Vidgate-Tickets", "0")) != "0":
        output.note(
            f"提醒 warning: {tickets} 路的地址带有 token 之类的票据, 按原样导出, 请妥善保管"
            " · addresses with tokens are in it: keep it safe"
        )
    output.next_step(f"channel import {out} --dry-run", "改好后先试导入 edit it, then try it")
    return OK


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
    if found["items"]:
        newest = found["items"][0]["change"]
        output.next_step(f"change undo {newest}", "撤销最近一次 undo the newest")
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
    output.table(
        (
            ("编号", "id"),
            ("名称", "name"),
            ("状态", words.standing),
            ("原因", lambda item: words.reason(item.get("reason") or "")),
            ("自", lambda item: output.moment(item.get("since"))),
            ("平台", "platform"),
            ("部门", "department"),
            ("区划", "area"),
        ),
        found["items"],
    )
    output.note(f"共 {found['total']} 路, 显示 {len(found['items'])} 路")
    if found["total"]:
        output.next_step("probe --all", "看看哪些真正看得见 which can truly be seen")
    else:
        output.next_step("channel template", "从登记表模板开始 start with the template")
    return OK


async def show(id: Id, /, *, json: Json = False) -> int:
    """Everything about one channel."""
    async with Client() as client:
        channel = await client.get(f"/channels/{segment(id)}")
    if json:
        output.document(channel)
    else:
        _show_channel(channel)
        output.next_step(f"probe {channel['id']}", "现在看看它 look at it now")
    return OK


async def try_channel(
    id: Id,
    /,
    *,
    sub: Annotated[bool, option("试子码流 · the sub-stream")] = False,
    credential: Annotated[str, option("改用这个凭据试 · with this credential instead")] = "",
    json: Json = False,
) -> int:
    """Try a channel now: the rule and address used, whose login, and what the camera says."""
    body = {"stream": "sub" if sub else "main", "credential": credential}
    async with Client() as client:
        trial = await client.call("POST", f"/channels/{segment(id)}/test", body=body)
    if json:
        output.document(trial)
    else:
        probe = trial["probe"]
        output.table(TRIAL, [trial])
        if probe["detail"]:
            output.note(probe["detail"])
        if trial["is_good"]:
            output.next_step(f"probe {trial['channel']}", "画面才是证明 a picture is the proof")
        else:
            output.next_step(f"channel show {trial['channel']}", "它的地址和凭据 how it is reached")
    return OK if trial["is_good"] else FAILED


async def add(id: Id = "", *, fields: Fields | None = None, json: Json = False) -> int:
    """Add one channel; its id is its GB code where none is given."""
    body = (fields or Fields()).body()
    if id:
        body["id"] = id
    async with Client() as client:
        channel = await client.call("POST", "/channels", body=body)
    return _changed(channel, "已新增 added", json=json)


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
    return _changed(channel, "已修改 changed", json=json)


async def remove(*ids: Id) -> int:
    """Remove channels; `change undo` brings them back."""
    if not ids:
        raise UsageError(both("没有给出通道编号", "no channel was given"))
    async with Client() as client:
        for id in ids:
            await client.call("DELETE", f"/channels/{segment(id)}")
            output.note(f"已移除 removed: {id}")
    output.next_step("change list", "可以撤销 change undo N brings it back")
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
    if step == "commissioning":
        output.next_step(f"probe {' '.join(ids[:3])}", "有画面再验收 a picture, then approve")
    else:
        output.next_step("platform list", "各平台接入率 what each platform has delivered")
    return OK


def _changed(channel: Any, said: str, *, json: bool) -> int:
    if json:
        output.document(channel)
        return OK
    output.note(f"{said}: {channel['id']}")
    _warn(channel)
    output.next_step(f"probe {channel['id']}", "看看有没有画面 see whether there is a picture")
    return OK


def _warn(channel: Any) -> None:
    for one in channel.get("warnings", ()):
        output.note(f"提醒 warning: {words.field(one['field'])}: {output.text(one['message'])}")


def _show_report(report: Any, *, dry_run: bool) -> None:
    label = "试导入, 没有写入" if dry_run else "导入"
    removed = f"移除 {report['removed']} · " if report["removed"] else ""
    output.say(
        f"{label}: 新增 {report['created']} · 更新 {report['updated']} · {removed}"
        f"不变 {report['unchanged']} · 错误 {report['rejected']}"
    )
    for title, name in (("问题", "errors"), ("提醒", "warnings")):
        if not report[name]:
            continue
        output.table(
            (("表", "sheet"), ("行", "row"), ("列", "column"), ("值", "value"), (title, "message")),
            report[name][:ERRORS_SHOWN],
        )
        if len(report[name]) > ERRORS_SHOWN:
            output.note(f"共 {len(report[name])} 处{title}, 全部见 --json 或 --errors 表.xlsx")
    for folded in report["more"]:
        output.note(
            f"另有 {folded['count']} 处类似 more like this: {output.text(folded['column'])}: "
            f"{output.text(folded['message'])}"
        )
    if report["more"]:
        output.note("全部标在 all are marked in: --errors 表.xlsx")


def _after_import(report: Any, file: Path, manner: Manner) -> None:
    if report["rejected"] and manner.prune:
        output.note("有错误的行时不移除通道 nothing is removed while rows are rejected")
    if report["rejected"] and report["change"] is None:
        output.next_step(
            f"channel import {file} --dry-run --errors 改.xlsx",
            "在标出的表里改好再试; 或 --partial 只导好行",
        )
    elif manner.dry_run:
        flags = " --partial" * manner.partial + " --prune" * manner.prune
        output.next_step(f"channel import {file}{flags}", "正式导入 import it")
    elif report["change"] is None:
        output.next_step("channel list", "没有变化 nothing changed")
    else:
        output.note(f"变更号 change: {report['change']}  (撤销 vidgate change undo ...)")
        output.next_step("probe --all", "看看哪些真正看得见 which can truly be seen")


def _show_channel(channel: Any) -> None:
    """The channel's fields, then what is known of its health, then the last look at it."""
    health = channel["health"]
    known = {name: value for name, value in health.items() if name not in channel}
    last = known.pop("last") or {}
    pairs = [
        (words.field(name), _readable(name, channel[name]))
        for name in channel
        if name != "warnings"
    ]
    pairs += [(words.field(name), _readable(name, value)) for name, value in known.items()]
    pairs += [(f"探测 {words.field(name)}", _readable(name, last[name])) for name in last]
    output.fields(pair for pair in pairs if not isinstance(pair[1], dict))
    _warn(channel)


def _readable(name: str, value: object) -> object:
    match name:
        case "state":
            return words.state(value)
        case "reason":
            return words.reason(value)
        case "lifecycle":
            return LIFECYCLE_WORDS.get(str(value), value)
        case "since" | "probed" | "media_seen" | "last_frame" | "t0":
            return output.moment(value)
        case "t1" | "t2" | "t3":
            return output.milliseconds(value)
        case _:
            return value
