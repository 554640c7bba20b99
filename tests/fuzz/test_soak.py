"""The long hunt, shortened to a moment."""

from dataclasses import replace
from pathlib import Path

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


@pytest.mark.parametrize("is_slow", [True, False])
def test_what_took_too_long_is_measured_again(tmp_path: Path, *, is_slow: bool) -> None:
    """Without the guidance that had made it slow; what is slow by itself becomes a test."""
    file = tmp_path / "register-1.slow"
    file.write_bytes(next(iter(TARGETS["register"].seeds())))
    found = soak_fuzz.Found("register")
    with pytest.MonkeyPatch.context() as patch:
        if is_slow:
            patch.setitem(TARGETS, "register", replace(TARGETS["register"], slow=0.0))
        soak_fuzz.weigh(found, file)
    assert found.unguided > 0
    assert found.crashes == ({"TimeoutError"} if is_slow else set())
    assert [one.suffix for one in tmp_path.iterdir()] == [".bin" if is_slow else ".slow"]
