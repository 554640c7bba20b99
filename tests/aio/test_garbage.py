import gc
from collections.abc import Iterator

import pytest

from vidgate.aio.garbage import NEVER, deferred


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_no_full_collection_happens_within() -> None:
    usual = gc.get_threshold()
    full = gc.get_stats()[2]["collections"]
    with deferred():
        assert gc.get_threshold() == (*usual[:2], NEVER)
        kept = [[number] for number in range(200_000)]
        assert gc.get_stats()[2]["collections"] == full
    assert gc.get_threshold() == usual
    assert len(kept) == 200_000


def test_what_is_left_is_not_walked_again() -> None:
    before = gc.get_freeze_count()
    with deferred():
        kept = [[number] for number in range(1000)]
    assert gc.get_freeze_count() >= before + len(kept)


def test_an_error_restores_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = gc.get_threshold()
    with pytest.raises(KeyError), deferred():
        raise KeyError
    assert gc.get_threshold() == usual
