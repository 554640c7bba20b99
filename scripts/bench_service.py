"""The whole service with its register: restart, idle memory, pages, first pictures, stalls.

    python -m scripts.bench_service [--channels 2743]

The simulated cameras run in a process of their own and are not counted. Chromium is the viewer of
the first-picture figures: from the click in the tree to the first decoded frame in the tile.
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import psutil
from playwright.async_api import async_playwright

from scripts.benchtable import machine, print_table
from tests.e2e.console_page import CHROMIUM, ConsolePage, launch
from tests.e2e.stage import eventually
from tests.programs import (
    VIDGATE,
    RunningFleet,
    Service,
    running,
    running_fleet,
    service_environment,
)
from vidgate.simulator.viewers import LightViewer
from vidgate.webrtc.dtls import Certificate

HAS_CHROMIUM = Path(CHROMIUM).exists()
RESTARTS = 3
IDLE = 20.0  # seconds of doing nothing before memory is read
PAGES = 10
VIEWERS = 16
OPENINGS = 12

# From the click to the channel's last picture (`still`; null where it never stood in the tile), and
# to the first live one whose strip says the channel's number: an old picture does not count.
_FIRST_PICTURE = """
async ([row, number, id]) => {
  const canvas = new OffscreenCanvas(640, 16)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  const shown = () => {
    const video = document.querySelector('[data-testid="tile-video-0"]')
    if (!video || !video.videoWidth) return -1
    context.drawImage(video, 0, 0, 640, 16, 0, 0, 640, 16)
    const { data } = context.getImageData(0, 8, 640, 1)
    let value = 0
    for (let cell = 2; cell < 16; cell++) value = value * 2 + (data[(cell * 16 + 8) * 4] > 128)
    return value
  }
  const seesStill = () => {
    const image = document.querySelector('[data-testid="tile-still-0"]')
    return image?.dataset.channel === id && image.complete && image.naturalWidth > 0
  }
  const started = performance.now()
  let still = null
  row.click()
  while (performance.now() - started < 10000) {
    if (still === null && seesStill()) still = performance.now() - started
    if (shown() === number) return { still, live: performance.now() - started }
    await new Promise(requestAnimationFrame)
  }
  return null
}
"""


class Bench:
    """One service, one fleet, and the rows of the table."""

    def __init__(self, folder: Path, fleet: RunningFleet) -> None:
        self.folder = folder
        self.fleet = fleet
        self.rows: list[tuple[str, str, str]] = []

    def add(self, what: str, measured: str, budget: str) -> None:
        """One row; also shown at once."""
        self.rows.append((what, measured, budget))
        print(f"{what}: {measured}", flush=True)

    def start(self, **settings: str) -> Any:
        """A service over the same data; probing off unless told."""
        env = service_environment(
            self.folder, {"VIDGATE__PROBE__ENABLED": settings.get("probing", "false")}
        )
        return running(*VIDGATE, "serve", env=env), env

    async def restart(self) -> None:
        """Seconds from exec to ready, and memory when idle."""
        seconds = []
        memory = 0.0
        for number in range(RESTARTS):
            began = time.perf_counter()
            program, _ = self.start()
            async with program as service:
                await service.says("vidgate ready")
                seconds.append(time.perf_counter() - began)
                if number == RESTARTS - 1:
                    await asyncio.sleep(IDLE)
                    memory = _memory(service.process.pid)
        self.add("restart to ready", f"{statistics.median(seconds):.2f} s", "<= 3 s")
        self.add("idle memory, all processes", f"{memory:.0f} MiB", "<= 200 MiB")


def _memory(pid: int) -> float:
    """MiB of a process and all its children (proportional set size)."""
    top = psutil.Process(pid)
    everyone = [top, *top.children(recursive=True)]
    return sum(float(one.memory_full_info().pss) for one in everyone) / (1 << 20)


async def pages(bench: Bench, service: Service, token: str) -> None:
    """Time and size of the metrics pages and the channel list."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        for path, budget in (
            ("/metrics/channels", "<= 50 ms"),
            ("/metrics", ""),
            ("/api/v1/channels", ""),
        ):
            times, size = [], 0
            for _ in range(PAGES):
                began = time.perf_counter()
                async with http.get(service.url + path) as answer:
                    assert answer.status == 200, await answer.text()
                    size = len(await answer.read())
                times.append(time.perf_counter() - began)
            shown = f"{statistics.median(times) * 1000:.0f} ms ({size / 1000:.0f} kB)"
            bench.add(f"GET {path}", shown, budget)


async def longest_stall(service: Service, token: str) -> str:
    """How long the loop was held since the start, by us and in all."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        text = await (await http.get(f"{service.url}/metrics")).text()
    found = dict(re.findall(r"^vidgate_event_loop_(\w+)_max_seconds (\S+)", text, re.MULTILINE))
    held, lag = (float(found[name]) * 1000 for name in ("held", "lag"))
    return f"{held:.0f} ms of our own work ({lag:.0f} ms with what else this machine did)"


@asynccontextmanager
async def watching(
    service: Service, token: str, ids: list[str]
) -> AsyncIterator[list[LightViewer]]:
    """A viewer without a decoder on each of the channels, all with a picture."""
    certificate = Certificate.generateCertificate()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        viewers = []
        for id_ in ids:
            viewer = await stack.enter_async_context(LightViewer(certificate))
            async with http.post(f"{service.url}/whep/{id_}", data=viewer.offer) as answer:
                assert answer.status == 201, await answer.text()
                await viewer.connect(await answer.text())
            viewers.append(viewer)
        for viewer in viewers:
            async with asyncio.timeout(15):
                await viewer.pictured.wait()
        yield viewers


async def sweep_with_viewers(bench: Bench, service: Service, token: str, ids: list[str]) -> None:
    """How long the loop is held while all channels are probed and 16 people watch."""
    async with watching(service, token, ids[:VIEWERS]) as viewers:
        before = await longest_stall(service, token)
        began = time.perf_counter()
        report = await service.cli_json("probe", "--all", "--level", "describe", status=None)
        seconds = time.perf_counter() - began
        after = await longest_stall(service, token)
        lost = sum(viewer.counts.lost for viewer in viewers)
        got = sum(viewer.counts.packets for viewer in viewers)
    bench.add(
        f"sweep of {report['total']} with {VIEWERS} viewers",
        f"{seconds:.1f} s by the command line, {report['seconds']:.1f} s inside; "
        f"{lost} of {got} packets lost",
        "",
    )
    bench.add("longest loop stall, sweep with 16 viewers", after, "<= 20 ms")
    bench.add("longest loop stall before the sweep", before, "")


async def first_pictures(
    bench: Bench, service: Service, token: str, channels: list[dict[str, Any]]
) -> None:
    """Click to first picture in Chromium: cold, then warm (somebody else watches already)."""
    if not HAS_CHROMIUM:
        bench.add("click to first picture", "no Chromium here", "")
        return
    # Not those that the sweep's viewers have just watched: their streams still run.
    fresh = channels[VIEWERS:]
    cold_ones, warm_ones = fresh[:OPENINGS], fresh[OPENINGS : 2 * OPENINGS]
    await _see_once(service, token, [channel["id"] for channel in cold_ones])
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        console = await ConsolePage.open(browser, service.url)
        await console.sign_in("admin", service.password)
        await console.layout(1)
        cold = [await _click(console, channel) for channel in cold_ones]
        async with watching(service, token, [channel["id"] for channel in warm_ones]):
            warm = [await _click(console, channel) for channel in warm_ones]
        await browser.close()
    stills = [opened.still for opened in cold if opened.still is not None]
    bench.add(
        "click to first picture, warm (Chromium)",
        _spread([opened.live for opened in warm]),
        "p95 <= 150 ms",
    )
    bench.add("click to last picture with its age, cold (Chromium)", _spread(stills), "<= 100 ms")
    bench.add(
        "click to first picture, cold (Chromium)",
        _spread([opened.live for opened in cold]),
        "<= 500 ms + the key-frame wait",
    )


class Opening(NamedTuple):
    """Milliseconds from a click to the last picture (None: it never showed), and to a live one."""

    still: float | None
    live: float


async def _see_once(service: Service, token: str, ids: list[str]) -> None:
    """Probe the channels for a picture, and wait until the service has one of each to show."""
    await service.cli("probe", *ids, "--level", "media", status=None)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        for id_ in ids:

            async def status(id_: str = id_) -> int:
                async with http.get(f"{service.url}/api/v1/channels/{id_}/snapshot") as answer:
                    return answer.status

            assert await eventually(status, lambda told: told == 200, timeout=30) == 200, id_


async def _click(console: ConsolePage, channel: dict[str, Any]) -> Opening:
    id_ = channel["id"]
    await console.by_id("search").fill(id_)
    row = await console.page.locator(".flat").get_by_test_id(f"tree-node-{id_}").element_handle()
    asked = [row, channel["number"], id_]
    taken: dict[str, float] | None = await console.page.evaluate(_FIRST_PICTURE, asked)
    assert taken is not None, f"{id_}: no picture within 10 s"
    return Opening(**taken)


def _spread(times: list[float]) -> str:
    if not times:
        return "none"
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"median {statistics.median(ordered):.0f} ms, p95 {p95:.0f} ms (n={len(ordered)})"


async def bench_all(channels: int) -> None:
    """Run everything and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with running_fleet(folder, channels) as fleet:
            bench = Bench(folder / "data", fleet)
            program, env = bench.start()
            async with program as first:
                ready = await first.says(r"vidgate ready http=(\S+)")
                password = re.search(r"admin password: (\S+)", first.text)
                assert password
                service = Service(first, env, f"http://{ready[1]}", password[1])
                await service.cli("channel", "import", str(fleet.register))
            await bench.restart()
            program, env = bench.start()
            async with program as running_one:
                ready = await running_one.says(r"vidgate ready http=(\S+)")
                service = Service(running_one, env, f"http://{ready[1]}", password[1])
                made = await service.cli_json("token", "create", "--role", "engineer")
                token = made["token"]
                plain = await _plain(service)
                ids = [channel["id"] for channel in plain]
                steps: list[Callable[[], Awaitable[None]]] = [
                    lambda: pages(bench, service, token),
                    lambda: sweep_with_viewers(bench, service, token, ids),
                    lambda: first_pictures(bench, service, token, plain),
                ]
                for step in steps:
                    await step()
    print_table(
        f"Service with {channels} channels — {machine()}",
        ("what", "measured", "budget"),
        bench.rows,
    )


async def _plain(service: Service) -> list[dict[str, Any]]:
    """Channels whose main stream is H.264: none of the first hundred has another."""
    listed = await service.cli_json("channel", "list")
    return [item for item in listed["items"] if item["lifecycle"] == "accepted"][:64]


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=2743)
    asyncio.run(bench_all(parser.parse_args().channels))


if __name__ == "__main__":
    main()
