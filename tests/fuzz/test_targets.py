"""Whatever arrives, the readers end, and let out nothing but errors that callers expect.

`crashes` holds what `scripts/soak fuzz` once found, each under its target's name.
"""

import random
import resource
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import effort
from tests.fuzz.targets import TARGETS, Target, mutated

CRASHES = Path(__file__).with_name("crashes")
EXAMPLES = {"register": 150}  # a workbook takes some ms


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """A reader that makes room for what a length promises fails here, and not on the site."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@cache
def seeds(name: str) -> Sequence[bytes]:
    """What a target begins with."""
    return TARGETS[name].seeds()


def read_in_time(target: Target, data: bytes) -> None:
    """What the long hunt asks of each input, too."""
    assert effort(lambda: target.run(data)) <= target.slow


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    assert seeds(name)
    for seed in seeds(name):
        read_in_time(TARGETS[name], seed)


@pytest.mark.parametrize("name", TARGETS)
def test_what_wires_and_programs_do_to_them(name: str) -> None:
    @settings(max_examples=EXAMPLES.get(name, 300))
    @given(st.integers(0, 2**32))
    def mutate(number: int) -> None:
        chance = random.Random(number)
        data = mutated(chance.choice(seeds(name)), chance, seeds(name))
        TARGETS[name].run(data)

    mutate()


@pytest.mark.parametrize("name", TARGETS)
def test_anything_at_all(name: str) -> None:
    @settings(max_examples=100)
    @given(st.binary(max_size=2048))
    def read(data: bytes) -> None:
        TARGETS[name].run(data)

    read()


@pytest.mark.parametrize("file", sorted(CRASHES.glob("*.bin")), ids=lambda file: file.stem)
def test_what_crashed_once_does_not_again(file: Path) -> None:
    read_in_time(TARGETS[file.stem.partition("-")[0]], file.read_bytes())
