"""One simulated camera: its true condition, what was asked of it, and its running streams."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from vidgate.model.channel import Login
from vidgate.model.media import Variant
from vidgate.rtp.rtcp import Sdes, SenderReport, ntp_from_unix
from vidgate.simulator.faults import (
    DESCRIBED,
    FAULTS,
    SHOWN,
    Fault,
    Trouble,
    Verdict,
    combined,
    decisive,
)
from vidgate.simulator.footage import Footage, Motion
from vidgate.simulator.framing import EMPTY, Block, Burst
from vidgate.simulator.manner import Auth, Link, Manner, Media, Sound
from vidgate.simulator.pictures import FPS
from vidgate.simulator.sound import FORMATS, Tone, g711_tone
from vidgate.simulator.ticker import Timer
from vidgate.simulator.usage import Usage

VIDEO_STEP = 90_000 // FPS
REPORT_EVERY = 5 * FPS  # pictures between two sender reports
DOWN = FAULTS["down"]

FindTone = Callable[["Camera"], Tone | None]


@dataclass(slots=True)
class Counts:
    """What was asked of a camera. A DESCRIBE that only fetched the challenge is no `describes`."""

    connections: int = 0  # that asked anything of it
    describes: int = 0
    setups: int = 0
    plays: int = 0
    teardowns: int = 0
    challenges: int = 0
    unauthorized: int = 0  # wrong credentials, not missing ones
    refused: int = 0  # 453
    dropped: int = 0  # sessions that ended without TEARDOWN


class Player(Protocol):
    """Who gets a stream's packets."""

    @property
    def wants_sound(self) -> bool:
        """Whether the sound track was set up."""
        ...

    def deliver(self, video: Burst, sound: Burst | None) -> None:
        """Send the packets of one instant; drops them when the peer is slow."""
        ...

    def report(self, video: bytes, sound: bytes) -> None:
        """Send sender reports (compound RTCP)."""
        ...

    def cut(self) -> None:
        """The camera failed: break the connection."""
        ...

    def freeze(self) -> None:
        """The camera is gone without a word: no more bytes, no end."""
        ...


class Line(Protocol):
    """A client's connection."""

    def reset(self) -> None:
        """Break it."""
        ...


@dataclass(slots=True, eq=False)
class Camera:
    """One row of the register as a thing that answers; `own` is its manner without any fault."""

    id: str
    number: int
    host: str
    platform: str
    login: Login | None
    codec: str
    usage: Usage
    place: Usage  # of the host, shared with its other cameras
    own: Manner = field(default_factory=Manner)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    is_away: bool = False  # while it flaps
    frozen_at: int = 0  # the counter on a picture that stands still
    counts: Counts = field(default_factory=Counts)
    streams: dict[Variant, "LiveStream"] = field(default_factory=dict)
    players: set[Player] = field(default_factory=set)
    frozen: set[Line] = field(default_factory=set)  # connections that it has left half open
    manner: Manner = field(init=False)

    def __post_init__(self) -> None:
        self.manner = self.own

    @property
    def fault(self) -> Fault | None:
        """What decides how it is found; None for a healthy camera."""
        return DOWN if self.is_away else decisive(self.troubles.values())

    @property
    def auth(self) -> Auth:
        """Which login it asks for."""
        return Auth.NONE if self.login is None else self.manner.auth

    @property
    def is_full(self) -> bool:
        """Whether it, or its host, allows no further session."""
        cap = self.manner.sessions or self.usage.cap
        return 0 < cap <= self.usage.sessions or self.place.is_full

    def set_fault(self, trouble: Trouble, index: int = 0) -> None:
        """Break it at picture `index`, besides what is wrong already."""
        self.troubles[trouble.fault.name] = trouble
        self.frozen_at = index
        self._behave()

    def mend(self, trouble: Trouble | None = None) -> None:
        """Mend one thing, if it is still that, or all."""
        if trouble is None:
            self.troubles.clear()
        elif self.troubles.get(trouble.fault.name) == trouble:
            del self.troubles[trouble.fault.name]
        self._behave()

    def set_away(self, is_away: bool) -> None:
        """It flaps: gone, or there again."""
        self.is_away = is_away
        self._behave()

    def _behave(self) -> None:
        away = [Trouble(DOWN)] if self.is_away else []
        self.manner = combined(self.own, [*self.troubles.values(), *away])
        for player in list(self.players):
            if self.manner.cuts:
                player.cut()
            elif self.manner.link is Link.HALF_OPEN:
                player.freeze()
        if self.manner.link is not Link.HALF_OPEN:
            for line in list(self.frozen):
                line.reset()

    def codec_of(self, variant: Variant) -> str:
        """The codec of its main or sub stream."""
        return self.codec if variant is Variant.MAIN else "h264"

    def as_json(self) -> dict[str, object]:
        """Its part of `GET /truth`."""
        fault = self.fault
        return {
            "number": self.number,
            "host": self.host,
            "platform": self.platform,
            "codec": self.codec,
            "condition": "up" if fault is None else fault.condition or fault.name,
            "fault": fault.name if fault else None,
            "faults": [trouble.text for trouble in self.troubles.values()],
            "auth": self.auth.value,
            "sound": self.manner.sound.value,
            "expect": {level: verdict.state.label for level, verdict in _verdicts(fault)},
            "reasons": {level: verdict.reason.value for level, verdict in _verdicts(fault)},
            "sessions": self.usage.sessions,
            "max_sessions": self.usage.max_sessions,
            **{name: getattr(self.counts, name) for name in Counts.__slots__},
        }


def _verdicts(fault: Fault | None) -> tuple[tuple[str, Verdict], tuple[str, Verdict]]:
    describe, media = (fault.describe, fault.media) if fault else (DESCRIBED, SHOWN)
    return ("describe", describe), ("media", media)


def _tone_of(camera: Camera) -> Tone | None:
    """A tone that needs no encoder."""
    sound = camera.manner.sound
    return g711_tone(camera.number, sound) if sound in (Sound.PCMA, Sound.PCMU) else None


class LiveStream:
    """A stream that somebody watches: made by the first player, gone with the last one.

    The counter and the timestamps follow the fleet's time, not the players: what nobody watched
    has gone on all the same. `find_tone` gives None while the tone is still being made.
    """

    def __init__(
        self,
        camera: Camera,
        footage: Footage,
        ticker: Timer,
        epoch_wall: float,
        find_tone: FindTone = _tone_of,
    ) -> None:
        self.camera = camera
        self.footage = footage
        self.players: list[Player] = []
        self._ticker = ticker
        self._epoch_wall = epoch_wall
        self._find_tone = find_tone
        self._fresh: list[Player] = []
        self._last: int | None = None  # the picture sent last
        self._is_still = False
        # Each camera's key frames come at another time; 37 and the loop's length have no divisor.
        self._phase = camera.number * 37
        self._wants_key = False
        source = random.Random(camera.id)
        self.video, self.sound = _Track(source), _Track(source)
        self._tone: Tone | None = None

    def add(self, player: Player) -> None:
        """Begin to play."""
        if not self.players:
            self._ticker.add(self, self.camera.number)
        self.players.append(player)
        self._fresh.append(player)
        self._wants_key |= self.camera.manner.begins_with_key

    def remove(self, player: Player) -> None:
        """End playing; with the last player the stream costs nothing."""
        if player not in self.players:
            return
        self.players = [other for other in self.players if other is not player]
        if player in self._fresh:
            self._fresh.remove(player)
        if not self.players:
            self._ticker.remove(self, self.camera.number)
            self._last = self._tone = None

    def force_key_frame(self) -> None:
        """The next picture is a key frame."""
        self._wants_key = True

    def show(self, footage: Footage) -> None:
        """Show something else from now on, beginning with a key frame."""
        if footage is not self.footage:
            self.footage = footage
            self._last = -2
            self._wants_key = True

    def timestamps(self) -> tuple[int, int]:
        """RTP timestamps of the picture that a new player gets first, about, and its sound."""
        return self._times(int(self._ticker.seconds * FPS) + 1)

    def tick(self, index: int) -> None:
        """Picture `index` is due: make it once, give it to all."""
        if self.camera.manner.media is Media.STALLED:
            return
        is_report_due = index % REPORT_EVERY == self.camera.number % REPORT_EVERY
        if self._fresh or is_report_due:
            self._report(index, self.players if is_report_due else self._fresh)
            self._fresh.clear()
        video, sound = self._picture(index), None
        if any(player.wants_sound for player in self.players):
            sound = self._sound(index)
        for player in self.players:
            player.deliver(video, sound if player.wants_sound else None)

    def _picture(self, index: int) -> Burst:
        footage, media = self.footage, self.camera.manner.media
        if self._wants_key:
            self._wants_key = False
            self._phase = -index
        position = (index + self._phase) % len(footage)
        is_key = footage.is_key(position)
        stamp = index * VIDEO_STEP
        if not is_key and self._last is not None and self._last != index - 1:
            return self.video.burst((), stamp)  # after a gap only a key frame helps
        # What stood still goes on with a key frame: the strip can only be stepped, not jumped.
        self._is_still = media is Media.FROZEN or (self._is_still and not is_key)
        self._last = index
        if is_key and media is Media.HEADLESS:
            return self.video.burst((), stamp)
        counter, motion = index, Motion.STEP
        if self._is_still:
            counter, motion = self.camera.frozen_at, Motion.FREEZE
        blocks = footage.blocks(position, self.camera.number, counter, motion)
        burst = self.video.burst(blocks, stamp)
        burst.is_key = is_key
        return burst

    def _sound(self, index: int) -> Burst:
        self._tone = self._tone or self._find_tone(self.camera)
        block, stamp = (EMPTY, 0) if self._tone is None else self._tone.at(index)
        return self.sound.burst((block,), stamp)

    def _times(self, index: int) -> tuple[int, int]:
        format_ = FORMATS.get(self.camera.manner.sound)
        step = format_.step if format_ else 0
        return self.video.timestamp(index * VIDEO_STEP), self.sound.timestamp(index * step)

    def _report(self, index: int, players: Iterable[Player]) -> None:
        ntp = ntp_from_unix(self._epoch_wall + self.camera.manner.skew + index / FPS)
        video, sound = (
            track.report(stamp, ntp)
            for track, stamp in zip((self.video, self.sound), self._times(index), strict=True)
        )
        for player in players:
            player.report(video, sound)


class _Track:
    """Sequence numbers, timestamps and counts of one RTP stream."""

    __slots__ = ("_first_timestamp", "_octets", "_packets", "sequence", "ssrc")

    def __init__(self, source: random.Random) -> None:
        self.ssrc = source.getrandbits(32)
        self.sequence = source.getrandbits(15)
        self._first_timestamp = source.getrandbits(32)
        self._packets = 0
        self._octets = 0

    def timestamp(self, offset: int) -> int:
        """Of so many clock units since the start; continuous however often the loop turns."""
        return (self._first_timestamp + offset) & 0xFFFFFFFF

    def burst(self, blocks: Iterable[Block], offset: int) -> Burst:
        """Stamp the packets of one instant."""
        burst = Burst(blocks, self.sequence, self.timestamp(offset), self.ssrc)
        count = len(burst.starts)
        self.sequence = (self.sequence + count) & 0xFFFF
        self._packets += count
        self._octets += burst.octets
        return burst

    def report(self, timestamp: int, ntp: int) -> bytes:
        """A sender report with the source's name."""
        report = SenderReport(
            self.ssrc,
            ntp,
            timestamp,
            self._packets & 0xFFFFFFFF,
            self._octets & 0xFFFFFFFF,
        )
        return bytes(report) + bytes(Sdes(((self.ssrc, "vidgate-simulator"),)))
