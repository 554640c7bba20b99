"""The certificate of HTTPS: whether browsers will take it, and for how long."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509

from vidgate.aio.clock import SystemClock
from vidgate.cli.checkup.finding import Finding, Subject, Verdict, ok, warning
from vidgate.errors import SettingsError
from vidgate.web.certificate import RENEW, date_trouble, read

SOON = timedelta(days=30)


def certificate(subject: Subject) -> Finding:
    """Readable, with its key, of today, and for the names that users type."""
    http = subject.settings.http
    if not http.tls.cert:
        return ok(
            "未启用 HTTPS, 登录口令明文传输: vidgate cert init",
            "plain HTTP: passwords travel in clear",
        )
    try:
        _, first = read(http.tls)
    except SettingsError as error:
        return Finding(Verdict.FAILED, error.message, error.hint)
    return _dated(first) or _named(first, http.hosts)


def _dated(first: x509.Certificate) -> Finding | None:
    """What is wrong with its dates."""
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    if trouble := date_trouble(first, now):
        return Finding(Verdict.FAILED, *trouble)
    end = first.not_valid_after_utc
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
