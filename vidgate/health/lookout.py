"""How one look is made: at the camera, at the living picture instead, or not at all."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from vidgate.aio.clock import Clock
from vidgate.health.live import LiveJudge
from vidgate.health.scheduler import Job
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, ProbeResult, Reason, State

WATCHED = "watched"  # a result that came from the live streams, not from a probe
REFUSED = "its password was refused; it is asked again when the credential changes"
REFUSED_PAUSE = 1800.0  # seconds: cameras lock accounts after some five wrong tries in an hour
INSISTED_PAUSE = 10.0  # the same for whoever names a camera: a person has mended it and looks
NAMED = 4  # channels of one request that a person has named, not swept


class Looker(Protocol):
    """Who makes one look at one camera; see `health.prober`.

    `deepest`: the deepest level it can look at.
    """

    deepest: Level

    def lane(self, channel: Channel, level: Level) -> tuple[Hashable, int]:
        """Which limit holds for it, and how many at once."""
        ...

    async def probe(self, channel: Channel, level: Level) -> ProbeResult:
        """Look; never raises for a camera's sake."""
        ...


def was_refused(health: Health, now: float, pause: float = REFUSED_PAUSE) -> bool:
    """Whether the camera refused the channel's password less than `pause` seconds ago."""
    if health.state is not State.UNAUTHORIZED or health.reason is not Reason.UNAUTHORIZED:
        return False
    return health.probed is not None and now - health.probed < pause


class Lookout:
    """Decides for each job; `known` gives what is known of an id, `wall` the wall-clock seconds."""

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
        if self._was_refused(self._known(channel.id)):
            return self._unprobed(job, Level.NONE, Reason.NOT_TESTED, REFUSED)
        return await self._prober.probe(channel, job.level)

    def _was_refused(self, health: Health) -> bool:
        """Whether one more try at the password might lock the camera's account.

        Sweeps asked for one after the other would be as many wrong passwords; a new credential
        makes the state `unknown` and is tried at once, and so is a channel that somebody names.
        """
        pause = INSISTED_PAUSE if health.channel in self._insisted else REFUSED_PAUSE
        return was_refused(health, self._wall(), pause)

    def _unprobed(self, job: Job, level: Level, reason: Reason, detail: str) -> ProbeResult:
        return ProbeResult(
            channel=job.channel.id,
            asked=job.level,
            level=level,
            reason=reason,
            t0=self._wall(),
            detail=detail,
        )
