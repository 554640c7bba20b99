"""Is what vidgate says of a fleet true? Cameras break by script while a hall watches.

The service at the settings given, the register behind platforms that allow a few sessions each,
viewers who watch throughout, and operators who open channels while every session of a platform is
taken by looks. `scripts/soak probing` does it with 2,743 channels at the default settings.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.hands import Hands
from tests.e2e.operators import PATIENCE, Opening, Operators, Row, is_plain
from tests.e2e.stage import eventually
from tests.e2e.strain import Sample, Strain, strained
from tests.e2e.truth import Board, Case, Change, Scale, planned_cases
from tests.programs import RunningFleet, running_fleet, running_service
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.model.health import State
from vidgate.simulator import register as sample

POLL = 0.1  # seconds between two looks at all states
BROKEN = frozenset(state.label for state in State) - {"up", "maintenance", "disabled"}


@dataclass(slots=True)
class Findings:
    """What came of it."""

    cases: list[Case]
    openings: list[Opening]
    false: dict[str, list[Change]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    load: dict[str, Any] = field(default_factory=dict)
    settled: float = 0.0  # seconds until all were up
    seconds: float = 0.0
    states: dict[str, int] = field(default_factory=dict)  # of all that count, in the end
    viewers_ended: int = 0
    packets: int = 0
    lost: int = 0


class Run:
    """One run: `await Run(...).whole()` gives its findings."""

    def __init__(self, scale: Scale, hands: Hands, strain: Strain, rows: Mapping[str, Row]) -> None:
        self._scale = scale
        self._hands = hands
        self._strain = strain
        self._rows = rows
        self._board = Board()
        self._operators = Operators(scale, hands, rows)
        theirs = self._operators.channels
        plain = [id_ for id_, row in rows.items() if is_plain(row) and id_ not in theirs]
        self._watched = plain[: scale.viewers]
        kept = theirs.union(self._watched)
        free = [row for id_, row in rows.items() if id_ not in kept]
        self._cases = {case.channel: case for case in planned_cases(scale, free, random.Random(5))}
        self.findings = Findings(list(self._cases.values()), self._operators.openings)
        self._begun = 0.0  # wall

    async def whole(self) -> Findings:
        """Settle, break and mend, and see what was told."""
        found, scale = self.findings, self._scale
        async with AsyncExitStack() as stack:
            listening = asyncio.create_task(self._board.listen(self._hands.http))
            stack.push_async_callback(cancel_and_wait, listening)
            await self._settle()
            viewers = [
                await stack.enter_async_context(self._hands.watching(id_, PATIENCE))
                for id_ in self._watched
            ]
            found.samples.append(await self._strain.sample())
            sampling = asyncio.create_task(self._keep_sampling())
            stack.push_async_callback(cancel_and_wait, sampling)
            self._begun = time.time()
            async with asyncio.TaskGroup() as tasks:
                for case in found.cases:
                    tasks.create_task(self._drive(case))
                tasks.create_task(self._operators.work({*self._cases, *self._watched}))
                tasks.create_task(asyncio.sleep(scale.seconds))
            found.seconds = time.time() - self._begun
            assert not listening.done(), "nobody heard the events"
            found.samples.append(await self._strain.sample())
            found.load = await self._hands.load()
            found.viewers_ended = sum(viewer.ended.is_set() for viewer in viewers)
            found.packets = sum(viewer.counts.packets for viewer in viewers)
            found.lost = sum(viewer.counts.lost for viewer in viewers)
            found.states = await self._states()
            found.false = dict(self._false())
        return found

    async def _settle(self) -> None:
        """Until every channel is up for the first time."""
        started = time.monotonic()
        states = await eventually(
            self._states, lambda states: set(states) == {"up"}, timeout=self._scale.settle
        )
        assert set(states) == {"up"}, f"not all up within {self._scale.settle:g} s: {states}"
        self.findings.settled = time.monotonic() - started

    async def _states(self) -> dict[str, int]:
        await asyncio.sleep(POLL)
        states = await self._hands.states()
        return dict(Counter(state for id_, state in states.items() if id_ in self._rows))

    def _false(self) -> Iterator[tuple[str, list[Change]]]:
        """Whatever was told of a camera that was well at the time."""
        for channel, told in self._board.changes.items():
            case = self._cases.get(channel)
            false = [
                change
                for change in told
                if change.time >= self._begun
                and change.state in BROKEN
                and not (case and case.excuses(change.time))
            ]
            if false:
                yield channel, false

    async def _drive(self, case: Case) -> None:
        """Break it, wait until that is told, mend it, wait until that is told."""
        hands, wait = self._hands, self._board.wait
        await asyncio.sleep(case.start)
        await hands.break_(case.channel, case.fault.name)
        case.broken = time.time()
        if case.bound is None:
            await asyncio.sleep(max(0.0, self._begun + self._scale.seconds - time.time()))
            return
        patience = case.bound + self._scale.patience
        case.seen = await wait(case.channel, case.wanted, case.broken, patience)
        if case.is_described:
            await asyncio.sleep(max(0.0, case.broken + case.lasts - time.time()))
        await hands.mend(case.channel)
        case.mended = time.time()
        if case.needs_person:
            await hands.look([case.channel])
        case.back = await wait(case.channel, ("up", "ok"), case.mended, self._scale.recovery)

    async def _keep_sampling(self) -> None:
        while True:
            await asyncio.sleep(self._scale.sample)
            with suppress(aiohttp.ClientError):
                self.findings.samples.append(await self._strain.sample())


async def run(folder: Path, scale: Scale) -> Findings:
    """Everything, in processes of their own: cameras, service, the idle loop."""
    options = ("--slots", str(scale.slots), "--rtt", "5-30")
    async with running_fleet(folder, scale.channels, options=options) as fleet:
        token = await _prepare(folder, fleet, scale)
        rows = {row["id"]: row for row in sample.read(fleet.register) if row["url"]}
        async with (
            running_service(folder / "data", scale.settings) as service,
            _client(service.url, token) as http,
            aiohttp.ClientSession(fleet.control) as control,
        ):
            hands = Hands(http, control)
            async with strained(service, hands) as strain:
                return await Run(scale, hands, strain, rows).whole()


async def _prepare(folder: Path, fleet: RunningFleet, scale: Scale) -> str:
    """Register the channels and what their platforms allow; a token for the service's next start.

    The start after it has its memory and its loop to itself: nothing of the import is in them.
    """
    quiet = {"VIDGATE__PROBE__ENABLED": "false"}
    async with running_service(folder / "data", quiet) as service:
        await service.cli("channel", "import", str(fleet.register))
        made = await service.cli_json("token", "create", "--role", "administrator")
        token: str = made["token"]
        async with _client(service.url, token) as http:
            async with http.get("/api/v1/platforms") as answer:
                platforms = [item["id"] for item in (await answer.json())["items"]]
            for id_ in platforms:
                allowed = {"slots": scale.slots}
                async with http.patch(f"/api/v1/platforms/{id_}", json=allowed) as answer:
                    assert answer.status == 200, await answer.text()
    return token


def _client(url: str, token: str) -> aiohttp.ClientSession:
    """A client that waits as long as a sweep takes."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    headers = {"Authorization": f"Bearer {token}"}
    return aiohttp.ClientSession(url, headers=headers, timeout=timeout)
