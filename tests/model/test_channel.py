"""A step of a channel's life has one name, wherever people read it."""

import json
from pathlib import Path

import vidgate
from vidgate.model.channel import LIFECYCLE_WORDS

LOCALES = Path(vidgate.__file__).parent / "console" / "src" / "locales"


def test_the_console_calls_the_steps_as_all_others_do() -> None:
    words = json.loads((LOCALES / "zh-CN.json").read_text(encoding="utf-8"))
    assert words["value"]["lifecycle"] == dict(LIFECYCLE_WORDS)
