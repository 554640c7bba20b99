"""The uptime report: one rate per group, why time was missing, days, and the worst channels. Pure.

It is fed tallies, a channel and a day at a time, and gives a document ready for JSON. Shares are
exact until they are written: of what a group's channels should have been online, the share that
they were and the shares of every cause make one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from vidgate.health.kpi import MAIN, Definitions, Form, Kpi, Share
from vidgate.model.standing import SECOND, Standing, Tally

Tallies = Counter[Tally]
DIMENSIONS = ("department", "platform", "area", "class")


@dataclass(frozen=True, slots=True)
class Subject:
    """A channel as the report names it: `platform` empty where it is connected directly."""

    id: str
    name: str = ""
    department: str = ""
    platform: str = ""
    area: str = ""
    point_class: str = ""

    def group(self, by: str) -> str:
        """Its group's name."""
        return str(getattr(self, "point_class" if by == "class" else by))


@dataclass(frozen=True, slots=True)
class Weight:
    """What a tally weighs for a KPI, in ms; `causes` by id and reason, counted and left out."""

    online: int
    counted: int
    left_out: int
    causes: Mapping[tuple[str, str], int]
    uncounted: Mapping[tuple[str, str], int]


class Scale:
    """Weighs tallies by the definitions; equal ones once."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._known: dict[tuple[str, Tally, bool], Weight] = {}

    def weigh(self, kpi: Kpi, tally: Tally, *, has_platform: bool) -> Weight:
        """The weight of one tally."""
        key = (kpi.id, tally, has_platform)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._weigh(kpi, tally, has_platform)
        return found

    def _weigh(self, kpi: Kpi, tally: Tally, has_platform: bool) -> Weight:
        lengths: Counter[Share] = Counter()
        causes: dict[Share, Counter[tuple[str, str]]] = {
            Share.MISSING: Counter(),
            Share.LEFT_OUT: Counter(),
        }
        for standing, length in tally:
            share = kpi.share(standing)
            lengths[share] += length
            if share in causes:
                cause = self._definitions.cause(standing, has_platform=has_platform)
                causes[share][cause.id, standing.reason or ""] += length
        online = lengths[Share.ONLINE]
        return Weight(
            online,
            online + lengths[Share.MISSING],
            lengths[Share.LEFT_OUT],
            causes[Share.MISSING],
            causes[Share.LEFT_OUT],
        )


@dataclass(slots=True)
class _Sum:
    """Many weights of one KPI; `days` sums each day's shares exactly, by their denominators."""

    online: int = 0
    counted: int = 0
    left_out: int = 0
    days: int = 0
    shares: Counter[int] = field(default_factory=Counter)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    uncounted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, weight: Weight, times: int = 1) -> None:
        self.online += weight.online * times
        self.counted += weight.counted * times
        self.left_out += weight.left_out * times
        if weight.counted:
            self.days += times
            self.shares[weight.counted] += weight.online * times
        for mine, theirs in ((self.causes, weight.causes), (self.uncounted, weight.uncounted)):
            for key, length in theirs.items():
                mine[key] += length * times

    def merge(self, other: "_Sum") -> None:
        self.online += other.online
        self.counted += other.counted
        self.left_out += other.left_out
        self.days += other.days
        for mine, theirs in (
            (self.causes, other.causes),
            (self.uncounted, other.uncounted),
        ):
            mine.update(theirs)
        self.shares.update(other.shares)

    def mean_of_days(self) -> Fraction:
        """The sum of the days' shares, not yet divided by how many they are."""
        return sum((Fraction(online, of) for of, online in self.shares.items()), Fraction())


class Ledger:
    """Takes tallies of channels and days; `document` gives the report.

    Channels and days go by their places in the lists given.
    """

    def __init__(
        self,
        definitions: Definitions,
        subjects: Sequence[Subject],
        days: Sequence[tuple[int, int]],
        by: str,
    ) -> None:
        self._definitions = definitions
        self._scale = Scale(definitions)
        self._subjects = subjects
        self._days = days
        self._groups = [subject.group(by) for subject in subjects]
        self._by = by
        self._channels: list[Tallies] = [Counter() for _ in subjects]
        self._parts: list[dict[tuple[str, bool], Tallies]] = [{} for _ in days]
        self._now: dict[int, Standing] = {}

    def add(self, subject: int, day: int, tally: Tally) -> None:
        """How a channel stood on a day."""
        self._channels[subject][tally] += 1
        key = (self._groups[subject], bool(self._subjects[subject].platform))
        self._parts[day].setdefault(key, Counter())[tally] += 1

    def stand(self, subject: int, standing: Standing) -> None:
        """How a channel stands as the window ends."""
        self._now[subject] = standing

    def document(self, worst: int) -> dict[str, Any]:
        """The report, with so many of the worst channels."""
        sums = self._sum_up()
        members: dict[str, list[int]] = {}
        for number, name in enumerate(self._groups):
            members.setdefault(name, []).append(number)
        groups = [self._group(name, members[name], sums[name]) for name in members if name in sums]
        groups = sorted((one for one in groups if one["channels"]), key=_rank)
        everything = _merged(sums.values())
        return {
            "by": self._by,
            "kpis": [_definition(kpi) for kpi in self._definitions.kpis.values()],
            "causes": [
                {"id": one.id, "zh": one.zh, "en": one.en} for one in self._definitions.causes
            ],
            "total": self._group("", range(len(self._subjects)), everything),
            "groups": groups,
            "days": [self._day(number) for number in range(len(self._days))],
            "channels": self._worst(worst),
        }

    # -- groups ------------------------------------------------------------------------------

    def _sum_up(self) -> dict[str, dict[str, _Sum]]:
        """The sums of every group, by KPI."""
        sums: dict[str, dict[str, _Sum]] = {}
        for part in self._parts:
            for (group, has_platform), tallies in part.items():
                mine = sums.setdefault(group, {})
                for kpi in self._definitions.kpis.values():
                    if kpi.form is not Form.SNAPSHOT:
                        total = mine.setdefault(kpi.id, _Sum())
                        self._add(total, kpi, tallies, has_platform=has_platform)
        return sums

    def _add(self, total: _Sum, kpi: Kpi, tallies: Tallies, *, has_platform: bool) -> None:
        for tally, times in tallies.items():
            total.add(self._scale.weigh(kpi, tally, has_platform=has_platform), times)

    def _group(self, name: str, members: Sequence[int], sums: Mapping[str, _Sum]) -> dict[str, Any]:
        kpis = self._definitions.kpis.values()
        return {
            "name": name,
            "channels": sum(self._counts(n) for n in members),
            "kpis": {
                kpi.id: self._figure(kpi, sums.get(kpi.id) or _Sum(), members) for kpi in kpis
            },
            "causes": self._causes(sums.get(self._definitions.main.id) or _Sum()),
        }

    def _counts(self, subject: int) -> bool:
        """Whether any of the channel's time counted."""
        kpi, has = self._definitions.main, bool(self._subjects[subject].platform)
        weigh = self._scale.weigh
        return any(weigh(kpi, one, has_platform=has).counted for one in self._channels[subject])

    def _figure(self, kpi: Kpi, total: _Sum, members: Iterable[int]) -> dict[str, Any]:
        if kpi.form is Form.SNAPSHOT:
            shares = Counter(kpi.share(self._now[n]) for n in members if n in self._now)
            online = shares[Share.ONLINE]
            return _shown(kpi, Fraction(online), online + shares[Share.MISSING])
        if kpi.form is Form.DAYS:
            return _shown(kpi, total.mean_of_days(), total.days)
        figure = _shown(kpi, Fraction(total.online), total.counted)
        return figure | {"online": _s(total.online), "counted": _s(total.counted)}

    def _causes(self, total: _Sum) -> list[dict[str, Any]]:
        """Every cause that took any time, in the order of the definitions."""
        found = []
        for cause in self._definitions.causes:
            for lengths, of, counted in (
                (total.causes, total.counted, True),
                (total.uncounted, total.counted + total.left_out, False),
            ):
                reasons = {why: ms for (id_, why), ms in lengths.items() if id_ == cause.id}
                length = sum(reasons.values())
                if length:
                    found.append(
                        {
                            "id": cause.id,
                            "counted": counted,
                            "seconds": _s(length),
                            "share": length / of,
                            "reasons": {why: _s(ms) for why, ms in sorted(reasons.items())},
                        }
                    )
        return found

    # -- days and channels -------------------------------------------------------------------

    def _day(self, number: int) -> dict[str, Any]:
        """A day's main figure, in all and by group."""
        main, start_end = self._definitions.main, self._days[number]
        each: dict[str, _Sum] = {}
        for (group, has_platform), tallies in sorted(self._parts[number].items()):
            total = each.setdefault(group, _Sum())
            self._add(total, main, tallies, has_platform=has_platform)
        total = _merged({main.id: one} for one in each.values()).get(main.id) or _Sum()
        return {
            "start": start_end[0] / SECOND,
            "end": start_end[1] / SECOND,
            **_shown(main, Fraction(total.online), total.counted),
            "online": _s(total.online),
            "counted": _s(total.counted),
            "groups": {name: one.online / one.counted for name, one in each.items() if one.counted},
        }

    def _worst(self, limit: int) -> list[dict[str, Any]]:
        """Channels by their missing time, the most first; those that counted only."""
        totals = [(n, self._total(n)) for n in range(len(self._subjects))]
        counted = [(n, total) for n, total in totals if total.counted]
        counted.sort(key=lambda one: (one[1].online - one[1].counted, self._subjects[one[0]].id))
        return [self._channel(n, total) for n, total in counted[:limit]]

    def _total(self, subject: int) -> _Sum:
        total, has = _Sum(), bool(self._subjects[subject].platform)
        self._add(total, self._definitions.main, self._channels[subject], has_platform=has)
        return total

    def _channel(self, number: int, total: _Sum) -> dict[str, Any]:
        subject = self._subjects[number]
        now = self._now.get(number)
        return {
            "id": subject.id,
            "name": subject.name,
            "department": subject.department,
            "platform": subject.platform,
            "area": subject.area,
            "class": subject.point_class,
            "state": "" if now is None or now.step is None else now.state.label,
            **_shown(self._definitions.main, Fraction(total.online), total.counted),
            "online": _s(total.online),
            "counted": _s(total.counted),
            "causes": self._causes(total),
        }


def _merged(some: Iterable[Mapping[str, _Sum]]) -> dict[str, _Sum]:
    """The sums of all, by KPI."""
    total: dict[str, _Sum] = {}
    for sums in some:
        for id_, one in sums.items():
            total.setdefault(id_, _Sum()).merge(one)
    return total


def _definition(kpi: Kpi) -> dict[str, Any]:
    """What a report says of a KPI, so that nobody need guess what was counted."""
    told = kpi.denominator
    return {
        "id": kpi.id,
        "version": kpi.version,
        "zh": kpi.zh,
        "en": kpi.en,
        "form": kpi.form.value,
        "numerator": sorted(state.label for state in kpi.numerator),
        "lifecycles": sorted(told.lifecycles),
        "without": sorted(state.label for state in told.without),
        "own_downtime": told.own_downtime,
        "decimals": kpi.rounding.decimals,
    }


def _shown(kpi: Kpi, online: Fraction, counted: int) -> dict[str, Any]:
    """A share as a number and as percent; null where nothing counted."""
    exact = online / counted if counted else None
    return {
        "share": None if exact is None else float(exact),
        "percent": None if exact is None else kpi.rounding.percent(exact),
        "online": float(online),
        "counted": counted,
    }


def _rank(group: Mapping[str, Any]) -> tuple[float, str]:
    main = group["kpis"][MAIN]
    return (2.0 if main["share"] is None else main["share"], group["name"])


def _s(ms: int) -> float:
    return ms / SECOND
