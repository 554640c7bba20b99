"""Stream addresses as people write them: the login apart, nothing secret left inside."""

import re
from urllib.parse import unquote

from vidgate.model.channel import Login
from vidgate.wire import schemes
from vidgate.wire.uri import DEFAULT_PORTS, canonical_host, place_of

MAX_URL = 1024

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)(.*)", re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?::([0-9]{1,5}))?")
_LOOSE_LOGIN = re.compile(r"[^\s/:]*:(?!//)[^\s]*@")
_KEY_WITH_VALUE = re.compile(
    r"(?i)[\w-]*(?:passw|pwd|token|secret|app_?key|access_?key)[\w-]*[\"']?\s*[=:]\s*[\"']?[^\s\"'{&]"
)
_SECRET = re.compile(r"(?i)((?:password|passwd|pwd|pass|authbasic)=)([^&_/;#]+)")
_PARAMETER = re.compile(r"(?<=[?&;])([\w.-]{1,64})=([^&;#]+)", re.ASCII)
# What the name of a parameter ends with that lets in whoever has the address; `design` is none.
_TICKET = re.compile(
    r"\w*(?:token|secret)|(?:.*[_.-])?(?:auth(?:_?key|orization)?|sign(?:ature)?|sig|ticket"
    r"|(?:app|access|api)_?key|session_?id|credential)",
    re.IGNORECASE,
)


def split_url(text: str) -> tuple[str, Login | None]:
    """The address without its login, and the login.

    A `@` or `#` in a password needs no escape: the last `@` before the path ends the login, and no
    RTSP address has a fragment (RFC 2326 3.2).
    Raises ValueError with a sentence for the user, which never quotes the address.
    """
    if len(text) > MAX_URL:
        raise ValueError(f"地址超过 {MAX_URL} 个字符")
    if any(c.isspace() or not c.isprintable() for c in text):
        raise ValueError("地址里有空格或控制字符，请删除")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise ValueError("不是地址，应形如 rtsp://主机:554/路径")
    scheme, authority, rest = parts[1].lower(), parts[2], parts[3]
    if scheme not in schemes.PULLED:
        kind = schemes.kind_of(scheme)
        told = f"（{kind[0]}）" if kind else ""
        raise ValueError(f"不支持 {scheme}://{told}，应为 rtsp://, rtsps:// 或 rtsph://")
    userinfo, _, place = authority.rpartition("@")
    if _SECRET.search(rest):
        raise ValueError("口令写在了路径或查询参数里，请改写为 rtsp://用户名:口令@主机/路径")
    return f"{scheme}://{_place(place)}{rest}", _login(userinfo)


def canonical(url: str) -> str:
    """An address for comparing: host in small letters, port written out, no empty path.

    `url` is one that `split_url` gave; another one is left as it is.
    """
    parts = _URL.fullmatch(url)
    place = _HOST.fullmatch(parts[2]) if parts else None
    if parts is None or place is None:
        return url
    scheme = parts[1].lower()
    port = int(place[2] or DEFAULT_PORTS.get(scheme, 0))
    return f"{scheme}://{place_of(canonical_host(place[1]), port)}{parts[3] or '/'}"


def _place(text: str) -> str:
    place = _HOST.fullmatch(text)
    if place is None:
        raise ValueError("主机或端口不对；口令含 / ? 时请写成 %2F %3F")
    if place[2] is None:
        return place[1].lower()
    port = int(place[2])
    if not 1 <= port <= 65535:
        raise ValueError("端口应在 1 到 65535 之间")
    return f"{place[1].lower()}:{port}"


def _login(userinfo: str) -> Login | None:
    if not userinfo:
        return None
    username, _, password = userinfo.partition(":")
    login = Login(unquote(username), unquote(password))
    if max(map(len, (login.username, login.password))) > 128:
        raise ValueError("用户名和口令最长 128 个字符")
    if not (login.username + login.password).isprintable():
        raise ValueError("用户名或口令里有控制字符")
    return login


def asks_with_secret(text: str) -> bool:
    """Whether what a platform is asked with holds a secret of its own.

    Form fields or JSON; a placeholder such as `{password}` is none, it is filled at each call.
    """
    return _KEY_WITH_VALUE.search(text) is not None


def redact(text: str) -> str:
    """The same text for a message or a log: what may be a login becomes `***`.

    Mistyped addresses too: whatever stands as `name:password@` before a host, with or without a
    scheme, may be one.
    """
    text = re.sub(r"://.*@", "://***@", text, flags=re.DOTALL)
    text = _SECRET.sub(r"\1***", _LOOSE_LOGIN.sub("***@", text))
    return _PARAMETER.sub(_hidden, text)


def secrets_in(url: str) -> list[str]:
    """The names of the parameters of an address that let in whoever has it."""
    names = (found[1] for found in _PARAMETER.finditer(url)) if "=" in url else ()
    return list(dict.fromkeys(name for name in names if _TICKET.fullmatch(name)))


def _hidden(found: re.Match[str]) -> str:
    return f"{found[1]}=***" if _TICKET.fullmatch(found[1]) else found[0]
