"""Of times whose changes are forgotten a report tells whole days, or that it does not know."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import html
from pydantic_core import to_json

from tests.operations import past as old
from tests.operations.past import BEGAN, DAY, HOUR, KEEP, LIVED, NOON, SHANGHAI, Past
from vidgate.health.history import History
from vidgate.health.trust import Trust
from vidgate.model.standing import MARGIN
from vidgate.operations import uptime_words as words
from vidgate.operations.reach import Reach, Source
from vidgate.operations.reports import Window
from vidgate.operations.uptime_page import page_of
from vidgate.operations.uptime_workbook import workbook_of
from vidgate.settings.tree import HistorySettings
from vidgate.web.reports import UptimeView

UTC = ZoneInfo("UTC")
MS = 1000


@pytest.fixture
async def past(tmp_path: Path) -> AsyncIterator[Past]:
    async with old.lived(tmp_path) as past:
        yield past


def figure(document: dict[str, Any], kpi: str = "online_time") -> dict[str, Any]:
    found: dict[str, Any] = document["total"]["kpis"][kpi]
    return found


async def test_a_window_that_begins_and_ends_at_noon_is_of_whole_days(past: Past) -> None:
    document = await past.told(NOON)
    assert document["total"]["channels"] == 4
    assert figure(document)["share"] == 0.25
    assert figure(document)["counted"] == 4 * 3 * DAY
    assert (document["since"], document["until"]) == (BEGAN + 19 * DAY, BEGAN + 22 * DAY)
    asked = (document["asked_since"], document["asked_until"])
    assert asked == (float(NOON.since), float(NOON.until))
    assert [day["is_known"] for day in document["days"]] == [True] * 3


async def test_how_channels_stood_then_is_not_known(past: Past) -> None:
    document = await past.told(NOON)
    assert figure(document, "online_now")["share"] is None
    assert {one["state"] for one in document["channels"]} == {None}
    UptimeView.model_validate(document)


async def test_a_window_that_reaches_into_what_is_kept_is_widened_at_its_beginning(
    past: Past,
) -> None:
    since, until = BEGAN + 29.5 * DAY, BEGAN + 60.5 * DAY
    document = await past.told(Window(str(since), str(until)))
    assert (document["since"], document["until"]) == (BEGAN + 29 * DAY, until)
    online = 4 * 31.5 * DAY - 3 * DAY  # three were down until the 30th
    assert figure(document)["online"] == online
    assert figure(document)["counted"] == 4 * 31.5 * DAY
    assert figure(document, "online_now")["share"] == 1


async def test_what_is_kept_is_told_as_it_was_asked_for(past: Past) -> None:
    document = await past.told(Window(str(BEGAN + 50.5 * DAY), str(BEGAN + 51.25 * DAY)))
    assert figure(document)["counted"] == 4 * 0.75 * DAY
    assert words.limits(document) == []


async def test_days_of_another_zone_are_unknown(past: Past) -> None:
    document = await past.told(NOON, zone=UTC)
    assert {day["is_known"] for day in document["days"]} == {False}
    assert figure(document)["share"] is None
    assert document["groups"] == []
    told = words.limits(document)
    assert any("3 天未知" in one and "2023-12-04 … 2023-12-06" in one for one in told)


async def test_one_day_that_is_unknown_is_in_no_figure(past: Past) -> None:
    await past.store.open_day(round((BEGAN + 20 * DAY) * MS))
    document = await past.told(NOON)
    assert [day["is_known"] for day in document["days"]] == [True, False, True]
    assert document["days"][1]["share"] is None
    assert figure(document)["counted"] == 4 * 2 * DAY
    assert figure(document)["share"] == 0.25


async def test_to_keep_more_from_now_on_brings_nothing_back(past: Past) -> None:
    document = await past.told(NOON, keep=HistorySettings(timezone="Asia/Shanghai"))
    assert document["total"]["channels"] == 4
    assert figure(document)["share"] == 0.25


async def test_nothing_is_unknown_of_the_time_before_vidgate(past: Past) -> None:
    document = await past.told(Window(str(BEGAN - 5 * DAY), str(BEGAN + 2 * DAY)))
    assert all(day["is_known"] for day in document["days"])
    assert figure(document)["counted"] == 4 * 2 * DAY


async def test_what_was_rolled_up_is_forgotten_too(past: Past) -> None:
    await past.live(30)
    window = Window(str(BEGAN + 10 * DAY), str(BEGAN + 30 * DAY))
    document = await past.told(window)
    known = [day["is_known"] for day in document["days"]]
    assert known == [False] * 10 + [True] * 10


async def test_the_days_of_a_channel_are_those_that_were_rolled_up(past: Past) -> None:
    await past.store.open_day(round((BEGAN + 20 * DAY) * MS))
    days = {one.start: one for one in await past.reports().days("B", LIVED)}
    for number in range(LIVED):
        day = days[BEGAN + number * DAY]
        assert day.is_known == (number != 20)
        states = {} if number == 20 else {"down" if number < old.TURNED else "up": DAY}
        assert day.states == states
    nobody = await past.reports().days("none", LIVED)
    assert {day.counted for day in nobody} == {0.0}


async def test_the_page_and_the_workbook_say_so(past: Past) -> None:
    await past.store.open_day(round((BEGAN + 20 * DAY) * MS))
    document = await past.told(NOON)
    limits = words.limits(document)
    assert [one.split(" ")[0] for one in limits][1:] == ["1", "快照未知:"]
    assert "2023-12-04 12:00 — 2023-12-06 12:00" in limits[0]
    page: Any = html.fromstring(page_of(document))
    assert [one.text_content() for one in page.xpath("//p[@class='limit']")] == limits
    rates, days, told = await asyncio.to_thread(
        _read, to_json(document), ("在线率", "每日", "口径")
    )
    assert [row[0] for row in rates][-3:] == limits
    assert days[2][:2] == ("2023-12-05", "未知 unknown")
    assert [row[1] for row in told if row[0] == "注意 note"] == limits


def _read(packed: bytes, sheets: Iterable[str]) -> list[list[tuple[Any, ...]]]:
    from openpyxl import load_workbook

    book: Any = load_workbook(BytesIO(workbook_of(packed)))
    return [list(book[name].iter_rows(values_only=True)) for name in sheets]


def ms(day: float) -> int:
    return round((BEGAN + day * DAY) * MS)


@pytest.mark.parametrize(
    ("start", "end", "widened"),
    [
        (1.5, 2.5, (1, 3)),
        (1.25, 1.5, (1, 2)),
        (1, 3, (1, 3)),
        (1.5, 10.75, (1, 11)),  # its last day began before
        (1.5, 11.25, (1, 11.25)),
        (10.25, 10.75, (10, 11)),
        (10.6, 10.75, (10.6, 10.75)),
        (10.6, 15.5, (10.6, 15.5)),
        (11, 15.5, (11, 15.5)),
    ],
)
def test_ends_before_what_is_kept_are_moved_outward(
    start: float, end: float, widened: tuple[float, float]
) -> None:
    reach = Reach(changes=ms(10.5), days=ms(0), begun=ms(0), now=ms(50))
    assert reach.widened(ms(start), ms(end), SHANGHAI) == (ms(widened[0]), ms(widened[1]))


def test_a_change_that_is_about_to_be_forgotten_is_not_counted_on() -> None:
    now = ms(50)
    reach = Reach.of(KEEP, now, 0, None)
    assert reach.changes == now - 35 * 86_400_000 + MARGIN
    assert MARGIN == HOUR * MS
    assert Reach.of(KEEP, now, ms(20), None).changes == ms(20)
    assert Reach.of(KEEP, now, now + 1, None).changes == now  # a fast clock forgot all that was
    assert reach.sources([(ms(16), ms(17))], {}) == [Source.CHANGES]


def test_today_is_whole_as_far_as_it_has_come() -> None:
    reach = Reach(changes=ms(10.5), days=ms(0), begun=ms(0), now=ms(10.75))
    assert reach.widened(ms(10.25), ms(10.75), SHANGHAI) == (ms(10), ms(10.75))
    assert reach.widened(ms(10.25), ms(10.4), SHANGHAI) == (ms(10), ms(10.75))
    assert reach.sources([(ms(10), ms(10.75))], {}) == [Source.UNKNOWN]


@pytest.mark.parametrize("ahead", [0, 100 * DAY])
async def test_what_a_fast_clock_forgot_today_is_unknown(past: Past, ahead: float) -> None:
    """Whether the mark was put back with the clock, or still lies ahead of it."""
    keys = list((await past.store.subjects()).values())
    past.clock.advance(DAY / 2)
    now = past.clock.wall()
    history = History(past.store, KEEP, past.clock, trust=Trust(past.clock))
    await history.roll_up()
    await past.store.forget_transitions(keys, round((now + ahead) * MS))
    days = await past.reports().days("A", 3)
    assert [day.is_known for day in days] == [True, True, False]
    document = await past.told(Window("6h"))
    assert (document["since"], document["until"]) == (now - DAY / 2, now)
    assert [day["is_known"] for day in document["days"]] == [False]
    await history.roll_up()
    past.clock.advance(DAY)
    assert await past.store.forgotten() == round(now * MS)
    days = await past.reports().days("A", 3)
    assert [day.is_known for day in days] == [True, False, True]
    document = await past.told(Window("6h"))
    assert document["until"] - document["since"] == 6 * HOUR


async def test_a_clock_that_nobody_believes_moves_no_mark(past: Past) -> None:
    keys = list((await past.store.subjects()).values())
    now = past.clock.wall()
    await past.store.forget_transitions(keys, round((now - 35 * DAY) * MS))
    trust = Trust(past.clock, now)
    past.clock.jump_wall(-50 * DAY)
    await History(past.store, KEEP, past.clock, trust=trust).roll_up()
    assert await past.store.forgotten() == round((now - 35 * DAY) * MS)
