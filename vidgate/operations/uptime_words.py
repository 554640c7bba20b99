"""The words of the uptime report, Chinese first: one place for the page and the workbook."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from vidgate.health.kpi import MAIN
from vidgate.model.channel import LIFECYCLE_WORDS
from vidgate.model.health import STATE_WORDS

Document = Mapping[str, Any]

BY = {"department": "部门", "platform": "平台", "area": "行政区划", "class": "点位类型"}
CLASSES = {"1": "一类", "2": "二类", "3": "三类", "9": "其他"}
NOBODY = "（未填）"
FORMS = {"time": "时长", "days": "日均", "snapshot": "快照"}
STATES: dict[str | None, str] = {"": "不在册", None: "—"}  # None: it is forgotten
STATES.update(STATE_WORDS)


def group_name(document: Document, name: str) -> str:
    """A group as people call it."""
    return (CLASSES.get(name, name) if document["by"] == "class" else name) or NOBODY


def percent(figure: Mapping[str, Any]) -> str:
    """A figure as it is shown; a dash where nothing counted."""
    return "—" if figure["percent"] is None else f"{figure['percent']} %"


def main(group: Mapping[str, Any]) -> Mapping[str, Any]:
    """The figure that groups are ranked by."""
    figure: Mapping[str, Any] = group["kpis"][MAIN]
    return figure


# What time is that a cause took. One cause of a site's own table may have taken time of each kind.
MISSING, ONLINE, LEFT_OUT = KINDS = ("missing", "online", "left_out")
NOTES = {
    MISSING: "",
    ONLINE: "（计为在线 online all the same）",
    LEFT_OUT: "（不计入分母 left out）",
}


def kind(cause: Mapping[str, Any]) -> str:
    """Which of `KINDS` the time of a cause is."""
    if cause["counted"]:
        return MISSING
    return ONLINE if cause["online"] else LEFT_OUT


def note(cause: Mapping[str, Any]) -> str:
    """What time is that is told and not missing."""
    return NOTES[kind(cause)]


def spent_columns(document: Document) -> list[tuple[str, str]]:
    """The columns of time in a table of numbers, by kind and cause.

    What is missing by every cause; then those that took any time which counts as online, or which
    does not count: they are no part of what is missing, and never stand among it.
    """
    taken = {(kind(one), one["id"]) for one in document["total"]["causes"]}
    return [
        (of, cause["id"])
        for of in KINDS
        for cause in document["causes"]
        if of == MISSING or (of, cause["id"]) in taken
    ]


def spent(group: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Seconds of a group or a channel for these columns, where it has any."""
    return {(kind(one), one["id"]): one["seconds"] for one in group["causes"]}


def impaired(document: Document, group: Mapping[str, Any]) -> str:
    """What counts as online and is not as it should be, with its shares."""
    names = {one["id"]: one["zh"] for one in document["causes"]}
    spent = sorted((c for c in group["causes"] if c["online"]), key=lambda c: -c["seconds"])
    return " · ".join(f"{names[one['id']]} {share(one['share'])}" for one in spent)


def share(value: float) -> str:
    """A part of the missing: cut off as the rates are; what is there at all is not shown as 0."""
    cut = int(value * 10_000 + 1e-9) / 100
    return f"{cut:.2f} %" if cut or not value else "< 0.01 %"


def length(seconds: float) -> str:
    """A duration in the two greatest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} 天 {hours} 小时"
    if hours:
        return f"{hours} 小时 {minutes} 分"
    return f"{minutes} 分 {rest} 秒" if minutes else f"{rest} 秒"


def moment(document: Document, seconds: float) -> str:
    """An instant in the report's zone, to the minute."""
    return _local(document, seconds).strftime("%Y-%m-%d %H:%M")


def zone(document: Document) -> str:
    """The name of the report's zone; of one without a name, how far it is from UTC."""
    ahead = _local(document, document["until"]).utcoffset()
    return document["timezone"] or str(timezone(ahead or timedelta()))


def window(document: Document) -> str:
    """From when until when."""
    return f"{moment(document, document['since'])} — {moment(document, document['until'])}"


def limits(document: Document) -> list[str]:
    """What is not as it was asked for, because the past is forgotten; nothing as a rule."""
    kept = moment(document, document["changes_since"])
    asked = (document["asked_since"], document["asked_until"])
    found = []
    if asked != (document["since"], document["until"]):
        span = " — ".join(moment(document, one) for one in asked)
        found.append(
            f"{kept} 之前的状态变化已不再保存, 只有整日的数: 时间窗由 {span} 扩到零点 / "
            "changes of state before then are kept no more, only whole days: "
            "the window was widened to midnights"
        )
    if days := [day["date"] for day in document["days"] if not day["is_known"]]:
        span = days[0] if len(days) == 1 else f"{days[0]} … {days[-1]}"
        found.append(
            f"{len(days)} 天未知, 不计入任何数 ({span}): "
            "状态变化已不再保存, 又没有按此时区的每日汇总 / "
            "days that are unknown and in no figure: changes of state are kept no more, "
            "and no roll-up by this zone's midnights is there"
        )
    if document["until"] <= document["changes_since"]:
        found.append(
            "快照未知: 窗口结束那一刻的状态已不再保存 / "
            "the snapshot is not known: how channels stood as the window ended is kept no more"
        )
    return found


def unknown_days(document: Document) -> int:
    """How many days of the window are in no figure."""
    return sum(not day["is_known"] for day in document["days"])


def definition(kpi: Mapping[str, Any]) -> str:
    """What a KPI counts, in a sentence."""
    states = "、".join(STATES[name] for name in kpi["numerator"])
    without = "、".join(STATES[name] for name in kpi["without"]) or "无"
    steps = "、".join(LIFECYCLE_WORDS[name] for name in kpi["lifecycles"])
    own, excused = (
        "计为不在线" if kpi[name] == "count" else "不计入" for name in ("own_downtime", "excused")
    )
    return (
        f"按{FORMS[kpi['form']]}; 在线 = {states}; 只数{steps}; 不计入分母: {without}; "
        f"本系统停机{own}; 免责的故障{excused}; 向下取整到 {kpi['decimals']} 位小数"
    )


EXCLUSION_HEADS = ("类别 kind", "范围 scope", "起止 time", "原因 reason", "批准 approved by")
_SCOPES = {"channel": "通道", "platform": "平台", "department": "部门", "area": "行政区划"}


def exclusions(document: Document) -> list[tuple[str, ...]]:
    """What was left out on somebody's word: a row for each, under `EXCLUSION_HEADS`."""
    return [
        (
            "免责 excused" if one["is_excuse"] else "检修 maintenance",
            f"{_SCOPES[one['scope']]} {one['subject']}",
            f"{moment(document, one['start'])} — "
            + ("未结束 open" if one["end"] is None else moment(document, one["end"])),
            one["reason"],
            one["actor"],
        )
        for one in document["exclusions"]
    ]


def _local(document: Document, seconds: float) -> datetime:
    named = document["timezone"]
    instant = datetime.fromtimestamp(seconds, UTC)
    return instant.astimezone(ZoneInfo(named) if named else None)
