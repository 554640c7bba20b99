"""Kill imports by SIGKILL at random moments; all rows or none, and the service starts each time.

    scripts/soak register [--rounds 200] [--seed 20260]

Writes docs/soak/register.md. The tests run the same with 50 rounds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchtable import machine  # noqa: E402
from tests.registry.killing import FRESH, ROWS  # noqa: E402
from tests.registry.test_kill import check_rounds  # noqa: E402

Rounds = list[dict[str, Any]]


def run(rounds: int, seed: int) -> Rounds:
    """Kill so many imports; the findings of each round."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.registry.killing", folder, str(rounds), str(seed)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def report(found: Rounds, seconds: float, seed: int) -> str:
    """The findings as a page."""
    marks = Counter(mark for one in found for mark in one["marks"])
    middle = sum(one["marks"].endswith("i") for one in found)
    held = Counter("all rows" if one["started"] else "none" for one in found)
    return f"""# Soak: the register under SIGKILL

`scripts/soak register --rounds {len(found)} --seed {seed}`, {machine()}, {seconds:.0f} s.

A child imports {ROWS} rows over and over, every time with all names changed, and is killed at a
random moment; an empty folder every {FRESH} rounds, so that first starts are hit too. After each
kill a plain SQLite reader and then the service look at what is there.

| what | rounds |
|---|---|
| kills | {len(found)} |
| in the middle of an import | {middle} |
| imports that had been answered for, all found again | {marks["d"]} |
| register held all rows / none (of a first import) | {held["all rows"]} / {held["none"]} |
| mixed generations, torn changes, broken keys or audit chain | 0 |
| service did not start | 0 |
"""


def main() -> None:
    """Run, check, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20260)
    options = parser.parse_args()
    started = time.monotonic()
    found = run(options.rounds, options.seed)
    check_rounds(found, options.rounds)
    page = report(found, time.monotonic() - started, options.seed)
    (ROOT / "docs" / "soak" / "register.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
