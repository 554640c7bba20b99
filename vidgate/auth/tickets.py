"""Stream tickets: a signed leave to watch one stream, good for sixty seconds.

`vgt_` + base64url(JSON) + `.` + base64url(HMAC-SHA-256). Nothing is stored: the key is the
process's own, so a restart ends all tickets. A ticket names the session or token that asked for
it and neither name nor role: it is worth what that is worth when the ticket is shown.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from vidgate.errors import NotAuthenticatedError

PREFIX = "vgt_"
LIFETIME = 60.0
MAX_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Ticket:
    """For which stream, and by whose credential (`Caller.credential`)."""

    issuer: str
    stream: str


class Tickets:
    """Issues and reads tickets; `now` is seconds of one clock that does not jump."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def issue(self, ticket: Ticket, now: float) -> str:
        """The ticket in writing, good for `LIFETIME`."""
        body = [ticket.issuer, ticket.stream, round(now + LIFETIME, 3)]
        payload = _encode(json.dumps(body, separators=(",", ":")).encode())
        return f"{PREFIX}{payload}.{_encode(self._sign(payload))}"

    def read(self, ticket: str, now: float, *, grace: float = 0.0) -> Ticket:
        """What it says; raises NotAuthenticatedError if forged or expired.

        `grace`: seconds of lateness forgiven, for ending a session that the ticket began.
        """
        if not ticket.startswith(PREFIX) or len(ticket) > MAX_LENGTH:
            raise NotAuthenticatedError("不是票据 / not a ticket")
        payload, _, signature = ticket[len(PREFIX) :].partition(".")
        expected = _encode(self._sign(payload)).encode()
        if not hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected):
            raise NotAuthenticatedError("票据无效 / the ticket is not valid")
        issuer, stream, expires = json.loads(_decode(payload))
        if now > expires + grace:
            raise NotAuthenticatedError(
                "票据已过期 / the ticket has expired", hint="请换新票据 ask for a new one"
            )
        return Ticket(issuer, stream)

    def _sign(self, payload: str) -> bytes:
        # Bytes from outside may be what UTF-8 forbids; the comparison must fail, not raise.
        return hmac.digest(self._key, payload.encode("utf-8", "surrogatepass"), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
