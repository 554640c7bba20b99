"""Which source of a track is heard: a new SSRC has to prove itself (RFC 3550 A.1), without I/O."""

from collections import deque

MIN_SEQUENTIAL = 3  # packets in a row, in sequence, without one of the source that is heard
RETURN_AFTER = 2.0  # seconds for which who comes back must have been alone


class Probation:
    """Packets of others than the source heard, until one of them takes its place.

    Cameras that start their encoder anew begin a new SSRC, at once with a key frame: the packets on
    trial are kept, for they are its beginning. Others send two streams in one track, by turns. Who
    was heard before and comes back is one of those, unless the other falls silent; or else each
    would end the other's picture with every turn.
    """

    __slots__ = ("_alone_since", "_following", "_former", "_heard", "_held", "_ssrc", "refused")

    def __init__(self) -> None:
        self.refused = 0  # packets that were never heard
        self._former: int | None = None
        self._ssrc: int | None = None  # on trial
        self._following = 0
        self._heard = 0
        self._alone_since = 0.0
        self._held: deque[bytes] = deque(maxlen=MIN_SEQUENTIAL)

    def take(self, data: bytes, sequence: int, ssrc: int, heard: int, now: float) -> list[bytes]:
        """A packet of another source than the one heard, of which `heard` packets have come.

        Returns what that source has sent when it is to be heard from now on, else nothing.
        """
        if ssrc != self._ssrc or heard != self._heard:
            self._restart(now)
        elif sequence != self._following:
            self._drop()  # of this source alone still
        self._ssrc, self._heard = ssrc, heard
        self._following = (sequence + 1) & 0xFFFF
        self.refused += len(self._held) == MIN_SEQUENTIAL
        self._held.append(data)
        wait = RETURN_AFTER if ssrc == self._former else 0.0
        if len(self._held) < MIN_SEQUENTIAL or now - self._alone_since < wait:
            return []
        taken = list(self._held)
        self._held.clear()
        self._ssrc = None
        return taken

    def displaced(self, ssrc: int) -> None:
        """Another has taken the place of this source."""
        self._former = ssrc

    def _restart(self, now: float) -> None:
        self._drop()
        self._alone_since = now

    def _drop(self) -> None:
        self.refused += len(self._held)
        self._held.clear()
