"""One target for so many seconds: `python -m tests.fuzz.run TARGET SECONDS FOLDER`.

Guided by coverage where atheris is installed, else by chance. What crashes is written into FOLDER
as TARGET-*.bin, what took longer than it may, and than all before it, as TARGET-*.slow: guidance
makes code slower, so that `tests.fuzz.cost` has the last word. Prints one JSON line: how,
executions, and the longest one in milliseconds.
"""

import json
import random
import sys
import time
import traceback
from hashlib import sha256
from pathlib import Path

try:
    import atheris
except ImportError:  # it has no build for this Python, or nobody asked for it
    atheris = None

if atheris is None:
    from tests.fuzz.targets import TARGETS, Target, mutated
else:
    with atheris.instrument_imports(include=["vidgate"]):
        from tests.fuzz.targets import TARGETS, Target, mutated


class Hunt:
    """Runs one target again and again, and keeps what it did not bear."""

    def __init__(self, target: Target, seconds: float, folder: Path) -> None:
        self.target = target
        self.folder = folder
        self.executions = 0
        self.longest = 0.0
        self.crashes: set[str] = set()
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._end

    def once(self, data: bytes) -> None:
        """One execution; a crash is kept once for each place in the code."""
        self.executions += 1
        taken = self._run(data)
        if taken > self.target.slow:  # again: what a first import or a collection took is not its
            taken = min(taken, self._run(data))
        if taken > max(self.longest, self.target.slow):
            self._write(data, "slow")
        self.longest = max(self.longest, taken)

    def _run(self, data: bytes) -> float:
        """Seconds of processor time that it took, however loaded the machine is."""
        started = time.process_time()
        try:
            self.target.run(data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a library's panic is no Exception
            self._keep(data, error)
        return time.process_time() - started

    def _keep(self, data: bytes, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        place = type(error).__name__
        if frames:
            file = frames[-1].filename.rpartition("/vidgate/")[2]
            place += f" vidgate/{file}:{frames[-1].lineno}"
        if place in self.crashes:
            return
        self.crashes.add(place)
        self._write(data, "bin")
        print(f"{self.target.name}: {place}: {error}", file=sys.stderr, flush=True)

    def _write(self, data: bytes, kind: str) -> None:
        name = f"{self.target.name}-{sha256(data).hexdigest()[:12]}.{kind}"
        (self.folder / name).write_bytes(data)

    def told(self, how: str) -> str:
        """The result as a line."""
        result = {
            "how": how,
            "executions": self.executions,
            "longest_ms": round(self.longest * 1000, 1),
            "crashes": sorted(self.crashes),
        }
        return json.dumps(result)


def by_chance(hunt: Hunt) -> None:
    """Mutated seeds until the time is up."""
    seeds = list(hunt.target.seeds())
    chance = random.Random(1)
    while not hunt.is_over:
        hunt.once(mutated(chance.choice(seeds), chance, seeds)[: hunt.target.most])


def guided(hunt: Hunt, corpus: Path) -> None:
    """By the code that inputs reach; ends the process."""
    for number, seed in enumerate(hunt.target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)

    def one(data: bytes) -> None:
        if hunt.is_over:
            print(hunt.told("guided by coverage"), flush=True)
            sys.stdout.flush()
            import os

            os._exit(0)
        hunt.once(data)

    atheris.Setup([sys.argv[0], f"-max_len={hunt.target.most}", "-verbosity=0", str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    """Hunt."""
    name, seconds, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    hunt = Hunt(TARGETS[name], seconds, folder)
    if atheris is None:
        by_chance(hunt)
        print(hunt.told("mutated by chance"))
        return
    corpus = folder / f"corpus-{name}"
    corpus.mkdir(exist_ok=True)
    guided(hunt, corpus)


if __name__ == "__main__":
    main()
