"""The certificate of HTTPS: whether browsers will take it, and for how long."""

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509

from vidgate.aio.clock import SystemClock
from vidgate.cli.checkup.finding import Finding, Subject, failed, ok, warning

SOON = timedelta(days=30)
RENEW = "换发 renew: vidgate cert init --renew (服务自己换上 the service takes it by itself)"


def certificate(subject: Subject) -> Finding:
    """Readable, with its key, of today, and for the names that users type."""
    http = subject.settings.http
    if not http.tls.cert:
        return ok(
            "未启用 HTTPS, 登录口令明文传输: vidgate cert init",
            "plain HTTP: passwords travel in clear",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(http.tls.cert, http.tls.key or None)
        first = x509.load_pem_x509_certificates(Path(http.tls.cert).read_bytes())[0]
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        told = f"证书或私钥不能用: {reason}"
        return failed(told, "certificate or key cannot be used", f"{http.tls.cert}, {http.tls.key}")
    return _dated(first) or _named(first, http.hosts)


def _dated(first: x509.Certificate) -> Finding | None:
    """What is wrong with its dates."""
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    begin, end = first.not_valid_before_utc, first.not_valid_after_utc
    if now < begin:
        return failed(f"{begin:%Y-%m-%d} 才生效", "is not valid yet: or the clock is wrong", "date")
    if now > end:
        return failed(f"{end:%Y-%m-%d} 已过期", "has expired", RENEW)
    if end - now < SOON:
        return warning(f"{end:%Y-%m-%d} 到期", f"expires in {(end - now).days} days", RENEW)
    return None


def _named(first: x509.Certificate, hosts: Iterable[str]) -> Finding:
    end = f"{first.not_valid_after_utc:%Y-%m-%d}"
    names = _names(first)
    missing = [host for host in hosts if not any(_covers(name, _written(host)) for name in names)]
    if missing:
        return warning(
            f"不包含 {', '.join(missing)}",
            "browsers refuse it for these names of http.hosts",
            RENEW,
        )
    return ok(f"{', '.join(sorted(names))}, 至 {end}", f"until {end}")


def _names(first: x509.Certificate) -> set[str]:
    """The alternative names; browsers look at nothing else (RFC 9110 section 4.3.4)."""
    try:
        found = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    names = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    return names | {str(address) for address in found.get_values_for_type(x509.IPAddress)}


def _written(host: str) -> str:
    """A name or an address of the settings as certificates write it (RFC 5280 section 7.2)."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:  # none that a certificate could hold
        return host.lower()


def _covers(name: str, host: str) -> bool:
    """A wildcard stands for one label (RFC 6125 section 6.4.3)."""
    return name == host or (name.startswith("*.") and name[2:] == host.partition(".")[2])
