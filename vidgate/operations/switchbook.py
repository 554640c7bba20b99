"""Writes down every switch of failover, so that a channel's page can tell of it later."""

from types import TracebackType
from typing import Protocol, Self

from vidgate.aio.bus import Bus, Subscription
from vidgate.aio.report import Report
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import StorageError
from vidgate.model.event import Event
from vidgate.storage.switches import Switch


class Store(Protocol):
    """Where switches are kept; see `vidgate.storage.switches`."""

    async def add(self, switch: Switch) -> None:
        """Keep one; raises StorageError."""
        ...


class SwitchBook:
    """Listens for `stream.source`. A full disk loses rows, never pictures."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._listening = bus.subscribe(["stream.source"])
        self._report = Report()
        self._tasks = Supervisor("switchbook")

    async def __aenter__(self) -> Self:
        events = await self._listening.__aenter__()
        await self._tasks.__aenter__()
        self._tasks.keep(lambda: self._follow(events), "follow")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        await self._listening.__aexit__(kind, error, trace)

    async def _follow(self, events: Subscription) -> None:
        async for event in events:
            try:
                await self._store.add(_switch(event))
            except StorageError as error:
                self._report.warning("lost", "switch not written down", error=error.message)


def _switch(event: Event) -> Switch:
    data = event.data
    return Switch(
        channel=event.object,
        variant=str(data["variant"]),
        time=event.time,
        source=str(data["source"]),
        reason=str(data["reason"]),
    )
