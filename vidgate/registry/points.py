"""Channels that may show the same place (点位): told at import, for people to confirm.

A row that names a point has said it: the same one for the same place, another one for another.
"""

import re
from collections.abc import Iterable, Mapping
from math import cos, hypot, radians
from typing import Any, NamedTuple

from vidgate.model.channel import Channel
from vidgate.registry.edits import key

NEAR = 20.0  # metres
METRES = 111_320.0  # a degree of latitude
MOST = 50  # others that one channel is compared with in one cell, or under one name
CELL = 0.0005  # degrees: more than NEAR in either direction up to 65 degrees north
FIELDS = ("name", "platform", "area", "point", "longitude", "latitude")
_TAIL = re.compile(r"[\W_]+|\d+(?:号|#)?$")


class Sight(NamedTuple):
    """What is compared of one channel."""

    id: str
    name: str
    platform: str
    area: str
    point: str
    longitude: float | None
    latitude: float | None


class Points:
    """Knows where every channel is: the register at first, then every row."""

    def __init__(self, channels: Iterable[Channel] = ()) -> None:
        self._cells: dict[tuple[int, int], list[Sight]] = {}
        self._names: dict[tuple[str, str], list[Sight]] = {}
        self._seen: dict[str, Sight] = {}
        self.learn(channels)

    def learn(self, channels: Iterable[Channel]) -> None:
        """Take in channels as they are registered."""
        for one in channels:
            place = one.longitude, one.latitude
            self._add(Sight(one.id, one.name, one.platform, one.area, one.point, *place))

    def of(
        self, id_: str, values: Mapping[str, Any], current: Channel | None
    ) -> list[tuple[str, str]]:
        """(field, sentence) where another channel may show the same place; the nearest one."""
        one = _sight(id_, values, current)
        found = self._near(one) or self._named(one)
        self._add(one)
        return (
            [("point", f"{found}，可能是同一点位：是则填相同的点位编号，不是则各填一个")]
            if found
            else []
        )

    def _near(self, one: Sight) -> str:
        if one.longitude is None or one.latitude is None:
            return ""
        column, row = _cell(one)
        others = [
            (_metres(one, other), other)
            for x in (column - 1, column, column + 1)
            for y in (row - 1, row, row + 1)
            for other in self._cells.get((x, y), ())[:MOST]
            if self._is_open(one, other)
            and (other.platform != one.platform or _spot(other) == _spot(one))
        ]
        if not others:
            return ""
        distance, other = min(others, key=lambda pair: pair[0])
        return f"与 {other.id}（{other.name}）相距 {distance:.0f} 米" if distance <= NEAR else ""

    def _named(self, one: Sight) -> str:
        """The same name in the same area, come through another platform."""
        for other in self._names.get((one.area, _plain(one)), ())[:MOST]:
            if self._is_open(one, other) and other.platform != one.platform:
                return f"与 {other.id}（{other.name}）同名而来自不同平台"
        return ""

    def _is_open(self, one: Sight, other: Sight) -> bool:
        """Another channel, as it is now, and the row does not say whether it is the same place."""
        is_now = self._seen.get(key(other.id)) is other
        return is_now and key(other.id) != key(one.id) and not one.point

    def _add(self, one: Sight) -> None:
        self._seen[key(one.id)] = one
        self._names.setdefault((one.area, _plain(one)), []).append(one)
        if one.longitude is not None and one.latitude is not None:
            self._cells.setdefault(_cell(one), []).append(one)


def _plain(one: Sight) -> str:
    return one.name.lower().replace(" ", "")


def _spot(one: Sight) -> str:
    """The name without marks, blanks and a number at its end."""
    return _TAIL.sub("", _TAIL.sub("", _plain(one)))


def _sight(id_: str, values: Mapping[str, Any], current: Channel | None) -> Sight:
    known = {name: getattr(current, name, None) for name in FIELDS}
    known |= {name: values[name] for name in FIELDS if values.get(name) is not None}
    texts = {name: known[name] or "" for name in ("name", "platform", "area", "point")}
    return Sight(id_, longitude=known["longitude"], latitude=known["latitude"], **texts)


def _cell(one: Sight) -> tuple[int, int]:
    return int((one.longitude or 0.0) // CELL), int((one.latitude or 0.0) // CELL)


def _metres(one: Sight, other: Sight) -> float:
    """The distance over ground, flat enough at this scale."""
    east = ((one.longitude or 0.0) - (other.longitude or 0.0)) * cos(radians(one.latitude or 0.0))
    north = (one.latitude or 0.0) - (other.latitude or 0.0)
    return METRES * hypot(east, north)
