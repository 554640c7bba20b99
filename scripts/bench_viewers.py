"""Viewers a core: one 2 Mbit/s stream to many, and many 1 Mbit/s streams to one viewer each.

Three processes: the simulated cameras, the service's media plane (hub, RTSP pull, WHEP) and the
viewers, who shake hands by DTLS, authenticate every SRTP packet and count what is lost. Only the
media plane's CPU time counts; figures for "a core" are viewers / CPU seconds a second.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiohttp
import uvloop
from aiohttp import web

from scripts.benchtable import machine, print_table
from vidgate.aio import collector
from vidgate.aio.bus import Bus
from vidgate.media.hub import Hub
from vidgate.model.channel import Login
from vidgate.model.media import StreamKey, Variant
from vidgate.model.user import Principal, Role
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.source import RtspSource
from vidgate.settings.tree import WebrtcSettings
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.register import generate
from vidgate.simulator.viewers import LightViewer
from vidgate.webrtc.dtls import Certificate
from vidgate.webrtc.whep import WhepService
from vidgate.wire.uri import Uri

WARM_UP = 3.0
JOIN_TIMEOUT = 90.0  # seconds until all viewers must receive
AT_ONCE = 16  # viewers connecting at the same time
CORES = sorted(os.sched_getaffinity(0))  # read before anybody is pinned


async def cameras(bitrate: int, channels: int) -> None:
    """The fleet's process: tells the addresses on stdout, then serves until stdin ends."""
    settings = FleetSettings(profile="load", bitrate=bitrate, camera_sessions=0)
    # A quarter of a register has H.265 main streams, which these viewers do not take.
    async with Fleet(generate(2 * channels), settings) as fleet:
        rows = [row for row in fleet.register_rows if "/h264/" in row.get("url", "")][:channels]
        print(json.dumps([row["url"] for row in rows]), flush=True)
        await _until_stdin_ends()


async def serve(urls: Sequence[str]) -> None:
    """The measured process: hub, pulls and WHEP, with a bare HTTP front."""

    def source(key: StreamKey) -> RtspSource:
        uri = Uri.parse(urls[int(key.name)])
        login = Login(uri.username, uri.password or "") if uri.username else None
        return RtspSource(RtspAddress(url=str(uri.without_credentials()), login=login))

    who = Principal("bench", Role.VIEWER, "token")
    async with Hub(source, Bus()) as hub, WhepService(hub, Bus(), WebrtcSettings(port=0)) as whep:

        async def post(request: web.Request) -> web.Response:
            session = await whep.open(
                request.match_info["name"],
                await request.text(),
                stream=Variant.MAIN.value,
                local_address="127.0.0.1",
                principal=who,
            )
            return web.Response(text=session.answer_sdp, status=201)

        async def usage(_: web.Request) -> web.Response:
            stats = [session.stats() for session in whep.sessions.values()]
            return web.json_response(
                {
                    "cpu": time.process_time(),
                    "now": time.monotonic(),
                    "drops": sum(stat["drops"] for stat in stats),
                    "sessions": len(stats),
                    **whep.counters,
                }
            )

        app = web.Application()
        app.router.add_post("/whep/{name}", post)
        app.router.add_get("/usage", usage)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        collector.settle()  # as the service does
        print(json.dumps(runner.addresses[0][1]), flush=True)
        await _until_stdin_ends()
        await runner.cleanup()


async def _until_stdin_ends() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextlib.asynccontextmanager
async def child(core: int, *arguments: str, stdin: str = "") -> AsyncIterator[str]:
    """Run this script again in a process of its own, on one core; gives its first line."""

    def pin() -> None:
        os.sched_setaffinity(0, {CORES[core % len(CORES)]})

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=pin,
        limit=4 << 20,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if stdin:
            process.stdin.write(stdin.encode() + b"\n")
            await process.stdin.drain()
        yield (await process.stdout.readline()).decode()
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(15):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass
class Result:
    """One run: CPU seconds a second of the media plane, and what the viewers saw."""

    viewers: int
    seconds: float
    cpu: float
    packets: int
    megabits: float
    lost: int
    forged: int
    drops: int
    first: list[float]


async def measure(bitrate: int, channels: int, viewers: int, seconds: float) -> Result:
    """Put `viewers` on `channels` in turn, and measure for `seconds` once they all receive."""
    async with contextlib.AsyncExitStack() as stack:
        urls = await stack.enter_async_context(child(1, "cameras", str(bitrate), str(channels)))
        port = json.loads(await stack.enter_async_context(child(0, "serve", stdin=urls.strip())))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(f"http://127.0.0.1:{port}", raise_for_status=True)
        )
        certificate = Certificate.generateCertificate()
        gate = asyncio.Semaphore(AT_ONCE)
        first: list[float] = []

        async def join(number: int) -> LightViewer:
            viewer = await stack.enter_async_context(LightViewer(certificate))
            async with gate:
                clicked = asyncio.get_running_loop().time()
                async with http.post(f"/whep/{number % channels}", data=viewer.offer) as response:
                    answer = await response.text()
                await viewer.connect(answer)
                await viewer.pictured.wait()
                first.append((viewer.counts.first_key_frame or clicked) - clicked)
            return viewer

        async with asyncio.timeout(JOIN_TIMEOUT), asyncio.TaskGroup() as group:
            tasks = [group.create_task(join(number)) for number in range(viewers)]
        everyone = [task.result() for task in tasks]
        await asyncio.sleep(WARM_UP)
        before, seen = await _usage(http), _seen(everyone)
        await asyncio.sleep(seconds)
        after, then = await _usage(http), _seen(everyone)
        passed = after["now"] - before["now"]
        return Result(
            viewers=viewers,
            seconds=passed,
            cpu=(after["cpu"] - before["cpu"]) / passed,
            packets=then[0] - seen[0],
            megabits=(then[1] - seen[1]) * 8 / passed / viewers / 1e6,
            lost=then[2] - seen[2],
            forged=then[3],
            drops=int(after["drops"]),
            first=sorted(first),
        )


async def _usage(http: aiohttp.ClientSession) -> dict[str, float]:
    async with http.get("/usage") as response:
        answer: dict[str, float] = await response.json()
        return answer


def _seen(viewers: Sequence[LightViewer]) -> tuple[int, int, int, int]:
    counts = [viewer.counts for viewer in viewers]
    return (
        sum(count.packets for count in counts),
        sum(count.octets for count in counts),
        sum(count.lost for count in counts),
        sum(count.forged for count in counts),
    )


def _row(what: str, result: Result, goal: int) -> list[object]:
    return [
        what,
        result.viewers,
        f"{result.megabits:.2f}",
        f"{result.cpu:.3f}",
        f"{result.viewers / result.cpu:.0f}",
        f">= {goal}",
        f"{result.cpu / result.packets * result.seconds * 1e6:.2f}",
        f"{result.lost} of {result.packets}",
        result.forged,
        result.drops,
        f"{statistics.median(result.first) * 1000:.0f}",
    ]


async def bench(viewers: int, channels: int, seconds: float) -> None:
    """Both measurements, printed as a table."""
    os.sched_setaffinity(0, {CORES[-1]})
    one = await measure(2_000_000, 1, viewers, seconds)
    many = await measure(1_000_000, channels, channels, seconds)
    print(machine())
    print_table(
        "Viewers a core",
        [
            "what",
            "viewers",
            "Mbit/s each",
            "cores used",
            "a core",
            "budget",
            "us a packet",
            "lost",
            "forged",
            "drops",
            "first key frame, ms (median)",
        ],
        [
            _row("one stream to all", one, 800),
            _row("a pull and a viewer each", many, 400),
        ],
    )


def main() -> None:
    """Parse the arguments; `cameras` and `serve` are for our own children."""
    if sys.argv[1:2] == ["cameras"]:
        uvloop.run(cameras(int(sys.argv[2]), int(sys.argv[3])))
        return
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(json.loads(sys.stdin.readline())))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--channels", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    uvloop.run(bench(given.viewers, given.channels, given.seconds))


if __name__ == "__main__":
    main()
