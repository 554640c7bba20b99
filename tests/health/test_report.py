"""What must hold of any report."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.health.kpi import load_definitions
from vidgate.health.report import Ledger, Subject
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.incident import Cause
from vidgate.model.standing import ABSENT, Standing, Tally

OURS = load_definitions()
DAY = 86_400_000
UP = Standing(Lifecycle.ACCEPTED, State.UP, Reason.OK, Level.MEDIA)
SUBJECTS = [
    Subject("a", "甲", "公安局", "p1"),
    Subject("b", "乙", "公安局"),
    Subject("c", "丙", "应急局"),
]

standings = st.builds(
    Standing,
    st.sampled_from([Lifecycle.ACCEPTED, Lifecycle.PLANNED, None]),
    st.sampled_from(State),
    st.sampled_from([*Reason, None]),
    st.sampled_from(Level),
    st.sampled_from([*Cause, None]),
)
days = st.lists(st.tuples(standings, st.integers(1, DAY)), max_size=5).map(Tally.of)
fleets = st.lists(
    st.tuples(st.integers(0, len(SUBJECTS) - 1), st.integers(0, 1), days), max_size=12
)


def report(adds: list[tuple[int, int, Tally]], worst: int = 10) -> dict[str, Any]:
    ledger = Ledger(OURS, SUBJECTS, [(0, DAY), (DAY, 2 * DAY)], "department")
    for subject, day, tally in adds:
        ledger.add(subject, day, tally)
        ledger.stand(subject, tally[0][0] if tally else ABSENT)
    return ledger.document(worst)


def ms(seconds: float) -> int:
    return round(seconds * 1000)


@given(fleets)
def test_what_is_online_and_every_cause_make_the_whole(
    adds: list[tuple[int, int, Tally]],
) -> None:
    document = report(adds)
    for group in [document["total"], *document["groups"], *document["channels"]]:
        figure = group["kpis"]["online_time"] if "kpis" in group else group
        counted = [one for one in group["causes"] if one["counted"]]
        missing = sum(ms(one["seconds"]) for one in counted)
        assert ms(figure["online"]) + missing == ms(figure["counted"])
        for one in group["causes"]:
            assert sum(map(ms, one["reasons"].values())) == ms(one["seconds"])
        if figure["counted"]:
            shares = sum(one["share"] for one in counted)
            assert figure["share"] + shares == pytest.approx(1)


@given(fleets)
def test_groups_days_and_channels_add_up_to_the_total(
    adds: list[tuple[int, int, Tally]],
) -> None:
    document = report(adds)
    total = document["total"]["kpis"]["online_time"]
    for name in ("online", "counted"):
        whole = ms(total[name])
        assert sum(ms(one["kpis"]["online_time"][name]) for one in document["groups"]) == whole
        assert sum(ms(one[name]) for one in document["days"]) == whole
        assert sum(ms(one[name]) for one in document["channels"]) == whole


@given(fleets)
def test_only_what_is_whole_is_shown_as_whole(adds: list[tuple[int, int, Tally]]) -> None:
    for group in report(adds)["groups"]:
        for figure in group["kpis"].values():
            if figure["percent"] is not None:
                assert (figure["percent"] == "100.00") == (figure["share"] == 1)
                assert float(figure["percent"]) <= figure["share"] * 100 + 1e-9


def test_what_is_busy_all_the_time_is_online_and_says_so() -> None:
    busy = UP._replace(state=State.BUSY, reason=Reason.BUSY, level=Level.REACH)
    document = report([(n, 0, Tally.of([(busy, DAY)])) for n in range(len(SUBJECTS))])
    for one in [document["total"], *document["groups"], *document["channels"]]:
        (told,) = one["causes"]
        assert (told["id"], told["counted"], told["online"]) == ("busy", False, True)
        assert told["share"] == 1.0
        assert one.get("kpis", {"online_time": one})["online_time"]["percent"] == "100.00"


@given(fleets)
def test_what_is_impaired_is_part_of_what_is_online(adds: list[tuple[int, int, Tally]]) -> None:
    for one in report(adds)["channels"]:
        impaired = [cause for cause in one["causes"] if cause["online"]]
        assert not any(cause["counted"] for cause in impaired)
        assert sum(ms(cause["seconds"]) for cause in impaired) <= ms(one["online"])


def test_the_day_of_a_channel_is_one_share_whatever_its_length() -> None:
    half = Tally.of([(UP, DAY // 4), (UP._replace(state=State.DOWN), DAY // 4)])
    document = report([(0, 0, half), (0, 1, Tally.of([(UP, DAY)]))])
    kpis = document["total"]["kpis"]
    assert (kpis["online_days"]["online"], kpis["online_days"]["counted"]) == (1.5, 2)
    assert kpis["online_time"]["share"] == pytest.approx(1.25 / 1.5)


def test_the_worst_come_first_and_are_as_many_as_asked() -> None:
    down = UP._replace(state=State.DOWN, reason=Reason.REFUSED)
    adds = [
        (0, 0, Tally.of([(UP, DAY)])),
        (1, 0, Tally.of([(UP, DAY - 5), (down, 5)])),
        (2, 0, Tally.of([(UP, DAY - 9), (down, 9)])),
    ]
    assert [one["id"] for one in report(adds)["channels"]] == ["c", "b", "a"]
    assert [one["id"] for one in report(adds, worst=1)["channels"]] == ["c"]
    assert [one["name"] for one in report(adds)["groups"]] == ["应急局", "公安局"]
