from collections import Counter
from pathlib import Path

import pytest

from vidgate.errors import InputError
from vidgate.simulator.register import COLUMNS, generate, read, write
from vidgate.wire.uri import Uri


def test_real_size_has_the_real_proportions() -> None:
    rows = generate()
    delivered = [row for row in rows if row["url"]]
    assert len(delivered) == 2743
    networks = Counter(Uri.parse(row["url"]).host.split(".")[1] for row in delivered)
    assert networks == {"1": 2264, "2": 244, "3": 235}
    hosts = {Uri.parse(row["url"]).host for row in delivered}
    assert Counter(host.split(".")[1] for host in hosts) == {"1": 12, "2": 30, "3": 235}
    assert all(row["lifecycle"] == "planned" for row in rows[2743:])
    assert len(rows) > 2743


def test_ids_names_and_codes_are_unique_and_well_formed() -> None:
    rows = generate()
    assert len({row["id"] for row in rows}) == len({row["name"] for row in rows}) == len(rows)
    assert all(len(row["gb_code"]) == 20 and row["gb_code"].isdigit() for row in rows)


def test_a_quarter_has_h265_but_none_of_the_first_hundred() -> None:
    rows = generate()
    is_h265 = ["/h265/" in row["url"] for row in rows]
    assert sum(is_h265) == round(2743 * 0.25)
    assert not any(is_h265[:100])
    assert all("/h264/" in row["sub_url"] for row in rows if row["url"])


def test_the_seed_decides() -> None:
    assert generate(50, 3) == generate(50, 3)
    assert generate(50, 3) != generate(50, 4)


@pytest.mark.parametrize("channels", [1, 2, 7, 40, 16_383])
def test_other_sizes_deliver_exactly_what_is_asked(channels: int) -> None:
    assert sum(bool(row["url"]) for row in generate(channels)) == channels


@pytest.mark.parametrize("channels", [0, -1, 16_384])
def test_impossible_sizes_are_refused(channels: int) -> None:
    with pytest.raises(InputError, match="16383"):
        generate(channels)


@pytest.mark.parametrize("name", ["register.xlsx", "register.csv"])
def test_what_is_written_reads_back(tmp_path: Path, name: str) -> None:
    rows = generate(120, 5, port=9554)
    write(rows, tmp_path / name)
    assert read(tmp_path / name) == rows
    assert set(rows[0]) == set(COLUMNS)
    assert ":9554/" in rows[0]["url"]


def test_unknown_endings_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.xlsx or \.csv"):
        write([], tmp_path / "register.txt")
    (tmp_path / "broken.xlsx").write_bytes(b"PK not a workbook")
    with pytest.raises(InputError, match="not a readable register"):
        read(tmp_path / "broken.xlsx")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="first row"):
        read(tmp_path / "other.csv")
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "missing.csv")
