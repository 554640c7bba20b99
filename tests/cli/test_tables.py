"""Lists as files: raw values, and nothing that a spreadsheet runs."""

import csv
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic import BaseModel

from tests.cli.conftest import FakeService, Outcome, Vidgate
from tests.cli.test_main import CONTRACT
from vidgate.cli import change, channel, credential, platform, tables, token
from vidgate.cli.main import application
from vidgate.web import credentials, platforms, schemas, tokens
from vidgate.web.health import HealthView, ProbeView
from vidgate.web.trials import TrialView

TIME, ISO = 1_700_000_000.25, "2023-11-14T22:13:20.250Z"
LISTS: tuple[tuple[tuple[str, ...], str, dict[str, Any], dict[str, str]], ...] = (
    (
        ("channel", "list"), "/channels",
        {"id": "00123", "name": "城关镇", "state": "up", "since": TIME, "enabled": True,
         "tags": ["a", "b"]},
        {"id": "00123", "name": "城关镇", "state": "up", "since": ISO, "enabled": "true",
         "tags": "a,b"},
    ),
    (
        ("channel", "history", "c1"), "/channels/c1/history",
        {"change": 9, "time": TIME, "action": "updated", "before": {"name": "旧"}, "after": None},
        {"change": "9", "time": ISO, "action": "updated", "before": '{"name":"旧"}', "after": ""},
    ),
    (
        ("change", "list"), "/changes",
        {"id": 3, "time": TIME, "created": 1, "undoes": None},
        {"id": "3", "time": ISO, "created": "1", "undoes": ""},
    ),
    (
        ("platform", "list"), "/platforms",
        {"id": "公安", "delivery_rate": 0.5, "describe_proves": False},
        {"id": "公安", "delivery_rate": "0.5", "describe_proves": "false"},
    ),
    (
        ("credential", "list"), "/credentials",
        {"name": "hk", "username": "admin", "host": "10.1.*"},
        {"name": "hk", "username": "admin", "host": "10.1.*"},
    ),
    (
        ("token", "list"), "/tokens",
        {"id": 1, "role": "viewer", "created": TIME, "used": None},
        {"id": "1", "role": "viewer", "created": ISO, "used": ""},
    ),
    (
        ("probe", "--all"), "/probes",
        {"id": "a", "state": "up", "reason": "ok", "t0": TIME, "t1": None},
        {"id": "a", "state": "up", "reason": "ok", "t0": ISO, "t1": ""},
    ),
)  # fmt: skip
PROBED = {"reason": "timeout", "t0": TIME, "t1": None, "codec": None, "detail": "no answer"}
TRIED = {"channel": "c1", "stream": "main", "is_good": True, "credential": "n", "way": "form",
         "form": "dahua /cam", "url": "rtsp://10.1.2.3:554/cam", "probe": PROBED}  # fmt: skip
TOLD = {"channel": "c1", "stream": "main", "is_good": "true", "reason": "timeout", "t0": ISO,
        "t1": "", "form": "dahua /cam", "detail": "no answer"}  # fmt: skip
# (command line, request, answer, the one row of it)
SINGLE: tuple[tuple[tuple[str, ...], tuple[str, str], dict[str, Any], dict[str, str]], ...] = (
    (
        ("channel", "show", "c1"), ("GET", "/channels/c1"),
        {"id": "c1", "name": "城", "port": 554, "tags": ["a", "b"], "since": TIME,
         "health": {"probed": TIME, "last": None}, "warnings": []},
        {"id": "c1", "name": "城", "port": "554", "tags": "a,b", "since": ISO, "probed": ISO},
    ),
    (
        ("change", "show", "3"), ("GET", "/changes/3"),
        {"id": 3, "rows": [{"kind": "channel", "id": "c1", "action": "updated",
                            "before": {"name": "旧"}, "after": {"name": "新"}}]},
        {"id": "c1", "action": "updated", "before": '{"name":"旧"}', "after": '{"name":"新"}'},
    ),
    (("channel", "test", "c1"), ("POST", "/channels/c1/test"), TRIED, TOLD),
    (("credential", "test", "n"), ("POST", "/credentials/n/test"), {"items": [TRIED]}, TOLD),
)  # fmt: skip
# What does not read: it changes something, writes a file of its own or runs until it is stopped.
DOING = {
    "serve", "demo", "completion", "channel template", "channel import", "channel export",
    "channel add", "channel set", "channel submit", "channel approve", "channel remove",
    "change undo", "platform set", "alarm acknowledge", "alarm note", "alarm close",
    "maintenance add", "maintenance end",
    "credential set", "credential rotate", "cert init",
    "user password", "token create", "token revoke",
    "simulate register", "simulate fleet", "simulate fault",
}  # fmt: skip
NASTY = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1")


def _answer(service: FakeService, path: str, *items: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"total": len(items), "items": list(items)}
    if path == "/probes":
        found |= {"level": "media", "up": len(items), "states": {}, "seconds": 1.0}
        service.stream("POST", path, [found])
    else:
        service.answer("GET", path, found)
    return found


class Shown(HealthView, schemas.ChannelView):
    """A channel with what is known of its health, as a row has them."""


class Tried(ProbeView, TrialView):
    """A try with what the camera said, as a row has them."""


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


@pytest.mark.parametrize(("command", "path", "item", "told"), LISTS)
async def test_every_list_takes_every_form(
    service: FakeService,
    vidgate: Vidgate,
    tmp_path: Path,
    command: tuple[str, ...],
    path: str,
    item: dict[str, Any],
    told: dict[str, str],
) -> None:
    found = _answer(service, path, item)
    assert (await vidgate(*command, "-o", "json")).document == found
    assert (await vidgate(*command, "--json")).document == found
    ended = await vidgate(*command, "--output", "csv")
    assert ended.status == 0, ended.err
    (row,) = _rows(ended.out)
    assert row | told == row
    book = tmp_path / "表.xlsx"
    ended = await vidgate(*command, "-o", "xlsx", "--file", str(book))
    assert (ended.status, ended.out) == (0, ""), ended.err
    assert "表.xlsx" in ended.err
    head, cells = openpyxl.load_workbook(book).worksheets[0].iter_rows(values_only=True)
    assert list(head) == list(row)
    assert ["" if cell is None else str(cell) for cell in cells] == [
        value.capitalize() if value in ("true", "false") else value for value in row.values()
    ]


@pytest.mark.parametrize("command", sorted(CONTRACT - DOING))
def test_every_reading_command_takes_every_form(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    application()([*command.split(), "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "--output -o" in told
    assert "--file" in told
    assert "--json" in told
    for form in ("table", "json", "csv", "xlsx"):
        assert form in told


@pytest.mark.parametrize(("command", "request_", "document", "told"), SINGLE)
async def test_one_thing_is_a_table_too(
    service: FakeService,
    vidgate: Vidgate,
    tmp_path: Path,
    command: tuple[str, ...],
    request_: tuple[str, str],
    document: dict[str, Any],
    told: dict[str, str],
) -> None:
    service.answer(*request_, document)
    assert (await vidgate(*command, "--json")).document == document
    ended = await vidgate(*command, "-o", "csv")
    assert ended.err == ""
    (row,) = _rows(ended.out)
    assert row | told == row
    book = tmp_path / "a.xlsx"
    assert (await vidgate(*command, "-o", "xlsx", "--file", str(book))).out == ""
    head, *rows = openpyxl.load_workbook(book).worksheets[0].iter_rows(values_only=True)
    assert (list(head), len(rows)) == (list(row), 1)


@pytest.mark.parametrize("command", ["doctor", "version"])
async def test_what_needs_no_service_is_a_table_too(vidgate: Vidgate, command: str) -> None:
    rows = _rows((await vidgate(command, "-o", "csv")).out)
    assert {"name"} < set(rows[0])
    assert len(rows) > 5


async def test_a_file_is_marked_for_excel_and_a_pipe_is_not(
    service: FakeService, vidgate: Vidgate, tmp_path: Path
) -> None:
    _answer(service, "/channels", {"id": "a", "name": "城关镇"})
    file = tmp_path / "a.csv"
    command = ("channel", "list", "-o", "csv", "--file", str(file))
    assert (await vidgate(*command)).out == ""
    assert file.read_bytes().startswith(b"\xef\xbb\xbfid,name,")
    piped = (await vidgate("channel", "list", "-o", "csv")).out
    assert piped == file.read_bytes().decode("utf-8-sig")
    asked = len(service.asked)
    again = await vidgate(*command)
    assert again.status == 2
    assert "--force" in again.err
    assert len(service.asked) == asked  # refused before the work
    assert (await vidgate(*command, "--force")).status == 0


async def test_an_empty_list_has_its_head(service: FakeService, vidgate: Vidgate) -> None:
    _answer(service, "/tokens")
    ended = await vidgate("token", "list", "-o", "csv")
    assert ended.out == "id,name,role,actor,created,used\r\n"


@pytest.mark.parametrize("name", NASTY)
async def test_no_cell_is_a_formula(
    service: FakeService, vidgate: Vidgate, tmp_path: Path, name: str
) -> None:
    _answer(service, "/channels", {"id": "a", "name": name, "tags": [name]})
    (row,) = _rows((await vidgate("channel", "list", "-o", "csv")).out)
    assert row["name"] == row["tags"] == "'" + name
    file = tmp_path / "a.xlsx"
    assert (await vidgate("channel", "list", "-o", "xlsx", "--file", str(file))).status == 0
    cell = openpyxl.load_workbook(file).worksheets[0]["B2"]
    assert cell.data_type == "s"
    assert str(cell.value).startswith("'")


@pytest.mark.parametrize("name", ["#N/A", "a\x1b[2Jb", "_x0041_", "\ud800", "a\nb"])
async def test_odd_names_survive(tmp_path: Path, name: str) -> None:
    rows = tables.Sheet("s", ("id", "name")).rows([{"id": "a", "name": name}])
    told = rows[1][1]
    assert "\x1b" not in str(told)
    file = tmp_path / "a.xlsx"
    file.write_bytes(tables.xlsx_of("s", rows))
    assert openpyxl.load_workbook(file).worksheets[0]["B2"].data_type == "s"
    read = list(csv.reader(StringIO(tables.csv_of(rows, is_marked=False).decode())))
    assert read[1] == ["a", told]


@pytest.mark.parametrize(
    "options",
    [
        ("-o", "xlsx"),
        ("-o", "pdf"),
        ("--json", "-o", "csv"),
        ("--file", "a.csv"),
        ("--json", "--file", "a.json"),
    ],
)
async def test_options_that_do_not_go_together_are_2(
    service: FakeService, vidgate: Vidgate, options: tuple[str, ...]
) -> None:
    for command in ((*told[0], *options) for told in LISTS):
        ended: Outcome = await vidgate(*command)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith("错误: ")
    assert service.asked == []


async def test_a_probe_keeps_its_status(service: FakeService, vidgate: Vidgate) -> None:
    item = {"id": "a", "state": "down", "reason": "timeout", "t0": 1.0}
    found = _answer(service, "/probes", item) | {"up": 0}
    service.stream("POST", "/probes", [found])
    ended = await vidgate("probe", "a", "-o", "csv")
    assert ended.status == 3
    assert _rows(ended.out)[0]["reason"] == "timeout"


@pytest.mark.parametrize(
    ("sheet", "view"),
    [
        (channel._LIST, schemas.ChannelItem),
        (channel._HISTORY, schemas.HistoryView),
        (channel._CHANNEL, Shown),
        (credential.TRIALS, Tried),
        (change._ROWS, schemas.ChangeRowView),
        (change._SHEET, schemas.ChangeView),
        (platform._SHEET, platforms.PlatformView),
        (credential._SHEET, credentials.CredentialView),
        (token._SHEET, tokens.TokenView),
    ],
)
def test_columns_are_those_of_the_api(sheet: tables.Sheet, view: type[BaseModel]) -> None:
    assert set(sheet.columns) <= set(view.model_fields)
    assert set(sheet.times) <= set(sheet.columns)


def test_only_xlsx_pays_for_the_workbook() -> None:
    program = (
        "import json, sys; from vidgate.cli import tables; "
        "rows = tables.Sheet('s', ('id',)).rows([{'id': 'a'}]); "
        "tables.csv_of(rows, is_marked=True); before = 'openpyxl' in sys.modules; "
        "tables.xlsx_of('s', rows); print(json.dumps([before, 'openpyxl' in sys.modules]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout) == [False, True]
