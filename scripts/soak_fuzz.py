"""Everything that reads what strangers send, under mutated bytes for a long time.

    scripts/soak fuzz [--minutes 30] [--targets rtsp,sdp]

Guided by coverage (atheris, installed here by name) where there is a build for this Python, else by
chance. Writes docs/soak/fuzz.md; what crashed lands in tests/fuzz/crashes and is a test from then
on. A reader of spreadsheets may end its process, which is a worker: told apart as `ended`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchtable import machine  # noqa: E402
from tests.fuzz.targets import TARGETS  # noqa: E402

CRASHES = ROOT / "tests" / "fuzz" / "crashes"
WORKERS = ("register",)  # targets that run in a worker
GRACE = 30.0  # seconds for a hunt to begin and to end


@dataclass
class Found:
    """What came of one target, all its processes together."""

    name: str
    how: str = ""
    executions: int = 0
    seconds: float = 0.0
    longest: float = 0.0  # milliseconds, of what guidance makes slower
    unguided: float = 0.0  # milliseconds that the slowest of those beyond the bound took without
    ended: int = 0
    crashes: set[str] = field(default_factory=set)


def hunt(name: str, seconds: float, folder: Path) -> Found:
    """Hunt so long, beginning anew where the process was ended by a library."""
    found, started = Found(name), time.monotonic()
    while (left := seconds - (time.monotonic() - started)) > 1:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.run", name, str(left), str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=left + GRACE,
            check=False,
        )
        result = next(_results(done.stdout), None)
        if result is None:
            found.ended += 1
            if name not in WORKERS:
                found.crashes.add(done.stderr.strip()[-200:] or f"exit {done.returncode}")
                break
            continue
        found.how = result["how"]
        found.executions += result["executions"]
        found.longest = max(found.longest, result["longest_ms"])
        found.crashes |= set(result["crashes"])
    found.seconds = time.monotonic() - started
    for file in folder.glob(f"{name}-*.slow"):
        weigh(found, file)
    for leftover in ROOT.glob("crash-*"):  # libFuzzer's own copy of what ended the process
        leftover.replace(folder / leftover.name)
    return found


def weigh(found: Found, file: Path) -> None:
    """Measure again what took too long under guidance; what does without is a crash."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.cost", found.name, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GRACE,
        check=True,
    )
    taken = float(done.stdout)
    found.unguided = max(found.unguided, 1000 * taken)
    if taken > TARGETS[found.name].slow:
        found.crashes.add("TimeoutError")
        file.rename(file.with_suffix(".bin"))


def _results(out: str) -> Iterator[dict[str, Any]]:
    for line in out.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def run(names: list[str], seconds: float) -> list[Found]:
    """One after another, each for its share of the time."""
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for target in names:
            results.append(hunt(target, seconds / len(names), folder))
            print(results[-1], flush=True)
        for file in folder.glob("*-*.bin"):
            (CRASHES / file.name).write_bytes(file.read_bytes())
    return results


def _row(one: Found) -> str:
    unguided = f"{one.unguided:.1f}" if one.unguided else ""
    return (
        f"| {one.name} | {one.how} | {one.executions:,} | {one.seconds:.0f} | {one.longest:.1f} | "
        f"{unguided} | {one.ended} | {'; '.join(sorted(one.crashes)) or 'none'} |"
    )


def page(results: list[Found], command: str) -> str:
    """The document."""
    rows = "\n".join(map(_row, results))
    return f"""# Soak: what strangers may send

`{command}`, {machine()}. Each target is one reader of bytes from outside (tests/fuzz/targets.py);
a crash is anything that it lets out other than the errors that its callers expect, or more time of
the processor than its target may take: 20 ms for 64 KiB (of a WebSocket for 2 KiB, as much as is
taken in one turn), 0.5 s for a register of 256 KiB. Guidance makes code some times slower: what
took too long under it is measured again without. `ended`: a library ended the process; only readers
of spreadsheets may, for they run in a worker that is confined and replaced
(tests/fuzz/test_worker.py).

| target | how | executions | seconds | longest, ms | without guidance | ended | crashes |
|---|---|---|---|---|---|---|---|
{rows}
"""


def main() -> None:
    """Install what guides, hunt, write, and fail where something crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="in all")
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if not options.short:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "atheris"], check=False)
    names = options.targets.split(",")
    results = run(names, len(names) * 1.5 if options.short else 60 * options.minutes)
    text = page(results, f"scripts/soak fuzz --minutes {options.minutes:g}")
    print(text)
    if not options.short:
        (ROOT / "docs" / "soak" / "fuzz.md").write_text(text, encoding="utf-8")
    if any(one.crashes for one in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
