"""When Python looks for circles among its objects, each time holding the event loop.

By its own rule it looks when enough more objects were made than were dropped. A service that
replaces the state of 2,743 channels once a minute drops as many as it makes, so that whatever was
made in a long while is walked at once: 40 to 60 ms. Nor may it walk all that there is, every hour:
60,000 objects beside the register. So what is young is walked twice a second, and the whole only
where memory has grown: what viewers, pulls and looks leave behind goes without being looked for
(tests hold them to that), and a circle that outlived its second must not be there for good.
"""

import asyncio
import gc
import os
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

NEVER = 1 << 30
# New objects at most in the search that a burst of them sets off, how many of those before what
# they left is walked again, and never all.
THRESHOLDS = (3_000, 5, NEVER)
EVERY = 0.5  # seconds from one walk through what is young to the next
CHECKED = 60.0  # seconds from one look at the memory to the next
GROWTH = 128 << 20  # bytes since the last search through all that make the next worth its stall
_STATM = Path("/proc/self/statm")


def settle() -> None:
    """What stands now stands for good: never walk it again."""
    gc.collect(1)
    gc.freeze()


def resident() -> int:
    """Bytes of memory that the process has in use (proc(5), statm)."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def run(memory: Callable[[], int] = resident) -> None:
    """Collect for ever; Python's own rule is back at the end."""
    usual = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    loop = asyncio.get_running_loop()
    try:
        least, due = memory(), loop.time() + CHECKED
        while True:
            await asyncio.sleep(EVERY)
            gc.collect(1)
            if loop.time() >= due:
                due = loop.time() + CHECKED
                if memory() > least + GROWTH:
                    log.info("memory has grown: looking through all objects", found=gc.collect())
                    least = memory()
    finally:
        gc.set_threshold(*usual)
