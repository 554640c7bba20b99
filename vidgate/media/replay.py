"""Recordings in a hub: names of their own, so that none is taken for what is live."""

from dataclasses import dataclass
from itertools import count

from vidgate.model.media import StreamKey, Variant
from vidgate.wire.clock import ClockRange

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayKey(StreamKey):
    """A stretch of a channel's recording; each has its own number, and with it its own pull."""

    moments: ClockRange
    number: int

    @classmethod
    def of(cls, channel: str, variant: Variant, moments: ClockRange) -> "ReplayKey":
        """Another replay than any before."""
        return cls(channel, variant, moments=moments, number=next(_numbers))
