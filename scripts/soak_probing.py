"""Is what vidgate says of 2,743 channels true? Half an hour at the default settings.

    scripts/soak probing [--short]

A twentieth of the fleet breaks in every way that the simulator knows, while sixteen people watch
and operators open channels of platforms whose sessions are all taken by looks. Writes
docs/soak/probing.md; `--short` does it with 120 channels in a minute and a half, and writes
nothing. The tests run the same, shortened.
"""

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from math import inf
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchtable import machine  # noqa: E402
from tests.e2e.operators import Opening  # noqa: E402
from tests.e2e.probing import Findings, run  # noqa: E402
from tests.e2e.strain import Sample  # noqa: E402
from tests.e2e.truth import FULL, SHORT, Case, Scale  # noqa: E402

HELD = 0.020  # seconds
OPENING = 1.0  # seconds
FLAT = 10.0  # MiB between the middle and the end
WORST = 8  # cases that are listed by themselves

Row = tuple[str, str, str, bool]
"""What, promised, seen, whether it was kept."""


def told(cases: list[Case], scale: Scale) -> list[Row]:
    """Were they found, in time, and found mended?"""
    described = [case for case in cases if case.is_described]
    hidden = [case for case in cases if not case.is_described and case.bound is not None]
    unseen = [case for case in cases if case.bound is None]
    direct, through = scale.media
    return [
        (
            f"{len(described)} faults that a describe sees: right state and reason",
            f"all, each <= {scale.bound:g} s",
            f"{_count(described)}, {_spread([case.delay for case in described])}",
            all(case.delay is not None and case.delay <= scale.bound for case in described),
        ),
        (
            f"{len(hidden)} faults that only a look for a picture sees ({_names(hidden)})",
            f"all, each within its media period ({direct:g} s direct, {through:g} s by platform) "
            "and its two re-checks",
            f"{_count(hidden)}, {_spread([case.delay for case in hidden])}",
            all(case.delay is not None and case.delay <= (case.bound or 0) + 60 for case in hidden),
        ),
        (
            "their recovery",
            "all",
            f"{sum(case.back is not None for case in described + hidden)} of "
            f"{len(described + hidden)}: described "
            f"{_spread([case.recovery for case in described])}; others "
            f"{_spread([case.recovery for case in hidden])}",
            all(case.back is not None for case in described + hidden),
        ),
        (
            f"{len(unseen)} faults that no look of today sees ({_names(unseen)})",
            "not called anything but up",
            "see the healthy",
            True,
        ),
    ]


def truth(found: Findings, scale: Scale) -> list[Row]:
    """Was anything said that was not so?"""
    healthy = scale.channels - len(found.cases)
    return [
        (
            f"false offline among {healthy} healthy channels and {len(found.cases)} while well",
            "none in the whole run",
            f"{len(found.false)}"
            + "".join(f"; {id_}: {told[0].text}" for id_, told in list(found.false.items())[:5]),
            not found.false,
        ),
        (
            "all channels in the end",
            "up",
            ", ".join(f"{count} {state}" for state, count in found.states.items()),
            set(found.states) == {"up"},
        ),
    ]


def operators(openings: list[Opening], scale: Scale) -> list[Row]:
    """Did people get their channels?"""
    fast = [one for one in openings if one.has_key_at_play]
    slow = [one for one in openings if not one.has_key_at_play]
    full = sum(one.taken >= scale.slots for one in openings)
    right = sum(one.is_right for one in openings)
    return [
        (
            f"{len(fast)} operators while all {scale.slots} sessions are taken "
            f"(so at {full} of {len(openings)} offers): offer to the channel's own key frame, "
            "camera gives one at PLAY",
            f"<= {OPENING:g} s, right picture",
            f"{_spread([one.pictured for one in fast])}; {right} of {len(openings)} right",
            all(one.pictured <= OPENING for one in fast) and right == full == len(openings),
        ),
        (
            f"{len(slow)} more, cameras with a key frame every 2 s: playing, and picture",
            f"playing <= {OPENING:g} s",
            f"{_spread([one.answered for one in slow])}; {_spread([one.pictured for one in slow])}",
            all(one.answered <= OPENING for one in slow),
        ),
    ]


def service(found: Findings, scale: Scale) -> list[Row]:
    """What it asked of the platforms, and of the machine."""
    limited = [host for host in found.load["hosts"].values() if host["max_sessions"]]
    most = max(host["max_sessions"] for host in limited)
    refused = sum(host["refused"] for host in limited)
    first, last = found.samples[0], found.samples[-1]
    middle = found.samples[len(found.samples) // 2]
    passed = last.at - first.at
    rate = (last.connects - first.connects) / passed
    return [
        (
            "sessions of one platform at once, by the simulator's count; refused with 453",
            f"<= {scale.slots}; 0",
            f"{most}; {refused}",
            most <= scale.slots and not refused,
        ),
        (
            f"{scale.viewers} viewers throughout",
            "nobody loses the stream",
            f"{found.viewers_ended} lost it; {found.lost} of {found.packets} packets lost",
            not found.viewers_ended,
        ),
        (
            "connects a second, all looks and operators",
            "<= 80 on average",
            f"{rate:.1f}; at most {found.load['peak_connects']} in one second, in people's sweeps",
            rate <= 80,
        ),
        _loop(first, last),
        (
            "memory of all its processes: start, middle, end",
            f"flat: end <= middle + {FLAT:g} MiB",
            f"{first.memory:.0f}, {middle.memory:.0f}, {last.memory:.0f} MiB",
            last.memory - middle.memory <= FLAT,
        ),
        ("CPU of the service", "", f"{(last.cpu - first.cpu) / passed:.2f} cores", True),
    ]


def _loop(first: Sample, last: Sample) -> Row:
    late = last.late - first.late
    idle = last.idle_late - first.idle_late
    return (
        "the event loop is held by our own work",
        f"never > {HELD * 1000:g} ms",
        f"at most {last.held * 1000:.1f} ms since the start; late by {last.lag * 1000:.0f} ms at "
        f"most and {late} times by more than 20 ms, an idle loop beside it by "
        f"{last.idle_worst * 1000:.0f} ms and {idle} times; {last.steal - first.steal:.1f} s of "
        "CPU were taken from this machine",
        last.held <= HELD,
    )


def by_fault(cases: list[Case]) -> str:
    """A table with a row for each fault."""
    grouped: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        grouped[case.fault.name].append(case)
    lines = [
        f"| {name} | {len(group)} | {' '.join(group[0].wanted)} | {_sight(group[0])} | "
        + " | ".join(
            (_range([case.delay for case in group]), _range([case.recovery for case in group]), "")
        ).rstrip()
        for name, group in grouped.items()
    ]
    head = "| fault | times | expected | seen by | seconds until told | until told mended |\n"
    return head + "|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n"


def worst(cases: list[Case]) -> str:
    """The slowest, one by one, as shares of what they may take."""
    counted = [case for case in cases if case.bound is not None]
    slowest = sorted(counted, key=lambda case: -_share(case))[:WORST]
    lines = [
        f"| {case.channel} | {case.fault.name} | {_seconds(case.delay)} | {case.bound:g} "
        f"| {_seconds(case.recovery)} |"
        for case in slowest
    ]
    head = "| channel | fault | told after | bound | mended told after |\n|---|---|---|---|---|\n"
    return head + "\n".join(lines) + "\n"


def page(found: Findings, scale: Scale, command: str) -> tuple[str, bool]:
    """The findings, and whether every promise was kept."""
    rows = [
        *told(found.cases, scale),
        *truth(found, scale),
        *operators(found.openings, scale),
        *service(found, scale),
    ]
    table = "\n".join(
        f"| {what} | {promised} | {seen} | {'yes' if kept else '**no**'} |"
        for what, promised, seen, kept in rows
    )
    text = f"""# Soak: is what it says true?

`{command}`, {machine()}, {found.seconds:.0f} s after {found.settled:.0f} s until all
{scale.channels} channels were up for the first time.

{_settings(scale)}, and each platform allows {scale.slots} sessions, which the simulated
platforms enforce. Answers take 5 to 30 ms. Cameras, service and viewers share the machine. Each
of the {len(found.cases)} faults comes at a time of its own and is mended later. After a refused
login a person has to ask for the look that sees it mended, since nothing else may try it again.

| what | promised | seen | kept |
|---|---|---|---|
{table}

## By fault

{by_fault(found.cases)}
Not among them: `flapping` ([faults](faults.md), F2), and a whole platform that comes back (F3).

## The slowest, measured by what they may take

{worst(found.cases)}"""
    return text, all(kept for *_, kept in rows)


def _settings(scale: Scale) -> str:
    changed = ", ".join(f"`{name}={value}`" for name, value in scale.settings.items())
    return f"Settings: {changed}" if changed else "Settings are the defaults"


def _sight(case: Case) -> str:
    if case.bound is None:
        return "nothing yet: a picture must be looked at"
    return "describe" if case.is_described else "picture alone"


def _names(cases: list[Case]) -> str:
    return ", ".join(dict.fromkeys(case.fault.name for case in cases))


def _count(cases: list[Case]) -> str:
    return f"{sum(case.seen is not None for case in cases)} of {len(cases)}"


def _share(case: Case) -> float:
    return inf if case.delay is None else case.delay / (case.bound or 1.0)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"


def _spread(values: Sequence[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    p95 = known[round(0.95 * (len(known) - 1))]
    return f"median {statistics.median(known):.2f} s, p95 {p95:.2f} s, worst {known[-1]:.2f} s"


def _range(values: Sequence[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    return " to ".join(f"{value:.1f}" for value in dict.fromkeys(known[:1] + known[-1:])) or "-"


def main() -> None:
    """Run, write the page, fail where a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    scale = SHORT if options.short else FULL
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(run(Path(folder), scale))
    text, kept = page(found, scale, "scripts/soak probing" + (" --short" if options.short else ""))
    print(text)
    if not options.short:
        (ROOT / "docs" / "soak" / "probing.md").write_text(text, encoding="utf-8")
    if not kept:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
