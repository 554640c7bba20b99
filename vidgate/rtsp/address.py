"""Where a stream is and how it may be reached."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from vidgate.model.channel import Login, Transport
from vidgate.rtsp.choice import Choice
from vidgate.wire.allowance import Allowance


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
