from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request

from vidgate.settings.tree import HttpSettings
from vidgate.web.peer import Peers, local_address, network_of

TRUSTED = HttpSettings.model_validate({"trusted_proxies": ["10.0.0.0/8", "::1/128"]})


def request(peer: Any, headers: dict[str, str] | None = None, sockname: Any = None) -> Any:
    transport = Mock()
    names = {"peername": peer, "sockname": sockname}
    transport.get_extra_info = lambda name, default=None: names.get(name, default)
    host = {"Host": "hall.example:8080"}
    return make_mocked_request("GET", "/", headers=host | (headers or {}), transport=transport)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # not a proxy of ours: its word is nothing
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the client wrote the first
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1:51234", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:51234, 10.0.0.2:80", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:51234", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1:", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:512345", "10.0.0.1"),
        ("10.0.0.1", "[198.51.100.1", "10.0.0.1"),
        ("10.0.0.1", "999.1.1.1:80", "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_vouches_for_an_address(
    peer: str, forwarded: str, address: str
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert Peers(TRUSTED.trusted_proxies).address(request((peer, 5), headers)) == address


def test_the_unix_socket_has_no_address() -> None:
    assert Peers().address(request("")) == ""


def test_the_origin_is_ours_as_the_browser_sees_it() -> None:
    peers = Peers(TRUSTED.trusted_proxies)
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "City.Example"}
    assert peers.origin(request(("192.0.2.7", 5), told)) == "http://hall.example:8080"
    assert not peers.is_secure(request(("192.0.2.7", 5), told))
    assert peers.origin(request(("10.0.0.1", 5), told)) == "https://city.example"
    assert peers.is_secure(request(("10.0.0.1", 5), told))


@pytest.mark.parametrize(
    ("host", "scheme", "origin"),
    [
        ("hall.example:443", "https", "https://hall.example"),
        ("hall.example:80", "http", "http://hall.example"),
        ("hall.example:443", "http", "http://hall.example:443"),
        ("hall.example:8443", "https", "https://hall.example:8443"),
        ("[2001:db8::443]:443", "https", "https://[2001:db8::443]"),
        ("[2001:db8::443]", "https", "https://[2001:db8::443]"),
    ],
)
def test_no_origin_names_the_port_that_its_scheme_has(host: str, scheme: str, origin: str) -> None:
    told = {"Host": host, "X-Forwarded-Proto": scheme}
    assert Peers(TRUSTED.trusted_proxies).origin(request(("10.0.0.1", 5), told)) == origin


def test_forwarded_is_not_believed_of_whomever() -> None:
    told = {"Forwarded": "for=198.51.100.1;proto=https;host=city.example"}
    peers, came = Peers(TRUSTED.trusted_proxies), request(("10.0.0.1", 5), told)
    assert peers.origin(came) == "http://hall.example:8080"
    assert peers.address(came) == "10.0.0.1"


@pytest.mark.parametrize(
    ("sockname", "address"),
    [
        (("10.1.1.1", 8080), "10.1.1.1"),
        (("::ffff:10.1.1.1", 8080, 0, 0), "10.1.1.1"),
        (("fe80::1%eth0", 8080, 0, 2), "fe80::1"),
        ("/run/vidgate.sock", "127.0.0.1"),
        (None, "127.0.0.1"),
    ],
)
def test_our_own_address_is_the_one_that_was_called(sockname: Any, address: str) -> None:
    assert local_address(request(("10.0.0.1", 5), sockname=sockname)) == address


def test_an_ipv6_subscriber_is_a_network() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::"
    assert network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("") == ""
