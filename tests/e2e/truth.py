"""What is broken by script, and what the service tells of it."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

import aiohttp

from vidgate.model.health import State
from vidgate.simulator.faults import DESCRIBED, FAULTS, SHOWN, Fault, Verdict

# Every way to be broken: what a look finds, and what only the eye does.
MEANT = [fault for fault in FAULTS.values() if not fault.is_harmless] + [
    FAULTS[name] for name in ("frozen", "black", "covered")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of it. Seconds; `settings` are the service's beside the defaults.

    `lasts`: of a fault that a describe sees. `bound`: until such a one is to be seen; `media` until
    one is that only a picture tells, directly connected and behind a platform; `patience` is how
    long we wait beyond either, `recovery` how long for it to be told well again, before we call it
    missed. `rounds` of `tries` operators each, and of one more who waits for a key frame.
    """

    channels: int
    seconds: float
    broken: int
    lasts: tuple[float, float]
    bound: float
    media: tuple[float, float]
    patience: float
    recovery: float
    rounds: int
    tries: int = 3
    slots: int = 16
    viewers: int = 16
    settle: float = 600.0
    sample: float = 30.0
    settings: Mapping[str, str] = field(default_factory=dict)


FULL = Scale(
    channels=2743,
    seconds=1800.0,
    broken=137,
    lasts=(120.0, 300.0),
    bound=75.0,
    media=(900.0, 1800.0),
    patience=120.0,
    recovery=600.0,
    rounds=12,
)
SHORT = Scale(
    channels=120,
    seconds=40.0,
    broken=29,
    lasts=(20.0, 22.0),
    bound=20.0,
    media=(12.0, 12.0),
    patience=20.0,
    recovery=40.0,
    rounds=2,
    tries=1,
    slots=4,
    viewers=4,
    settle=40.0,
    sample=5.0,
    settings={
        "VIDGATE__PROBE__DESCRIBE_PERIOD": "4",
        "VIDGATE__PROBE__MEDIA_PERIOD": "12",
        "VIDGATE__PROBE__MEDIA_PERIOD_PLATFORM": "12",
        "VIDGATE__PROBE__TIMEOUT": "2",
        "VIDGATE__PROBE__MEDIA_TIMEOUT": "4.5",
    },
)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state that the service told, at a wall instant."""

    time: float
    state: str
    reason: str

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.state} ({self.reason})"


class Board:
    """Every change of state that was told, by channel."""

    def __init__(self) -> None:
        self.changes: defaultdict[str, list[Change]] = defaultdict(list)
        self.last = 0
        self._news = asyncio.Condition()

    async def listen(self, http: aiohttp.ClientSession) -> None:
        """Follow the events, from where we were when the connection breaks."""
        while True:
            after = {"after": self.last} if self.last else {}
            with suppress(aiohttp.ClientError):
                async with http.ws_connect("/api/v1/events", params=after) as socket:
                    async for message in socket:
                        await self._hear(json.loads(message.data))
            await asyncio.sleep(0.1)

    async def _hear(self, event: dict[str, Any]) -> None:
        assert event.get("complete", True), "events were forgotten before we heard them"
        self.last = event["seq"]
        if event["type"] == "channel.state":
            data = event["data"]
            async with self._news:
                change = Change(event["time"], data["state"], data["reason"])
                self.changes[event["object"]].append(change)
                self._news.notify_all()

    async def wait(
        self, channel: str, wanted: tuple[str, str], since: float, timeout: float
    ) -> float | None:
        """The instant after `since` when the channel was first told to be that; None: not yet."""

        def found() -> float | None:
            told = self.changes[channel]
            at = (one.time for one in told if (one.state, one.reason) == wanted)
            return next((instant for instant in at if instant >= since), None)

        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: found() is not None)
        except TimeoutError:
            pass
        return found()


@dataclass(slots=True, kw_only=True)
class Case:
    """One camera that breaks. Wall instants; `seen`, `back` when it was told, None: never.

    `bound` None: no look of today can see it, so that it must not be told at all.
    """

    channel: str
    fault: Fault
    start: float
    lasts: float
    bound: float | None
    broken: float = 0.0
    seen: float | None = None
    mended: float | None = None
    back: float | None = None

    @property
    def verdict(self) -> Verdict:
        """What must be found."""
        return self.fault.media if self.fault.describe is DESCRIBED else self.fault.describe

    @property
    def wanted(self) -> tuple[str, str]:
        """The same, as it is told."""
        return self.verdict.state.label, self.verdict.reason.value

    @property
    def is_described(self) -> bool:
        """Whether a describe sees it."""
        return self.fault.describe is not DESCRIBED

    @property
    def needs_person(self) -> bool:
        """A refused login stops the looks: nothing of it is seen to be mended by itself."""
        return self.verdict.state is State.UNAUTHORIZED

    @property
    def delay(self) -> float | None:
        """Seconds until it was told."""
        return None if self.seen is None else self.seen - self.broken

    @property
    def recovery(self) -> float | None:
        """Seconds from the repair until that was told."""
        if self.back is None or self.mended is None:
            return None
        return self.back - self.mended

    def excuses(self, instant: float) -> bool:
        """Whether the camera was broken, or not yet found mended, at that instant."""
        return self.bound is not None and 0.0 < self.broken <= instant <= (self.back or inf)


def planned_cases(
    scale: Scale, rows: Sequence[Mapping[str, str]], chance: random.Random
) -> list[Case]:
    """Every fault in turn, each on a channel of its own, at a time of its own.

    What only a picture tells begins at once, since its period may be as long as the run; by turns
    behind a platform and on a camera that is connected directly, which is looked at more often.
    """
    pool = list(rows)
    chance.shuffle(pool)
    cases = []
    for index in range(scale.broken):
        fault = MEANT[index % len(MEANT)]
        is_hidden = fault.describe is DESCRIBED
        is_direct = is_hidden and index // len(MEANT) % 2 == 1
        row = next((row for row in pool if not (is_direct and row["platform"])), pool[0])
        pool.remove(row)
        bound: float | None = scale.bound
        if is_hidden:
            bound = None if fault.media is SHOWN else scale.media[bool(row["platform"])]
        latest = max(0.0, scale.seconds - scale.lasts[1] - 2 * scale.bound)
        start = chance.uniform(0.0, scale.bound / 2 if is_hidden else latest)
        lasts = chance.uniform(*scale.lasts)
        cases.append(Case(channel=row["id"], fault=fault, start=start, lasts=lasts, bound=bound))
    return cases
