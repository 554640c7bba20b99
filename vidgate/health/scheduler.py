"""Runs the looks: in the background by plan and pace, at once when a person asks."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Protocol

import structlog

from vidgate.aio.clock import Clock
from vidgate.aio.limits import Pace
from vidgate.aio.supervisor import Supervisor
from vidgate.health.checks import STOPPED, Plan
from vidgate.health.governor import Governor
from vidgate.health.lanes import Lanes
from vidgate.model.channel import Channel
from vidgate.model.health import Level, ProbeResult, Reason

log = structlog.get_logger(__name__)

BURST = 8  # starts in one turn of the event loop
LONGEST_WAIT = 5.0
GOVERNED = 0.05  # seconds until the governor is asked again
NEXT_TURN = 1.0  # seconds that a look may wait for its start before it is seen to wait


class Limits(Protocol):
    """How many looks there may be at once; see `health.prober`."""

    def lane(self, channel: Channel, level: Level) -> tuple[Hashable, int]:
        """Which limit holds for a look, and how many at once."""
        ...

    def room(self, lane: Hashable) -> int | None:
        """How many may be at work in it for one of the background to begin; None: no less."""
        ...


@dataclass(slots=True, eq=False)
class Job:
    """One look at one channel, waiting or under way. `epoch` tells an outdated one; `again`: it
    settles a doubt.
    """

    channel: Channel
    level: Level
    epoch: int
    urgent: bool = False
    again: bool = False
    started: float | None = None
    task: asyncio.Task[None] | None = None
    sinks: list["Sink"] = field(default_factory=list)
    follow: "Job | None" = None  # a deeper look that somebody asked for meanwhile
    dropped: bool = False
    is_told: bool = False
    lane: Hashable = None


class Sink:
    """Where the results of one person's run go; holds at most one for each channel asked."""

    def __init__(self) -> None:
        self.results: asyncio.Queue[ProbeResult] = asyncio.Queue()
        self.is_open = True


Probe = Callable[[Job], Awaitable[ProbeResult]]
Finished = Callable[[Job, ProbeResult, float, float], None]


class Scheduler:
    """At most one look at a channel at a time, within the limits of its lane and of all.

    `finished(job, result, started, ended)` hears every result, in monotonic seconds, and plans the
    next look. `pace` and the `room` of lanes hold for the background only.

    A look for a picture may wait for hours where people hold every session of a platform. It keeps
    its place, and meanwhile the channel is described when that is due: a dead camera is found, and
    a living one remains in the book, whoever watches what.
    """

    def __init__(
        self, probe: Probe, limits: Limits, finished: Finished, clock: Clock, *, parallel: int
    ) -> None:
        self.plans: dict[str, Plan] = {}
        self.pace = Pace(0.0)
        self._probe = probe
        self._lane_of = limits.lane
        self._finished = finished
        self._clock = clock
        self._lanes: Lanes[Job] = Lanes(limits.room)
        self._governor = Governor(parallel)
        self._jobs: dict[str, Job] = {}
        self._asides: dict[str, Job] = {}  # describes of channels whose job waits for a session
        self._epochs: dict[str, int] = {}
        self._doubted: set[str] = set()  # whose next look settles a doubt
        self._due: list[tuple[float, str]] = []
        self._channels: Mapping[str, Channel] = {}
        self._wake = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Looks under way."""
        return self._lanes.active

    @property
    def waiting(self) -> int:
        """Looks that are due and held back by a limit or the pace."""
        return self._lanes.waiting

    def follow_register(self, channels: Mapping[str, Channel]) -> None:
        """Channels by id, as the planner knows them; read at every start of a look."""
        self._channels = channels

    def plan(self, id_: str, plan: Plan, *, is_doubted: bool = False) -> None:
        """Set when the channel is looked at next; before others where its state is in doubt."""
        self.plans[id_] = plan
        (self._doubted.add if is_doubted else self._doubted.discard)(id_)
        job = self._jobs.get(id_)
        if job is not None and _waits(job) and not job.sinks and plan.media_at > self._clock.now():
            self._lanes.discard(job.lane, job)  # a describe has shown that there is no picture
            self._drop(job)
        if plan.due < inf:
            heapq.heappush(self._due, (plan.due, id_))
            self._wake.set()

    def wake(self) -> None:
        """Look again what is due; for a clock that moved by itself."""
        self._wake.set()

    def close(self) -> None:
        """Nothing will be started any more."""
        self._governor.stop()

    def forget(self, id_: str, *, removed: bool = False) -> None:
        """What is under way or waiting for the channel no longer tells of it."""
        self.plans.pop(id_, None)
        self._doubted.discard(id_)
        self._epochs[id_] = self._epochs.get(id_, 0) + 1
        job = self._jobs.get(id_)
        if job is not None and not job.sinks:
            self._drop(job)
        if (aside := self._asides.get(id_)) is not None:
            self._drop(aside)
        if removed and id_ not in self._jobs and id_ not in self._asides:
            del self._epochs[id_]

    def is_current(self, job: Job) -> bool:
        """Whether the job looked at the channel as it is registered now."""
        return self._epochs.get(job.channel.id, 0) == job.epoch

    def yield_to_viewer(self, id_: str) -> None:
        """A person wants to see the channel: a routine look gives its session up."""
        job = self._jobs.get(id_)
        if job is not None and not job.urgent:
            self._drop(job)

    async def run(self, tasks: Supervisor) -> None:
        """Start looks as they become due and allowed, until cancelled."""
        while True:
            self._wake.clear()
            self._lanes.reopen()
            self._collect()
            if self._start_some(tasks):
                await asyncio.sleep(0)
                continue
            try:
                async with asyncio.timeout(self._pause()):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def ask(
        self, channels: Iterable[Channel], level: Level, *, urgent: bool = True
    ) -> AsyncGenerator[ProbeResult, None]:
        """Look at the channels; results come as they are made, in any order.

        `urgent` looks go before the background's and are not paced.
        """
        sink, count = Sink(), 0
        try:
            for channel in {channel.id: channel for channel in channels}.values():
                self._ask(channel, level, sink, urgent)
                count += 1
                if count % 200 == 0:
                    await asyncio.sleep(0)
            for _ in range(count):
                yield await sink.results.get()
        finally:
            self._close(sink)

    # -- inside ----------------------------------------------------------------------------------

    def _ask(self, channel: Channel, level: Level, sink: Sink, urgent: bool) -> None:
        job = self._jobs.get(channel.id)
        if job is None or not self.is_current(job):
            job = self._enqueue(channel, level, urgent=urgent)
        elif job.started is None and (job.level < level or (urgent and not job.urgent)):
            deepest = max(level, job.level) if job.sinks else level
            job = self._replace(job, deepest, urgent=urgent)
        elif job.level < level:
            job.follow = job.follow or Job(channel, level, job.epoch, urgent=True)
            job = job.follow
        job.sinks.append(sink)
        job.urgent = job.urgent or urgent

    def _enqueue(self, channel: Channel, level: Level, *, urgent: bool) -> Job:
        epoch = self._epochs.setdefault(channel.id, 0)
        job = Job(channel, level, epoch, urgent, again=channel.id in self._doubted)
        self._put(job)
        return job

    def _replace(self, job: Job, level: Level, *, urgent: bool) -> Job:
        """A waiting job goes deeper, or to the front."""
        job.dropped = True
        better = Job(
            job.channel, level, job.epoch, urgent or job.urgent, job.again, sinks=job.sinks
        )
        self._put(better)
        return better

    def _put(self, job: Job) -> None:
        self._jobs[job.channel.id] = job
        self._queue(job)

    def _queue(self, job: Job) -> None:
        job.lane, limit = self._lane_of(job.channel, job.level)
        self._lanes.put(job.lane, limit, job, urgent=job.urgent, again=job.again)
        self._wake.set()

    def _close(self, sink: Sink) -> None:
        sink.is_open = False
        for job in list(self._jobs.values()):
            if sink in job.sinks:
                job.sinks.remove(sink)
                if not job.sinks and job.started is None:
                    self._drop(job)
            if job.follow is not None and sink in job.follow.sinks:
                job.follow.sinks.remove(sink)
                if not job.follow.sinks:
                    job.follow = None

    def _drop(self, job: Job) -> None:
        job.dropped = True
        if job.task is not None:
            job.task.cancel()
        elif self._jobs.get(job.channel.id) is job:
            del self._jobs[job.channel.id]
            self._replan(job.channel.id)
        elif self._asides.get(job.channel.id) is job:
            del self._asides[job.channel.id]

    def _replan(self, id_: str) -> None:
        """A due entry that was passed over while a job stood in its way comes back."""
        plan = self.plans.get(id_, STOPPED)
        if plan.due <= self._clock.now():
            self.plan(id_, plan, is_doubted=id_ in self._doubted)

    def _collect(self) -> None:
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            _, id_ = heapq.heappop(self._due)
            plan, channel = self.plans.get(id_), self._channels.get(id_)
            if plan is None or channel is None or plan.due > now:
                continue  # planned anew since
            job = self._jobs.get(id_)
            if job is None:
                job = self._enqueue(channel, plan.level_at(now), urgent=False)
            if _waits(job) and id_ not in self._asides:
                self._describe_meanwhile(job, plan, now)

    def _describe_meanwhile(self, job: Job, plan: Plan, now: float) -> None:
        """Where the job waits for something that a describe does not need."""
        id_ = job.channel.id
        if self._lane_of(job.channel, Level.DESCRIBE)[0] == job.lane:
            return
        if plan.describe_at > now or not self._lanes.is_full(job.lane, urgent=job.urgent):
            heapq.heappush(self._due, (max(plan.describe_at, now + NEXT_TURN), id_))
            return
        aside = Job(job.channel, Level.DESCRIBE, job.epoch, again=id_ in self._doubted)
        self._asides[id_] = aside
        self._queue(aside)

    def _start_some(self, tasks: Supervisor) -> bool:
        """Start up to a burst; True when more may start at once."""
        for _ in range(BURST):
            if self._lanes.active >= int(self._governor.allowed):
                return False  # the next end, or the loop's next quick turns, let more in
            now = self._clock.now()
            may_routine = now >= self.pace.turn
            taken = self._lanes.take(routine=may_routine)
            if taken is None:
                return False
            key, job = taken
            if job.dropped:
                self._lanes.release(key)
                continue
            aside = self._asides.get(job.channel.id)
            if aside is not None and aside is not job and aside.started is None:
                self._drop(aside)  # a look for a picture describes on its way
            if not job.urgent and self._aside_of(job) is None:
                self.pace.note(now)
            self._governor.start()
            job.started = now
            job.task = tasks.start(self._look(job), f"probe {job.channel.id}")
            job.task.add_done_callback(partial(self._ended, key, job))
        return True

    def _pause(self) -> float:
        now = self._clock.now()
        pause = LONGEST_WAIT
        if self._due:
            pause = min(pause, self._due[0][0] - now)
        if self._lanes.waiting:
            # Either the pace or the governor holds somebody back, or a lane, whose end wakes us.
            turn = self.pace.turn
            pause = min(pause, turn - now if turn > now else GOVERNED)
        return max(pause, 0.001)

    async def _look(self, job: Job) -> None:
        # Of the pace it counts when a camera is called.
        if (before := self._aside_of(job)) is not None:
            await asyncio.wait([before])
            if not job.urgent:
                await self.pace.wait(self._clock)
        elif job.started is not None and not job.urgent:
            self.pace.move(job.started, self._clock.now())
        wall = self._clock.wall()
        try:
            result = await self._probe(job)
        except Exception as error:
            log.exception("probe failed", channel=job.channel.id)
            result = _untested(job, Reason.ERROR, wall, type(error).__name__)
        self._deliver(job, result)

    def _aside_of(self, job: Job) -> asyncio.Task[None] | None:
        """The describe under way at the channel, which the look has to wait for."""
        aside = self._asides.get(job.channel.id)
        return None if aside is job or aside is None else aside.task

    def _deliver(self, job: Job, result: ProbeResult) -> None:
        if job.is_told:  # cancelled when it had just ended
            return
        job.is_told = True
        # First of all nobody may join it any more: whoever hears the result may ask again at once.
        id_ = job.channel.id
        if self._jobs.get(id_) is job:
            del self._jobs[id_]
            if job.follow is not None:
                self._put(job.follow)
        elif self._asides.get(id_) is job:
            del self._asides[id_]
        for sink in job.sinks:
            if sink.is_open:
                sink.results.put_nowait(result)
        now = self._clock.now()
        self._finished(job, result, now if job.started is None else job.started, now)
        if id_ not in self._jobs:
            self._replan(id_)

    def _ended(self, key: Hashable, job: Job, task: asyncio.Task[None]) -> None:
        self._lanes.release(key)
        if self._lanes.active == 0:
            self._governor.stop()
        if task.cancelled():  # it gave way, to a viewer or to a changed register
            self._deliver(job, _untested(job, Reason.NOT_TESTED, self._clock.wall()))
        job.task = None
        self._wake.set()


def _waits(job: Job) -> bool:
    """Whether it is one for a picture that has not begun."""
    return job.started is None and job.level >= Level.MEDIA


def _untested(job: Job, reason: Reason, wall: float, detail: str = "") -> ProbeResult:
    return ProbeResult(
        channel=job.channel.id,
        asked=job.level,
        level=Level.NONE,
        reason=reason,
        t0=wall,
        detail=detail,
    )
