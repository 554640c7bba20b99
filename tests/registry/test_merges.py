"""A cell merged over rows says the same for each of them, by either kind of workbook."""

from typing import Any

import pytest

from tests.registry.corpus import CASES
from tests.registry.test_sheet import all_rows
from vidgate.errors import InputError
from vidgate.registry.limits import MAX_MERGES, Oddities
from vidgate.registry.merges import BESIDE, OWN_KEY, Merges
from vidgate.registry.sheet import parse_file

COLUMNS = {1: "id", 2: "vendor", 3: "address"}


def filled(merges: Merges, number: int, **given: Any) -> tuple[dict[str, Any], Any]:
    """The row's cells, completed, and what was said."""
    said = merges.fill(number, given, {})
    return given, said


@pytest.mark.parametrize("file", ["merged-cells.xlsx", "merged-cells.xls"])
def test_each_row_has_what_is_merged_over_it(file: str) -> None:
    rows = [row["values"] for row in all_rows(parse_file(file, CASES[file]()))]
    assert [row["address"] for row in rows] == ["10.0.0.1"] * 3 + ["10.0.0.2"]
    assert [row["vendor"] for row in rows] == ["海康"] * 3 + ["大华"]
    assert [row["department"] for row in rows] == ["水利局"] * 3 + ["教育局"]
    assert [row["channel_no"] for row in rows] == ["1", "2", "3", "1"]


def test_it_ends_with_its_last_row() -> None:
    merges = Merges([(5, 2, 6, 2)], COLUMNS)
    filled(merges, 5, id="a", vendor="海康")
    assert filled(merges, 6, id="b")[0]["vendor"] == "海康"
    assert "vendor" not in filled(merges, 7, id="c")[0]


def test_a_value_under_it_stays() -> None:
    merges = Merges([(5, 2, 6, 2)], COLUMNS)
    filled(merges, 5, vendor="海康")
    assert filled(merges, 6, vendor="大华")[0]["vendor"] == "大华"


def test_a_key_is_nobody_else_s() -> None:
    merges = Merges([(5, 1, 6, 1)], COLUMNS)
    filled(merges, 5, id="a")
    given, said = filled(merges, 6)
    assert given == {}
    assert said.mistakes == [("id", OWN_KEY)]


def test_what_stands_beside_is_told_in_each_row() -> None:
    merges = Merges([(5, 2, 6, 3)], COLUMNS)
    assert filled(merges, 5, vendor="海康")[1].warnings == [("address", BESIDE)]
    assert filled(merges, 6)[1].warnings == [("address", BESIDE)]


def test_a_blank_one_says_nothing() -> None:
    merges = Merges([(5, 1, 9, 3)], COLUMNS)
    filled(merges, 5)
    given, said = filled(merges, 6)
    assert (given, said.mistakes, said.warnings) == ({}, [], [])


def test_there_are_not_endlessly_many() -> None:
    odd = Oddities()
    for number in range(MAX_MERGES):
        odd.merge(number, 1, number + 1, 1)
    with pytest.raises(InputError, match="合并"):
        odd.merge(1, 1, 2, 1)
