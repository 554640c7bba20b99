"""Uptime reports as documents, of channels whose time is told: what files are made of."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vidgate.health.kpi import Definitions, load_definitions
from vidgate.health.report import Ledger, Subject
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.standing import Standing, Tally

SAMPLE = Path(__file__).parents[2] / "configs" / "kpis.yaml"
TWO_CAUSES = """
causes:
  - {id: link, zh: 链路, en: link, states: [down], reasons: [unreachable]}
  - {id: rest, zh: 其他, en: rest}
"""
START, DAY = 1_774_972_800.0, 86_400  # 2026-04-01, midnight in Shanghai


def accepted(state: State, reason: Reason) -> Standing:
    """How a channel in use stands."""
    return Standing(Lifecycle.ACCEPTED, state, reason, Level.NONE)


UP = accepted(State.UP, Reason.OK)
BUSY = accepted(State.BUSY, Reason.BUSY)
UNREACHABLE = accepted(State.DOWN, Reason.UNREACHABLE)
REFUSED = accepted(State.UNAUTHORIZED, Reason.UNAUTHORIZED)
MAINTAINED = accepted(State.MAINTENANCE, Reason.NOT_TESTED)
# Of a day, in ms: with the two causes above `rest` is missing for 66 s, left out for 110.061 s and
# online all the same for 5 s.
MIXED = {UNREACHABLE: 40_007, REFUSED: 66_000, MAINTAINED: 110_061, BUSY: 5_000}


def told(lengths: Mapping[Standing, int]) -> Tally:
    """A day that was so for these lengths (ms), and up for the rest of it."""
    return Tally.of([*lengths.items(), (UP, DAY * 1000 - sum(lengths.values()))])


def paper(channels: Iterable[tuple[Subject, Tally]], definitions: Definitions) -> dict[str, Any]:
    """The report of a day, by department."""
    some = list(channels)
    start = round(START * 1000)
    ledger = Ledger(
        definitions, [one for one, _ in some], [(start, start + DAY * 1000)], "department"
    )
    for number, (_, tally) in enumerate(some):
        ledger.add(number, 0, tally)
        ledger.stand(number, UP)
    document = ledger.document(len(some))
    document["days"][0] |= {"date": "2026-04-01", "is_known": True}
    return {
        "since": START, "until": START + DAY, "generated": START + DAY,
        "asked_since": START, "asked_until": START + DAY, "changes_since": 0.0,
        "timezone": "Asia/Shanghai", "exclusions": [],
    } | document  # fmt: skip


def mixed_paper(folder: Path | None) -> dict[str, Any]:
    """Two groups, the first of which has time of each kind; by two causes, or (None) by ours."""
    site = ""
    if folder is not None:
        file = folder / "kpis.yaml"
        file.write_text(TWO_CAUSES, encoding="utf-8")
        site = str(file)
    channels = [
        (Subject("a", department="公安局"), told(MIXED)),
        (Subject("b", department="应急局"), told({UNREACHABLE: 1_003})),
    ]
    return paper(channels, load_definitions(site))


def large_paper(site: str, groups: int, name: str) -> dict[str, Any]:
    """So many groups whose names begin so, of one channel each that has an id of 20 digits."""
    channels = (
        (
            Subject(f"{44_030_100_001_310_000_000 + n}", f"{name}大门{n}", f"{name}{n}"),
            told({UNREACHABLE: 3_000_007 + n, REFUSED: 900_000, MAINTAINED: 50_000, BUSY: 7_000}),
        )
        for n in range(groups)
    )
    return paper(channels, load_definitions(site))
