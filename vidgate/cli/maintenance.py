"""`vidgate maintenance`: windows in which nobody is called down, and excusing what failed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from vidgate.cli import names, next_steps, output, tables
from vidgate.cli.client import Client
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, Output, option

OK = 0
_SHEET = tables.Sheet(
    "maintenance",
    ("id", "scope", "subject", "start", "end", "reason", "actor", "created", "now", "is_excuse"),
    times=("start", "end", "created"),
)
_SCOPES = {"channel": "通道", "platform": "平台", "department": "部门", "area": "行政区划"}


async def list_windows(
    *,
    past: Annotated[bool, option("连同已结束的 · those that are over too")] = False,
    channel: Annotated[
        str | None, option("与这个通道有关的 · of this channel", completer=names.CHANNELS)
    ] = None,
    shape: Output | None = None,
) -> int:
    """List maintenance windows."""
    tables.check(shape)
    async with Client() as client:
        query = {"past": "true" if past else None, "channel": channel}
        found = await client.get("/maintenance", query)
    if tables.written(shape, _SHEET, found):
        return OK
    output.table(_COLUMNS, found["items"])
    lasting = [one["id"] for one in found["items"] if one["now"]]
    next_steps.tell("maintenance list", "some" if lasting else "", window=(lasting or [""])[0])
    return OK


@Parameter(name="*")
@dataclass(kw_only=True)
class Of:
    """What a window is for: one of these."""

    channel: Annotated[str | None, option("一个通道", completer=names.CHANNELS)] = None
    platform: Annotated[str | None, option("整个平台", completer=names.PLATFORMS)] = None
    department: Annotated[str | None, option("整个部门", completer=names.DEPARTMENTS)] = None
    area: Annotated[str | None, option("整个区划", completer=names.AREAS)] = None


async def add(
    *,
    reason: Annotated[str, option("原因 · why", "--reason", "-m")],
    of: Of | None = None,
    since: Annotated[
        str, option("起, 默认现在; 过去的时间即免责 · from; a past one excuses", "--from")
    ] = "",
    until: Annotated[
        str, option("止: 4h, 2026-04-01T18:00; 不填即直到另行结束 · until; open without it")
    ] = "",
    json: Json = False,
) -> int:
    """Add a window: state `maintenance` while it lasts, and nothing of it counts in reports."""
    given = asdict(of or Of())
    chosen = {scope: subject for scope, subject in given.items() if subject is not None}
    if len(chosen) != 1:
        raise UsageError(
            both("通道, 平台, 部门, 区划选一个", "one of channel, platform, department, area"),
            hint="vidgate maintenance add --platform ID --until 4h -m 原因",
        )
    ((scope, subject),) = chosen.items()
    body = {"scope": scope, "subject": subject, "from": since, "until": until, "reason": reason}
    async with Client() as client:
        made = await client.call("POST", "/maintenance", body=body)
    if json:
        output.document(made)
        return OK
    what = "已免责 excused" if made["is_excuse"] else "检修时段 window"
    output.note(f"{what} {made['id']}: {_subject(made)}, {_times(made)}")
    next_steps.tell("maintenance add", window=made["id"])
    return OK


async def end(
    window: Annotated[int, option("时段号 · the window's number", completer=names.WINDOWS)],
    /,
    *,
    json: Json = False,
) -> int:
    """End a window now; one that is to come, or that excuses, is dropped."""
    async with Client() as client:
        ended = await client.call("POST", f"/maintenance/{window}/end")
    if json:
        output.document(ended or {"id": window, "removed": True})
        return OK
    output.note(f"{'已结束 ended' if ended else '已取消 dropped'}: {window}")
    next_steps.tell("maintenance end")
    return OK


def _subject(item: Mapping[str, Any]) -> str:
    return f"{_SCOPES.get(item['scope'], item['scope'])} {item['subject']}"


def _times(item: Mapping[str, Any]) -> str:
    end = output.moment(item["end"]) or "另行结束 open"
    return f"{output.moment(item['start'])} - {end}"


def _kind(item: Mapping[str, Any]) -> str:
    return "免责" if item["is_excuse"] else "进行中" if item["now"] else ""


_COLUMNS: tuple[output.Column, ...] = (
    ("时段", "id"),
    ("范围", _subject),
    ("起止", _times),
    ("", _kind),
    ("原因", "reason"),
    ("操作者", "actor"),
)
