"""One continuous time for a stream, whatever its source does at each reconnect."""

from dataclasses import dataclass

from vidgate.model.media import Frame

MAX_STEP = 10.0  # seconds between two frames beyond which the camera's clock has jumped
# The same backwards. Pictures are sent in the order of decoding, so that each may be shown before
# the one sent before it: by a few pictures, which is less than this.
MAX_BACK = 0.5


@dataclass(slots=True)
class _Position:
    timestamp: int = 0  # last one given out
    received: float = 0.0
    offset: int | None = None  # added to the source's timestamps


class Timeline:
    """Maps the timestamps of each run of a source onto one that never jumps.

    A new run, or a jump of the camera's clock, goes on after the last frame by the time that has
    really passed.
    """

    def __init__(self) -> None:
        self._positions: dict[int, _Position] = {}

    def restart(self) -> None:
        """A new run of the source begins."""
        for position in self._positions.values():
            position.offset = None

    def place(self, frame: Frame, clock_rate: int) -> Frame:
        """Move the frame's timestamp to the stream's own time; gives the same frame."""
        position = self._positions.get(frame.track)
        if position is None:
            position = self._positions[frame.track] = _Position()
        if position.offset is not None:
            step = frame.timestamp + position.offset - position.timestamp
            if not -MAX_BACK * clock_rate <= step <= MAX_STEP * clock_rate:
                position.offset = None
        if position.offset is None:
            passed = frame.received - position.received if position.received else 0.0
            position.offset = position.timestamp + int(passed * clock_rate) - frame.timestamp
        frame.timestamp += position.offset
        position.timestamp = frame.timestamp
        position.received = frame.received
        return frame
