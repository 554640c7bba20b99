"""Who a simulated camera lets in: Basic (RFC 7617), Digest (RFC 7616), or everybody."""

import hmac
from base64 import b64decode
from enum import Enum

from vidgate.model.channel import Login
from vidgate.simulator.manner import Auth, Manner, Nonce
from vidgate.wire.digest import DigestServer

_ALGORITHMS = {
    Auth.MD5: ("MD5",),
    Auth.SHA256: ("SHA-256",),
    Auth.BOTH: ("SHA-256", "MD5"),  # some devices offer both and take the last alone
}


class Entry(Enum):
    """What comes of a request's Authorization."""

    OPEN = "open"
    ASKED = "asked"  # none was given
    STALE = "stale"
    WRONG = "wrong"


class Gate:
    """The challenges given on one connection for one account."""

    def __init__(self, realm: str, login: Login, auth: Auth) -> None:
        self.auth = auth
        self._realm = realm
        self._login = login
        self._digests = [
            DigestServer(realm, algorithm, login.username, login.password)
            for algorithm in _ALGORITHMS.get(auth, ())
        ]
        self._is_spent = False  # the nonce has let one request in

    def check(self, method: str, uri: str, authorization: str, manner: Manner) -> Entry:
        """Whether a request may pass."""
        if self.auth is Auth.NONE and not manner.refuses_password:
            return Entry.OPEN
        if not authorization:
            return Entry.ASKED
        if manner.nonce is Nonce.NEVER:
            return Entry.STALE
        if manner.refuses_password or not self._knows(method, uri, authorization):
            return Entry.WRONG
        if manner.nonce is Nonce.ONCE and self._is_spent and self._digests:
            self._is_spent = False
            return Entry.STALE
        self._is_spent = True
        return Entry.OPEN

    def challenges(self, *, is_stale: bool = False) -> list[tuple[str, str]]:
        """The WWW-Authenticate headers of a 401."""
        if self.auth is Auth.BASIC:
            return [("WWW-Authenticate", f'Basic realm="{self._realm}"')]
        self._is_spent = False
        stale = ", stale=true" if is_stale else ""
        return [("WWW-Authenticate", digest.challenge() + stale) for digest in self._digests]

    def _knows(self, method: str, uri: str, authorization: str) -> bool:
        if self.auth is Auth.BASIC:
            return is_basic_login(self._login, authorization)
        return bool(self._digests) and self._digests[-1].check(method, uri, authorization)


def is_basic_login(login: Login, authorization: str) -> bool:
    """Whether an Authorization value is that login in Basic."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = b64decode(value, validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(given, f"{login.username}:{login.password}".encode())
