"""The long hunt, shortened to a moment."""

import pytest

from scripts import soak_fuzz
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", ["front", "register"])
def test_a_target_is_hunted_and_told(name: str) -> None:
    (found,) = soak_fuzz.run([name], 2.0)
    assert found.executions > 10
    assert found.crashes == set()
    assert f"| {name} | " in soak_fuzz.page([found], "x")
    assert name in TARGETS
