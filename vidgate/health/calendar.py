"""Days as people mean them: from midnight to midnight where the site is. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from vidgate.errors import InputError
from vidgate.model.standing import SECOND

_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0}
_LENGTH = re.compile(r"([0-9]{1,6})([dhm])")
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


def zone_of(name: str) -> tzinfo | None:
    """The zone of a name that the settings have checked; None, the machine's own, for none."""
    return ZoneInfo(name) if name else None


def midnights(start: int, end: int, zone: tzinfo | None) -> Iterator[int]:
    """The local midnights in [start, end], in ms; a day of a clock change is 23 or 25 hours."""
    day = date_of(start, zone)
    while True:
        instant = midnight(day, zone)
        if instant > end:
            return
        if instant >= start:
            yield instant
        day += timedelta(days=1)


def midnight(day: date, zone: tzinfo | None) -> int:
    """When a local day begins, in ms."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return round(local.timestamp()) * SECOND


def before(instant: int, zone: tzinfo | None) -> int:
    """The midnight at which its local day begins."""
    return midnight(date_of(instant, zone), zone)


def after(instant: int, zone: tzinfo | None) -> int:
    """The midnight at which its local day is over."""
    return midnight(date_of(instant, zone) + timedelta(days=1), zone)


def date_of(instant: int, zone: tzinfo | None) -> date:
    """The local day of an instant."""
    return datetime.fromtimestamp(instant / SECOND, UTC).astimezone(zone).date()


def last_days(number: int, end: int, zone: tzinfo | None) -> list[tuple[int, int]]:
    """So many local days up to `end` (ms), the last one as far as it has come."""
    first = date_of(end - 1, zone) - timedelta(days=number - 1)
    return slices(midnight(first, zone), end, zone)


def slices(start: int, end: int, zone: tzinfo | None) -> list[tuple[int, int]]:
    """The window cut at local midnights."""
    cuts = [start, *(one for one in midnights(start, end, zone) if start < one < end), end]
    return list(zip(cuts, cuts[1:], strict=False))


def instant(
    name: str, text: str, base: float, zone: tzinfo | None, *, ahead: bool = False
) -> float:
    """Wall-clock seconds of what people write: a day (local midnight) or an instant (ISO 8601),
    wall-clock seconds, or a length (`30d`, `12h`) before `base`, `ahead` after it.

    Raises InputError, which calls it `name`.
    """
    if found := _LENGTH.fullmatch(text):
        length = int(found[1]) * _UNITS[found[2]]
        return base + length if ahead else base - length
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{name}: 看不懂 {text[:64]} / cannot read it", hint="30d, 12h, 2026-04-01"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.timestamp()
    except (OverflowError, ValueError):
        raise InputError(f"{name}: 时间太远 {text[:64]} / out of range") from None
