"""What failures are put down to beyond what looks told: a person's excuse, a fault of many."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from vidgate.model.maintenance import Window
from vidgate.model.standing import Circumstances, Membership


class Excuses(Protocol):
    """What is read of maintenance; `revision` is another one once that is about to change."""

    @property
    def revision(self) -> int: ...

    async def left_out(
        self, ids: Collection[str], start: int, end: int
    ) -> Mapping[str, Circumstances]:
        """When failures of channels count for nothing in [start, end) (ms). Raises StorageError."""
        ...

    def recorded(self) -> Sequence[Window]:
        """All windows, with the past ones, in no order."""
        ...


class Incidents(Protocol):
    """What is read of incidents; see `storage.incidents`."""

    async def memberships(
        self, ids: Collection[str], start: int, end: int
    ) -> Mapping[str, Sequence[Membership]]:
        """When channels failed together with others. Raises StorageError."""
        ...


class Attribution:
    """Asks both."""

    def __init__(self, excuses: Excuses, incidents: Incidents) -> None:
        self._excuses = excuses
        self._incidents = incidents

    @property
    def revision(self) -> int:
        """Another one once what is excused is about to change.

        Incidents need none: days are rolled up when no cause is found any more for what failed.
        """
        return self._excuses.revision

    def recorded(self) -> Sequence[Window]:
        """Of maintenance and excuses, with those that are over, in no order."""
        return self._excuses.recorded()

    async def of(self, ids: Collection[str], start: int, end: int) -> dict[str, Circumstances]:
        """What is known of channels' failures inside the window (ms). Raises StorageError."""
        left_out = await self._excuses.left_out(ids, start, end)
        shared = await self._incidents.memberships(ids, start, end)
        return {id_: left_out[id_]._replace(shared=shared.get(id_, ())) for id_ in ids}
