"""A browser that watches and is then killed: Chromium with one page of its own, no driver."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.console_page import ARGUMENTS, CHROMIUM

PAGE = """<!doctype html><title>viewer</title><video autoplay muted></video><script>
const [url, token] = %s
async function watch() {
  const peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' })
  peer.addTransceiver('video', { direction: 'recvonly' })
  peer.ontrack = (event) => { document.querySelector('video').srcObject = event.streams[0] }
  await peer.setLocalDescription(await peer.createOffer())
  const answer = await fetch(url, {
    method: 'POST', body: peer.localDescription.sdp,
    headers: { 'Content-Type': 'application/sdp', Authorization: 'Bearer ' + token },
  })
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
}
watch()
</script>"""


@asynccontextmanager
async def doomed_browser(folder: Path, url: str, token: str) -> AsyncIterator["DoomedBrowser"]:
    """Chromium on a page that watches `url`; whatever is left of it is killed in the end."""
    page = folder / "viewer.html"
    await asyncio.to_thread(page.write_text, PAGE % json.dumps([url, token]), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(
            CHROMIUM,
            "--headless=new",
            *ARGUMENTS,
            f"--user-data-dir={folder / 'profile'}",
            page.as_uri(),
        ),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # its own process group: all its children die with it
    )
    browser = DoomedBrowser(process)
    try:
        yield browser
    finally:
        await browser.end(signal.SIGKILL)


class DoomedBrowser:
    """The browser's process group, which we started."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def signal(self, number: int) -> None:
        """Send a signal to the browser and all its children."""
        os.killpg(self._process.pid, number)

    async def end(self, number: int) -> None:
        """Send a signal that ends it, and wait."""
        if self._process.returncode is None:
            self.signal(number)
            await self._process.wait()
