"""How hard a run is for the service's processes, its loop, and the machine."""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from tests.e2e.hands import Hands
from tests.programs import Program, Service, running

LOOP = "vidgate_event_loop"
MIB = 1 << 20

# A loop with nothing else to do, beside the service: how late is it when nobody is to blame?
IDLE_LOOP = """
import asyncio, json, uvloop
async def main():
    loop, worst, late = asyncio.get_running_loop(), 0.0, 0
    while True:
        told = loop.time() + 1.0
        while loop.time() < told:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            worst, late = max(worst, loop.time() - due), late + (loop.time() - due > 0.02)
        print(json.dumps({"worst": worst, "late": late}), flush=True)
uvloop.run(main())
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the service's processes used and its loop did, at a monotonic instant."""

    at: float
    memory: float  # MiB
    cpu: float  # seconds of the service itself
    connects: int
    held: float  # seconds, the most since the start
    lag: float
    late: int  # beats later than 20 ms since the start
    idle_worst: float  # of the idle loop beside it
    idle_late: int
    steal: float  # seconds that the machine was not ours


class Strain:
    """`await strain.sample()` looks at all of it."""

    def __init__(self, service: Service, hands: Hands, idle: Program) -> None:
        self._hands = hands
        self._idle = idle
        self._process = psutil.Process(service.program.process.pid)

    async def sample(self) -> Sample:
        """Now."""
        async with self._hands.http.get("/metrics") as answer:
            page = await answer.text()
        idle = json.loads(self._idle.lines[-1]) if self._idle.lines else {"worst": 0, "late": 0}
        beats = _value(page, f"{LOOP}_lag_seconds_count")
        in_time = _value(page, f'{LOOP}_lag_seconds_bucket{{le="0.02"}}')
        return Sample(
            at=time.monotonic(),
            memory=await asyncio.to_thread(_memory, self._process),
            cpu=sum(self._process.cpu_times()[:2]),
            connects=(await self._hands.load())["connects"],
            held=_value(page, f"{LOOP}_held_max_seconds"),
            lag=_value(page, f"{LOOP}_lag_max_seconds"),
            late=round(beats - in_time),
            idle_worst=idle["worst"],
            idle_late=idle["late"],
            steal=psutil.cpu_times().steal,
        )


@asynccontextmanager
async def strained(service: Service, hands: Hands) -> AsyncIterator[Strain]:
    """With an idle loop beside it for comparison."""
    async with running(sys.executable, "-c", IDLE_LOOP) as idle:
        yield Strain(service, hands, idle)


def _memory(process: psutil.Process) -> float:
    """MiB of a process and all its children (proportional set size)."""
    everyone = [process, *process.children(recursive=True)]
    return sum(float(one.memory_full_info().pss) for one in everyone) / MIB


def _value(page: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    assert found is not None, f"no {name}"
    return float(found[1])
