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
from vidgate.model.health import State
from vidgate.model.standing import SECOND, Standing, Tally

Lengths = dict[Standing, int]
Key = tuple[str, bool]  # a group's name, and whether its channels are behind a platform
PARTS = 10**18


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


class Scale:
    """What the definitions say of a standing; there are few, and each is asked for once."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._shares: dict[str, dict[Standing, Share]] = {id_: {} for id_ in definitions.kpis}
        self._causes: dict[tuple[Standing, bool], str] = {}

    def share(self, kpi: Kpi, standing: Standing) -> Share:
        """What it is to a KPI."""
        known = self._shares[kpi.id]
        if standing not in known:
            known[standing] = kpi.share(standing)
        return known[standing]

    def shares(self, kpi: Kpi) -> Mapping[Standing, Share]:
        """What was asked so far."""
        return self._shares[kpi.id]

    def cause(self, standing: Standing, *, has_platform: bool) -> str:
        """Why time spent so is not online."""
        key = (standing, has_platform)
        if key not in self._causes:
            self._causes[key] = self._definitions.cause(standing, has_platform=has_platform).id
        return self._causes[key]


@dataclass(slots=True)
class _Sum:
    """Time for one KPI, in ms; causes by id and reason.

    Of missing time, of time that counts as online and is not as it should be (busy, a picture
    fault), and of what does not count.
    """

    online: int = 0
    counted: int = 0
    left_out: int = 0
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    impaired: Counter[tuple[str, str]] = field(default_factory=Counter)
    uncounted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, scale: Scale, kpi: Kpi, lengths: Lengths, *, has_platform: bool) -> None:
        for standing, length in lengths.items():
            share = scale.share(kpi, standing)
            if share is Share.OUTSIDE:
                continue
            if share is Share.LEFT_OUT:
                self.left_out += length
            else:
                self.counted += length
            if share is Share.ONLINE:
                self.online += length
            if standing.state is not State.UP or share is not Share.ONLINE:
                why = (scale.cause(standing, has_platform=has_platform), standing.reason or "")
                self._causes(share)[why] += length

    def _causes(self, share: Share) -> Counter[tuple[str, str]]:
        if share is Share.ONLINE:
            return self.impaired
        return self.causes if share is Share.MISSING else self.uncounted


@dataclass(slots=True)
class _Days:
    """Shares of channels' days, summed: online time by the time that counted."""

    number: int = 0
    shares: Counter[int] = field(default_factory=Counter)

    def add(self, online: int, counted: int) -> None:
        self.number += 1
        self.shares[counted] += online

    def merge(self, other: "_Days") -> None:
        self.number += other.number
        self.shares.update(other.shares)

    def total(self) -> Fraction:
        """The sum of the days' shares, cut off at 18 decimals for each length of a day.

        Exact fractions of thousands of different denominators would take minutes to add.
        """
        cut = sum(online * PARTS // of for of, online in self.shares.items())
        return Fraction(cut, PARTS)


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
        self._by = by
        self._keys = [(one.group(by), bool(one.platform)) for one in subjects]
        self._channels: list[Lengths] = [{} for _ in subjects]
        self._parts: list[dict[Key, Lengths]] = [{} for _ in days]
        self._daily = [kpi for kpi in definitions.kpis.values() if kpi.form is Form.DAYS]
        self._means: dict[tuple[str, str], _Days] = {}
        self._now: dict[int, Standing] = {}

    def add(self, subject: int, day: int, tally: Tally) -> None:
        """How a channel stood on a day."""
        key = self._keys[subject]
        mine = self._channels[subject]
        part = self._parts[day]
        ours = part.get(key)
        if ours is None:
            ours = part[key] = {}
        for standing, length in tally:
            mine[standing] = mine.get(standing, 0) + length
            ours[standing] = ours.get(standing, 0) + length
        for kpi in self._daily:
            self._add_day(kpi, key[0], tally)

    def _add_day(self, kpi: Kpi, group: str, tally: Tally) -> None:
        shares = self._scale.shares(kpi)
        online = counted = 0
        for standing, length in tally:
            share = shares.get(standing) or self._scale.share(kpi, standing)
            if share is Share.ONLINE:
                online += length
                counted += length
            elif share is Share.MISSING:
                counted += length
        if counted:
            self._means.setdefault((kpi.id, group), _Days()).add(online, counted)

    def stand(self, subject: int, standing: Standing) -> None:
        """How a channel stands as the window ends."""
        self._now[subject] = standing

    def document(self, worst: int) -> dict[str, Any]:
        """The report, with so many of the worst channels."""
        members: dict[str, list[int]] = {}
        for number, (name, _) in enumerate(self._keys):
            members.setdefault(name, []).append(number)
        groups = [self._group(name, numbers) for name, numbers in members.items()]
        return {
            "by": self._by,
            "kpis": [_definition(kpi) for kpi in self._definitions.kpis.values()],
            "causes": [
                {"id": one.id, "version": one.version, "zh": one.zh, "en": one.en}
                for one in self._definitions.causes
            ],
            "total": self._group(None, range(len(self._subjects))),
            "groups": sorted((one for one in groups if one["channels"]), key=_rank),
            "days": [self._day(number) for number in range(len(self._days))],
            "channels": self._worst(worst),
        }

    # -- groups ------------------------------------------------------------------------------

    def _group(self, name: str | None, members: Sequence[int]) -> dict[str, Any]:
        """The figures of a group; None: of all channels."""
        kpis = self._definitions.kpis.values()
        main = self._definitions.main
        return {
            "name": name or "",
            "channels": sum(self._total(main, [n]).counted > 0 for n in members),
            "kpis": {kpi.id: self._figure(kpi, name, members) for kpi in kpis},
            "causes": self._causes(self._total(main, members)),
        }

    def _figure(self, kpi: Kpi, name: str | None, members: Sequence[int]) -> dict[str, Any]:
        if kpi.form is Form.SNAPSHOT:
            shares = Counter(kpi.share(self._now[n]) for n in members if n in self._now)
            online = shares[Share.ONLINE]
            return _shown(kpi, Fraction(online), online + shares[Share.MISSING])
        if kpi.form is Form.DAYS:
            days = _Days()
            for (id_, group), one in self._means.items():
                if id_ == kpi.id and (name is None or group == name):
                    days.merge(one)
            return _shown(kpi, days.total(), days.number)
        return _timed(kpi, self._total(kpi, members))

    def _total(self, kpi: Kpi, members: Iterable[int]) -> _Sum:
        total = _Sum()
        for number in members:
            _, has = self._keys[number]
            total.add(self._scale, kpi, self._channels[number], has_platform=has)
        return total

    def _causes(self, total: _Sum) -> list[dict[str, Any]]:
        """Every cause that took any time, in the order of the definitions."""
        found = []
        for cause in self._definitions.causes:
            for lengths, of, share in (
                (total.causes, total.counted, Share.MISSING),
                (total.impaired, total.counted, Share.ONLINE),
                (total.uncounted, total.counted + total.left_out, Share.LEFT_OUT),
            ):
                reasons = {why: ms for (id_, why), ms in lengths.items() if id_ == cause.id}
                length = sum(reasons.values())
                if length:
                    found.append(
                        {
                            "id": cause.id,
                            "counted": share is Share.MISSING,
                            "online": share is Share.ONLINE,
                            "seconds": _s(length),
                            "share": length / of,
                            "reasons": {why: _s(ms) for why, ms in sorted(reasons.items())},
                        }
                    )
        return found

    # -- days and channels -------------------------------------------------------------------

    def _day(self, number: int) -> dict[str, Any]:
        """A day's main figure, in all and by group."""
        main, (start, end) = self._definitions.main, self._days[number]
        total = _Sum()
        each: dict[str, _Sum] = {}
        for (group, has), lengths in sorted(self._parts[number].items()):
            for one in (total, each.setdefault(group, _Sum())):
                one.add(self._scale, main, lengths, has_platform=has)
        return {
            "start": start / SECOND,
            "end": end / SECOND,
            **_timed(main, total),
            "groups": {name: one.online / one.counted for name, one in each.items() if one.counted},
        }

    def _worst(self, limit: int) -> list[dict[str, Any]]:
        """Channels by their missing time, the most first; those that counted only."""
        main = self._definitions.main
        totals = ((n, self._total(main, [n])) for n in range(len(self._subjects)))
        counted = [(n, total) for n, total in totals if total.counted]
        counted.sort(key=lambda one: (one[1].online - one[1].counted, self._subjects[one[0]].id))
        return [self._channel(n, total) for n, total in counted[:limit]]

    def _channel(self, number: int, total: _Sum) -> dict[str, Any]:
        subject = self._subjects[number]
        return {
            "id": subject.id,
            "name": subject.name,
            "department": subject.department,
            "platform": subject.platform,
            "area": subject.area,
            "class": subject.point_class,
            "state": self._state(number),
            **_timed(self._definitions.main, total),
            "causes": self._causes(total),
        }

    def _state(self, number: int) -> str | None:
        """How it stands as the window ends: empty where it is not registered, None: not known."""
        now = self._now.get(number)
        if now is None:
            return None
        return "" if now.step is None else now.state.label


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
        "excused": told.excused,
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


def _timed(kpi: Kpi, total: _Sum) -> dict[str, Any]:
    """The same of time, in seconds."""
    shown = _shown(kpi, Fraction(total.online), total.counted)
    return shown | {"online": _s(total.online), "counted": _s(total.counted)}


def _rank(group: Mapping[str, Any]) -> tuple[float, str]:
    main = group["kpis"][MAIN]
    return (2.0 if main["share"] is None else main["share"], group["name"])


def _s(ms: int) -> float:
    return ms / SECOND
