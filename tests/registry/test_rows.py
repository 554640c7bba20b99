import pytest

from vidgate.model.channel import Login
from vidgate.registry.rows import parse_row, shown


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
