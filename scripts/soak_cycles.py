"""Viewers come and go ten thousand times; the service must be as it was before.

    scripts/soak cycles [--cycles 10000] [--warm-up 5000]

The warm-up fills the service's bounded memory of the last 20,000 events, which dying cameras make.
Writes docs/soak/cycles.md. The tests run the same with 60 cycles.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchtable import machine  # noqa: E402
from tests.e2e.cycles import AT_ONCE, CHANNELS, HOLD, SWAP, Footprint, Stage, staged  # noqa: E402

SILENCE = 30.0  # the default: half of the viewers are found dead by it
PER_CYCLE = 1024  # bytes
PARTS = 10


async def run(cycles: int, warm_up: int) -> tuple[Stage, list[tuple[int, Footprint]], float]:
    """Make them; the footprints before and after the warm-up, after each tenth of the cycles, and
    once all is over.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder), silence=SILENCE) as stage:
            seen = [(0, await stage.settled())]
            await stage.cycles(warm_up)
            seen.append((0, base := await stage.settled()))
            stage.outcomes.clear()
            started = time.monotonic()
            for part in range(1, PARTS + 1):
                await stage.cycles(cycles * part // PARTS - stage.outcomes["whole"])
                seen.append((stage.outcomes["whole"], await stage.footprint()))
                print(seen[-1], flush=True)
            seconds = time.monotonic() - started
            seen.append((stage.outcomes["whole"], await stage.settled(base)))
            return stage, seen, seconds


def check(seen: list[tuple[int, Footprint]]) -> None:
    """What must hold in the end."""
    base, (cycles, last) = seen[1][1], seen[-1]
    assert last.is_back(base), (base, last)
    assert last.memory - base.memory <= cycles * PER_CYCLE, (base, last)


def report(stage: Stage, seen: list[tuple[int, Footprint]], seconds: float, warm_up: int) -> str:
    """The findings as a page."""
    base, (cycles, last) = seen[1][1], seen[-1]
    each = (last.memory - base.memory) / cycles
    between = (str(done) for done, _ in seen[2:-1])
    names = ["before the warm-up", "base", *between, f"{cycles}, settled"]
    rows = [
        f"| {name} | {look.memory / 2**20:.1f} | {look.descriptors} | {look.threads} "
        f"| {look.tasks} | {look.viewers} |"
        for name, (_, look) in zip(names, seen, strict=True)
    ]
    what = "\n".join(f"| {name} | {count} |" for name, count in sorted(stage.outcomes.items()))
    return f"""# Soak: viewers come and go

`scripts/soak cycles --cycles {cycles} --warm-up {warm_up}`, {machine()}, {seconds:.0f} s.

A whole cycle is an offer by HTTP, DTLS, and at least one authentic SRTP packet. {AT_ONCE} viewers
at once on {CHANNELS} cameras, each for up to {HOLD:g} s; then half say goodbye by DELETE, and half
vanish without a word and are found by their silence ({SILENCE:g} s). Half of the cameras are dead
at any time, turn about every {SWAP:g} s: sessions lose their source in the middle, and offers meet
sources that are not there (refused, not counted as cycles). Before the base a burst of requests has
filled the pools of the service: its connections to the database and its threads.

| after cycles | memory, MiB | descriptors | threads | tasks | viewers |
|---|---|---|---|---|---|
{chr(10).join(rows)}

Growth: {each:.0f} bytes a cycle (budget {PER_CYCLE}). No more descriptors, threads and
tasks than at the base: {"yes" if last.is_back(base) else "**no**"}.

| outcome | times |
|---|---|
{what}
"""


def main() -> None:
    """Run, write the page, check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=10_000)
    parser.add_argument("--warm-up", type=int, default=5000)
    options = parser.parse_args()
    stage, seen, seconds = uvloop.run(run(options.cycles, options.warm_up))
    page = report(stage, seen, seconds, options.warm_up)
    print(page)
    (ROOT / "docs" / "soak" / "cycles.md").write_text(page, encoding="utf-8")
    check(seen)


if __name__ == "__main__":
    main()
