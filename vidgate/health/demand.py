"""What looking at a platform's channels asks of its sessions, and what is given where that is more.

A look for a picture holds one of the platform's PLAY sessions for some seconds. On average a
platform's channels need `sum(channels / period) x seconds` sessions; where that is more than it
allows, periods are stretched, the least important class of points first.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from vidgate.health.checks import Cadence, cadence, is_probed
from vidgate.health.evidence import Rules
from vidgate.health.roster import Roster
from vidgate.model.channel import Channel, PointClass
from vidgate.model.health import Level, ProbeResult
from vidgate.settings.tree import ProbeSettings

SHARE = 0.9  # of the sessions; the rest is for looks again, and for people
LONGEST = 8.0  # times its period that a class waits before the next one is asked to
GUESS = 3.0  # seconds of a look until looks were measured: half a group of pictures and the way
WEIGHT = 0.05  # of the newest look in the mean
PATIENCE = (PointClass.OTHER, PointClass.THREE, PointClass.TWO, PointClass.ONE)  # who waits first


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One platform's. `slots` 0: not limited; `needed`: sessions that the wished periods ask for;
    `held`: those that people hold now, which no look gets.

    `seconds` that a look holds a session; `periods` by class, in seconds, as they are kept.
    """

    slots: int
    needed: float
    seconds: float
    wished: float
    periods: Mapping[PointClass, float]
    held: int = 0

    @property
    def total(self) -> float:
        """Sessions that looking and people ask for together."""
        return self.needed + self.held

    @property
    def is_short(self) -> bool:
        """Whether pictures wait longer than wished, by the plan or for the people who watch."""
        return self.is_stretched or 0 < self.slots < self.total

    @property
    def is_stretched(self) -> bool:
        """Whether any class is looked at less often than the settings wish."""
        return any(period > self.wished * 1.001 for period in self.periods.values())


def plan(counts: Mapping[PointClass, int], wished: float, seconds: float, slots: int) -> Demand:
    """The periods that keep the average below a share of the slots."""
    shares = {of: counts.get(of, 0) * seconds / wished for of in PATIENCE}
    factors = dict.fromkeys(PATIENCE, 1.0)
    room = slots * SHARE
    if slots > 0:
        for of in PATIENCE:
            others = sum(shares[one] / factors[one] for one in PATIENCE if one is not of)
            if shares[of] and others + shares[of] > room:
                left = room - others
                factors[of] = LONGEST if left * LONGEST <= shares[of] else shares[of] / left
        kept = sum(shares[one] / factors[one] for one in PATIENCE)
        if kept > room * 1.001:  # everybody waits
            factors = {of: factor * kept / room for of, factor in factors.items()}
    periods = {of: wished * factors[of] for of in PATIENCE if counts.get(of)}
    needed = sum(shares.values())
    return Demand(slots=slots, needed=needed, seconds=seconds, wished=wished, periods=periods)


class Demands:
    """Every platform's demand, by what its looks have taken so far."""

    def __init__(
        self,
        roster: Roster,
        settings: ProbeSettings,
        held: Callable[[str], int] = lambda platform: 0,
    ) -> None:
        """`held`: how many of a platform's sessions people hold."""
        self.by_platform: dict[str, Demand] = {}
        self._held = held
        self._roster = roster
        self._settings = settings
        self._seconds: dict[str, float] = {}

    def learn(self, channel: Channel, result: ProbeResult, seconds: float) -> None:
        """A look took so long; one for a picture that was not made, or not to its end, says less
        of the camera than of us. What it stayed for a second key frame nobody needed.
        """
        seconds -= result.stayed
        if not channel.platform or result.level < Level.MEDIA or result.asked < Level.MEDIA:
            return
        known = self._seconds.get(channel.platform, GUESS)
        self._seconds[channel.platform] = known + WEIGHT * (seconds - known)

    def refresh(self, channels: Iterable[Channel]) -> None:
        """Plan anew for the channels that there are."""
        counts: dict[str, Counter[PointClass]] = {}
        for channel in channels:
            if channel.platform and is_probed(channel):
                counts.setdefault(channel.platform, Counter())[channel.point_class] += 1
        self.by_platform = {id_: self._plan(id_, found) for id_, found in counts.items()}

    def _plan(self, id_: str, counts: Mapping[PointClass, int]) -> Demand:
        platform = self._roster.platforms.get(id_)
        slots = 0 if platform is None else platform.slots
        wished = self._settings.media_period_platform
        found = plan(counts, wished, self._seconds.get(id_, GUESS), slots)
        return replace(found, held=self._held(id_))

    def cadence(self, channel: Channel) -> Cadence:
        """The periods of a channel."""
        usual = cadence(channel, self._roster.platform(channel), self._settings)
        demand = self.by_platform.get(channel.platform)
        if demand is None or not demand.slots:
            return usual
        media = demand.periods.get(channel.point_class, usual.media)
        return replace(usual, media=media)

    def rules(self, channel: Channel) -> Rules:
        """How the channel is judged: evidence stands for two of its own periods."""
        platform = self._roster.platform(channel)
        proves = platform is not None and platform.describe_proves
        return self.cadence(channel).rules(describe_proves=proves)
