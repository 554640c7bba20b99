"""Whose fault it is."""

import errno

import pytest

from vidgate.errors import LimitError, UnreachableError, cannot_connect, is_ours


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EMFILE, LimitError),
        (errno.ENFILE, LimitError),
        (errno.EADDRNOTAVAIL, LimitError),
        (errno.ECONNREFUSED, UnreachableError),
        (errno.EHOSTUNREACH, UnreachableError),
    ],
)
def test_want_of_means_is_ours_and_not_the_peer_s(number: int, kind: type[Exception]) -> None:
    error = OSError(number, "shortage")
    assert type(cannot_connect("10.0.0.1:554", error)) is kind
    assert is_ours(error) is (kind is LimitError)
