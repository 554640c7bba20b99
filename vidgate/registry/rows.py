"""One row of input, from a sheet, the API or the command line: parsed, its login taken out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from vidgate.model.channel import Login
from vidgate.registry.addresses import redact, split_url
from vidgate.registry.fields import BY_NAME, DECLARED, LOGINS, URLS, plain
from vidgate.registry.gbcode import doubts

SHOWN = 80  # characters of a wrong value that a message quotes
DATED = "Excel 把它当成了日期或时间，请将该列设为“文本”格式后重新填写"

# What a spreadsheet may run as a formula (OWASP: CSV injection), after any apostrophes.
FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
# A login without a host behind it: the port is no number.
_BARE_LOGIN = re.compile(r"://[^/@]*:(?![0-9]{1,5}(?:[/?#]|$)).*", re.DOTALL)


@dataclass(slots=True)
class ParsedRow:
    """Values by field (JSON-ready), the row's login, and (field, sentence) for each mistake.

    `warnings` are of the same form and refuse nothing.
    """

    values: dict[str, Any] = field(default_factory=dict)
    login: Login | None = None
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def parse_row(
    cells: Mapping[str, Any], *, blanks: bool = False, lenient: bool = False
) -> ParsedRow:
    """Parse the cells of one row, by field name.

    A blank cell says nothing and is left out; with `blanks` it says "empty" (to the default).
    All mistakes are found at once. With `lenient` what is declared and cannot be read is left out
    with a warning: a sheet of somebody else's must not lose a camera by it.
    """
    row = ParsedRow()
    logins: list[Login] = []
    for name, cell in cells.items():
        if cell is None or cell == "" or (name not in LOGINS and not plain(cell)):
            if blanks and name not in LOGINS:
                row.values[name] = None
            continue
        try:
            value = BY_NAME[name].parse(_cell(name, cell))
            if name in URLS:
                value, login = split_url(value)
                logins += [login] if login else []
            row.values[name] = value
        except ValueError as error:
            if lenient and name in DECLARED:
                row.warnings.append((name, f"{error}；这一格没有读取"))
            else:
                row.mistakes.append((name, str(error)))
    _take_login(row, logins)
    row.warnings += [("gb_code", doubt) for doubt in doubts(row.values.get("gb_code") or "")]
    return row


def _cell(name: str, cell: Any) -> Any:
    """A cell without what spreadsheets do to cells. Raises ValueError for what became a date."""
    if isinstance(cell, datetime | date | time | timedelta):
        raise ValueError(DATED)
    if isinstance(cell, str) and name not in LOGINS and cell[:1] == "'" and FORMULA.match(cell):
        return cell[1:]  # the apostrophe that `guarded` put before it
    return cell


def guarded(value: str) -> str:
    """A value for a cell: never one that a spreadsheet would run. `parse_row` takes it back."""
    return f"'{value}" if FORMULA.match(value) else value


def _take_login(row: ParsedRow, logins: list[Login]) -> None:
    username, password = (row.values.pop(name, None) for name in LOGINS)
    if username:
        logins.append(Login(username, password or ""))
    elif password:
        row.mistakes.append(("password", "有口令而没有用户名"))
    if len(set(logins)) > 1:
        row.mistakes.append(("url", "这一行里有不同的用户名或口令；一个通道只能用一个凭据"))
    elif logins:
        row.login = logins[0]


def shown(name: str, value: Any) -> str:
    """A value for a message: short, one line, nothing secret."""
    if name in LOGINS:
        return "***" if value not in (None, "") else ""
    # What stands before a login may be cut away, the login itself must not stay.
    text = redact(plain(value))
    if name in URLS and "@" not in text:
        text = _BARE_LOGIN.sub("://***", text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
