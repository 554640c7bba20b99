"""Faults folded by common cause: one incident where a platform falls, not one for each channel.

Pure: a fold looks at how every channel stands and at what it knew before; the order in which the
faults were found makes no difference. What makes a cause is in `health.causes`.
"""

from collections.abc import Container, Generator, Iterable, Iterator, Mapping, Set
from itertools import count
from math import ceil

from vidgate.health.causes import (
    RANK,
    TOGETHER,
    Condition,
    Group,
    Rules,
    Sign,
    Suspects,
    Tally,
    Together,
)
from vidgate.health.ledger import NOBODY, Ledger, is_new
from vidgate.model.health import State
from vidgate.model.incident import Attention, Cause, Departure, Incident, Member

SLICE = 200  # channels or incidents in one step: some 1 ms
WIDEST = next(iter(RANK))
STORM = (Cause.SCATTERED, "")
# What share of it must still lie for who closed the alarm to have closed it for all that is found.
LYING = {cause: together.share for cause, together in TOGETHER.items()} | {
    Cause.SCATTERED: 0.25,
    Cause.SINGLE: 1.0,
}


class Fold:
    """All incidents that are open, or over so lately that they may come back."""

    def __init__(
        self, known: Iterable[Incident] = (), *, first: int = 1, rules: Rules | None = None
    ) -> None:
        self._rules = rules or Rules()
        self._ledger = Ledger(known, self._rules, first=first)
        # Since when what is left of an incident, or of before a stop, waits for a cause.
        self._left: dict[str, float] = {}
        self._is_new = True
        self._unsettled = False

    @property
    def incidents(self) -> Mapping[int, Incident]:
        """All of them, by their numbers."""
        return self._ledger.incidents

    @property
    def open(self) -> list[Incident]:
        """Those of which something still fails."""
        return self._ledger.open

    @property
    def is_waiting(self) -> bool:
        """Whether time alone may change something, though no channel changes."""
        return self._unsettled or any(one.calm_since is not None for one in self.open)

    def fold(self, fleet: Mapping[str, Condition], now: float) -> dict[int, set[str]]:
        """Take in how all channels stand at wall instant `now`.

        Returns the incidents that changed, with the channels whose membership did.
        """
        for _ in self.steps(fleet, now):
            pass
        return self.take_changes()

    def steps(self, fleet: Mapping[str, Condition], now: float) -> Iterator[None]:
        """The same in steps of some hundred channels, so that whoever folds can give way.

        Between two steps every channel is in one open incident at most, as after the last one.
        Take the changes even if it was not gone through to the end.
        """
        yield from self._recover(fleet, now)
        yield from self._end(fleet, now)  # before causes are looked for: what is left has its own
        free = yield from _sift(fleet, self._ledger.of)
        yield from self._join(free, now)
        if self._is_new:  # seen before a stop and not folded: of one time, however long we stood
            self._left.update(dict.fromkeys(free, now))
            self._is_new = False
        self._unsettled = False
        if doubted := free | self._lately_failed(fleet, now):
            known = self._ledger.known(now)
            suspects = yield from self._suspects(doubted, fleet, now)
            held = yield from self._find_causes(suspects, known, fleet, now)
            yield from self._stand_alone(doubted, held, suspects, known, now)
        yield from self._end(fleet, now)
        self._ledger.forget(now)

    def take_changes(self) -> dict[int, set[str]]:
        """The incidents that changed since this was last asked, and the channels in question."""
        return self._ledger.take_changes()

    # -- members come and go -----------------------------------------------------------------------

    def _recover(self, fleet: Mapping[str, Condition], now: float) -> Iterator[None]:
        for number, channel in enumerate(list(self._ledger.of), 1):
            found = fleet.get(channel)
            if (why := _departure(found)) is not None:
                self._ledger.leave(channel, why, now)
            elif found is not None and found.sign is Sign.FAULTY:
                self._ledger.update(channel, found)
            if number % SLICE == 0:
                yield

    def _join(self, free: dict[str, Condition], now: float) -> Iterator[None]:
        """A fault belongs to the incident of its platform, area or device while that is open; who
        found one is no longer free.
        """
        by_group = {(one.cause, one.subject): one for one in self.open}
        quiet = {one.id for one in self.open if _is_down(one)}
        for number, (channel, found) in enumerate(list(free.items()), 1):
            incident = next((by_group[it] for it in found.place.groups if it in by_group), None)
            if incident is not None:
                if incident.id not in quiet and _is_news(incident, channel, now, self._rules):
                    self._ledger.ask_again(incident, now)
                self._ledger.take(incident, channel, found, now)
                del free[channel]
            if number % SLICE == 0:
                yield

    def _lately_failed(self, fleet: Mapping[str, Condition], now: float) -> dict[str, Condition]:
        """The faults of late whose cause, found already, may have a wider one behind it."""
        return {
            channel: found
            for channel, incident in self._ledger.of.items()
            if incident.cause is not WIDEST
            and (found := fleet[channel]).sign is Sign.FAULTY
            and now - found.at < self._rules.span(found.period)
        }

    # -- causes ------------------------------------------------------------------------------------

    def _suspects(
        self, doubted: Mapping[str, Condition], fleet: Mapping[str, Condition], now: float
    ) -> Generator[None, None, Suspects]:
        ranked = ((found, self._ledger.rank(channel)) for channel, found in doubted.items())
        self._left = {
            channel: at
            for channel, at in self._left.items()
            if channel in doubted and now - at < self._rules.patience
        }
        suspects = Suspects(ranked, self._rules, self._left)
        for number, (channel, found) in enumerate(fleet.items(), 1):
            suspects.add(channel, found, self._ledger.rank(channel))
            if number % SLICE == 0:
                yield
        suspects.weigh(now)
        return suspects

    def _find_causes(
        self,
        suspects: Suspects,
        known: dict[Group, Incident],
        fleet: Mapping[str, Condition],
        now: float,
    ) -> Generator[None, None, set[str]]:
        """Those that fell go into their incident; returns who waits for a wider cause."""
        done, held = count(1), set[str]()
        for group, tally in suspects.in_order():
            if next(done) % SLICE == 0:
                yield
            self._drop_taken(tally)
            places = (fleet[channel].place for channel in tally.failed)
            if not tally.has_fallen or suspects.is_of_one_host(tally, places):
                continue
            if not held.isdisjoint(tally.failed) or suspects.may_be_wider(tally, fleet, now):
                held.update(tally.failed)
                continue
            incident = known[group] = self._ledger.resume(group, known.get(group), now)
            for channel in tally.failed:
                self._ledger.move(channel, incident, fleet[channel], now)
                if next(done) % SLICE == 0:
                    yield
        return held

    def _drop_taken(self, tally: Tally) -> None:
        """A cause as wide or wider has been found for these."""
        rank = RANK[tally.cause]
        if taken := [channel for channel in tally.failed if self._ledger.rank(channel) <= rank]:
            tally.drop(taken)

    def _stand_alone(
        self,
        doubted: Mapping[str, Condition],
        held: Set[str],
        suspects: Suspects,
        known: Mapping[Group, Incident],
        now: float,
    ) -> Iterator[None]:
        """Faults that share their cause with nobody, as far as can be known yet."""
        alone = {}
        for number, (channel, found) in enumerate(doubted.items(), 1):
            if channel in held or suspects.may_have_company(found, now):
                self._unsettled = True
            elif channel not in self._ledger.of:
                alone[channel] = found
            if number % SLICE == 0:
                yield
        if alone:
            storm, is_raging = self._storm(alone, doubted, known.get(STORM), now)
            for number, (channel, found) in enumerate(alone.items(), 1):
                group = (Cause.SINGLE, channel)
                if storm is not None and (is_raging or _is_of(storm, channel, now, self._rules)):
                    self._ledger.take(storm, channel, found, now)
                else:
                    self._ledger.take(
                        self._ledger.resume(group, known.get(group), now), channel, found, now
                    )
                if number % SLICE == 0:
                    yield

    def _storm(
        self,
        alone: Mapping[str, Condition],
        doubted: Mapping[str, Condition],
        known: Incident | None,
        now: float,
    ) -> tuple[Incident | None, bool]:
        """The incident of the many lone faults of one time that is open, if any, and whether there
        are so many now; those of them that had an alarm already, which nobody saw to, join it.
        """
        young = (id_ for id_, found in doubted.items() if now - found.at < self._rules.window)
        lately = [id_ for id_ in young if RANK[Cause.HOST] < self._ledger.rank(id_) < NOBODY]
        if len(alone) + len(lately) < self._rules.crowd:
            return (known if known is not None and known.ended is None else None), False
        storm = self._ledger.resume(STORM, known, now)
        own = [id_ for id_ in lately if self._ledger.of[id_] is not storm]
        joining = [id_ for id_ in own if self._ledger.of[id_].attention is Attention.OPEN]
        fresh = {id_: doubted[id_] for id_ in (*alone, *joining)}
        is_news = storm.dismissed is not None and bool(joining)  # nobody saw to the alarms of these
        if is_news or _is_another(storm, fresh, now, self._rules):
            self._ledger.ask_again(storm, now)
        for id_ in joining:
            self._ledger.move(id_, storm, doubted[id_], now)
        return storm, True

    # -- ends --------------------------------------------------------------------------------------

    def _end(self, fleet: Mapping[str, Condition], now: float) -> Iterator[None]:
        for number, incident in enumerate(self.open, 1):
            self._end_if_over(incident, fleet, now)
            if number % SLICE == 0:
                yield

    def _end_if_over(self, incident: Incident, fleet: Mapping[str, Condition], now: float) -> None:
        failing = incident.failing
        most, rest = _calm(incident, failing, fleet, self._rules)
        if len(failing) > most:
            incident.calm_since = None
            return
        if incident.calm_since is None or incident.calm_since > now:  # or the clock was put back
            incident.calm_since = now
        if now - incident.calm_since >= rest:
            for member in failing:
                self._ledger.leave(member.channel, Departure.LEFT_OVER, now)
                self._left[member.channel] = now
                self._unsettled = True
            incident.ended, incident.calm_since = now, None
            self._ledger.touch(incident)


def _sift(
    fleet: Mapping[str, Condition], known: Container[str]
) -> Generator[None, None, dict[str, Condition]]:
    """The faults that belong to no incident yet."""
    free: dict[str, Condition] = {}
    for number, (channel, found) in enumerate(fleet.items(), 1):
        if found.sign is Sign.FAULTY and channel not in known:
            free[channel] = found
        if number % SLICE == 0:
            yield
    return free


def _departure(found: Condition | None) -> Departure | None:
    """Why a channel that stands so belongs to no incident; None: it may."""
    if found is None:
        return Departure.WITHDRAWN
    if found.sign is Sign.OUT:
        is_off = found.state is State.MAINTENANCE
        return Departure.MAINTENANCE if is_off else Departure.WITHDRAWN
    return Departure.RECOVERED if found.sign is Sign.WELL else None


def _is_down(incident: Incident) -> bool:
    """Whether what fell together still lies: who closed the alarm closed it for all of that."""
    return len(incident.failing) >= LYING[incident.cause] * incident.size


def _is_news(incident: Incident, channel: str, now: float, rules: Rules) -> bool:
    """Whether a fault that joins what has recovered for the most part is one that whoever closed
    or acknowledged the alarm cannot have meant.
    """
    if incident.dismissed is not None:
        return True
    return incident.acknowledged is not None and is_new(incident, channel, now, rules)


def _is_of(storm: Incident, channel: str, now: float, rules: Rules) -> bool:
    """Whether a lone fault is a storm's that blows no more: its own channel that was well for a
    moment. What a person closed is done with.
    """
    return storm.dismissed is None and not is_new(storm, channel, now, rules)


def _is_another(
    storm: Incident, joining: Mapping[str, Condition], now: float, rules: Rules
) -> bool:
    """Whether it goes beyond what a person saw to: another fault after it was closed and has mostly
    recovered, or after all of that storm was found; or as many since it was acknowledged as make a
    storm.
    """
    seen_to = storm.dismissed or storm.acknowledged
    if seen_to is None:
        return False
    fresh = [found for id_, found in joining.items() if is_new(storm, id_, now, rules)]
    if storm.dismissed is not None:
        is_over = not _is_down(storm)
        return any(is_over or one.at > seen_to.time + rules.span(one.period) for one in fresh)
    later = sum(one.at > seen_to.time for one in fresh)
    later += sum(one.until is None and one.since > seen_to.time for one in storm.members.values())
    return later >= rules.crowd


def _is_cut(incident: Incident, fleet: Mapping[str, Condition]) -> bool:
    """Whether half of the ways or more are still without anybody that came back."""
    ways: dict[Group | None, bool] = {}
    for channel, member in incident.members.items():
        if (found := fleet.get(channel)) is not None:
            is_back = member.until is not None and found.sign is Sign.WELL
            ways[found.place.way] = ways.get(found.place.way, False) or is_back
    return 2 * sum(ways.values()) <= len(ways)


def _calm(
    incident: Incident, failing: list[Member], fleet: Mapping[str, Condition], rules: Rules
) -> tuple[float, float]:
    """How many may still fail, and how many seconds later it is over."""
    if incident.cause is Cause.SCATTERED:  # most of such a storm come back, and fail again
        return rules.crowd // 2, rules.window
    if not failing:
        return 0, 0.0
    share = rules.leftover
    if incident.cause is Cause.UPLINK:  # the network is back, whatever platform may stay away
        share = 0.0 if _is_cut(incident, fleet) else 1.0
    most = share * incident.size
    if incident.cause in TOGETHER and incident.cause is not Cause.UPLINK:
        most = max(most, _too_few(TOGETHER[incident.cause], incident.size))
    # Nobody may have looked yet at those that are left: the first to recover tell of the rest.
    period = max(fleet[member.channel].period for member in failing)
    return most, max(rules.rest, rules.round(period))


def _too_few(together: Together, members: int) -> int:
    """How many of so many are neither the number nor the share that makes a common cause."""
    return ceil(min(together.least, together.share * members)) - 1
