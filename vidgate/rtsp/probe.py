"""Looks at a camera: does it describe itself, does a picture come (design.md 5)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from vidgate.aio.clock import Clock
from vidgate.errors import RemoteError, SilentTransportError, UnsupportedError
from vidgate.model.media import Codec, Frame, Reception
from vidgate.rtp.sps import sps_info
from vidgate.rtp.tally import Count
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import Admit, Player, at_once
from vidgate.rtsp.receiver import TrackReceiver
from vidgate.rtsp.tracks import Offer, choose, picture

LONGEST_STAY = 12.0  # seconds; "smart" codecs reach 20 s between key frames: not waited for

Stay = Callable[[], bool]
"""Whether a look may go on, after its key frame, for the next one; asked every second or two."""


def not_at_all() -> bool:
    """The first key frame is all that is wanted."""
    return False


@dataclass(slots=True)
class ProbeTimes:
    """What was seen, filled in as it is seen: also of use when the probe then fails.

    `t0` is wall-clock seconds just before connecting; `connected`, `t1` (response), `t2` (first
    packet) and `t3` (first complete key frame, `key_frame`) are seconds after it, less those
    `waited` for leave to set a session up. `fps` and `bitrate` (bits a second) as announced,
    `count` as counted from PLAY to the end. `stayed`: seconds after the first key frame. `date`: by
    how many seconds the camera's clock is ahead by its Date header, to half a second.
    """

    t0: float = 0.0
    connected: float | None = None
    t1: float | None = None
    t2: float | None = None
    t3: float | None = None
    waited: float = 0.0
    codec: Codec | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    bitrate: float | None = None
    count: Count = Count()
    reception: Reception | None = None
    stayed: float = 0.0
    date: float | None = None
    key_frame: Frame | None = None
    others: list[str] = field(default_factory=list)  # media that we cannot take


async def describe(
    address: RtspAddress, clock: Clock, times: ProbeTimes | None = None
) -> ProbeTimes:
    """Connect and DESCRIBE; raises the RemoteError of what went wrong."""
    times = times if times is not None else ProbeTimes()
    times.t0, started = clock.wall(), clock.now()
    async with RtspClient.connect(address, clock) as client:
        await _describe(client, clock, times, started)
    return times


async def media(
    address: RtspAddress,
    clock: Clock,
    times: ProbeTimes | None = None,
    admit: Admit = at_once,
    stay: Stay = not_at_all,
) -> ProbeTimes:
    """DESCRIBE, SETUP of the picture alone, PLAY until a whole key frame has come, TEARDOWN.

    `admit` is awaited before SETUP. While `stay` says so it goes on for the next key frame, which
    tells how long a group of pictures is; that none comes fails no look.

    Raises NoMediaError after `stall_timeout` without a packet, NoKeyFrameError after three times
    that without a key frame.
    """
    times = times if times is not None else ProbeTimes()
    times.t0, started = clock.wall(), clock.now()
    try:
        await _play(address, clock, times, started, admit, stay)
    except SilentTransportError:
        # By the other transport, at once.
        address.further()
        await _play(address, clock, times, started, admit, stay)
    return times


async def _play(
    address: RtspAddress,
    clock: Clock,
    times: ProbeTimes,
    started: float,
    admit: Admit,
    stay: Stay,
) -> None:
    async with RtspClient.connect(address, clock) as client:
        offer = await _describe(client, clock, times, started)
        described = clock.now()
        await admit()
        times.waited += clock.now() - described
        came: list[Frame] = []

        def look(frame: Frame) -> None:
            if not came:
                came.append(frame)
            if frame.key:
                client.interrupt()

        async with Player.open(client, clock, look) as player:
            await player.setup([offer])
            receiver = player.receivers[0]
            receiver.count_pictures()
            await player.play()
            try:
                await player.watch(until=lambda: bool(came))
                times.key_frame = came[0]
                times.t3 = max(0.0, came[0].received - started - times.waited)
                _note(times, receiver)
                await _stay(player, receiver, clock, times, stay)
            finally:
                if receiver.first_packet is not None:
                    times.t2 = max(0.0, receiver.first_packet - started - times.waited)
                    times.count = receiver.count
                    times.reception = player.reception()


async def _stay(
    player: Player, receiver: TrackReceiver, clock: Clock, times: ProbeTimes, stay: Stay
) -> None:
    """Until a whole group of pictures was seen, the time is over, or somebody needs the session."""
    if not stay():
        return
    began = clock.now()
    try:
        with suppress(RemoteError, TimeoutError):  # what was asked for was seen
            async with asyncio.timeout(LONGEST_STAY):
                await player.watch(until=lambda: receiver.has_group or not stay())
    finally:
        times.stayed = clock.now() - began


async def _describe(client: RtspClient, clock: Clock, times: ProbeTimes, started: float) -> Offer:
    times.connected = clock.now() - started
    description = await client.describe()
    times.t1 = clock.now() - started
    if client.date is not None:
        # It was written half a way ago, and its second had begun.
        times.date = client.date + 0.5 - (clock.wall() - client.round_trip / 2)
    offers, times.others = choose(description)
    videos = [offer for offer in offers if offer.codec.is_video]
    if not videos:
        raise UnsupportedError(
            "没有支持的画面编码, 摄像机提供 / no picture that we can take; the camera offers",
            said=", ".join(times.others),
        )
    seen = picture(videos[0])
    times.codec = videos[0].codec
    times.width, times.height, times.fps = seen.width, seen.height, seen.fps
    times.bitrate = videos[0].media.bandwidth or None
    return videos[0]


def _note(times: ProbeTimes, receiver: TrackReceiver) -> None:
    """What the picture itself says goes before what the description said."""
    info = sps_info(receiver.codec, receiver.sets.units)
    if info is not None:
        times.width, times.height = info.width, info.height
        times.fps = times.fps or info.fps
