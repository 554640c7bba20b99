import json
import time
from pathlib import Path
from typing import Any

import pytest

from vidgate.health.kpi import load_definitions
from vidgate.model.health import STATE_WORDS
from vidgate.operations import uptime_words as words

CONSOLE = Path(__file__).parents[2] / "vidgate" / "console" / "src"

MORNING: dict[str, Any] = {"since": 0, "until": 1_775_001_600}  # 2026-04-01, midnight UTC


def test_the_zone_is_named_and_instants_are_in_it() -> None:
    document = MORNING | {"timezone": "Asia/Shanghai"}
    assert words.zone(document) == "Asia/Shanghai"
    assert words.moment(document, document["until"]) == "2026-04-01 08:00"


def test_a_machines_zone_without_a_name_is_told_by_its_distance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = MORNING | {"timezone": ""}
    monkeypatch.setenv("TZ", "CST-8")
    time.tzset()
    assert words.zone(document) == "UTC+08:00"
    assert words.moment(document, document["until"]) == "2026-04-01 08:00"
    monkeypatch.undo()
    time.tzset()


def test_maintenance_is_called_the_same_everywhere() -> None:
    catalogue = json.loads((CONSOLE / "locales" / "zh-CN.json").read_text(encoding="utf-8"))
    causes = {one.id: one.zh for one in load_definitions().causes}
    said = {words.STATES["maintenance"], catalogue["channel"]["maintenance"], causes["maintenance"]}
    assert said == {STATE_WORDS["maintenance"]}
