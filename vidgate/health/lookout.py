"""How one look is made: at the camera, at the living picture instead, or not at all."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from typing import Protocol

from vidgate.aio.clock import Clock
from vidgate.health import levels
from vidgate.health.live import LiveJudge
from vidgate.health.measure import GROUP_STANDS, Wish, is_group_due
from vidgate.health.scheduler import Job
from vidgate.health.state import ANSWERING
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, Outcome, ProbeResult, Reason, State
from vidgate.wire.allowance import Allowance, time_of_day

WATCHED = "watched"  # a result that came from the live streams, not from a probe
REFUSED = (
    "登录被拒: 为免锁定账户, 一小时内的普查不试它, 后台在凭据改正之前都不试; 点名探测可再试一次 / "
    "its login was refused: lest the account be locked sweeps leave it alone for an hour, and the "
    "background until the credential is corrected; probe it by name for one more try"
)
ANSWERED = "它有应答, 没有向它出示登录 / it answers; no login was shown. "
LET_IN = frozenset({State.UP, State.DEGRADED, State.REACHABLE})
NAMED = 4  # channels of one request that a person has named, not swept


class Looker(Protocol):
    """Who makes one look at one camera; see `health.prober`.

    `deepest`: the deepest level it can look at.
    """

    deepest: Level

    def lane(self, channel: Channel, level: Level) -> tuple[Hashable, int]:
        """Which limit holds for it, and how many at once."""
        ...

    def room(self, lane: Hashable) -> int | None:
        """How many may be at work in it for a look that nobody waits for; None: no less."""
        ...

    def held(self, platform: str) -> int:
        """How many of a platform's sessions people hold."""
        ...

    def allowance(self, channel: Channel) -> Allowance:
        """How often its login may be tried still; pulls and trials share it."""
        ...

    def can_withhold(self, channel: Channel) -> bool:
        """Whether it can be asked without showing a login."""
        ...

    def reopen(self, channel: Channel) -> None:
        """A person has seen to its login, and to its platform's: each may be tried once more."""
        ...

    def owed_at(self, channel: Channel) -> float | None:
        """When that is in order for its platform's, where it is too early yet; monotonic."""
        ...

    async def probe(self, channel: Channel, level: Level, wish: Wish = Wish.NOTHING) -> ProbeResult:
        """Look; never raises for a camera's sake. `wish`: for how long a group of pictures is."""
        ...

    async def probe_unsigned(self, channel: Channel) -> ProbeResult:
        """Look, without the login, whether it lives; UNAUTHORIZED where it wants one."""
        ...


class Lookout:
    """Decides for each job.

    `known` gives what is known of an id, `wall` the wall-clock seconds.
    """

    def __init__(
        self,
        prober: Looker,
        live: LiveJudge,
        clock: Clock,
        known: Callable[[str], Health],
        wall: Callable[[], float],
    ) -> None:
        self._prober = prober
        self._live = live
        self._clock = clock
        self._known = known
        self._wall = wall
        self._allowance = prober.allowance
        self._stayed: dict[str, float] = {}  # when a look at an id last went on for a group
        self._insisted: dict[str, int] = {}  # ids to how many ask for them by name now

    @contextmanager
    def asked(self, channels: Iterable[Channel]) -> Iterator[None]:
        """While somebody waits for these: few of them are meant one by one."""
        ids = [channel.id for channel in channels]
        named = ids if len(ids) <= NAMED else []
        for id_ in named:
            self._insisted[id_] = self._insisted.get(id_, 0) + 1
        try:
            yield
        finally:
            for id_ in named:
                self._insisted[id_] -= 1
                if not self._insisted[id_]:
                    del self._insisted[id_]

    async def look(self, job: Job) -> ProbeResult:
        """A look at the camera, or at the live picture where there is one."""
        channel = job.channel
        if self._live.sight(channel.id, self._clock.now()) is not None:
            return self._unprobed(job, Level.MEDIA, Reason.OK, WATCHED)
        if not job.urgent and self._live.is_watched(channel.id):
            return self._unprobed(job, Level.NONE, Reason.NOT_TESTED, WATCHED)
        if self._is_withheld(job):
            return await self._look_unsigned(job)
        result = await self._prober.probe(channel, job.level, self._wish(job))
        if result.stayed:
            self._stayed[channel.id] = self._clock.now()
        if result.reason is Reason.UNAUTHORIZED:
            if self._prober.owed_at(channel) is not None:  # said again, and not tried so far
                return replace(result, reason=Reason.NOT_TESTED)
            self._count(channel)
        return result

    def _wish(self, job: Job) -> Wish:
        """Once a day a look may go on for a whole group; nobody's sweep waits for that."""
        id_ = job.channel.id
        if job.level < Level.MEDIA or not is_group_due(self._known(id_).measured, self._wall()):
            return Wish.NOTHING
        if id_ in self._insisted:
            return Wish.GROUP
        # Groups longer than a stay, and those with losses in them, are not measured: not each time.
        lately = self._clock.now() - self._stayed.get(id_, -inf) < GROUP_STANDS
        return Wish.NOTHING if lately or job.urgent or job.sinks else Wish.IF_IDLE

    def restored(self, channel: Channel, health: Health) -> None:
        """What was known of its login before the start of the service counts still."""
        now = self._clock.now()
        if (at := levels.refused(health.levels)) is not None:
            age = max(0.0, self._wall() - at)
            self._allowance(channel).recalled(now - age, now)
        elif health.state in LET_IN:
            described = health.levels.get(Level.DESCRIBE)
            let_in = None
            if described is not None and described.outcome is Outcome.PASSED:
                let_in = now - max(0.0, self._wall() - described.at)
            self._allowance(channel).recalled(None, now, let_in=let_in)

    def reopen(self, channel: Channel) -> None:
        """Somebody has seen to its login: it may be tried once more."""
        self._prober.reopen(channel)

    def owed_at(self, result: ProbeResult, channel: Channel) -> float | None:
        """When what a look did not test can be: nothing is learnt sooner."""
        return self._prober.owed_at(channel) if result.reason is Reason.NOT_TESTED else None

    def _count(self, channel: Channel) -> None:
        """Close what is not closed yet: it was not the camera but its platform that refused us.

        What that login may be tried is counted there.
        """
        allowance, now = self._allowance(channel), self._clock.now()
        if allowance.opens_at(now) is None:
            allowance.refused(now)

    def _is_withheld(self, job: Job) -> bool:
        """Whether the login is not shown, since one more try might lock the camera's account.

        Sweeps asked for one after the other would be as many wrong passwords. A new credential
        has an allowance of its own, and a channel that somebody names is given one more try.
        """
        allowance = self._allowance(job.channel)
        is_refused = self._is_refused(job.channel)
        if is_refused and job.channel.id in self._insisted:
            self._prober.reopen(job.channel)
        if allowance.opens_at(self._clock.now()) is not None:
            return True
        return is_refused and not (job.urgent or job.sinks)

    def _is_refused(self, channel: Channel) -> bool:
        """Whether a refusal stands. It outlives an outage where the camera can be asked without
        the login when it is back; another could never be looked at again.
        """
        health = self._known(channel.id)
        is_known = health.state is State.UNAUTHORIZED or self._prober.can_withhold(channel)
        return is_known and levels.refused(health.levels) is not None

    async def _look_unsigned(self, job: Job) -> ProbeResult:
        """A camera that asks for the login lives. Its own refusal stands; where its device tells by
        others that the login is wrong, it is so for this one as well, if that was alive.
        """
        channel = job.channel
        if self._prober.can_withhold(channel):
            result = await self._prober.probe_unsigned(channel)
        else:
            result = self._unprobed(job, Level.NONE, Reason.NOT_TESTED, "", Level.NONE)
        is_asked = result.asked > Level.NONE
        if is_asked and result.reason is not Reason.UNAUTHORIZED:
            return result
        held = self._held(channel)
        if self._is_refused(channel):
            return replace(result, detail=ANSWERED + held if is_asked else held)
        if (is_asked or self._is_alive(channel)) and (told := self._told(channel)):
            return replace(result, reason=Reason.UNAUTHORIZED, detail=told)
        return replace(result, reason=Reason.NOT_TESTED, detail=held)

    def _is_alive(self, channel: Channel) -> bool:
        """Whether it answered the last time that anybody asked."""
        health = self._known(channel.id)
        return health.state in ANSWERING and not health.misses.most

    def _told(self, channel: Channel) -> str:
        """By which channels its device tells that the login is wrong; empty: it does not."""
        account, now = self._allowance(channel).account, self._clock.now()
        opens, refused = account.closed_until(now), ", ".join(account.refused_for(now))
        if opens is None or not refused:
            return ""
        at_text = time_of_day(opens, now, self._wall())
        return (
            f"同一设备对同一个登录答 401 (通道 {refused}), {at_text} 前不再试 / its device answered"
            f" 401 to the same login (channels {refused}), which is not tried before {at_text}"
        )

    def _held(self, channel: Channel) -> str:
        """Why its login is not shown, and what helps."""
        now = self._clock.now()
        opens = self._allowance(channel).account.closed_until(now)
        if opens is None:
            return REFUSED
        at_text = time_of_day(opens, now, self._wall())
        return (
            f"它的设备两次拒绝了这个登录, 为免锁定账户 {at_text} 前谁也不再试, 改正凭据后立即再试 /"
            f" its device refused the login twice: lest the account be locked nobody tries it"
            f" before {at_text}; another credential is tried at once"
        )

    def _unprobed(
        self, job: Job, level: Level, reason: Reason, detail: str, asked: Level | None = None
    ) -> ProbeResult:
        return ProbeResult(
            channel=job.channel.id,
            asked=job.level if asked is None else asked,
            level=level,
            reason=reason,
            t0=self._wall(),
            detail=detail,
        )
