"""The certificate and key of the settings: read for TLS, and in words what is wrong with them.

OpenSSL names no file, asks a terminal for passwords and calls most mistakes `PEM lib`: what people
get wrong is looked for before it is asked.
"""

import ssl
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

from cryptography import x509

from vidgate.errors import SettingsError
from vidgate.settings.tree import TlsSettings

RENEW = "换发 renew: vidgate cert init --renew (服务自己换上 the service takes it by itself)"

# The last one is said of a key whose kind is not the certificate's.
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
_FOREIGN = "私钥与证书不配 / the key does not belong to the certificate"
_SETTINGS = "http.tls.cert, http.tls.key; vidgate cert init"
_READABLE = f"{_SETTINGS}; 服务的用户要能读 the service's user has to read them"
_PKCS12 = "PFX (PKCS#12): openssl pkcs12 -in {file} -nodes -out {file}.pem"
_CERTIFICATE = "DER: openssl x509 -inform der -in {file} -out {file}.pem; " + _PKCS12
_KEY = "DER: openssl pkey -inform der -in {file} -out {file}.pem; " + _PKCS12
_UNLOCK = "openssl pkey -in {file} -out {file}.pem; http.tls.key: {file}.pem"


def files_of(settings: TlsSettings) -> tuple[Path, Path]:
    """The certificate's file and its key's; they may be one."""
    return Path(settings.cert), Path(settings.key or settings.cert)


def read(settings: TlsSettings) -> tuple[ssl.SSLContext, x509.Certificate]:
    """A server's context with both, and the certificate; blocks while it reads.

    Raises SettingsError where they do not serve. One of another day does: see `date_trouble`.
    """
    certificate, key = files_of(settings)
    first = _certificate(certificate)
    if b"PRIVATE KEY-----" not in _content(key):
        raise SettingsError(
            f"{key}: 不是 PEM 私钥 / is no PEM private key", hint=_KEY.format(file=key)
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=partial(_refuse, key))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        told = _FOREIGN if reason in _MISMATCHES else f"不能用 / cannot be used: {reason}"
        raise SettingsError(f"{certificate}, {key}: {told}", hint=_SETTINGS) from None
    return context, first


def date_trouble(certificate: x509.Certificate, now: datetime) -> tuple[str, str] | None:
    """Why browsers refuse it at that time, and how to mend that."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        return f"{begin:%Y-%m-%d} 才生效 / is not valid yet: or the clock is wrong", "date"
    if now > end:
        return f"{end:%Y-%m-%d} 已过期 / has expired", RENEW
    return None


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_content(file))
    except ValueError:
        raise SettingsError(
            f"{file}: 不是 PEM 证书 / is no PEM certificate", hint=_CERTIFICATE.format(file=file)
        ) from None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{file}: 读不了 / cannot be read: {error.strerror}", hint=_READABLE
        ) from None


def _refuse(file: Path) -> NoReturn:
    """In place of a password: OpenSSL would ask the terminal for one, and hear no signal."""
    raise SettingsError(
        f"{file}: 私钥有口令 / the private key is encrypted", hint=_UNLOCK.format(file=file)
    )
