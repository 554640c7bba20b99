"""Every alert leads to a page that tells what to do, in both languages and without the internet."""

import re
from pathlib import Path

import pytest
import yaml

from tests.web.conftest import Site
from vidgate.web.runbooks import runbooks

RULES = Path(__file__).parents[2] / "configs" / "prometheus" / "rules"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def alerts() -> dict[str, dict[str, object]]:
    """Every alerting rule by its name."""
    groups = [
        group
        for file in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    ]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_alerts_and_runbooks_are_the_same() -> None:
    assert set(alerts()) == set(runbooks())


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_what_it_is(name: str) -> None:
    rule = alerts()[name]
    labels, notes = rule["labels"], rule["annotations"]
    assert isinstance(labels, dict)
    assert isinstance(notes, dict)
    assert labels["severity"] in ("page", "ticket")
    assert notes["runbook_url"] == f"{{{{ $externalLabels.console }}}}/help/alerts/{name}"
    for told in (notes["summary"], notes["description"]):
        assert CHINESE.search(told)
        assert re.search(r"[a-z]{3}", told)


def test_each_is_shown_to_fire_and_to_keep_still() -> None:
    cases = [
        case
        for file in sorted((RULES.parent / "tests").glob("*.yml"))
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        for case in test.get("promql_expr_test", ())
    ]
    for name in alerts():
        told = [bool(case["exp_samples"]) for case in cases if f'"{name}"' in case["expr"]]
        assert {True, False} <= set(told), name


@pytest.mark.parametrize("name", runbooks())
async def test_its_page_is_open_and_speaks_both(name: str, site: Site) -> None:
    answer = await site.call("GET", f"/help/alerts/{name}")
    assert answer.status == 200
    text = await answer.text()
    book = runbooks()[name]
    for zh, en in (book["means"], *book["steps"]):
        assert CHINESE.search(zh)
        assert re.search(r"[a-z]{3}", en)
    assert book["zh"] in text
    assert f"/help/alerts/{name}" in await (await site.call("GET", "/help/alerts")).text()


async def test_an_unknown_one_is_not_found(site: Site) -> None:
    assert (await site.call("GET", "/help/alerts/Nothing")).status == 404
