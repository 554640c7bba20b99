"""`vidgate probe`: which channels can truly be seen."""

from typing import Annotated, Any, Literal

from vidgate.cli import output, words
from vidgate.cli.client import Client, error_of
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, option
from vidgate.cli.progress import Meter
from vidgate.errors import VidgateError

OK, PARTLY = 0, 3
SHOWN = 50
LevelWord = Literal["describe", "media"]


async def probe(
    *ids: Annotated[str, option("通道编号 · channel ids")],
    all: Annotated[bool, option("全部通道 · every channel")] = False,
    department: Annotated[str, option("一个部门的通道 · those of one department")] = "",
    level: Annotated[
        LevelWord, option("describe: 码流说明; media: 等到第一个关键帧 · how deep")
    ] = "media",
    json: Json = False,
) -> int:
    """Probe channels now; status 3 when one of them is not up."""
    body: dict[str, Any] = {"level": level, **_targets(ids, all, department)}
    result = await _run(body)
    if json:
        output.document(result)
    else:
        _show(result)
    return OK if result["up"] == result["total"] else PARTLY


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


def _show(result: Any) -> None:
    items = result["items"]
    bad = [item for item in items if item["state"] != "up"]
    shown = items if len(items) <= SHOWN else bad[:SHOWN]
    if shown:
        output.table(_COLUMNS, shown)
    if len(items) > SHOWN and len(bad) > SHOWN:
        output.note(f"共 {len(bad)} 路不在线, 全部见 --json")
    states = " · ".join(f"{words.state(word)} {count}" for word, count in result["states"].items())
    output.say(
        f"探测 {result['total']} 路, 在线 {result['up']} 路 ({states}), "
        f"用时 {result['seconds']:.1f} s"
    )
    if bad:
        output.next_step(f"channel show {bad[0]['id']}", "看看它的地址和口令 its address and login")
    else:
        output.next_step("channel list", "全部通道 all channels")


def _milliseconds(name: str) -> Any:
    def cell(item: output.Item) -> str:
        value = item.get(name)
        return "" if value is None else f"{value * 1000:.0f} ms"

    return cell


_COLUMNS: tuple[output.Column, ...] = (
    ("编号", "id"),
    ("状态", lambda item: words.state(item["state"])),
    ("原因", lambda item: words.reason(item["reason"])),
    ("应答", _milliseconds("t1")),
    ("首包", _milliseconds("t2")),
    ("首个关键帧", _milliseconds("t3")),
)
