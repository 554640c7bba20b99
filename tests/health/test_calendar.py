from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from vidgate.health.calendar import date_of, last_days, midnight, midnights, slices, zone_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000


def at(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


def test_a_day_begins_at_local_midnight() -> None:
    assert midnight(date(2026, 11, 25), SHANGHAI) == at(2026, 11, 24, 16)
    assert date_of(at(2026, 11, 24, 16), SHANGHAI) == date(2026, 11, 25)
    assert date_of(at(2026, 11, 24, 15, 59), SHANGHAI) == date(2026, 11, 24)


def test_both_ends_count_where_they_are_midnights() -> None:
    start, end = at(2026, 11, 24, 16), at(2026, 11, 26, 16)
    assert list(midnights(start, end, SHANGHAI)) == [start, at(2026, 11, 25, 16), end]
    assert list(midnights(start + 1, end - 1, SHANGHAI)) == [at(2026, 11, 25, 16)]


def test_a_day_of_a_clock_change_has_its_own_length() -> None:
    zone = ZoneInfo("Europe/Berlin")
    days = slices(at(2026, 3, 27, 23), at(2026, 3, 29, 22), zone)
    assert [(end - start) // HOUR for start, end in days] == [24, 23]


def test_the_window_is_cut_at_midnights() -> None:
    start, end = at(2026, 11, 25, 10), at(2026, 11, 26, 20)
    cut = slices(start, end, SHANGHAI)
    assert [(b - a) // HOUR for a, b in cut] == [6, 24, 4]
    assert (cut[0][0], cut[-1][1]) == (start, end)


def test_the_last_days_end_with_what_there_is_of_today() -> None:
    now = at(2026, 11, 25, 20)  # the 26th, 4 o'clock
    days = last_days(3, now, SHANGHAI)
    assert [(end - start) // HOUR for start, end in days] == [24, 24, 4]
    assert days[-1][1] == now
    at_midnight = last_days(2, at(2026, 11, 24, 16), SHANGHAI)
    assert [(end - start) // HOUR for start, end in at_midnight] == [24, 24]


def test_zones_by_name() -> None:
    assert zone_of("") is None
    assert zone_of("Asia/Shanghai") == SHANGHAI
