import time
from typing import Any

import pytest

from vidgate.operations import uptime_words as words

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
