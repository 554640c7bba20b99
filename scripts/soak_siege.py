"""Slow clients, too many of them, and viewers behind bad networks, with the figures promised.

    scripts/soak siege

Writes docs/soak/siege.md, in some five minutes. The tests run the same, shortened.
"""

import sys
import tempfile
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchtable import machine  # noqa: E402
from scripts.promises import Row, tell  # noqa: E402
from tests.e2e import lossy, siege  # noqa: E402
from tests.e2e.attacks import attacked  # noqa: E402

CHANNELS = 2743
SLOW = 500  # HTTP clients at once
VIEWERS = 100
OFFERS = 4000  # `webrtc.offers`
BURSTS = 10
NETWORKS = {0.05: 100, 0.10: 99, 0.20: 95}  # share lost: how many of 100 viewers must connect


async def slow(folder: Path) -> list[Row]:
    """Clients that drip or do not read, at each port of a service that looks after its cameras."""
    rows = []
    async with siege.besiegeable(folder, CHANNELS) as (service, token):
        for door in (None, await siege.Door.https(service)):
            found = await siege.besiege(service, token, SLOW, door=door)
            rows += _besieged(found, "HTTP" if door is None else "HTTPS")
    return rows


def _besieged(found: siege.Besieged, scheme: str) -> list[Row]:
    whole, listing, search = (1000 * found.p95(path) for path in (siege.WHOLE, *siege.PAGES))
    last = max(found.cut)
    kinds = "head, body, unread answer" if scheme == "HTTP" else "those, and no handshake"
    return [
        (
            f"{SLOW} slow {scheme} clients ({kinds}): the last is seen cut after",
            f"{last:.1f} s",
            "<= 15 s",
            len(found.cut) == SLOW and last <= 15,
        ),
        (
            f"others' questions a second there meanwhile (a page of {CHANNELS:,} channels or "
            "a search by turns, once a second all of them); refused",
            f"{found.rate:.0f}; {found.refused}",
            f"{siege.RATE}, none",
            found.rate >= 0.95 * siege.RATE and not found.refused,
        ),
        (
            "their waiting, p95: a page, a search (and all channels, which are "
            "asked for by the slow ones too)",
            f"{listing:.0f} ms, {search:.0f} ms ({whole:.0f} ms)",
            "<= 300 ms (none)",
            max(listing, search) <= 300,
        ),
    ]


async def loss(folder: Path) -> list[Row]:
    """Viewers behind loss, jitter and reorder, both ways."""
    rows = []
    async with attacked(folder, {"VIDGATE__WEBRTC__OFFERS": str(OFFERS)}) as target:
        for share, goal in NETWORKS.items():
            got = await lossy.connects(target, share, VIEWERS)
            waits = await lossy.resumes(target, share, BURSTS)
            network = f"{100 * share:.0f} % loss, 30 ms jitter, 1 % reordered"
            rows += [
                (
                    f"{network}: {VIEWERS} viewers connect within 10 s",
                    str(got),
                    f">= {goal}",
                    got >= goal,
                ),
                (
                    f"{network}: Chromium shows a new picture after a second of nothing",
                    f"at most {max(waits):.2f} s ({BURSTS} bursts)",
                    "<= 2 s",
                    max(waits) <= 2,
                ),
            ]
    return rows


async def run() -> list[Row]:
    """One after another."""
    rows: list[Row] = []
    for part in (slow, loss):
        with tempfile.TemporaryDirectory() as folder:
            rows += await part(Path(folder))
        print(*rows, sep="\n", flush=True)
    return rows


def main() -> None:
    """Run, write the page, check."""
    rows = uvloop.run(run())
    head = f"""# Soak: a siege

`scripts/soak siege`, {machine()}.
Everybody's work shares the two cores. Slow clients: HTTPS on, all else by default, background
probing of {CHANNELS:,} simulated cameras included. Loss: background probing off, and
`webrtc.offers` at {OFFERS:,}, for all viewers come from one address.
"""
    tell("siege", head, rows)


if __name__ == "__main__":
    main()
