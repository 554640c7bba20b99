"""configs/vidgate.yaml is what the settings say."""

from pathlib import Path

from vidgate.settings import Settings, load_settings
from vidgate.settings.document import write

FILE = Path(__file__).parents[2] / "configs" / "vidgate.yaml"


def test_the_file_shows_every_key_with_its_default_and_comment() -> None:
    assert FILE.read_text(encoding="utf-8") == write(), (
        "run: python -m vidgate.settings.document > configs/vidgate.yaml"
    )


def test_the_file_loads_as_the_defaults() -> None:
    assert load_settings(FILE, {}) == Settings()
