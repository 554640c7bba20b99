"""What the tests of health in virtual time share."""

from collections.abc import Iterator

import pytest

from tests.health.storms import Run, unhurried


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run in virtual time."""
    with unhurried(monkeypatch) as time:
        yield lambda main: time.run(main(time.clock))
