"""Addresses such as rtsp://user:password@host:554/path. Printing one never shows a password."""

import re
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from urllib.parse import unquote

from vidgate.errors import InputError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"\[[0-9A-Fa-f:.%A-Za-z]+\]|[^\s\[\]:/?#@\\]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_LENGTH = 2048

DEFAULT_PORTS = {
    "rtsp": 554, "rtsps": 322, "rtsph": 80, "rtspsh": 443,
    "http": 80, "https": 443, "ws": 80, "wss": 443,
}  # fmt: skip


def canonical_host(text: str) -> str:
    """A host for comparing: in small letters, an IPv6 address without brackets, in its one form."""
    host = text.removeprefix("[").removesuffix("]").lower()
    if ":" not in host:
        return host
    try:
        return str(IPv6Address(host))
    except ValueError:
        return host


def place_of(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Uri:
    """One address. `host` is canonical, without brackets; `path` is path and query, as given."""

    scheme: str
    host: str
    port: int | None = None
    path: str = ""
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Read an address; raises InputError, whose message never quotes the credentials.

        Passwords with `@`, `#`, `/` or `?` that nobody escaped are understood where the text allows
        only one reading.
        """
        text = text.strip()
        if len(text) > MAX_LENGTH:
            raise InputError(
                f"地址超过 {MAX_LENGTH} 字符 / the address is longer than {MAX_LENGTH} characters"
            )
        if _CONTROL.search(text):
            raise InputError("地址含控制字符 / the address holds a control character")
        scheme = _SCHEME.match(text)
        if scheme is None:
            raise InputError(
                "地址没有协议 / the address has no scheme", hint="应为 write rtsp://HOST:PORT/PATH"
            )
        userinfo, authority, path = _split(text[scheme.end() :])
        host, port = _host_and_port(authority)
        username, password = _credentials(userinfo)
        return cls(scheme[1].lower(), host, port, path.replace(" ", "%20"), username, password)

    @property
    def authority(self) -> str:
        """`host` or `host:port`, an IPv6 address in brackets."""
        if self.port is not None:
            return place_of(self.host, self.port)
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def effective_port(self) -> int:
        """The port, or the scheme's default; 0 where there is none."""
        return self.port if self.port is not None else DEFAULT_PORTS.get(self.scheme, 0)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def without_credentials(self) -> "Uri":
        """The same address with no user name and no password."""
        return replace(self, username=None, password=None)

    def with_path(self, path: str) -> "Uri":
        """The same host with another path and query."""
        return replace(self, path=path)


def _split(rest: str) -> tuple[str | None, str, str]:
    """Userinfo, authority, path: the first end of the authority that leaves a valid host."""
    for end in re.finditer(r"[/?]|$", rest):
        userinfo, at, authority = rest[: end.start()].rpartition("@")
        if _is_authority(authority):
            return userinfo if at else None, authority, rest[end.start() :]
        if "@" not in rest[end.start() :]:
            break
    raise InputError(
        "地址没有有效的主机和端口 / the address has no valid host and port",
        hint="应为 write rtsp://HOST:PORT/PATH",
    )


def _is_authority(text: str) -> bool:
    host = _HOST.match(text)
    if host is None:
        return False
    rest = text[host.end() :]
    return rest in ("", ":") or _port(rest) is not None


def _port(text: str) -> int | None:
    digits = text[1:]
    if text[:1] != ":" or not (digits.isascii() and digits.isdigit()) or len(digits) > 5:
        return None
    port = int(digits)
    return port if 0 < port < 65536 else None


def _host_and_port(authority: str) -> tuple[str, int | None]:
    host = _HOST.match(authority)
    assert host is not None
    return canonical_host(host[0]), _port(authority[host.end() :])


def _credentials(userinfo: str | None) -> tuple[str | None, str | None]:
    if not userinfo:
        return None, None
    username, colon, password = userinfo.partition(":")
    return unquote(username), unquote(password) if colon else None
