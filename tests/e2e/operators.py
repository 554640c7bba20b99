"""Operators who open channels while every session of a platform is taken by looks."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from tests.e2e.attacks import AS_SDP
from tests.e2e.hands import Hands
from tests.e2e.stage import eventually
from tests.e2e.truth import Scale
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.errors import RemoteError
from vidgate.simulator.coded import Strip, read_strip
from vidgate.simulator.viewers import LightViewer

PATIENCE = 15.0  # seconds for a picture
REST = 0.1  # seconds for the rest of the first picture, so that it can be decoded
PLATFORMS = 12  # the largest, that have more channels than sessions
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Opening:
    """An operator's channel. Seconds from the offer to the answer, to the first coded key frame.

    `taken` sessions of its platform by the simulator's count just before; `strip` as decoded.
    """

    channel: str
    number: int
    taken: int
    answered: float
    pictured: float
    strip: Strip | None
    has_key_at_play: bool

    @property
    def is_right(self) -> bool:
        """Whether the picture is the channel's own."""
        return self.strip is not None and self.strip.number == self.number


class Operators:
    """`channels` are theirs alone; `openings` tells how they fared."""

    def __init__(self, scale: Scale, hands: Hands, rows: Mapping[str, Row]) -> None:
        self._scale = scale
        self._hands = hands
        self._rows = rows
        self.rounds = self._choose()
        self.channels = {channel for channels in self.rounds for channel in channels}
        self.openings: list[Opening] = []

    def _choose(self) -> list[list[str]]:
        """For each round some channels of one platform: of the largest, by turns."""
        by_platform: defaultdict[str, list[str]] = defaultdict(list)
        for id_, row in self._rows.items():
            if row["platform"] and is_plain(row):
                by_platform[row["platform"]].append(id_)
        largest = sorted(by_platform.values(), key=len, reverse=True)[:PLATFORMS]
        each = self._scale.tries + 1
        rounds = []
        for number in range(self._scale.rounds):
            ids = largest[number % len(largest)]
            rounds.append(ids[-each:])
            del ids[-each:]
        return rounds

    async def work(self, others: Collection[str]) -> None:
        """Come by rounds through the whole run; nobody asks for a look at `others`."""
        scale, begun = self._scale, time.monotonic()
        for number, channels in enumerate(self.rounds):
            due = begun + scale.seconds * (number + 0.5) / (scale.rounds + 0.5)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._round(channels, others)

    async def _round(self, channels: Sequence[str], others: Collection[str]) -> None:
        """All but the last give a key frame at PLAY, so that nobody waits for the camera's own."""
        platform, host = self._rows[channels[0]]["platform"], host_of(self._rows[channels[0]])
        ids = [
            id_
            for id_, row in self._rows.items()
            if row["platform"] == platform and id_ not in others and id_ not in self.channels
        ]
        for channel in channels[:-1]:
            await self._hands.break_(channel, "key-at-play")
        looking = asyncio.create_task(self._hands.look(ids))
        try:
            for channel in channels:
                if looking.done():
                    await looking
                    looking = asyncio.create_task(self._hands.look(ids))
                taken = await self._taken(host, looking)
                opening = await self._open(channel, taken, has_key=channel != channels[-1])
                self.openings.append(opening)
        finally:
            await cancel_and_wait(looking)

    async def _taken(self, host: str, looking: "asyncio.Task[None]") -> int:
        """Sessions of the host, once all are taken or the looks are over."""
        slots = self._scale.slots

        async def taken() -> int:
            return int((await self._hands.load())["hosts"][host]["sessions"])

        return await eventually(taken, lambda n: n >= slots or looking.done(), timeout=10.0)

    async def _open(self, channel: str, taken: int, *, has_key: bool) -> Opening:
        """Offer, connect, wait for the first key frame; infinite seconds where none came."""
        hands, loop = self._hands, asyncio.get_running_loop()
        payloads: list[bytes] = []
        answered = pictured = inf
        async with LightViewer(
            hands.certificate, kinds=("video",), on_payload=lambda _, data: payloads.append(data)
        ) as viewer:
            began = loop.time()
            async with hands.http.post(
                f"/whep/{channel}", data=viewer.offer, headers=AS_SDP
            ) as answer:
                text, location = await answer.text(), answer.headers.get("Location")
            if location is not None:
                answered = loop.time() - began
                with suppress(RemoteError, TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        await viewer.connect(text)
                        await viewer.pictured.wait()
                    await asyncio.sleep(REST)
                async with hands.http.delete(location):
                    pass
            if viewer.counts.first_key_frame is not None:
                pictured = viewer.counts.first_key_frame - began
        number = list(self._rows).index(channel) + 1
        strip = await asyncio.to_thread(strip_of, payloads)
        return Opening(channel, number, taken, answered, pictured, strip, has_key)


def is_plain(row: Row) -> bool:
    """Whether its main stream is H.264, which the viewers take."""
    return "/h264/" in row["url"]


def host_of(row: Row) -> str:
    """The host in a register row's address."""
    return row["url"].rpartition("@")[2].partition(":")[0]


def strip_of(payloads: Iterable[bytes]) -> Strip | None:
    """The strip of the first picture in H.264 payloads (RFC 6184) that came whole, in order."""
    import av

    decoder = av.CodecContext.create("h264", "r")
    units: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 31
        if kind == 28:
            if payload[1] & 0x80:
                units.append(bytes((payload[0] & 0xE0 | payload[1] & 31,)))
            if units:
                units[-1] += payload[2:]
        elif kind == 24:
            at = 1
            while at + 2 < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                units.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        else:
            units.append(payload)
    stream = b"".join(b"\0\0\0\1" + unit for unit in units)
    for packet in [*decoder.parse(stream), *decoder.parse(None)]:
        for frame in decoder.decode(packet):
            return read_strip(frame.to_ndarray(format="gray"))
    return None
