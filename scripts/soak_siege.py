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
from tests.programs import running_service  # noqa: E402

SLOW = 500  # HTTP clients at once
VIEWERS = 100
BURSTS = 10
NETWORKS = {0.05: 100, 0.10: 99, 0.20: 95}  # share lost: how many of 100 viewers must connect


async def slow(folder: Path) -> list[Row]:
    """Clients that drip or do not read, at a service with 2,743 channels."""
    settings = {"VIDGATE__PROBE__ENABLED": "false"}
    async with running_service(folder / "data", settings) as service:
        register = str(folder / "register.csv")
        await service.cli("simulate", "register", "--channels", "2743", "-o", register)
        await service.cli("channel", "import", register)
        token = (await service.cli_json("token", "create", "--role", "engineer"))["token"]
        found = await siege.besiege(service, token, SLOW)
    listing, search = (1000 * found.p95(path) for path in siege.SEARCHES)
    last = max(found.cut)
    return [
        (
            f"{SLOW} slow HTTP clients (head, body, unread answer): the last is seen cut after",
            f"{last:.1f} s",
            "<= 15 s",
            len(found.cut) == SLOW and last <= 15,
        ),
        (
            "others' list and search of 2,743 channels meanwhile, p95; refused",
            f"{listing:.0f} ms, {search:.0f} ms; {found.refused}",
            "<= 300 ms, none",
            max(listing, search) <= 300 and not found.refused,
        ),
    ]


async def loss(folder: Path) -> list[Row]:
    """Viewers behind loss, jitter and reorder, both ways."""
    rows = []
    async with attacked(folder, {"VIDGATE__WEBRTC__OFFERS": "4000"}) as target:
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

`scripts/soak siege`, {machine()}. Default settings; everybody's work shares the two cores.
"""
    tell("siege", head, rows)


if __name__ == "__main__":
    main()
