"""The address guard refuses what a register must never make us reach."""

from ipaddress import ip_network

import pytest

from vidgate.settings import Settings
from vidgate.wire.guard import AddressGuard


@pytest.fixture
def guard() -> AddressGuard:
    """The guard of the default settings with our own HTTP port."""
    media = Settings().media
    return AddressGuard(media.allow, media.deny, lambda: [("0.0.0.0", 8080)])


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "169.254.169.254",
        "224.0.0.1",
        "fe80::1",
        "::ffff:169.254.1.1",
        "camera.local",
        "",
    ],
)
def test_never_reached(guard: AddressGuard, address: str) -> None:
    assert not guard.permits(address, 554)


def test_our_own_sockets_are_never_reached(guard: AddressGuard) -> None:
    assert not guard.permits("127.0.0.1", 8080)
    assert guard.permits("127.0.0.1", 10554)
    assert guard.permits("10.1.2.3", 8080)


def test_who_listens_everywhere_is_called_by_each_address_of_the_machine() -> None:
    ours = {"10.1.2.3", "fd00::3"}
    own = [("0.0.0.0", 8080), ("::", 8081), ("10.1.2.3", 8443)]
    guard = AddressGuard((), (), lambda: own, ours.__contains__)
    for port in (8080, 8081):
        for address in (*ours, "::ffff:10.1.2.3"):
            assert not guard.permits(address, port)
        assert guard.permits("10.1.2.4", port)
    assert guard.permits("10.1.2.3", 554)
    assert not guard.permits("10.1.2.3", 8443)
    assert guard.permits("fd00::3", 8443)


def test_an_allow_list_shuts_out_the_rest() -> None:
    guard = AddressGuard([ip_network("10.0.0.0/8")], [ip_network("10.9.0.0/16")])
    assert guard.permits("10.1.2.3", 554)
    assert not guard.permits("10.9.1.1", 554)
    assert not guard.permits("192.168.1.1", 554)
