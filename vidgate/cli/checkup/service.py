"""The service: whether it answers, and what it says of itself."""

import asyncio
from collections.abc import Mapping
from typing import Any

from vidgate.cli.checkup.finding import Finding, failed, ok, warning
from vidgate.cli.client import Client, Target
from vidgate.errors import NotPermittedError, VidgateError

ANSWER_TIMEOUT = 5.0
MAX_TOLD = 5  # platforms that are named
MINUTES = 120.0  # seconds, from which a period is told in minutes
LOOK = "journalctl -u vidgate -n 50"


async def reach(target: Target) -> tuple[bool, Finding]:
    """Whether it runs, and the finding about it.

    Not running is no failure before the first start; running and not ready is.
    """
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT), Client(target) as client:
            is_ready = await client.is_ready()
    except NotPermittedError as error:
        return True, warning(_flat(error), "cannot be asked", error.hint)
    except TimeoutError:
        return True, failed(f"{target} 没有按时回答", "does not answer in time", LOOK)
    except VidgateError as error:
        return False, warning(
            _flat(error), "not running", "vidgate serve   # systemctl start vidgate"
        )
    if is_ready:
        return True, ok(f"{target} 就绪", "ready")
    return True, failed(f"{target} 没有就绪 (数据库?)", "is not ready", LOOK)


async def demand(target: Target) -> Finding:
    """Whether platforms allow as many sessions as looking at their channels asks for."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT), Client(target) as client:
            platforms = (await client.get("/platforms"))["items"]
    except (TimeoutError, VidgateError):
        return warning("没有问到", "could not be asked", "vidgate platform list")
    told = [(one, one["demand"]) for one in platforms if one.get("demand")]
    short = [(one, need) for one, need in told if need["is_short"]]
    if not short:
        return ok(f"{len(told)} 个平台够用", "platforms allow what looking asks for")
    chinese = "; ".join(
        f"{one['id']} 需要 {need['needed'] + need['held']:.1f} 路, 允许 {one['slots']} 路"
        + (f", 值班员占用 {need['held']} 路" if need["held"] else "")
        + (f", 取流周期延长到 {_period(need, '秒', '分')}" if need["is_stretched"] else "")
        for one, need in short[:MAX_TOLD]
    )
    english = "; ".join(
        f"{one['id']} needs {need['needed'] + need['held']:.1f} of {one['slots']} slots"
        + (f", people hold {need['held']}" if need["held"] else "")
        + (f", period stretched to {_period(need, 's', 'min')}" if need["is_stretched"] else "")
        for one, need in short[:MAX_TOLD]
    )
    more = f" (+{len(short) - MAX_TOLD})" if len(short) > MAX_TOLD else ""
    return warning(chinese + more, english + more, "vidgate platform set ID --slots N")


def _period(need: Mapping[str, Any], seconds: str, minutes: str) -> str:
    """The longest that is kept, in the units given."""
    longest = max(need["periods"].values())
    return f"{longest / 60:.0f} {minutes}" if longest >= MINUTES else f"{longest:.0f} {seconds}"


def _flat(error: VidgateError) -> str:
    return error.message.replace("\n", " / ")
