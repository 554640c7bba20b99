"""What viewers saw, as the players in their browsers measured it."""

from collections.abc import Sequence
from dataclasses import dataclass

from vidgate.model.media import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """What the tiles of one page saw of one kind of stream since the page last told.

    Times in seconds. `first_frames`: from the wish to the picture; `buffers`: how long pictures
    waited in a tile's jitter buffer, on average. A stall is a tile that lost its live picture, for
    whatever reason; a freeze is a shorter pause between two pictures, as browsers count it
    (W3C webrtc-stats, `freezeCount`).
    """

    variant: Variant
    first_frames: Sequence[float] = ()
    buffers: Sequence[float] = ()
    playing: float = 0.0
    stalls: int = 0
    stalled: float = 0.0
    freezes: int = 0
    frozen: float = 0.0
    decoded: int = 0
    dropped: int = 0
    received: int = 0
    lost: int = 0
