"""Certificates for tests: an authority, and what it signs for a camera."""

import datetime
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@dataclass
class Authority:
    """Signs certificates; files go to `folder`."""

    folder: Path
    name: str = "site"
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    @property
    def file(self) -> str:
        """The authority's own certificate, for `media.tls_ca`."""
        path = self.folder / f"{self.name}-ca.pem"
        if not path.exists():
            made = self._sign(_name(self.name), self.key, days=30, is_authority=True)
            path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return str(path)

    def camera(self, host: str = "127.0.0.1", *, days: int = 30) -> tuple[str, str]:
        """A certificate for that host and its key, as files; with `days` < 0 it is over."""
        key = _key()
        made = self._sign(_name(host), key, days=days, alternative=_alternative(host))
        base = self.folder / f"{self.name}-{host.replace(':', '_')}-{days}"
        certificate, secret = base.with_suffix(".pem"), base.with_suffix(".key")
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(certificate), str(secret)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        days: int,
        is_authority: bool = False,
        alternative: x509.GeneralName | None = None,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 60 * _DAY)
            .not_valid_after(now + days * _DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if alternative is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([alternative]), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())
