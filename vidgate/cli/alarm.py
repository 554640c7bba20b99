"""`vidgate alarm`: what failed, folded by cause, and seeing to it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from vidgate.cli import names, next_steps, output, tables, words
from vidgate.cli.client import Client
from vidgate.cli.options import Json, Output, option

OK = 0
_SHEET = tables.Sheet(
    "alarms",
    ("id", "severity", "attention", "cause", "subject", "channels", "failing", "opened", "ended",
     "returns", "asked", "merged", "acknowledged_by", "acknowledged", "closed_by"),
    times=("opened", "ended", "asked", "acknowledged"),
)  # fmt: skip
_MEMBERS = tables.Sheet(
    "alarm", ("channel", "state", "reason", "since", "until", "departure"), times=("since", "until")
)
Number = Annotated[int, option("告警号 · the alarm's number", completer=names.ALARMS)]
Text = Annotated[str, option("说明 · what there is to say", "--text", "-m")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which alarms are listed: all that is given must hold."""

    attention: Annotated[
        Literal["unclosed", "open", "acknowledged", "closed", "all"],
        option("处置情况, 默认未关闭 · where they stand; not closed by default", shown=True),
    ] = "unclosed"
    cause: Annotated[
        Literal["uplink", "platform", "area", "host", "scattered", "single"] | None,
        option("共同原因 · what they share"),
    ] = None
    platform: Annotated[
        str | None, option("有该平台的通道 · with a channel of it", completer=names.PLATFORMS)
    ] = None
    area: Annotated[
        str | None, option("有该片区的通道 · with a channel in it", completer=names.AREAS)
    ] = None
    department: Annotated[
        str | None, option("有该部门的通道 · with a channel of it", completer=names.DEPARTMENTS)
    ] = None
    since: Annotated[
        str | None, option("此后仍未恢复 (7d, 12h, 2026-04-01) · that stood after it")
    ] = None
    until: Annotated[str | None, option("在此之前开始 · that began before it")] = None
    limit: Annotated[int | None, option("最多几条, 默认 200 · at most so many; 200 by default")] = (
        None
    )


async def list_alarms(*, chosen: Filter | None = None, shape: Output | None = None) -> int:
    """List alarms, the newest first."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get("/alarms", asdict(chosen or Filter()))
    _tell_of_the_rest(found["total"], len(found["items"]))
    if tables.written(shape, _SHEET, found):
        return OK
    output.table(_COLUMNS, found["items"])
    waiting = [one["id"] for one in found["items"] if one["attention"] == "open"]
    next_steps.tell("alarm list", "open" if waiting else "", alarm=waiting[0] if waiting else "")
    return OK


def _tell_of_the_rest(total: int, shown: int) -> None:
    """Whoever counts rows must know that there are more."""
    if shown < total:
        output.note(
            f"共 {total} 条, 只列出最新的 {shown} 条; 多列: --limit N (最多 1000), 或 --since"
            f" / the newest {shown} of {total}; more: --limit N (1000 at most), or narrow: --since"
        )


async def show(alarm: Number, /, *, shape: Output | None = None) -> int:
    """One alarm with its channels, and what was done about it."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get(f"/alarms/{alarm}")
    if tables.written(shape, _MEMBERS, found, found["members"]):
        return OK
    output.table(_COLUMNS, (found,))
    output.table(_MEMBER_COLUMNS, found["members"])
    if found["notes"]:
        output.table(_NOTE_COLUMNS, found["notes"])
    next_steps.tell("alarm show", found["attention"], alarm=alarm)
    return OK


async def acknowledge(alarm: Number, /, *, text: Text = "", json: Json = False) -> int:
    """Say that you see to it."""
    return await _say(alarm, "acknowledge", text, json=json)


async def note(alarm: Number, /, *, text: Text, json: Json = False) -> int:
    """Say something of an alarm, whenever it was."""
    return await _say(alarm, "note", text, json=json)


async def close(alarm: Number, /, *, text: Text, json: Json = False) -> int:
    """Say that it needs nobody, and why; one that recovers closes by itself."""
    return await _say(alarm, "close", text, json=json)


async def _say(alarm: int, verb: str, text: str, *, json: bool) -> int:
    async with Client() as client:
        found = await client.call("POST", f"/alarms/{alarm}/{verb}", body={"text": text})
    if json:
        output.document(found)
        return OK
    output.note(f"{_VERBS[verb]}: {alarm} {_subject(found)}")
    next_steps.tell(f"alarm {verb}", alarm=alarm)
    return OK


def _subject(item: Mapping[str, Any]) -> str:
    return f"{words.CAUSES.get(item['cause'], item['cause'])} {item['subject']}".rstrip()


def _handled(item: Mapping[str, Any]) -> str:
    by = item["closed_by"] or item["acknowledged_by"]
    word = words.ATTENTIONS.get(item["attention"], item["attention"])
    return f"{word} ({by})" if by else str(word)


_VERBS = {
    "acknowledge": "已确认 acknowledged",
    "note": "已备注 noted",
    "close": "已关闭 closed",
}
_COLUMNS: tuple[output.Column, ...] = (
    ("告警", "id"),
    ("级别", lambda item: words.SEVERITIES.get(item["severity"], item["severity"])),
    ("原因", _subject),
    ("仍故障/涉及", lambda item: f"{item['failing']}/{item['channels']}"),
    ("开始", lambda item: output.moment(item["opened"])),
    ("结束", lambda item: output.moment(item["ended"])),
    ("处置", _handled),
    ("并入", "merged"),
)
_MEMBER_COLUMNS: tuple[output.Column, ...] = (
    ("通道", "channel"),
    ("状态", lambda item: words.state(item["state"])),
    ("原因", lambda item: words.reason(item["reason"])),
    ("自", lambda item: output.moment(item["since"])),
    ("至", lambda item: output.moment(item["until"])),
    ("去向", lambda item: words.DEPARTURES.get(item["departure"] or "", "")),
)
_NOTE_COLUMNS: tuple[output.Column, ...] = (
    ("时间", lambda item: output.moment(item["time"])),
    ("操作者", "actor"),
    ("动作", lambda item: _VERBS[item["action"]]),
    ("说明", "text"),
)
