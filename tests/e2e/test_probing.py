"""What is said of a small fleet is true; `scripts/soak probing` asks the same of 2,743 channels."""

from pathlib import Path

import pytest

from tests.e2e.probing import run
from tests.e2e.truth import MEANT, SHORT


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(180)
async def test_what_is_said_of_the_fleet_is_true(tmp_path: Path) -> None:
    found = await run(tmp_path, SHORT)
    assert {case.fault for case in found.cases} == set(MEANT)
    told = [case for case in found.cases if case.bound is not None]
    assert [case.fault.name for case in told if case.seen is None] == []
    assert [case.fault.name for case in told if case.back is None] == []
    assert found.false == {}
    assert sum(host["refused"] for host in found.load["hosts"].values()) == 0
    assert [opening for opening in found.openings if not opening.is_right] == []
    assert found.viewers_ended == 0
