"""The report of a scripted month is what was counted by hand; other windows add up."""

from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.operations import month as april
from tests.operations.month import EXPECTED, GROUPS, SINCE, SNAPSHOT, UNTIL, Month
from vidgate.errors import InputError
from vidgate.health.uptime import spans, tally
from vidgate.model.standing import Run
from vidgate.operations.reports import Window

WINDOW = Window(SINCE, UNTIL)


@pytest.fixture
async def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Month]:
    async with april.lived(tmp_path, monkeypatch, Month) as month:
        yield month


def seconds_missing(found: dict[str, Any]) -> dict[str, float]:
    return {one["id"]: one["seconds"] for one in found["causes"] if one["counted"]}


def seconds_impaired(found: dict[str, Any]) -> dict[str, float]:
    return {one["id"]: one["seconds"] for one in found["causes"] if one["online"]}


def check_group(found: dict[str, Any], ids: str, snapshot: tuple[int, int]) -> None:
    kpis = found["kpis"]
    assert found["channels"] == len(ids)
    assert kpis["online_time"]["online"] == sum(EXPECTED[id_].online for id_ in ids)
    assert kpis["online_time"]["counted"] == sum(EXPECTED[id_].counted for id_ in ids)
    assert kpis["online_time"]["share"] == float(april.share(ids))
    assert kpis["online_days"]["share"] == pytest.approx(float(april.mean_of_days(ids)), abs=1e-15)
    assert kpis["online_days"]["counted"] == sum(EXPECTED[id_].days for id_ in ids)
    assert kpis["online_watched"]["share"] == float(april.watched_share(ids))
    assert (kpis["online_now"]["online"], kpis["online_now"]["counted"]) == snapshot
    assert seconds_missing(found) == april.missing(ids)
    assert seconds_impaired(found) == april.impaired(ids)
    shares = sum(one["share"] for one in found["causes"] if one["counted"])
    assert kpis["online_time"]["share"] + shares == pytest.approx(1, abs=1e-12)


def check(document: dict[str, Any]) -> None:
    groups = {group["name"]: group for group in document["groups"]}
    assert set(groups) == set(GROUPS)
    for name, ids in GROUPS.items():
        check_group(groups[name], ids, SNAPSHOT[name])
    check_group(document["total"], "".join(GROUPS.values()), SNAPSHOT[""])
    channels = {one["id"]: one for one in document["channels"]}
    assert set(channels) == set(EXPECTED)
    for id_, expected in EXPECTED.items():
        found = channels[id_]
        assert (found["online"], found["counted"]) == (expected.online, expected.counted), id_
        assert seconds_missing(found) == expected.missing, id_
        assert seconds_impaired(found) == expected.impaired, id_
        uncounted = [one for one in found["causes"] if not one["counted"] and not one["online"]]
        left_out = sum(one["seconds"] for one in uncounted)
        assert left_out == expected.left_out, id_


async def test_the_month_is_what_was_counted_by_hand(month: Month) -> None:
    document = await month.reports().uptime("department", WINDOW, worst=100)
    check(document)
    assert [day["date"] for day in document["days"]][::29] == ["2026-04-01", "2026-04-30"]
    first = document["channels"][0]
    assert (first["id"], first["state"]) == ("D", "up")  # 54 hours, the most


async def test_rolled_up_days_say_the_same(month: Month) -> None:
    reports = month.reports()
    month.clock.advance(3600)  # the last day is over for sure
    raw = await reports.uptime("department", WINDOW, worst=100)
    while await month.history.roll_up():
        pass
    assert len(await month.store.days(0, 1 << 60)) == 30
    rolled = await reports.uptime("department", WINDOW, worst=100)
    assert rolled == raw
    check(rolled)


async def test_the_pure_function_says_the_same_of_every_channel(month: Month) -> None:
    start, end = WINDOW.resolved(month.clock.wall(), april.SHANGHAI)
    keys = await month.store.subjects()
    runs = await month.history.runs(start, end)
    main = april.DEFINITIONS.main
    for id_, expected in EXPECTED.items():
        entries = (await month.store.entries([keys[id_]], start, end))[keys[id_]]
        lengths: dict[str, int] = {}
        for standing, ms in tally(spans(entries, runs, start, end)):
            share = main.share(standing).value
            lengths[share] = lengths.get(share, 0) + ms
        assert lengths["online"] == expected.online * 1000, id_
        counted = lengths["online"] + lengths.get("missing", 0)
        assert counted == expected.counted * 1000, id_


async def test_the_days_of_every_channel_add_up_to_its_month(month: Month) -> None:
    reports = month.reports()
    for id_, expected in EXPECTED.items():
        days = await reports.days(id_, 30)
        assert (days[0].date, days[-1].date) == ("2026-04-01", "2026-04-30")
        assert sum(day.online for day in days) == expected.online, id_
        assert sum(day.counted for day in days) == expected.counted, id_
        assert sum(day.share is not None for day in days) == expected.days, id_


async def test_a_day_tells_what_it_was_made_of(month: Month) -> None:
    reports = month.reports()
    days = {day.date[-2:]: day for day in await reports.days("A", 30)}
    assert (days["02"].percent, days["02"].states) == ("100.00", {"up": april.DAY})
    assert (days["03"].share, days["03"].states) == (0.0, {"down": april.DAY})
    assert days["04"].states == {"down": april.DAY / 2, "up": april.DAY / 2}
    assert days["12"].states == {
        "own": april.FIRST,
        "unknown": april.AFTER,
        "up": april.DAY - april.FIRST - april.AFTER,
    }
    maintained = (await reports.days("C", 30))[8]
    assert maintained.states == {"maintenance": april.DAY / 2, "up": april.DAY / 2}
    assert (maintained.counted, maintained.share) == (april.DAY / 2, 1.0)


async def test_days_on_which_nothing_counted_say_so(month: Month) -> None:
    reports = month.reports()
    for id_ in ("I", "no such channel"):
        days = await reports.days(id_, 3)
        assert [day.date[-2:] for day in days] == ["28", "29", "30"]
        assert [(day.share, day.percent, day.states) for day in days] == [(None, None, {})] * 3


async def test_halves_of_the_month_add_up(month: Month) -> None:
    reports = month.reports()
    cut = "2026-04-12T02:34:56"
    halves = [
        await reports.uptime("department", window, worst=100)
        for window in (Window(SINCE, cut), Window(cut, UNTIL))
    ]
    for name in ("online", "counted"):
        whole = sum(half["total"]["kpis"]["online_time"][name] for half in halves)
        assert whole == sum(getattr(one, name) for one in EXPECTED.values())


async def test_groups_of_other_kinds(month: Month) -> None:
    reports = month.reports()
    by_platform = await reports.uptime("platform", WINDOW)
    assert {group["name"]: group["channels"] for group in by_platform["groups"]} == {
        "": 7, "p1": 2, "p2": 2,
    }  # fmt: skip
    by_class = await reports.uptime("class", WINDOW, worst=0)
    assert [group["name"] for group in by_class["groups"]] == ["9"]
    assert by_class["channels"] == []
    assert by_class["total"] == by_platform["total"]


async def test_a_day_in_the_past_has_its_own_snapshot(month: Month) -> None:
    document = await month.reports().uptime("department", Window("2026-04-03", "2026-04-04"))
    police = next(one for one in document["groups"] if one["name"] == april.POLICE)
    assert police["kpis"]["online_now"]["online"] == 3  # A is down
    assert police["kpis"]["online_time"]["share"] == float(Fraction(3, 4))


@pytest.mark.parametrize("is_rolled", [False, True])
async def test_what_is_excused_is_left_out_and_told(month: Month, is_rolled: bool) -> None:
    day = Window("2026-04-03", "2026-04-04")
    start, end = day.resolved(month.clock.wall(), april.SHANGHAI)
    month.excuses["A"] = [Run(start + 3_600_000, end)]  # it was down all day
    if is_rolled:
        month.clock.advance(3600)
        while await month.history.roll_up():
            pass
    document = await month.reports().uptime("department", day)
    police = next(one for one in document["groups"] if one["name"] == april.POLICE)
    hours = 3600.0
    told = police["kpis"]["online_time"]
    assert (told["online"], told["counted"]) == (72 * hours, 73 * hours)
    watched = police["kpis"]["online_watched"]  # as Prometheus stored it
    assert (watched["online"], watched["counted"]) == (72 * hours, 96 * hours)
    versions = {kpi["id"]: (kpi["version"], kpi["excused"]) for kpi in document["kpis"]}
    assert versions["online_time"] == (2, "leave_out")
    excused = [one for one in police["causes"] if one["id"] == "excused"]
    assert [(one["seconds"], one["counted"]) for one in excused] == [(23 * hours, False)]
    assert excused[0]["reasons"] == {"excused": 23 * hours}


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("yesterday", "", "since"),
        ("1d", "never", "until"),
        ("2026-04-03", "2026-04-02", "早于"),
        ("2020-01-01", "", "400"),
        ("0d", "", "早于"),
    ],
)
def test_windows_that_are_none(since: str, until: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Window(since, until).resolved(april.START + april.MONTH, april.SHANGHAI)


def test_windows_as_people_write_them() -> None:
    now = april.START + april.MONTH
    start, end = round(april.START * 1000), round(now * 1000)
    for since, until in (
        ("30d", ""),
        ("720h", "2026-05-01"),
        ("2026-04-01", "2027-01-01"),  # what has not been yet is left out
        ("2026-03-31T16:00:00+00:00", str(now)),
    ):
        assert Window(since, until).resolved(now, april.SHANGHAI) == (start, end)


async def test_nothing_ever_was(month: Month) -> None:
    document = await month.reports().uptime("department", Window("2026-02-01", "2026-02-03"))
    assert document["groups"] == []
    assert document["channels"] == []
    assert document["total"]["kpis"]["online_time"]["percent"] is None
