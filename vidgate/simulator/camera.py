"""One simulated camera: its true condition, what was asked of it, and its running streams."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import pi, sin
from typing import Protocol

from vidgate.model.channel import Login
from vidgate.model.health import State
from vidgate.model.media import Variant
from vidgate.rtp.audio import CLOCK_RATE, PCMA, alaw_encode
from vidgate.rtp.rtcp import Sdes, SenderReport, ntp_from_unix
from vidgate.simulator.coded import tone_of
from vidgate.simulator.faults import HEALTHY, MEANINGS, Fault, Meaning
from vidgate.simulator.footage import Footage, Motion
from vidgate.simulator.framing import Block, Burst, make_block
from vidgate.simulator.pictures import FPS
from vidgate.simulator.ticker import Timer

VIDEO_STEP = 90_000 // FPS
SOUND_STEP = CLOCK_RATE // FPS
TONE_PERIOD = 1000  # samples; every tone is a multiple of 8 Hz
REPORT_EVERY = 5 * FPS  # pictures between two sender reports


@dataclass(slots=True)
class Counts:
    """What was asked of a camera. A DESCRIBE that only fetched the challenge is no `describes`."""

    describes: int = 0
    setups: int = 0
    plays: int = 0
    teardowns: int = 0
    challenges: int = 0
    unauthorized: int = 0  # wrong credentials, not missing ones
    refused: int = 0  # 453
    dropped: int = 0  # sessions that ended without TEARDOWN


@dataclass(slots=True)
class Usage:
    """Sessions now and at most, of a camera or of a whole host; `cap` 0 is no limit."""

    cap: int = 0
    sessions: int = 0
    max_sessions: int = 0

    @property
    def is_full(self) -> bool:
        """Whether one more session is too much."""
        return 0 < self.cap <= self.sessions

    def take(self) -> None:
        """One more session."""
        self.sessions += 1
        self.max_sessions = max(self.max_sessions, self.sessions)

    def give_back(self) -> None:
        """One session ended."""
        self.sessions -= 1


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


@dataclass(slots=True, eq=False)
class Camera:
    """One row of the register as a thing that answers."""

    id: str
    number: int
    host: str
    platform: str
    login: Login | None
    codec: str
    usage: Usage
    place: Usage  # of the host, shared with its other cameras
    delay: float = 0.0  # seconds added to each answer
    fault: Fault | None = None
    frozen_at: int = 0  # the counter on a picture that stands still
    counts: Counts = field(default_factory=Counts)
    streams: dict[Variant, "LiveStream"] = field(default_factory=dict)
    players: set[Player] = field(default_factory=set)

    @property
    def meaning(self) -> Meaning:
        """What its present condition looks like."""
        return HEALTHY if self.fault is None else MEANINGS[self.fault]

    def set_fault(self, fault: Fault | None, index: int = 0) -> None:
        """Break or mend it at picture `index`; a fault that cuts ends what is running."""
        self.fault = fault
        self.frozen_at = index
        if self.meaning.cuts:
            for player in list(self.players):
                player.cut()

    def codec_of(self, variant: Variant) -> str:
        """The codec of its main or sub stream."""
        return self.codec if variant is Variant.MAIN else "h264"

    def as_json(self) -> dict[str, object]:
        """Its part of `GET /truth`."""
        counts = self.counts
        return {
            "number": self.number,
            "host": self.host,
            "platform": self.platform,
            "codec": self.codec,
            "condition": self.meaning.condition,
            "fault": self.fault.value if self.fault else None,
            "expect": _expect(self.meaning),
            "sessions": self.usage.sessions,
            "max_sessions": self.usage.max_sessions,
            "describes": counts.describes,
            "setups": counts.setups,
            "plays": counts.plays,
            "teardowns": counts.teardowns,
            "challenges": counts.challenges,
            "unauthorized": counts.unauthorized,
            "refused": counts.refused,
            "dropped": counts.dropped,
        }


@lru_cache
def _expect(meaning: Meaning) -> dict[str, str]:
    states: dict[str, State] = {"describe": meaning.describe, "media": meaning.media}
    return {level: state.label for level, state in states.items()}


class LiveStream:
    """A stream that somebody watches: made by the first player, gone with the last one.

    The counter and the timestamps follow the fleet's time, not the players: what nobody watched
    has gone on all the same.
    """

    def __init__(self, camera: Camera, footage: Footage, ticker: Timer, epoch_wall: float) -> None:
        self.camera = camera
        self.footage = footage
        self.players: list[Player] = []
        self._ticker = ticker
        self._epoch_wall = epoch_wall
        self._fresh: list[Player] = []
        self._last: int | None = None  # the picture sent last
        self._is_still = False
        source = random.Random(camera.id)
        self.video = _Track(source, VIDEO_STEP)
        self.sound = _Track(source, SOUND_STEP)
        self._tones: tuple[Block, ...] = ()

    def add(self, player: Player) -> None:
        """Begin to play."""
        if not self.players:
            self._ticker.add(self, self.camera.number)
        self.players.append(player)
        self._fresh.append(player)
        if player.wants_sound and not self._tones:
            self._tones = tone_blocks(self.camera.number)

    def remove(self, player: Player) -> None:
        """End playing; with the last player the stream costs nothing."""
        if player not in self.players:
            return
        self.players = [other for other in self.players if other is not player]
        if player in self._fresh:
            self._fresh.remove(player)
        if not self.players:
            self._ticker.remove(self, self.camera.number)
            self._last = None

    def next_index(self) -> int:
        """The picture that a new player gets first, about."""
        return int(self._ticker.seconds * FPS) + 1

    def tick(self, index: int) -> None:
        """Picture `index` is due: make it once, give it to all."""
        fault = self.camera.fault
        if fault is Fault.STALLED or fault is Fault.SILENT:
            return
        is_report_due = index % REPORT_EVERY == self.camera.number % REPORT_EVERY
        if self._fresh or is_report_due:
            self._report(index, self.players if is_report_due else self._fresh)
            self._fresh.clear()
        video = self._picture(index, is_frozen=fault is Fault.FROZEN)
        sound = self._sound(index) if self._tones else None
        for player in self.players:
            player.deliver(video, sound if player.wants_sound else None)

    def _picture(self, index: int, *, is_frozen: bool) -> Burst:
        footage = self.footage
        # Each camera's key frames come at another time; 37 and the loop's length have no divisor.
        position = (index + self.camera.number * 37) % len(footage)
        is_key = footage.is_key(position)
        if not is_key and self._last is not None and self._last != index - 1:
            return self.video.burst((), index)  # after a gap only a key frame helps
        # What stood still goes on with a key frame: the strip can only be stepped, not jumped.
        self._is_still = is_frozen or (self._is_still and not is_key)
        self._last = index
        counter, motion = index, Motion.STEP
        if self._is_still:
            counter, motion = self.camera.frozen_at, Motion.FREEZE
        blocks = footage.blocks(position, self.camera.number, counter, motion)
        burst = self.video.burst(blocks, index)
        burst.is_key = is_key
        return burst

    def _sound(self, index: int) -> Burst:
        return self.sound.burst((self._tones[index % len(self._tones)],), index)

    def _report(self, index: int, players: Iterable[Player]) -> None:
        ntp = ntp_from_unix(self._epoch_wall + index / FPS)
        video, sound = (track.report(index, ntp) for track in (self.video, self.sound))
        for player in players:
            player.report(video, sound)


class _Track:
    """Sequence numbers, timestamps and counts of one RTP stream."""

    __slots__ = ("_first_timestamp", "_octets", "_packets", "_step", "sequence", "ssrc")

    def __init__(self, source: random.Random, step: int) -> None:
        self.ssrc = source.getrandbits(32)
        self.sequence = source.getrandbits(15)
        self._first_timestamp = source.getrandbits(32)
        self._step = step
        self._packets = 0
        self._octets = 0

    def timestamp(self, index: int) -> int:
        """Of picture `index` or the sound beside it; continuous however often the loop turns."""
        return (self._first_timestamp + index * self._step) & 0xFFFFFFFF

    def burst(self, blocks: Iterable[Block], index: int) -> Burst:
        """Stamp the packets of one instant."""
        burst = Burst(blocks, self.sequence, self.timestamp(index), self.ssrc)
        count = len(burst.starts)
        self.sequence = (self.sequence + count) & 0xFFFF
        self._packets += count
        self._octets += burst.octets
        return burst

    def report(self, index: int, ntp: int) -> bytes:
        """A sender report with the source's name."""
        report = SenderReport(
            self.ssrc,
            ntp,
            self.timestamp(index),
            self._packets & 0xFFFFFFFF,
            self._octets & 0xFFFFFFFF,
        )
        return bytes(report) + bytes(Sdes(((self.ssrc, "vidgate-simulator"),)))


@lru_cache(maxsize=256)
def tone_blocks(number: int) -> tuple[Block, ...]:
    """The packets of a channel's tone, 40 ms each, which repeat after a second."""
    step = 2 * pi * tone_of(number) / CLOCK_RATE
    period = alaw_encode([round(8000 * sin(step * at)) for at in range(TONE_PERIOD)])
    looped = period + period[:SOUND_STEP]
    starts = [(SOUND_STEP * index) % TONE_PERIOD for index in range(FPS)]
    parts = [looped[start : start + SOUND_STEP] for start in starts]
    return tuple(make_block([part], PCMA, ends=False) for part in parts)
