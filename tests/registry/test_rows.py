from datetime import date, time, timedelta

import pytest

from vidgate.model.channel import Login
from vidgate.registry.rows import DATED, guarded, parse_row, shown


def test_blank_cells_say_nothing() -> None:
    row = parse_row({"id": "a", "name": "", "area": "  ", "port": None, "tags": ""})
    assert row.values == {"id": "a"}
    assert not row.mistakes


def test_blank_cells_say_empty_when_asked() -> None:
    row = parse_row({"area": "", "port": None, "password": ""}, blanks=True)
    assert row.values == {"area": None, "port": None}


def test_all_mistakes_are_found_at_once() -> None:
    row = parse_row({"id": "通道", "port": "x", "url": "ftp://h", "name": "ok"})
    assert [name for name, _ in row.mistakes] == ["id", "port", "url"]
    assert row.values == {"name": "ok"}


@pytest.mark.parametrize(
    "cells",
    [
        {"url": "rtsp://u:p@h/m", "sub_url": "rtsp://u:p@h/s"},
        {"url": "rtsp://u:p@h/m", "sub_url": "rtsp://h/s"},
        {"url": "rtsp://h/m", "username": "u", "password": "p"},
        {"url": "rtsp://u:p@h/m", "username": "u", "password": "p"},
    ],
)
def test_one_login_is_found_wherever_it_stands(cells: dict[str, str]) -> None:
    row = parse_row(cells)
    assert row.login == Login("u", "p")
    assert not row.mistakes
    assert "p" not in row.values.values()
    assert all("@" not in str(value) for value in row.values.values())


def test_two_logins_in_one_row_are_a_mistake() -> None:
    row = parse_row({"url": "rtsp://u:p@h/m", "sub_url": "rtsp://u:q@h/s"})
    assert row.login is None
    assert "只能用一个凭据" in row.mistakes[0][1]


def test_a_password_needs_a_user_name() -> None:
    assert parse_row({"password": "p"}).mistakes == [("password", "有口令而没有用户名")]


def test_a_quoted_value_is_short_and_without_secrets() -> None:
    assert shown("password", "x") == "***"
    assert shown("password", "") == ""
    assert shown("url", "rtsp://u:CANARY@h:0/") == "rtsp://***@h:0/"
    assert shown("name", "rtsp://u:CANARY@h/ pasted in the wrong column") != ""
    assert "CANARY" not in shown("name", "rtsp://u:CANARY@h/")
    assert len(shown("name", "长" * 500)) == 80


@pytest.mark.parametrize("value", ["=1+1", "'=1", "''@x", "+86", "-112.5", "＝1", "－", "=", "@"])
def test_what_looks_like_a_formula_is_guarded_and_comes_back(value: str) -> None:
    assert guarded(value) == f"'{value}"
    assert parse_row({"name": guarded(value)}).values == {"name": value}


@pytest.mark.parametrize("value", ["", "北门", "'", "'北门'", "a=b", "10.0.0.1"])
def test_other_values_are_not_guarded(value: str) -> None:
    assert guarded(value) == value


def test_a_password_keeps_its_apostrophe() -> None:
    row = parse_row({"username": "u", "password": "'=p"})
    assert row.login == Login("u", "'=p")


@pytest.mark.parametrize("cell", [date(2026, 1, 1), time(1, 1), timedelta(hours=26)])
def test_what_excel_made_a_date_of_is_told(cell: object) -> None:
    assert parse_row({"channel_no": cell}).mistakes == [("channel_no", DATED)]


def test_a_doubtful_code_is_kept_and_told() -> None:
    row = parse_row({"gb_code": "43048900001180000001"})
    assert row.values == {"gb_code": "43048900001180000001"}
    assert row.warnings == [("gb_code", "第 11-13 位类型编码 118 表示 NVR，摄像机应为 131 或 132")]


def test_an_address_that_lost_its_host_shows_no_password() -> None:
    assert shown("url", "rtsp://admin:CANARY") == "rtsp://***"
    assert shown("url", "rtsp://h:554/main") == "rtsp://h:554/main"
