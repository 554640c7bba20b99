"""Channels that left the register before they were accepted.

They may come back as they were. To come back accepted is the very step for which somebody else is
asked, so it takes the same permission (docs/adr/0002); undoing and importing do too.
"""

from collections.abc import Mapping

from vidgate.model.channel import Channel, Lifecycle
from vidgate.registry.edits import Departed, Edit, Pair, key


class Departures:
    """Finds what a new channel was before, by its id or its code."""

    def __init__(self, known: Mapping[str, Departed]) -> None:
        self._known = known
        self._codes = {one.gb_code: one for one in known.values() if one.gb_code}

    def former(self, channel: Channel) -> Departed | None:
        """The channel that left, None where it was never here or was accepted at the end."""
        return self._known.get(key(channel.id)) or self._codes.get(channel.gb_code)


def leave(known: Mapping[str, Departed], edit: Edit) -> list[Pair[Departed]]:
    """What an edit does to the list: who leaves is entered, who is back or accepted is struck."""
    after = dict(known)
    codes = {one.gb_code: name for name, one in known.items() if one.gb_code}
    for pair in edit.channels:
        if pair.after is None and pair.before is not None:
            _enter(after, pair.before)
        elif pair.after is not None and known:
            after.pop(key(pair.after.id), None)
            if pair.after.lifecycle is Lifecycle.ACCEPTED and pair.after.gb_code in codes:
                after.pop(codes[pair.after.gb_code], None)
    if after == known:
        return []
    names = known.keys() | after.keys()
    pairs = [Pair(known.get(name), after.get(name)) for name in names]
    return [pair for pair in pairs if pair.before != pair.after]


def _enter(after: dict[str, Departed], channel: Channel) -> None:
    name = key(channel.id)
    if channel.lifecycle is Lifecycle.ACCEPTED:
        after.pop(name, None)
    else:
        after[name] = Departed(name, channel.lifecycle, channel.gb_code)
