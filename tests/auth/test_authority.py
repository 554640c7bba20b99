"""A site's authority: OpenSSL takes what it signs, for its names and no others."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from vidgate.auth.authority import Authority, Pem, fingerprint, names_of
from vidgate.errors import InputError

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def _verify(authority: Authority, served: Pem, name: x509.GeneralName, now: datetime) -> None:
    root = x509.load_pem_x509_certificate(authority.pem.certificate)
    leaf = x509.load_pem_x509_certificates(served.certificate)[0]
    policy = PolicyBuilder().store(Store([root])).time(now)
    subject = x509.DNSName(name.value) if isinstance(name, x509.DNSName) else name
    policy.build_server_verifier(subject).verify(leaf, [])  # type: ignore[arg-type]


def test_a_server_s_certificate_is_for_its_names_and_addresses() -> None:
    authority = Authority.create("vidgate test", NOW)
    served = authority.sign(["hall.example", "10.1.2.3", "fd00::7"], NOW)
    for name in (
        x509.DNSName("hall.example"),
        x509.IPAddress(ip_address("10.1.2.3")),
        x509.IPAddress(ip_address("fd00::7")),
    ):
        _verify(authority, served, name, NOW)
        _verify(authority, served, name, NOW + timedelta(days=824))
    for foreign, when in (
        (x509.DNSName("other.example"), NOW),
        (x509.DNSName("hall.example"), NOW + timedelta(days=826)),
        (x509.DNSName("hall.example"), NOW - timedelta(days=1)),
    ):
        with pytest.raises(VerificationError):
            _verify(authority, served, foreign, when)


def test_what_was_loaded_signs_under_the_same_certificate() -> None:
    first = Authority.create("vidgate test", NOW)
    again = Authority.load(first.pem)
    assert again.pem == first.pem
    assert fingerprint(again.pem.certificate) == fingerprint(first.pem.certificate)
    _verify(first, again.sign(["a.example"], NOW), x509.DNSName("a.example"), NOW)
    foreign = Authority.create("vidgate test", NOW).sign(["a.example"], NOW)
    with pytest.raises(VerificationError):
        _verify(first, foreign, x509.DNSName("a.example"), NOW)


@pytest.mark.parametrize("host", ["", "http://a.example", "a.example:8443", "a b", "10.1.2.3/24"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InputError):
        Authority.create("x", NOW).sign([host], NOW)


@pytest.mark.parametrize(
    "host", ["10.1.2", "10.1.2.300", "10.1.2.3.4", "10.1.2.03", "12", "a.7", "1.0x7f", "10。1。2"]
)
def test_a_mistyped_address_is_not_signed_as_a_name(host: str) -> None:
    with pytest.raises(InputError, match=f"{host}.*IP") as refused:
        Authority.create("x", NOW).sign(["a.example", host], NOW)
    assert "10.1.2.3" in refused.value.hint


def test_no_host_and_foreign_keys_are_refused() -> None:
    one, other = Authority.create("x", NOW), Authority.create("y", NOW)
    with pytest.raises(InputError):
        one.sign([], NOW)
    for pem in (Pem(one.pem.certificate, other.pem.key), Pem(b"none", b"none")):
        with pytest.raises(InputError):
            Authority.load(pem)


def test_the_names_of_a_certificate_are_read_back_as_it_holds_them() -> None:
    authority = Authority.create("vidgate test", NOW)
    served = authority.sign(["指挥.example", "FD00:0::7", "*.hall.example"], NOW)
    names = names_of(served.certificate)
    assert names == ["xn--xuuoc.example", "fd00::7", "*.hall.example"]
    assert names_of(authority.sign(names, NOW).certificate) == names
    assert names_of(authority.pem.certificate) == []
    with pytest.raises(ValueError, match="PEM"):
        names_of(b"no certificate")
