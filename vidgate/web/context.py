"""What every handler finds under `request.app[CONTEXT]`."""

from dataclasses import dataclass, field

from aiohttp import web

from vidgate.aio.clock import Clock, SteadyClock
from vidgate.auth.attempts import Attempts
from vidgate.auth.tickets import Tickets
from vidgate.errors import NotFoundError, StorageError
from vidgate.settings.tree import Settings
from vidgate.web.console import Console
from vidgate.web.doorman import Doorman
from vidgate.web.keyring import Keyring
from vidgate.web.openapi import Description
from vidgate.web.parts import Trail, WebParts
from vidgate.web.peer import Peers
from vidgate.web.sharing import Sharing
from vidgate.web.sockets import Sockets, Viewers
from vidgate.web.tally import Tally
from vidgate.web.turns import Turns


@dataclass(slots=True, kw_only=True)
class Context:
    """The service's parts, and the web layer's own memory. `is_demo` is told to the console."""

    parts: WebParts
    settings: Settings
    clock: Clock
    steady: SteadyClock  # by which tickets age
    tickets: Tickets
    keyring: Keyring
    attempts: Attempts
    offers: Attempts  # of viewers, by user and by address
    reports: Attempts  # of what viewers saw, by session and by user
    hashing: Turns  # passwords looked at at once: 19 MiB each
    probing: Turns  # requests that probe at once
    lists: Sharing[bytes]  # of channels, in JSON
    sockets: Sockets
    viewers: Viewers
    notes: Trail
    peers: Peers
    console: Console
    description: Description
    doormen: list[Doorman]
    is_demo: bool
    tls_port: int = 0  # on which HTTPS is served; 0 where it is not
    authority: bytes = b""  # the certificate that users install, PEM
    tally: Tally = field(default_factory=Tally)

    async def sweep(self) -> None:
        """End what was opened by sessions that have ended by age, and by users that are gone."""
        for credential in self.sockets.credentials | self.viewers.credentials:
            try:
                stands = await self.keyring.stands(credential)
            except StorageError:
                continue  # a database that is busy for a while ends nobody's work
            if not stands:
                await self.revoke(credential)

    async def revoke(self, credential: str) -> None:
        """A session or token is no longer good: end what it opened, now."""
        self.keyring.forget()
        await self.sockets.revoke(credential)
        for id_ in self.viewers.of(credential):
            self.viewers.discard(id_)
            try:
                await self.parts.whep.close(id_)
            except NotFoundError:
                pass  # it ended by itself


CONTEXT = web.AppKey("context", Context)
