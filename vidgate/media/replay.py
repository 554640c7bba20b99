"""Recordings in a hub: names of their own, so that none is taken for what is live."""

import secrets
from dataclasses import dataclass

from vidgate.model.media import StreamKey, Variant
from vidgate.wire.clock import ClockRange


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayKey(StreamKey):
    """A stretch of a channel's recording; each viewing has its own `token` and its own pull."""

    moments: ClockRange
    token: str

    @classmethod
    def of(cls, channel: str, variant: Variant, moments: ClockRange) -> "ReplayKey":
        """Another replay than any before."""
        return cls(channel, variant, moments=moments, token=secrets.token_hex(8))
