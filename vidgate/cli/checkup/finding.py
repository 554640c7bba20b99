"""What a check has found, and how to mend it."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from vidgate.settings.tree import Settings


class Verdict(Enum):
    """`warning` hurts somebody some day, `failed` keeps the service from its work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict: what was found, in two languages, and what to type against it."""

    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: the settings as loaded, the data folder, and whether the service runs.

    `settings_error` says why the settings are the defaults instead of the site's.
    """

    settings: Settings
    folder: Path
    is_running: bool = False
    settings_error: str = ""


def ok(chinese: str, english: str) -> Finding:
    """Nothing to do."""
    return Finding(Verdict.OK, f"{chinese} / {english}")


def warning(chinese: str, english: str, fix: str) -> Finding:
    """It works, yet not as well or as safely as it could."""
    return Finding(Verdict.WARNING, f"{chinese} / {english}", fix)


def failed(chinese: str, english: str, fix: str) -> Finding:
    """The service cannot do its work like this."""
    return Finding(Verdict.FAILED, f"{chinese} / {english}", fix)
