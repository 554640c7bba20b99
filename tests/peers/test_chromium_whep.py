"""Chromium with a page that is not ours: what its own players may offer."""

from typing import Any

import pytest

from tests.e2e.stage import MARKS, browsing
from tests.peers.whep_server import serving
from tests.webrtc.feeds import Camera

pytestmark = MARKS

# Offers as the draft of WHEP wants it: all in one bundle.
WATCH = """
async ([url, kinds]) => {
  window.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  for (const kind of kinds) peer.addTransceiver(kind, { direction: 'recvonly' })
  await peer.setLocalDescription(await peer.createOffer())
  const response = await fetch(url, { method: 'POST', body: peer.localDescription.sdp })
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() })
}
"""
RECEIVED = """
async (kinds) => {
  const stats = [...(await peer.getStats()).values()]
  return kinds.every((kind) => stats.some((one) =>
    one.type === 'inbound-rtp' && one.kind === kind && one.packetsReceived > 20 &&
    (kind === 'audio' || one.framesDecoded > 10)))
}
"""


async def offered(camera: Camera, kinds: list[str], received: list[str]) -> None:
    """Offer to receive `kinds`, in that order, and wait for what comes of it."""
    async with serving(camera) as place, browsing() as browser:
        page = await browser.new_page()

        async def blank(route: Any) -> None:
            await route.fulfill(body="<title>a page of somebody else</title>")

        await page.route("**/page", blank)
        await page.goto(place.url.replace("/whep/cam", "/page"))
        await page.evaluate(WATCH, [place.url, kinds])
        await page.wait_for_function(RECEIVED, arg=received, timeout=15_000)


@pytest.mark.parametrize("kinds", [["audio", "video"], ["video", "audio"]])
async def test_pictures_and_sound_come_in_whatever_order_they_are_offered(
    kinds: list[str],
) -> None:
    await offered(Camera(), kinds, kinds)


@pytest.mark.parametrize("kinds", [["audio", "video"], ["video", "audio"]])
async def test_pictures_come_though_the_camera_has_no_sound(kinds: list[str]) -> None:
    await offered(Camera(sound=False), kinds, ["video"])
