"""The collector's thresholds."""

import gc

from vidgate.aio import collector


def test_what_stands_is_frozen_and_looks_are_rarer() -> None:
    before = gc.get_threshold()
    try:
        collector.settle()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == collector.THRESHOLDS > before
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
