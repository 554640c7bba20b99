"""In which order many channels are looked at: what takes long begins first.

A platform's sessions are few. Whoever begins last decides when a sweep ends, so that should be the
cameras that have always been quick; a camera that is not well takes its whole time, and one that
nobody has looked at may do so too.
"""

from collections.abc import Callable, Iterable
from math import inf

from vidgate.model.channel import Channel
from vidgate.model.health import Health, State

WELL = frozenset({State.UP, State.DEGRADED})


def longest_first(channels: Iterable[Channel], known: Callable[[str], Health]) -> list[Channel]:
    """The same channels, by how long a look for a picture may take, as far as is known."""
    return sorted(channels, key=lambda channel: _longest(known(channel.id)), reverse=True)


def _longest(health: Health) -> float:
    """Seconds to wait for a key frame; infinite where that is not to be said."""
    measured = health.measured
    if health.state not in WELL or measured is None or measured.key_wait is None:
        return inf
    return max(measured.key_wait, measured.key_interval or 0.0)
