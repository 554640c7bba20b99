"""A camera as a source of the hub: one pull, from connecting until it fails or is cancelled."""

from dataclasses import dataclass, replace

from vidgate.aio.clock import Clock, SystemClock
from vidgate.errors import NoReplayError, SilentTransportError, UnsupportedError
from vidgate.media.source import Publisher
from vidgate.model.media import Codec, Frame, Track
from vidgate.rtp import h264
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import Headers, RtspClient
from vidgate.rtsp.player import Admit, Player, at_once
from vidgate.rtsp.session import ONVIF_REPLAY
from vidgate.rtsp.tracks import choose
from vidgate.wire.clock import ClockRange
from vidgate.wire.message import Message

__all__ = ["RtspAddress", "RtspSource", "SourceStats"]


@dataclass(slots=True)
class SourceStats:
    """Counters of one run."""

    packets: int = 0
    bytes: int = 0
    lost: int = 0
    damaged: int = 0
    ignored: int = 0
    skipped: int = 0  # bytes between RTSP messages and frames that were neither
    other_tracks: int = 0  # media that we cannot take


class RtspSource:
    """Pulls H.264 or H.265, and G.711 or AAC, from one address; see `media.source.Source`.

    Tracks are told with the first frame or when PLAY has succeeded, whichever is later to be known:
    a camera that is busy must not look described, and a track whose description lacks its
    parameter sets is told when its first key frame has brought them. `admit` is awaited before
    SETUP.

    With `replay` a recording is played at its own speed (ONVIF Streaming Specification 6). A device
    that lets the request pass and plays what is live raises NoReplayError.
    """

    def __init__(
        self,
        address: RtspAddress,
        clock: Clock | None = None,
        admit: Admit = at_once,
        replay: ClockRange | None = None,
    ) -> None:
        self.address = address
        self._admit = admit
        self._replay = replay
        self._is_answered = False
        self._is_live = False  # a replay was asked for, and what comes is no recording
        self._is_proved = replay is None
        self._clock = clock or SystemClock()
        self._client: RtspClient | None = None
        self._player: Player | None = None
        self._publisher: Publisher | None = None
        self._tracks: list[Track] = []
        self._is_started = False
        self._other_tracks = 0

    async def run(self, publisher: Publisher) -> None:
        """Connect and publish until cancelled; raises a RemoteError when the camera fails."""
        try:
            await self._pull(publisher)
        except SilentTransportError:
            await self._pull(publisher)  # by the other transport, at once

    async def _pull(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._is_started = False
        try:
            async with RtspClient.connect(self.address, self._clock) as client:
                self._client = client
                async with Player.open(
                    client, self._clock, self._frame, publisher.received, publisher.missed
                ) as player:
                    await self._play(client, player)
                    await player.watch(lambda: self._is_live)
                    raise NoReplayError(
                        "设备答应回放, 送来的却是实况 / "
                        "the device agrees to a replay and plays what is live"
                    )
        finally:
            self._client = self._player = self._publisher = None

    async def _play(self, client: RtspClient, player: Player) -> None:
        client.session.requires = "" if self._replay is None else ONVIF_REPLAY
        offers, others = choose(await client.describe())
        self._other_tracks = len(others)
        if not offers:
            raise UnsupportedError(
                "没有支持的编码, 摄像机提供 / nothing that we can take; the camera offers",
                said=", ".join(others),
            )
        await self._admit()
        await player.setup(offers)
        self._tracks = [offer.track(number) for number, offer in enumerate(player.offers)]
        self._player = player
        if self._replay is None:
            await player.play()
        else:
            self._played(await player.play(_replaying(self._replay)))
        if not self._is_started and self._is_proved and self._is_known():
            self._start()

    def _played(self, reply: Message) -> None:
        """A Range of absolute times is a recording; any other must be proved by the frames."""
        self._is_answered = True
        self._is_proved |= ClockRange.parse(reply.headers.get("Range")) is not None

    def request_key_frame(self) -> None:
        """Ask the camera for a key frame, where it says that it understands."""
        if self._player is not None:
            self._player.request_key_frame()

    @property
    def stats(self) -> SourceStats:
        """Counters of the run under way; zeros between runs."""
        stats = SourceStats(other_tracks=self._other_tracks)
        if self._player is None or self._client is None:
            return stats
        for receiver in self._player.receivers:
            stats.packets += receiver.packets
            stats.bytes += receiver.bytes
            stats.lost += receiver.lost
            stats.damaged += receiver.damaged
            stats.ignored += receiver.ignored
        stats.ignored += self._client.unknown_frames
        stats.skipped = self._client.session.parser.skipped
        return stats

    def _is_known(self) -> bool:
        return all(track.parameter_sets or not track.is_video for track in self._tracks)

    def _frame(self, frame: Frame) -> None:
        publisher = self._publisher
        if publisher is None or not (self._is_proved or self._is_recording(frame)):
            return
        if not self._is_started and not self._begin(frame):
            return
        publisher.frame(frame)

    def _is_recording(self, frame: Frame) -> bool:
        """Whether the first picture of a replay says when it was recorded.

        One that overtakes the reply to PLAY is left out where it does not, and what refers to it.
        """
        if self._tracks[frame.track].is_video:
            self._is_proved = frame.recorded is not None
            self._is_live = self._is_answered and not self._is_proved
            if self._is_live and self._client is not None:
                self._client.interrupt()
            if not self._is_proved and self._player is not None:
                self._player.receivers[frame.track].wait_for_key()
        return self._is_proved

    def _begin(self, frame: Frame) -> bool:
        """Start with this frame, if it can be started with; whether it was."""
        if not self._is_known():
            if not frame.key or not self._tracks[frame.track].is_video:
                return False
            self._learn(frame)
        self._start()
        return True

    def _learn(self, frame: Frame) -> None:
        assert self._player is not None
        track = self._tracks[frame.track]
        sets = self._player.receivers[frame.track].sets.units
        profile = next(
            (unit[1:4].hex() for unit in sets if unit[0] & 31 == h264.SPS and len(unit) > 3), ""
        )
        self._tracks[frame.track] = replace(
            track,
            parameter_sets=sets,
            profile=profile if track.codec is Codec.H264 else "",
        )

    def _start(self) -> None:
        assert self._publisher is not None
        self._is_started = True
        self._publisher.start(self._tracks)


def _replaying(moments: ClockRange) -> Headers:
    """What PLAY says of a recording: at its own speed, and whatever was asked before is over.

    With `Rate-Control: no` the device would send as fast as the line carries, and we would have to
    keep the pictures until their time comes: good for an export or for scrubbing, which we have
    not. Who watches as it happened gains nothing. Yes is the default; it is said all the same.
    """
    return ("Range", str(moments)), ("Rate-Control", "yes"), ("Immediate", "yes")
