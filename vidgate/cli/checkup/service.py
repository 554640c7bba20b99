"""The service: whether it answers, and what it says of itself."""

import asyncio

from vidgate.cli.checkup.finding import Finding, failed, ok, warning
from vidgate.cli.client import Client, Target
from vidgate.errors import NotPermittedError, VidgateError

ANSWER_TIMEOUT = 5.0
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


def _flat(error: VidgateError) -> str:
    return error.message.replace("\n", " / ")
