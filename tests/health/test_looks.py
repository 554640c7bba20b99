"""Results become few bytes, and come back as what they say."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.health.fakes import result
from vidgate.health import looks
from vidgate.health.looks import RUN, SLOT, Look, LookLog, unpack
from vidgate.model.health import Level, ProbeResult, Reason

START = 1_699_999_200.0  # a slot's beginning
GOOD = replace(result("a"), t0=START, t1=0.020)
PICTURE = replace(result("a", asked=Level.MEDIA), t0=START + 9, t1=0.02, t2=0.3, t3=1.234)


def kept(log: LookLog, now: float | None = None) -> list[Look]:
    return [look for _, slot, data in log.take(100, now=now) for look in unpack(slot, data)]


def test_equal_describes_are_one_run() -> None:
    log = LookLog()
    for number, answer in enumerate((0.020, 0.010, 0.060)):
        log.add(replace(GOOD, t0=START + 60 * number, t1=answer))
    (look,) = kept(log)
    assert look == Look(
        time=START, asked=Level.DESCRIBE, level=Level.DESCRIBE, reason=Reason.OK, count=3,
        seconds=120.0, t1=0.030, least=0.010, most=0.060,
    )  # fmt: skip


def test_a_picture_and_whatever_differs_stands_alone() -> None:
    log = LookLog()
    log.add(GOOD)
    log.add(PICTURE)
    log.add(replace(result("a", Reason.TIMEOUT), t0=START + 70, t1=None))
    first, picture, late = sorted(kept(log), key=lambda look: look.time)
    assert (first.count, first.t1) == (1, 0.020)
    assert (picture.asked, picture.t1, picture.t2, picture.t3) == (Level.MEDIA, 0.02, 0.3, 1.234)
    assert (late.reason, late.level, late.t1, late.time) == (
        Reason.TIMEOUT, Level.NONE, None, START + 70,
    )  # fmt: skip


def test_what_was_measured_is_kept_and_what_was_not_is_not() -> None:
    log = LookLog()
    log.add(PICTURE)
    log.add(
        replace(
            PICTURE, t0=START + 19, measured_fps=24.97, measured_bitrate=1_024_400.0,
            group_seconds=2.0, expected=400, lost=2,
        )
    )  # fmt: skip
    log.add(replace(PICTURE, t0=START + 29, expected=50, lost=0))
    first, second, third = kept(log)
    assert (first.fps, first.bitrate, first.group_seconds, first.loss) == (None,) * 4
    assert (second.fps, second.bitrate, second.group_seconds, second.loss) == (
        24.97, 1_024_000.0, 2.0, 0.005,
    )  # fmt: skip
    assert (third.fps, third.loss, third.t3) == (None, 0.0, 1.234)


def test_what_older_ones_wrote_is_read() -> None:
    (look,) = unpack(SLOT * 78703, bytes.fromhex("e106dae50815ad02d309"))
    assert (look.asked, look.level, look.reason) == (Level.MEDIA, Level.MEDIA, Reason.OK)
    assert (look.time, look.t1, look.t2, look.t3) == (START + 9, 0.02, 0.3, 1.234)


def test_a_run_ends_in_time_to_be_written() -> None:
    log = LookLog()
    log.add(GOOD)
    assert kept(log, START + RUN / 1000 - 1) == []
    log.add(replace(GOOD, t0=START + RUN / 1000))
    assert [look.count for look in kept(log, START + RUN / 1000)] == [1]
    assert [look.time for look in kept(log)] == [START + RUN / 1000]


def test_a_look_that_was_not_made_is_none() -> None:
    log = LookLog()
    log.add(replace(GOOD, reason=Reason.NOT_TESTED))
    log.add(replace(GOOD, asked=Level.NONE, level=Level.NONE, reason=Reason.UNAUTHORIZED))
    assert kept(log) == []


def test_what_was_refused_goes_before_what_came_since() -> None:
    log = LookLog()
    log.add(PICTURE)
    rows = log.take(100)
    log.add(replace(PICTURE, t0=START + 99))
    log.give_back(rows)
    assert [look.time for look in kept(log)] == [START + 9, START + 99]


def test_what_waits_is_bounded_and_the_newest_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MAX_BYTES", 200)
    log = LookLog()
    for number in range(100):
        log.add(replace(PICTURE, channel=f"c{number}", t0=START + number))
    rows = log.take(100)
    assert sum(len(data) for _, _, data in rows) <= 200
    assert rows[-1][0] == "c99"
    assert log.lost == 100 - len(rows)


def test_a_day_of_one_channel_is_small() -> None:
    log = LookLog()
    for minute in range(1440):
        log.add(replace(GOOD, t0=START + 60 * minute, t1=0.02 + minute % 7 / 1000))
        if minute % 15 == 0:
            log.add(replace(PICTURE, t0=START + 60 * minute + 30))
    assert sum(len(data) for _, _, data in log.take(1000)) < 2600


@given(
    st.lists(
        st.builds(
            replace,
            st.just(GOOD),
            t0=st.integers(0, 10 * 864_000).map(lambda tick: START + tick / 10),
            reason=st.sampled_from([one for one in Reason if one is not Reason.NOT_TESTED]),
            asked=st.sampled_from([Level.DESCRIBE, Level.MEDIA]),
            level=st.sampled_from(Level),
            t1=st.none() | st.integers(0, 9999).map(lambda ms: ms / 1000),
        ),
        max_size=40,
    )
)
def test_no_look_is_lost(results: list[ProbeResult]) -> None:
    log = LookLog()
    for one in results:
        log.add(one)
    rows = log.take(1000)
    assert all(slot % SLOT == 0 for _, slot, _ in rows)
    found = [look for _, slot, data in rows for look in unpack(slot, data)]
    assert sum(look.count for look in found) == len(results)
    told = {(one.reason, one.level, one.asked) for one in results}
    assert {(look.reason, look.level, look.asked) for look in found} == told
    times = {round(one.t0, 1) for one in results}
    assert {round(look.time, 1) for look in found} <= times
