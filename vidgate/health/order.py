"""In which order many channels are looked at: what takes long begins first.

A platform's sessions are few. Whoever begins last decides when a sweep ends, so that should be the
cameras that have always been quick; a camera that is not well takes its whole time, and one that
nobody has looked at may do so too.

Where connections are paced it is not so simple: quick cameras, one after the other, use sessions up
faster than the pace lets others begin, and sessions stand idle. There only the last should be the
quick ones, and all before them well mixed.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from math import inf

from vidgate.model.channel import Channel
from vidgate.model.health import Health, State

QUICK_END = 0.2  # of a paced sweep: enough for the last look of every session to be a quick one
ROUNDS = 8  # through slow and quick cameras, before that

WELL = frozenset({State.UP, State.DEGRADED})


def longest_first(channels: Iterable[Channel], known: Callable[[str], Health]) -> list[Channel]:
    """The same channels, by how long a look for a picture may take, as far as is known."""
    return sorted(channels, key=lambda channel: _longest(known(channel.id)), reverse=True)


def well_mixed(channels: Iterable[Channel], known: Callable[[str], Health]) -> list[Channel]:
    """The same channels for a paced sweep: slow and quick ones in turn, the quickest at the end."""
    ordered = longest_first(channels, known)
    mixed = round(len(ordered) * (1 - QUICK_END))
    rounds = (ordered[:mixed][first::ROUNDS] for first in range(ROUNDS))
    return [*chain.from_iterable(rounds), *ordered[mixed:]]


def _longest(health: Health) -> float:
    """Seconds to wait for a key frame; infinite where that is not to be said."""
    measured = health.measured
    if health.state not in WELL or measured is None or measured.key_wait is None:
        return inf
    return max(measured.key_wait, measured.key_interval or 0.0)
