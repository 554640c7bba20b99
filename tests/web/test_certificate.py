"""Each mistake with the files of HTTPS is told by the right file, with what mends it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from vidgate.auth.authority import SERVER_DAYS, Authority
from vidgate.errors import SettingsError
from vidgate.settings.tree import TlsSettings
from vidgate.web.certificate import date_trouble, read

NOW = datetime.now(UTC)
AUTHORITY = Authority.create("vidgate test", NOW)
PEM = AUTHORITY.sign(["127.0.0.1"], NOW)
CERTIFICATE, KEY = load_pem_x509_certificate(PEM.certificate), load_pem_private_key(PEM.key, None)
LOCK, NONE = BestAvailableEncryption(b"secret"), NoEncryption()


def _key(
    form: PrivateFormat, lock: KeySerializationEncryption, encoding: Encoding = Encoding.PEM
) -> bytes:
    return KEY.private_bytes(encoding, form, lock)


OTHER = AUTHORITY.sign(["127.0.0.1"], NOW).key
OTHER_KIND = rsa.generate_private_key(65537, 2048).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NONE
)


def _files(folder: Path, certificate: bytes | None, key: bytes | None) -> TlsSettings:
    for name, content in (("one.crt", certificate), ("one.key", key)):
        if content is not None:
            (folder / name).write_bytes(content)
    return TlsSettings(cert=str(folder / "one.crt"), key=str(folder / "one.key"))


def test_a_pair_and_both_in_one_file_serve(tmp_path: Path) -> None:
    settings = _files(tmp_path, PEM.certificate + PEM.key, PEM.key)
    for serving in (settings, settings.model_copy(update={"key": ""})):
        _, certificate = read(serving)
        assert certificate == CERTIFICATE


@pytest.mark.parametrize(
    ("certificate", "key", "told", "mend"),
    [
        (None, PEM.key, "one.crt: .*No such file", "cert init"),
        (PEM.certificate, None, "one.key: .*No such file", "cert init"),
        (CERTIFICATE.public_bytes(Encoding.DER), PEM.key, "one.crt: .*PEM", "one.crt.pem"),
        (b"", PEM.key, "one.crt: .*PEM", "pkcs12"),
        (PEM.certificate, _key(PrivateFormat.PKCS8, NONE, Encoding.DER), "one.key: .*PEM", "DER"),
        (PEM.certificate, PEM.certificate, "one.key: .*PEM", "pkcs12"),
        (PEM.certificate, _key(PrivateFormat.PKCS8, LOCK), "one.key: .*encrypted", "openssl pkey"),
        (
            *(PEM.certificate, _key(PrivateFormat.TraditionalOpenSSL, LOCK)),
            *("one.key: .*encrypted", "one.key.pem"),
        ),
        (PEM.certificate, OTHER, "one.crt.*one.key: .*belong", "cert init"),
        (PEM.certificate, OTHER_KIND, "one.crt.*one.key: .*belong", "cert init"),
        (
            PEM.certificate,
            b"-----BEGIN PRIVATE KEY-----\nMII",
            "one.crt.*one.key: .*cannot be used",
            "cert init",
        ),
    ],
)
def test_a_mistake_is_told(
    tmp_path: Path, certificate: bytes | None, key: bytes | None, told: str, mend: str
) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        read(_files(tmp_path, certificate, key))
    assert mend in refused.value.hint


@pytest.mark.parametrize(
    ("days", "told"),
    [(-1, "not valid yet"), (0, ""), (SERVER_DAYS - 1, ""), (SERVER_DAYS, "expired")],
)
def test_another_day(days: int, told: str) -> None:
    trouble = date_trouble(CERTIFICATE, NOW + timedelta(days=days))
    assert told in trouble[0] if trouble else not told
