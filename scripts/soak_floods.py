"""Cameras that flood, in the whole service, while somebody watches another camera.

    scripts/soak floods

Writes docs/soak/floods.md. The tests run one of them, shortened.
"""

import sys
import tempfile
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchtable import machine  # noqa: E402
from scripts.promises import Row, tell  # noqa: E402
from tests.e2e.attacks import attacked  # noqa: E402
from tests.e2e.floods import ANSWERS, ITEMS, flooded  # noqa: E402

SECONDS = 10.0
BELOW = 18_000  # items a second: fewer than what ends a stream at once
HELD = 0.02  # seconds, the most that the loop may be held


async def flood(kind: str, rate: int = 0) -> Row:
    """One kind, in a service of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with attacked(Path(folder)) as target:
            made = await target.service.cli_json("token", "create", "--role", "administrator")
            found = await flooded(target, kind, rate, SECONDS, made["token"])
    before, held = 1000 * found.held_before, 1000 * found.held
    often = f"{rate:,} a second" if rate else "as many as the network takes"
    row = (
        f"{kind}, {'at each pull' if kind in ANSWERS else often}, {SECONDS:.0f} s",
        f"loop held {held:.1f} ms (before it {before:.1f}), {found.late} of {found.beats} beats "
        f"over 20 ms late; {found.pulls} pulls; another viewer lost {found.lost} of "
        f"{found.packets} packets, longest gap {1000 * found.longest_gap:.0f} ms",
        "<= 20 ms held, nothing lost",
        found.held <= HELD and found.lost == 0 and found.pulls > 0,
    )
    print(row, flush=True)
    return row


async def run() -> list[Row]:
    """All kinds."""
    floods = [await flood(kind, rate) for kind in ITEMS for rate in (0, BELOW)]
    return floods + [await flood(kind) for kind in ANSWERS]


def main() -> None:
    """Run, write the page, check."""
    rows = uvloop.run(run())
    head = f"""# Soak: cameras that flood

`scripts/soak floods`, {machine()}.
For each row one service with its default settings, but without background probing; four cameras
and the hostile one, all on one machine. Held is the time in which the service's own thread was at
work without a break, the most since its start (metric `vidgate_event_loop_held_max_seconds`); late
is what a crowded machine adds.
"""
    tell("floods", head, rows)


if __name__ == "__main__":
    main()
