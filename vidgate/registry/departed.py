"""Channels that left the register before they were accepted.

They may come back as they were. To come back accepted is the very step for which somebody else is
asked, so it takes the same permission (docs/adr/0002); undoing and importing do too. A channel is
known again by its id, its code, or the camera input that it names.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import cached_property

from vidgate.model.channel import Channel, Lifecycle
from vidgate.registry.edits import Departed, Edit, Pair, key
from vidgate.registry.inputs import Inputs
from vidgate.storage.database import CHUNK


class Departures:
    """Finds what a new channel was before, by its id, its code or its camera."""

    def __init__(self, known: Mapping[str, Departed]) -> None:
        self._known = known

    @cached_property
    def _marked(self) -> Mapping[tuple[str, str], Departed]:
        """By code and input; made when somebody asks, for most edits do not."""
        return {mark: one for one in self._known.values() for mark in _marks(one)}

    def former(self, channel: Channel, inputs: Inputs) -> Departed | None:
        """The channel that left, None where it was never here or was accepted at the end."""
        return next(self.all_of(channel, inputs), None)

    def all_of(self, channel: Channel, inputs: Inputs) -> Iterator[Departed]:
        """All that left and that the channel may be."""
        if not self._known:
            return
        if (name := key(channel.id)) in self._known:
            yield self._known[name]
        for mark in _marks(_departed(channel, inputs)):
            if mark in self._marked:
                yield self._marked[mark]


async def leave(known: Mapping[str, Departed], edit: Edit, inputs: Inputs) -> list[Pair[Departed]]:
    """What an edit does to the list, giving way to the loop.

    Who leaves is entered, who is back or accepted is struck.
    """
    departures = Departures(known)
    now: dict[str, Departed | None] = {}  # what the edit says of whom, by key
    for number, pair in enumerate(edit.channels):
        if number % CHUNK == 0:
            await asyncio.sleep(0)
        if pair.after is None and pair.before is not None:
            now[key(pair.before.id)] = _entry(pair.before, inputs)
        elif pair.after is not None and known:
            now[key(pair.after.id)] = None
            if _is_acceptance(pair):
                now |= {one.key: None for one in departures.all_of(pair.after, inputs)}
    pairs = (Pair(known.get(name), one) for name, one in now.items())
    return [pair for pair in pairs if pair.before != pair.after]


def _is_acceptance(pair: Pair[Channel]) -> bool:
    """Whether an edit makes a channel an accepted one; an edit of one that is says nothing."""
    was = pair.before is not None and pair.before.is_accepted
    return pair.after is not None and pair.after.is_accepted and not was


def _entry(channel: Channel, inputs: Inputs) -> Departed | None:
    """What is remembered of a channel that leaves; nothing of one that was accepted."""
    return None if channel.lifecycle is Lifecycle.ACCEPTED else _departed(channel, inputs)


def _departed(channel: Channel, inputs: Inputs) -> Departed:
    found = tuple(inputs.of(channel))
    return Departed(key(channel.id), channel.lifecycle, channel.gb_code, found)


def _marks(one: Departed) -> Iterator[tuple[str, str]]:
    if one.gb_code:
        yield "gb_code", one.gb_code
    yield from one.inputs
