"""What commands print."""

import time
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest

from vidgate.cli import output, words
from vidgate.health.calendar import instant


def test_columns_stand_below_each_other_in_chinese_too(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(
        (("编号", "id"), ("名", "name"), ("长", lambda item: len(item["name"]))),
        ({"id": "a", "name": "城关镇"}, {"id": "bbb", "name": "x"}),
    )
    assert capsys.readouterr().out.splitlines() == [
        "编号  名      长",
        "────────────────",
        "a     城关镇  3",
        "bbb   x       1",
    ]


def test_an_empty_table_has_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    output.table((("编号", "id"),), ())
    assert capsys.readouterr().out == "编号\n────\n"


def test_fields_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    output.fields((("名称", "x"), ("区划", ""), ("端口", None), ("序号", 0)))
    assert capsys.readouterr().out == "名称  x\n序号  0\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "是"),
        (["a", "b"], "a, b"),
        ({"a": 1}, '{"a": 1}'),
        (1.5, "1.5"),
        ("a\nb\x9bc", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"),
    ],
)
def test_values_as_a_person_reads_them(value: object, text: str) -> None:
    assert output.text(value) == text


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the zone of the shell."""

    def set_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def test_moments_are_local_time_with_its_offset(zone: Callable[[str], None]) -> None:
    assert output.moment(None) == output.moment(0) == output.moment("") == ""
    zone("Asia/Shanghai")
    assert output.moment(1_700_000_000.5) == "2023-11-15T06:13:20+08:00"
    zone("UTC")
    assert output.moment(1_700_000_000.5) == "2023-11-14T22:13:20+00:00"
    assert output.moment("2023-11-15T06:13:20+08:00") == output.moment(1_700_000_000)


@pytest.mark.parametrize("shell", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_what_is_printed_means_the_same_to_the_service(
    zone: Callable[[str], None], shell: str
) -> None:
    """A time that somebody types as it was printed, into a service of another zone."""
    zone(shell)
    for meant in (1_700_000_000.0, 1_690_000_000.0):  # in winter, and in summer
        told = output.moment(meant)
        assert instant("from", told, 0.0, ZoneInfo("Asia/Shanghai")) == meant


def test_milliseconds() -> None:
    assert output.milliseconds(0.0123) == "12 ms"
    assert output.milliseconds(None) == ""


def test_words_of_closed_sets_are_complete() -> None:
    from vidgate.model.channel import LIFECYCLE_WORDS, Lifecycle
    from vidgate.model.health import STATE_WORDS, Reason, State

    assert set(STATE_WORDS) == {state.label for state in State}
    assert set(words.REASONS) == set(Reason)
    assert set(LIFECYCLE_WORDS) == set(Lifecycle)
    assert words.state("tomorrow's") == "tomorrow's"
    assert words.field("name") == "名称 name"
    assert words.field("other") == "other"
