"""Recording rules that nobody reads are dead, and rules that no test reads may say anything."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "configs" / "prometheus"
NAME = re.compile(r"\w+:\w+:\w+")


def _rules() -> dict[str, str]:
    """The expression of each rule, recording or alerting, by its name."""
    found: dict[str, str] = {}
    for file in (PROMETHEUS / "rules").glob("*.yml"):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                found[rule.get("record") or rule["alert"]] = rule["expr"]
    return found


def _reach(names: set[str], rules: dict[str, str]) -> set[str]:
    """These and whatever they are made of."""
    found: set[str] = set()
    while names:
        found |= names
        names = {read for one in names for read in NAME.findall(rules.get(one, ""))} - found
    return found


def test_every_recording_rule_is_read_by_an_alert_or_a_dashboard() -> None:
    rules = _rules()
    shown = (ROOT / "scripts" / "dashboards.yaml").read_text(encoding="utf-8")
    read = {name for name in rules if ":" not in name} | set(NAME.findall(shown))
    assert rules.keys() - _reach(read, rules) == set()


def test_every_rule_has_a_promtool_test() -> None:
    rules = _rules()
    tests = [file.read_text(encoding="utf-8") for file in (PROMETHEUS / "tests").glob("*.yml")]
    asked = {word for text in tests for word in re.findall(r"[\w:]+", text)}
    assert rules.keys() - _reach(asked & rules.keys(), rules) == set()
