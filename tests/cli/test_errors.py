"""How errors are told, and the status that each has."""

import pytest

from vidgate import errors as known
from vidgate.cli.errors import TITLES, UsageError, both, explain, status_of
from vidgate.errors import (
    BusyError,
    ConflictError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    SettingsError,
    StorageError,
    UnavailableError,
    VidgateError,
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (VidgateError, 1),
        (NotFoundError, 1),
        (StorageError, 1),
        (BusyError, 1),
        (SettingsError, 1),
        (UsageError, 2),
        (NotAuthenticatedError, 4),
        (NotPermittedError, 4),
        (ConflictError, 5),
        (UnavailableError, 6),
    ],
)
def test_status(kind: type[VidgateError], status: int) -> None:
    assert status_of(kind("x")) == status


def test_chinese_comes_first_then_english_then_the_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    explain(NotFoundError(both("没有", "there is none"), hint="look again"))
    assert capsys.readouterr().err.splitlines() == [
        "错误: 没有",
        "error: (not_found) there is none",
        "提示 hint: look again",
    ]


def test_an_english_error_gets_a_chinese_title(capsys: pytest.CaptureFixture[str]) -> None:
    explain(ConflictError("changed since"))
    assert capsys.readouterr().err.splitlines() == [
        f"错误: {TITLES['conflict']}",
        "error: (conflict) changed since",
    ]


def test_titles_are_of_codes_that_exist() -> None:
    codes = {
        kind.code
        for kind in vars(known).values()
        if isinstance(kind, type) and issubclass(kind, VidgateError)
    }
    assert set(TITLES) - codes <= {"worker"}
