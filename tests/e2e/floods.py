"""A camera that floods whoever plays it, and what that is like for a service with other viewers.

python -m tests.e2e.floods KIND RATE      the camera; RATE items a second, 0: all that it can
"""

import asyncio
import re
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.e2e.attacks import Target, watch, watch_gaps
from tests.programs import running
from tests.rtp.packets import inter, key, packets
from tests.rtsp.camera import interleave
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.rtcp import Nack
from vidgate.simulator.viewers import LightViewer
from vidgate.wire.sdp import MAX_FORMATS, MAX_MEDIA

_RTP = b"\x80\x60\0\7\0\0\0\7\0\0\x12\x34"
PICTURES = "tiny pictures"
UNITS = "pictures of thousands of units"
UNITS_EACH = 12_000
BY_UDP = " by UDP"  # what ends so comes beside ordinary pictures, in datagrams of an Ethernet
REPORTS_BY_UDP = "reports that name all packets" + BY_UDP
UNITS_BY_UDP = "pictures of hundreds of units" + BY_UDP
CRASHES = Path(__file__).parents[1] / "fuzz" / "crashes"
FORMATS = b"m=video 0 RTP/AVP" + b" 96" * MAX_FORMATS + b"\r\n" + b"a=rtpmap:96 x/9\r\n" * 60
# kind -> one item of it
ITEMS = {
    PICTURES: b"",  # each another one: see `_pictures`
    UNITS: b"",
    "empty frames": b"$\x05\0\0",
    "frames of a foreign channel": b"$\x09\0\x0d" + _RTP + b"\1",
    "pieces of a picture": b"$\0\0\x0e" + _RTP + b"\x1c\x05",
    "reports": b"$\1\0\x08\x80\xc9\0\1\0\0\x124",
    "requests": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "answers": b"RTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n",
    "garbage": b"ERR 99 \r\n",
    REPORTS_BY_UDP: bytes(Nack(1, 7, tuple(range(17 * 360)))),
    UNITS_BY_UDP: b"",
}


def _described(sdp: bytes) -> bytes:
    head = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"
    return f"{head}Content-Length: {len(sdp)}\r\n\r\n".encode() + sdp


# kind -> what it answers whatever it is asked
ANSWERS = {
    "a refusal with 60 KiB of challenges": (CRASHES / "rtsp-challenges.bin").read_bytes()[1:],
    "a description of 60 media": _described((CRASHES / "sdp-media.bin").read_bytes()),
    "a description of as many formats as are read": _described(FORMATS * MAX_MEDIA),
}
TICK = 0.01  # seconds between two bursts at a given rate
BLOCK = 64 << 10
SDP = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:1\r\n"
)


@dataclass
class Flood:
    """What was seen meanwhile. `held`: seconds, the most since the service began."""

    held_before: float = 0.0
    held: float = 0.0
    late: int = 0  # beats of the loop that came more than 20 ms late, of all
    beats: int = 0
    pulls: int = 0  # how often the hostile camera was played, or gave its answer
    lost: int = 0  # packets of who watches another camera
    packets: int = 0
    longest_gap: float = 0.0


async def flooded(target: Target, kind: str, rate: int, seconds: float, token: str) -> Flood:
    """Somebody insists on a flooding camera while another watches a good one."""
    found = Flood()
    channel = re.sub(r"\W", "-", f"{kind}-{rate}")
    command = (sys.executable, "-m", "tests.e2e.floods", kind, str(rate))
    async with running(*command) as camera, target.client("watcher") as http:
        port = (await camera.says(r"port (\d+)"))[1]
        url = f"rtsp://{'user:secret@' if kind in ANSWERS else ''}127.0.0.1:{port}/main"
        by = "udp" if kind.endswith(BY_UDP) else "tcp"
        add = ("channel", "add", channel, "--name", "x", "--url", url, "--transport", by)
        await target.service.cli(*add)
        async with target.playing(http) as counts:
            held, late, beats = await loop_of(target, token)
            found.held_before = held
            before = counts.packets
            watching = asyncio.create_task(watch_gaps(counts, found))
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await _insist(target, channel)
            await cancel_and_wait(watching)
            found.packets, found.lost = counts.packets - before, counts.lost
            found.held, late_now, beats_now = await loop_of(target, token)
            found.late, found.beats = late_now - late, beats_now - beats
        found.pulls = camera.text.count("pulled")
    return found


async def _insist(target: Target, channel: str) -> None:
    async with target.client("other") as http:
        while True:
            async with LightViewer(target.certificate) as viewer:
                if await watch(http, viewer, channel) is not None:
                    await asyncio.sleep(1.0)
                await asyncio.sleep(0.1)


async def loop_of(target: Target, token: str) -> tuple[float, int, int]:
    """Longest hold, late beats and beats so far."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(target.service.url, headers=headers) as http,
        http.get("/metrics") as answer,
    ):
        page = await answer.text()
    name = "vidgate_event_loop"
    beats = _value(page, f"{name}_lag_seconds_count")
    in_time = _value(page, f'{name}_lag_seconds_bucket{{le="0.02"}}')
    return _value(page, f"{name}_held_max_seconds"), round(beats - in_time), round(beats)


def _value(page: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    assert found is not None, f"no {name}"
    return float(found[1])


# -- the camera ------------------------------------------------------------------------------------


async def _serve(kind: str, rate: int) -> None:
    if kind in ANSWERS:
        await _serve_answers(ANSWERS[kind])
    else:
        await (_serve_udp if kind.endswith(BY_UDP) else _serve_tcp)(kind, rate)


async def _serve_answers(answer: bytes) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                print("pulled", flush=True)
                writer.write(answer)
        writer.close()

    await _listen(client)


async def _serve_tcp(kind: str, rate: int) -> None:
    units = {PICTURES: b"\x41\x9a\x01", UNITS: b"\x18" + UNITS_EACH * b"\0\3\x41\x9a\x01"}
    first, block, size = _pictures(units[kind]) if kind in units else _same(ITEMS[kind])

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _played(reader, writer)
            deaf = asyncio.create_task(_read(reader))
            try:
                writer.write(first)
                await _flood(writer, block, size, rate)
            finally:
                deaf.cancel()
        writer.close()

    await _listen(client)


async def _serve_udp(kind: str, rate: int) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            port = await _played(reader, writer)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.setblocking(False)
                flood = asyncio.create_task(_flood_udp(udp, port, kind, rate))
                try:
                    await _read(reader)
                finally:
                    await cancel_and_wait(flood)
        writer.close()

    await _listen(client)


async def _listen(client: Callable[..., Awaitable[None]]) -> None:
    server = await asyncio.start_server(client, "127.0.0.1", 0)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _played(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Answer until PLAY; the port of who plays by UDP."""
    head, port = "", 0
    while not head.startswith("PLAY "):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if found := re.search(r"client_port=(\d+)", head):
            port = int(found[1])
        writer.write(_reply(head, port))
    print("pulled", flush=True)
    return port


async def _flood_udp(udp: socket.socket, port: int, kind: str, rate: int) -> None:
    """Ten ordinary pictures a second, and between them what floods."""
    number = sequence = 0
    unit = b"\x18" + 288 * b"\0\3\x41\x9a\x01"
    while True:
        if number % round(0.1 / TICK) == 0:
            for packet in packets([key() if number % 100 == 0 else inter()], first=sequence):
                packet.timestamp, sequence = 900 * number, sequence + 1
                _send(udp, bytes(packet), port)
        for _ in range(round(rate * TICK) or 1000):
            if kind == REPORTS_BY_UDP:
                _send(udp, ITEMS[kind], port + 1)
                continue
            packet = RtpPacket(96, True, sequence & 0xFFFF, 900 * number + 1, 7, unit)
            sequence += 1
            _send(udp, bytes(packet), port)
        number += 1
        await asyncio.sleep(TICK if rate else 0)


def _send(udp: socket.socket, data: bytes, port: int) -> None:
    with suppress(BlockingIOError, ConnectionRefusedError):
        udp.sendto(data, ("127.0.0.1", port))


def _reply(head: str, port: int = 0) -> bytes:
    cseq = re.search(r"CSeq: *(\d+)", head)
    lines = ["RTSP/1.0 200 OK", f"CSeq: {cseq[1] if cseq else 0}"]
    body = ""
    if head.startswith("DESCRIBE"):
        body = SDP
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(SDP)}"]
    elif head.startswith("SETUP"):
        lines += ["Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        if port:
            lines[-1] = f"Transport: RTP/AVP;unicast;client_port={port}-{port + 1}"
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(BLOCK):
        pass


def _same(item: bytes) -> tuple[bytes, bytes, int]:
    return b"", item * (BLOCK // len(item)), len(item)


def _pictures(payload: bytes) -> tuple[bytes, bytes, int]:
    """A key frame, then all sequence numbers round (or many), a picture each."""
    begin = packets([key()])
    made = [
        RtpPacket(96, True, number & 0xFFFF, 3000 * number, begin[0].ssrc, payload)
        for number in range(len(begin), len(begin) + (0x10000 if len(payload) < 9 else 500))
    ]
    return interleave(begin), interleave(made), len(interleave(made[:1]))


async def _flood(writer: asyncio.StreamWriter, block: bytes, size: int, rate: int) -> None:
    step = size * (round(rate * TICK) or BLOCK // size)
    while True:
        for at in range(0, len(block), step):
            writer.write(block[at : at + step])
            await writer.drain()
            await asyncio.sleep(TICK if rate else 0)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
