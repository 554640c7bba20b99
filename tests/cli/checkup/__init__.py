"""Each check against a machine or a folder in the state that it is to find."""

from pathlib import Path
from typing import Any

from vidgate.cli.checkup.finding import Subject
from vidgate.settings import Settings


def subject(
    folder: Path, settings: dict[str, Any] | None = None, *, is_running: bool = False
) -> Subject:
    """What is examined, with these settings beside the defaults."""
    return Subject(Settings.model_validate(settings or {}), folder, is_running)
