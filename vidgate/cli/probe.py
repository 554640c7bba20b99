"""`vidgate probe`: which channels can truly be seen."""

from typing import Annotated, Any, Literal

from vidgate.cli import names, next_steps, output, tables, words
from vidgate.cli.client import Client, error_of
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Output, option
from vidgate.cli.progress import Meter
from vidgate.errors import VidgateError

OK, PARTLY = 0, 3
SHOWN = 50
_SHEET = tables.Sheet(
    "probe",
    ("id", "state", "reason", "t0", "t1", "t2", "t3", "measured_fps", "measured_bitrate",
     "group_frames", "group_seconds", "expected", "lost", "fps", "bitrate"),
    times=("t0", "t1", "t2", "t3"),
)  # fmt: skip
LevelWord = Literal["describe", "media"]


async def probe(
    *ids: Annotated[str, option("通道编号 · channel ids", completer=names.CHANNELS)],
    all: Annotated[bool, option("全部通道 · every channel")] = False,
    department: Annotated[
        str, option("一个部门的通道 · those of one department", completer=names.DEPARTMENTS)
    ] = "",
    level: Annotated[
        LevelWord, option("describe: 码流说明; media: 等到第一个关键帧 · how deep")
    ] = "media",
    shape: Output | None = None,
) -> int:
    """Probe channels now; status 3 when one of them is not up."""
    tables.check(shape)
    body: dict[str, Any] = {"level": level, **_targets(ids, all, department)}
    result = await _run(body)
    if not tables.written(shape, _SHEET, result):
        _show(result)
    # A state outlives one bad look (hysteresis); who asks now is told of that look as well.
    proven = result["up"] == result["total"] and not _failed(result)
    return OK if proven else PARTLY


def _targets(ids: tuple[str, ...], all: bool, department: str) -> dict[str, Any]:
    ways: dict[str, Any] = {}
    if ids:
        ways["ids"] = list(ids)
    if all:
        ways["all"] = True
    if department:
        ways["department"] = department
    if len(ways) != 1:
        raise UsageError(
            both(
                "请给出通道编号, 或 --all, 或 --department 之一",
                "give channel ids, or --all, or --department: one of the three",
            ),
            hint="vidgate probe --all",
        )
    return ways


async def _run(body: dict[str, Any]) -> Any:
    """Follow the service's NDJSON to its last document, which is the result."""
    result = None
    async with Client() as client:
        with Meter("探测") as meter:
            async for line in client.lines("POST", "/probes", body):
                if "items" in line:
                    result = line
                elif "code" in line:
                    raise error_of(line)
                else:
                    meter.update(line["done"], line["total"])
    if result is None:
        raise VidgateError(both("探测中断, 没有结果", "the probe ended without a result"))
    return result


def _failed(result: Any) -> list[Any]:
    """The items whose probe did not reach what was asked."""
    return [item for item in result["items"] if item["reason"] != "ok"]


def _show(result: Any) -> None:
    items, failed = result["items"], _failed(result)
    shown = items if len(items) <= SHOWN else failed[:SHOWN]
    if shown:
        output.table(_COLUMNS, shown)
    if len(failed) > SHOWN and len(items) > SHOWN:
        output.note(f"共 {len(failed)} 路没有通过, 全部见 --json")
    states = " · ".join(f"{words.state(word)} {count}" for word, count in result["states"].items())
    output.say(
        f"探测 {result['total']} 路, 没有通过 {len(failed)} 路; 在线 {result['up']} 路 ({states}), "
        f"用时 {result['seconds']:.1f} s"
    )
    if failed:
        next_steps.tell("probe", "failed", id=failed[0]["id"])
    elif result["level"] == "describe":
        next_steps.tell("probe", "shallow")
    else:
        next_steps.tell("probe")


_COLUMNS: tuple[output.Column, ...] = (
    ("编号", "id"),
    ("状态", lambda item: words.state(item["state"])),
    ("原因", lambda item: words.reason(item["reason"])),
    ("应答", lambda item: _delay(item, "t1")),
    ("首包", lambda item: _delay(item, "t2")),
    ("首个关键帧", lambda item: _delay(item, "t3")),
    ("实测帧率", lambda item: _number(item.get("measured_fps"))),
    ("实测码率", lambda item: _number(item.get("measured_bitrate"), 1000, " kbit/s")),
    ("丢包", lambda item: _loss(item)),
)


def _number(value: float | None, unit: float = 1, name: str = "") -> str:
    """Empty: the look was too short to tell."""
    return "" if value is None else f"{value / unit:.4g}{name}"


def _loss(item: output.Item) -> str:
    return f"{item['lost']}/{item['expected']}" if item.get("expected") else ""


def _delay(item: output.Item, name: str) -> str:
    reached = item[name]
    return "" if reached is None else output.milliseconds(reached - item["t0"])
