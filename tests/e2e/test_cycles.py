"""A few hundred viewers come and go; `scripts/soak cycles` does it ten thousand times."""

from pathlib import Path

import pytest

from tests.e2e.cycles import staged

CYCLES = 60
GROWTH = (
    16 << 20
)  # bytes; so few cycles cannot tell a leak of a KiB each from the allocator's moods


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(120)
async def test_viewers_leave_nothing_behind(tmp_path: Path) -> None:
    async with staged(tmp_path, silence=2.0) as stage:
        await stage.cycles(CYCLES)
        base = await stage.settled(steady_for=4.0)
        await stage.cycles(CYCLES)
        after = await stage.settled(base)
    assert after.is_back(base), (base, after, stage.outcomes)
    assert after.memory - base.memory < GROWTH
    assert stage.outcomes["whole"] >= 2 * CYCLES
    assert stage.outcomes["vanished"] >= CYCLES // 2
    assert sum(count for name, count in stage.outcomes.items() if name.startswith("refused"))
