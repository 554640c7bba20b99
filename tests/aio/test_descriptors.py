"""Descriptors are counted before a step that needs several."""

import errno

import pytest

from tests.descriptors import exhausted
from vidgate.aio.descriptors import spare

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


def test_there_are_enough_or_an_error_and_none_is_kept() -> None:
    with exhausted(but=3):
        spare(3)
        spare(3)
        with pytest.raises(OSError, match=str(errno.EMFILE)):
            spare(4)
        spare(3)
