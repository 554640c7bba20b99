"""Days as people mean them: from midnight to midnight where the site is. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from vidgate.model.standing import SECOND


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


def date_of(instant: int, zone: tzinfo | None) -> date:
    """The local day of an instant."""
    return datetime.fromtimestamp(instant / SECOND, UTC).astimezone(zone).date()


def slices(start: int, end: int, zone: tzinfo | None) -> list[tuple[int, int]]:
    """The window cut at local midnights."""
    cuts = [start, *(one for one in midnights(start, end, zone) if start < one < end), end]
    return list(zip(cuts, cuts[1:], strict=False))
