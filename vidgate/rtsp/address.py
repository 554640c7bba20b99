"""Where a stream is and how it may be reached."""

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from vidgate.errors import MAX_SAID
from vidgate.log import SECRET_KEYS, redact
from vidgate.model.channel import Login, Transport
from vidgate.rtsp.choice import Choice
from vidgate.wire.allowance import Allowance
from vidgate.wire.uri import Uri

SHORT = 4  # characters from which a word is seldom found in others by chance
# A piece of a path that may let in whoever has it: what has no digit and is no longer is a word.
TICKET = re.compile(r"(?=.*\d).{8,}|.{20,}", re.DOTALL)


def any_address(_: str) -> bool:
    """The check that forbids nothing."""
    return True


def nothing(*_: object) -> None:
    """What is called where nobody wants to hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspAddress:
    """One stream of one camera; timeouts in seconds.

    `url` holds no credentials. `resolve` finds the IP addresses of a host (None: one lookup by
    itself), `allowed` judges each before anything is sent to it; those very addresses are then
    connected to, and `further` hears of each connect that a look needs beyond its first.
    `udp_ports` is the inclusive range for RTP over UDP. `tls_ca` is the PEM file that rtsps://
    certificates are checked against, empty: they are not. `choice` remembers from pull to pull how
    `auto` was settled, `allowance` how often the login was refused. `turn_timeout`: how long an
    answer to a challenge waits for the verdict on others, which the camera has no part in.
    """

    url: str
    login: Login | None = field(default=None, repr=False)
    transport: Transport = Transport.AUTO
    connect_timeout: float = 5.0
    request_timeout: float = 5.0
    turn_timeout: float = 2.5
    stall_timeout: float = 10.0
    resolve: Callable[[str], Awaitable[Sequence[str]]] | None = field(default=None, repr=False)
    allowed: Callable[[str], bool] = field(default=any_address, repr=False)
    further: Callable[[], None] = field(default=nothing, repr=False)
    udp_ports: tuple[int, int] = (30000, 30999)
    tls_ca: str = ""
    choice: Choice = field(default_factory=Choice, repr=False, compare=False)
    allowance: Allowance = field(default_factory=Allowance, repr=False, compare=False)

    @property
    def has_password_inside(self) -> bool:
        """Whether the URL itself holds the password, so that each request tries it."""
        password = self.login.password if self.login is not None else ""
        return password != "" and (password in self.url or quote(password, safe="") in self.url)

    def hide(self, said: str) -> str:
        """What the camera said, cut, with `***` for all that we had told it in confidence.

        Some repeat in an answer what stood in the request, and errors are read by people who may
        watch the channel and not know its login. No further than is shown is read, and nothing
        compiled: thousands of cameras may fail at once, and each may say 64 KiB.
        """
        told = {word for word in self._confidences() if word}
        words = sorted(told, key=len, reverse=True)  # a password may begin with the user name
        shown, at = "", 0
        while at < len(said) and len(shown) < MAX_SAID:
            hidden = next((len(word) for word in words if _stands(word, said, at)), 0)
            shown += "***" if hidden else said[at]
            at += hidden or 1
        return redact(shown[:MAX_SAID])

    def _confidences(self) -> Iterator[str]:
        """The login in each way in which a request shows it, and what in the path may be secret."""
        if self.login is not None:
            name, password = self.login.username, self.login.password
            for word in (name if len(name) >= SHORT else "", password):
                yield from (word, quote(word, safe=""))
            yield b64encode(f"{name}:{password}".encode()).decode().rstrip("=")
        for secret in _secrets(Uri.parse(self.url).path):
            yield from (secret, unquote(secret))


def _secrets(path: str) -> Iterator[str]:
    """What in path and query may let in whoever has it; no names of parameters."""
    path, _, query = path.partition("?")
    for piece in (*re.split("[/&;]", path), *re.split("[&;]", query)):
        name, equals, value = piece.partition("=")
        if not equals and TICKET.fullmatch(unquote(piece)):
            yield piece
        if len(value) >= SHORT or SECRET_KEYS.search(name):
            yield value


def _stands(word: str, said: str, at: int) -> bool:
    """Whether it stands there, a short one by itself: a hole in another word would tell it."""
    end = at + len(word)
    if said[at:end].lower() != word.lower():
        return False
    beside = said[max(at - 1, 0) : at] + said[end : end + 1]
    return len(word) >= SHORT or not any(c.isalnum() for c in beside)
