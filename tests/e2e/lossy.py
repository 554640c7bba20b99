"""Viewers behind a network that loses, delays and reorders: do they connect, does it go on?"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.e2e.attacks import AS_SDP, Target
from tests.e2e.console_page import READ_PIXELS, pixels_of
from tests.e2e.stage import browsing
from tests.waiting import until
from vidgate.errors import RemoteError
from vidgate.simulator.coded import read_strip
from vidgate.simulator.impairment import Impairment
from vidgate.simulator.proxies import UdpProxy
from vidgate.simulator.viewers import LightViewer

CONNECT = 10.0  # seconds from the click to the first packet
AT_ONCE = 10
BURST = 1.0  # seconds in which nothing passes
CALM = 3.0  # seconds between two bursts


@asynccontextmanager
async def bad_network(target: Target, share: float) -> AsyncIterator[UdpProxy]:
    """The way to the media port and back: that loss, 30 ms of jitter, 1 % reordered; seeded."""
    impairment = Impairment(f"loss {share}", loss=share, reorder=0.01, jitter=0.03)
    async with UdpProxy(target.media, impairment) as proxy:
        yield proxy


async def connects(target: Target, share: float, count: int) -> int:
    """How many of so many viewers get a packet in time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(http: aiohttp.ClientSession, number: int) -> bool:
        channel = target.channels[number % len(target.channels)]
        async with gate, LightViewer(target.certificate) as viewer:
            async with http.post(f"/whep/{channel}", data=viewer.offer, headers=AS_SDP) as response:
                assert response.status == 201, await response.text()
                answer, location = await response.text(), response.headers["Location"]
            try:
                async with asyncio.timeout(CONNECT):
                    await viewer.connect(answer, CONNECT, through=proxy.address)
                    await until(lambda: viewer.counts.packets > 0, timeout=CONNECT)
            except (RemoteError, TimeoutError, AssertionError):
                return False
            finally:
                async with http.delete(location):
                    pass
            return True

    async with bad_network(target, share) as proxy, target.client("other") as http:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(http, number)) for number in range(count)]
        return sum(task.result() for task in tasks)


WATCH = """async ([url, token, port]) => {
  const video = document.createElement('video')
  video.muted = video.autoplay = true
  document.body.append(video)
  const peer = (window.peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' }))
  peer.addTransceiver('video', { direction: 'recvonly' })
  peer.ontrack = (event) => (video.srcObject = event.streams[0])
  window.shown = 0
  const count = () => {
    window.shown += 1
    video.requestVideoFrameCallback(count)
  }
  video.requestVideoFrameCallback(count)
  await peer.setLocalDescription(await peer.createOffer())
  const answer = await fetch(url, {
    method: 'POST', body: peer.localDescription.sdp,
    headers: { 'Content-Type': 'application/sdp', Authorization: 'Bearer ' + token },
  })
  const sdp = (await answer.text()).replace(/(a=candidate:(?:\\S+ ){5})\\d+/g, `$1${port}`)
  await peer.setRemoteDescription({ type: 'answer', sdp })
}"""
SHOWN = "() => window.shown"


async def resumes(target: Target, share: float, bursts: int) -> list[float]:
    """Seconds from the end of each burst until Chromium shows a new picture of the camera."""
    waits = []
    async with bad_network(target, share) as proxy, browsing() as browser:
        page = await browser.new_page()
        url = f"{target.service.url}/whep/{target.channels[0]}"
        await page.evaluate(WATCH, [url, target.tokens["watcher"], proxy.address[1]])
        await page.wait_for_function("() => window.shown > 10", timeout=20_000)
        for _ in range(bursts):
            await asyncio.sleep(CALM)
            proxy.back.loss = 1.0
            await asyncio.sleep(BURST)
            proxy.back.loss = share
            seen, ended = await page.evaluate(SHOWN), time.monotonic()
            await page.wait_for_function(f"() => window.shown > {seen}", timeout=20_000)
            waits.append(time.monotonic() - ended)
        read = await page.evaluate(READ_PIXELS, [await page.query_selector("video"), 16])
        pixels = pixels_of(read)
        strip = None if pixels is None else read_strip(pixels)
        assert strip is None or strip.number == 1, strip  # None: a picture that losses have torn
    return waits
