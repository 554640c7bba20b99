"""Trying a channel or a credential: which way is gone, with which login, and what the camera says.

A trial shows the rule and the address without anything secret. With a wrong password cameras lock
their accounts, so a credential is tried once at each host, and at a few hosts only.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vidgate.errors import NotFoundError
from vidgate.health.prober import Prober
from vidgate.model.channel import Channel
from vidgate.model.health import Level, ProbeResult
from vidgate.model.media import Variant
from vidgate.operations.sources import Cameras
from vidgate.registry.access import Access, host_of
from vidgate.registry.addresses import redact
from vidgate.registry.edits import Credential
from vidgate.registry.routes import Route
from vidgate.rtsp.address import RtspAddress

HOSTS = 8  # at which one credential is tried


class Register(Protocol):
    """Who knows the channels and how they are reached."""

    @property
    def access(self) -> Access:
        """How channels are reached."""
        ...

    @property
    def credentials(self) -> Mapping[str, Credential]:
        """All credentials by name."""
        ...

    def get(self, id_: str) -> Channel:
        """The channel of an id; raises NotFoundError."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """One try. `way` and `form` say which rule made the address, `url` is it without a login.

    `url` of a platform that is asked is whom we ask: what it answers is nobody's to keep.
    `credential` is the one used, `is_named` whether the channel names it (else it fits a pattern,
    or was asked for).
    """

    channel: str
    variant: Variant
    way: str
    form: str
    url: str
    credential: str
    is_named: bool
    result: ProbeResult


class Trials:
    """`await trials.channel(id)`, `await trials.credential(name)`."""

    def __init__(self, register: Register, cameras: Cameras, prober: Prober) -> None:
        self._register = register
        self._cameras = cameras
        self._prober = prober

    async def channel(
        self, id_: str, *, variant: Variant = Variant.MAIN, credential: str = ""
    ) -> Trial:
        """DESCRIBE one stream of a channel, with its own login or that of a named credential.

        Raises NotFoundError for an unknown channel or credential.
        """
        channel = self._register.get(id_)
        route = self._register.access.route(channel, variant)
        if credential:
            login = self._credential(credential).login
            route = replace(route, login=login, credential=credential) if route else None
        return await self._try(channel, variant, route)

    async def credential(self, name: str) -> list[Trial]:
        """Try a credential at the channels that use it: one of each host, a few hosts."""
        self._credential(name)
        users = _one_of_each_host(self._register.access.users(name))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.channel(channel.id)) for channel in users]
        return [task.result() for task in tasks]

    def _credential(self, name: str) -> Credential:
        found = self._register.credentials.get(name)
        if found is None:
            raise NotFoundError(f"没有凭据 {name[:64]} / no such credential")
        return found

    async def _try(self, channel: Channel, variant: Variant, route: Route | None) -> Trial:
        async def address_of(channel: Channel) -> RtspAddress:
            # A person asks, and the try is counted like any other.
            self._cameras.reopen(channel, route)
            return await self._cameras.follow(channel, route, variant)

        result = await self._prober.probe_at(channel, Level.DESCRIBE, address_of)
        asked = route.question.endpoint if route and route.question else ""
        return Trial(
            channel=channel.id,
            variant=variant,
            way=route.way.value if route else "",
            form=route.form if route else "",
            url=redact(route.url or asked) if route else "",
            credential=route.credential if route else "",
            is_named=bool(route and route.credential and route.credential == channel.credential),
            result=result,
        )


def _one_of_each_host(channels: Sequence[Channel]) -> list[Channel]:
    chosen: dict[str, Channel] = {}
    for channel in channels:
        if channel.enabled:
            chosen.setdefault(host_of(channel) or channel.platform or channel.id, channel)
    return list(chosen.values())[:HOSTS]
