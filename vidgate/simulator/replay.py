"""The virtual recording of the simulated cameras: the last hour, as it would have been filmed.

Answers the replay requests of the ONVIF Streaming Specification 6: `Range: clock=` within the hour,
at real speed, with the header extension on each picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidgate.rtp.replay import ReplayStamp
from vidgate.rtp.rtcp import Bye
from vidgate.simulator.camera import LiveStream
from vidgate.simulator.footage import Footage
from vidgate.simulator.framing import Burst, with_extension
from vidgate.simulator.pictures import FPS
from vidgate.wire.clock import ClockRange

if TYPE_CHECKING:
    from vidgate.simulator.camera import Camera, FindTone, Player
    from vidgate.simulator.ticker import Timer

FEATURE = "onvif-replay"
KEPT = 3600.0  # seconds that a camera keeps


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stretch of a recording; `epoch` is the wall-clock second of frame counter 0."""

    moments: ClockRange
    epoch: float
    cseq: int

    def index(self, moment: float) -> int:
        """The picture that was filmed then; negative before the fleet began."""
        return int((moment - self.epoch) * FPS)

    def is_kept(self, now: float) -> bool:
        """Whether the camera has it."""
        return now - KEPT <= self.moments.start < now


class Recording(LiveStream):
    """A stream for one player that shows what was filmed from `wanted` on.

    Its pictures are those of so many ticks ago: counter, tone and timestamps follow from that.
    """

    def __init__(
        self,
        camera: "Camera",
        footage: Footage,
        ticker: "Timer",
        wanted: Wanted,
        find_tone: "FindTone",
    ) -> None:
        super().__init__(camera, footage, ticker, wanted.epoch, find_tone)
        self._wanted = wanted
        self._behind = int(ticker.seconds * FPS) + 1 - wanted.index(wanted.moments.start)
        end = wanted.moments.end
        self._end = None if end is None else wanted.index(end)
        self._is_first = True
        self._is_over = False

    def add(self, player: "Player") -> None:
        """Begin with a key frame: the spec has the device begin where a decoder can."""
        super().add(player)
        self.force_key_frame()

    def timestamps(self) -> tuple[int, int]:
        """See `LiveStream`."""
        return self._times(int(self._ticker.seconds * FPS) + 1 - self._behind)

    def tick(self, index: int) -> None:
        """Show the picture of then; after the last one say goodbye."""
        index -= self._behind
        if self._end is None or index <= self._end:
            super().tick(index)
        elif not self._is_over:
            self._is_over = True
            self._bid_farewell(self.players)

    def _picture(self, index: int) -> Burst:
        burst = super()._picture(index)
        stamp = ReplayStamp(
            self._wanted.epoch + index / FPS,
            is_clean=burst.is_key,
            is_end=index == self._end,
            is_discontinuity=self._is_first,
            is_terminal=index == self._end,
            cseq=self._wanted.cseq,
        )
        self._is_first = False
        return with_extension(burst, stamp.extension())

    def _bid_farewell(self, players: "Iterable[Player]") -> None:
        video, sound = (bytes(Bye((track.ssrc,))) for track in (self.video, self.sound))
        for player in players:
            player.report(video, sound)
