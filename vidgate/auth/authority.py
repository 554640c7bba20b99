"""A site's own certificate authority: its certificate, and those it signs (RFC 5280).

A closed network has no public authority. The site's certificate is put on its computers once; what
it signs is then taken by their browsers, and microphone, camera and position work.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vidgate.errors import InputError

AUTHORITY_DAYS = 3650
SERVER_DAYS = 825  # the most that Apple's systems take
LEEWAY = timedelta(hours=1)  # computers whose clock is late take a new certificate too
MAX_NAME = 253  # characters of a DNS name (RFC 1035 2.3.4)
# Browsers read a host whose last label is a number as an IPv4 address (WHATWG URL, host parsing).
_NUMBER = re.compile(r"\d+|0x[\da-f]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pem:
    """A certificate and its private key, as PEM files hold them."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs certificates of servers."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, name: str, now: datetime) -> Self:
        """A new one, good for ten years from `now`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        usage = _usage(key_cert_sign=True, crl_sign=True, digital_signature=False)
        builder = (
            _dated(now, AUTHORITY_DAYS)
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, pem: Pem) -> Self:
        """One that was made before. Raises InputError where the files are no such pair."""
        try:
            certificate = x509.load_pem_x509_certificate(pem.certificate)
        except ValueError as error:
            raise InputError(f"不是证书 / no certificate: {error}") from None
        try:
            key = serialization.load_pem_private_key(pem.key, None)
        except (ValueError, TypeError) as error:
            raise InputError(f"不是私钥, 或有口令 / no key, or encrypted: {error}") from None
        is_pair = key.public_key() == certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not is_pair:
            raise InputError("私钥与证书不配 / the key does not belong to the certificate")
        return cls(certificate, key)

    @property
    def pem(self) -> Pem:
        """Its own certificate and key."""
        return _pem([self._certificate], self._key)

    def sign(self, hosts: Sequence[str], now: datetime) -> Pem:
        """A server's certificate with its chain, for DNS names and IP addresses.

        Raises InputError for no host, or one that is neither.
        """
        if not hosts:
            raise InputError("没有名称或地址 / no name and no address")
        names = [_alternative(host) for host in hosts]
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        certificate = (
            _dated(now, SERVER_DAYS)
            .subject_name(_named(hosts[0][:64]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer.value), False
            )
            .sign(self._key, hashes.SHA256())
        )
        return _pem([certificate, self._certificate], key)


def certificate_of(pem: bytes) -> bytes:
    """The first certificate of a PEM file and nothing else: people keep keys in such files.

    Raises ValueError where it holds none.
    """
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.PEM)


def names_of(pem: bytes) -> list[str]:
    """The DNS names (as ASCII) and IP addresses of the first certificate of a PEM file, in order.

    Raises ValueError where it holds none.
    """
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        kinds = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [
        str(name.value) for name in kinds.value if isinstance(name, x509.DNSName | x509.IPAddress)
    ]


def fingerprint(certificate: bytes) -> str:
    """The SHA-256 of a PEM certificate as people compare it: `AB:CD:...`.

    Raises ValueError where it is none.
    """
    digest = x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def _dated(now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + timedelta(days=days) - LEEWAY)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(
    *, digital_signature: bool, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        pass
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    labels = name.removeprefix("*.").split(".")
    if not all(part.replace("-", "").isalnum() for part in labels) or len(name) > MAX_NAME:
        raise InputError(
            f"{host}: 不是域名或 IP 地址 / is neither a name nor an IP address",
            hint="不写 http:// 和端口 / without http:// and port",
        )
    if _NUMBER.fullmatch(labels[-1]):
        raise InputError(
            f"{host}: 像 IP 地址, 但写错了 / looks like an IP address, and is none",
            hint="IPv4 地址是四个 0-255 的数, 如 / four numbers up to 255, such as 10.1.2.3",
        )
    return x509.DNSName(name)


def _pem(certificates: Sequence[x509.Certificate], key: ec.EllipticCurvePrivateKey) -> Pem:
    return Pem(
        b"".join(one.public_bytes(Encoding.PEM) for one in certificates),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
