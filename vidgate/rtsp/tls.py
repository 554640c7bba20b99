"""TLS to cameras (rtsps://): the context to connect with, and what failed in words.

Cameras make their own certificates, so that without `media.tls_ca` the connection is encrypted and
whoever answers is believed; with it, certificate and registered name or address are checked.
"""

import ssl
from functools import lru_cache
from pathlib import Path

from vidgate.errors import SettingsError, TlsError

_ONE_CA = "不是 media.tls_ca 里的机构签发 / not signed by an authority of media.tls_ca"
_OTHER_NAME = "证书属于别的主机 / the certificate is for another host"
_OLD = "对端只会旧版 TLS (低于 1.2) / the peer speaks only TLS older than 1.2"
_NO_TLS = "对端说的不是 TLS / what the peer speaks is not TLS"
_ASKS = "对端要求客户端证书 / the peer asks for a certificate of ours"
_WEAK = "证书的密钥或签名太弱 / the certificate's key or signature is too weak"

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_CERTIFICATE: dict[int, str] = {
    9: "证书尚未生效 / the certificate is not valid yet",
    10: "证书已过期 / the certificate has expired",
    18: _ONE_CA,  # self-signed
    19: _ONE_CA,
    20: _ONE_CA,
    21: _ONE_CA,
    62: _OTHER_NAME,
    64: _OTHER_NAME,
    66: _WEAK,
    67: _WEAK,
    68: _WEAK,
}
_HANDSHAKE: dict[str, str] = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "没有共同的加密方式 / no cipher in common",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _ASKS,
}


@lru_cache(maxsize=4)
def client_context(ca: str = "") -> ssl.SSLContext:
    """How to connect: checked against the PEM file `ca`, or (empty) encrypted and not checked.

    Reads the file at the first call, which is made at start. Raises SettingsError where it cannot
    be used.
    """
    if not ca:
        return _unchecked()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=Path(ca).read_text(encoding="ascii"))
    except (OSError, ValueError, ssl.SSLError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SettingsError(
            f"media.tls_ca: 不能用作 CA 文件 / not usable as a file of authorities: {ca}: {why}",
            hint="PEM",
        ) from None
    # A site may list the very certificates of its cameras instead of who signed them.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Nobody is checked, so that a key of 1024 bits, as old cameras have, weakens nothing further.
    context.set_ciphers("DEFAULT:@SECLEVEL=1")
    return context


def failure(where: str, error: Exception) -> TlsError:
    """A failed handshake in words."""
    return TlsError(f"{where}: TLS: {_words(error)}")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        unusual = f"证书无效 / the certificate is not valid: {error.verify_message}"
        return _CERTIFICATE.get(error.verify_code, unusual)
    if isinstance(error, TimeoutError):
        return "端口能连上, 但没有 TLS 握手 / it connects, yet nothing answers the handshake"
    if isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "握手时对端挂断, 可能不是 TLS 端口 / the peer hung up in the handshake: no TLS port?"
    reason = getattr(error, "reason", None) or str(error)
    unusual = f"握手失败 / the handshake failed: {reason.replace('_', ' ').lower()}"
    return _HANDSHAKE.get(reason, unusual)
