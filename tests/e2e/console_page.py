"""The console as a test sees it: what it offers to click, claims and shows."""

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, FilePayload, Locator, Page, Playwright, expect

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
TIMEOUT = 10_000  # milliseconds
LANDMARKS = {"live": "grid", "channels": "channel-table", "import": "drop"}

# Kept outside the application, so that a test can tell whether a tile was connected anew.
_COUNT_PEERS = """
(() => {
  const Original = window.RTCPeerConnection
  const peers = (window.__peers = [])
  window.RTCPeerConnection = class extends Original {
    constructor(...given) { super(...given); peers.push(this) }
  }
})()
"""

# The service makes stills of at most 640 pixels; drawn at the camera's width a cell is 16 again.
_READ_STILL = """
(image) => {
  if (!image.complete || !image.naturalWidth) return null
  const [width, count] = [704, 16]
  const canvas = new OffscreenCanvas(width, count)
  const context = canvas.getContext('2d')
  const scale = width / image.naturalWidth
  context.drawImage(image, 0, 0, width, image.naturalHeight * scale)
  const { data } = context.getImageData(0, 0, width, count)
  const parts = [data.subarray(0, 32768), data.subarray(32768)]
  const text = parts.map((part) => String.fromCharCode(...part)).join('')
  return { width, count, pixels: btoa(text) }
}
"""

READ_PIXELS = """
([video, rows]) => {
  const { videoWidth: width, videoHeight: height } = video
  if (!width) return null
  const count = Math.min(rows, height)
  const canvas = new OffscreenCanvas(width, count)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  context.drawImage(video, 0, 0)
  const { data } = context.getImageData(0, 0, width, count)
  let text = ''
  for (let at = 0; at < data.length; at += 8192) {
    text += String.fromCharCode(...data.subarray(at, at + 8192))
  }
  return { width, count, pixels: btoa(text) }
}
"""


async def launch(playwright: Playwright, *more: str, home: Path | None = None) -> Browser:
    """Debian's Chromium without a screen; `home` holds the authorities that it trusts."""
    return await playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[*ARGUMENTS, *more],
        env=None if home is None else {**os.environ, "HOME": str(home)},
    )


@dataclass(frozen=True, slots=True)
class Peers:
    """The peer connections that the page ever made, oldest first, by their states."""

    states: tuple[str, ...]

    @property
    def made(self) -> int:
        """How many were ever made: a reconnect adds one."""
        return len(self.states)

    @property
    def connected(self) -> int:
        """How many stand now."""
        return self.states.count("connected")


class ConsolePage:
    """One browser page on the console.

    `problems` collects what it complained about, `refused` what it asked for and may not have.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        self.refused: list[str] = []
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)
        page.on("response", self._note_refusal)

    @classmethod
    async def open(
        cls,
        browser: Browser,
        url: str,
        *,
        width: int = 1920,
        height: int = 1080,
        locale: str = "zh-CN",
        zone: str | None = None,
    ) -> "ConsolePage":
        """A new page of its own (nothing remembered), not yet signed in.

        `locale` and `zone` are its user's.
        """
        context = await browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, timezone_id=zone
        )
        await context.add_init_script(_COUNT_PEERS)
        console = cls(await context.new_page(), url)
        await console.page.goto(url)
        return console

    # -- doing -----------------------------------------------------------------------------------

    async def sign_in(self, user: str, password: str) -> None:
        """Sign in and wait until the channel tree can be used."""
        await self.by_id("login-user").fill(user)
        await self.by_id("login-password").fill(password)
        await self.by_id("login-submit").click()
        await self.by_id("tree").wait_for(state="attached")  # hidden where there is no channel yet

    async def sign_out(self) -> None:
        """Leave; the sign-in page is back."""
        await self.by_id("user-menu").click()
        await self.by_id("sign-out").click()
        await self.by_id("login-submit").wait_for()

    async def search(self, text: str) -> list[str]:
        """Type into the search; the ids of the results that fit the list, best first."""
        await self.by_id("search").fill(text)
        await self.by_id("search-count").wait_for()
        rows = self.page.locator(".flat [data-testid^=tree-node-]")
        await rows.first.wait_for()
        names = await rows.evaluate_all("rows => rows.map(row => row.dataset.testid)")
        return [name.removeprefix("tree-node-") for name in names]

    async def clear_search(self) -> None:
        """Back to the tree."""
        await self.by_id("search").fill("")

    async def layout(self, cells: int) -> None:
        """Choose 1, 4, 9 or 16 tiles."""
        await self.by_id(f"grid-{cells}").click()
        await expect(self.page.locator("[data-testid^=tile-][data-state]")).to_have_count(cells)

    async def open_channel(self, channel: str) -> None:
        """Find a channel by its id and put it into the active tile."""
        await self.by_id("search").fill(channel)
        await self.page.locator(".flat").get_by_test_id(f"tree-node-{channel}").click()
        await self.clear_search()

    async def drag_channel(self, channel: str, index: int) -> None:
        """Find a channel by its id and drag it onto a tile."""
        await self.by_id("search").fill(channel)
        row = self.page.locator(".flat").get_by_test_id(f"tree-node-{channel}")
        await row.drag_to(self.tile(index))
        await self.clear_search()

    async def swap(self, source: int, target: int) -> None:
        """Drag one tile onto another."""
        await self.tile(source).drag_to(self.tile(target))

    async def maximise(self, index: int) -> None:
        """Double-click a tile; again to restore it."""
        await self.tile(index).dblclick()

    async def visit(self, page: str) -> None:
        """Go to `live`, `channels`, `import` ... by the bar at the top."""
        await self.by_id(f"nav-{page}").click()
        await self.by_id(LANDMARKS.get(page, f"{page}-page")).wait_for()

    async def check_file(self, name: str, data: bytes) -> None:
        """Give the import page a file and wait for what it says of it."""
        file = FilePayload(name=name, mimeType="application/octet-stream", buffer=data)
        await self.by_id("file").set_input_files(files=[file])
        report = self.by_id("import-report").and_(self.page.locator("[aria-busy=false]"))
        await report.or_(self.by_id("import-problem")).wait_for()

    async def take_file(self) -> int:
        """Import the file that was checked; the number of the change."""
        await self.by_id("import-go").click()
        outcome = self.by_id("import-outcome")
        await outcome.wait_for()
        return int(await outcome.get_attribute("data-change") or 0)

    async def find_rows(self, text: str, *channels: str) -> None:
        """Search in the table of channels; these are then all that it shows."""
        await self.by_id("table-search").fill(text)
        for channel in channels:
            await self.by_id(f"row-{channel}").wait_for()
        await expect(self.table_rows()).to_have_count(len(channels))

    async def select_rows(self, *channels: str) -> None:
        """Tick rows of the table."""
        for channel in channels:
            await self.by_id(f"row-{channel}").locator(".check").click()

    async def bulk_edit(self, **fields: str) -> str:
        """Set fields of the selected channels after a look at the preview, which is returned."""
        await self.by_id("bulk-edit").click()
        await self.by_id("bulk-dialog").wait_for()
        for field, value in fields.items():
            box = self.by_id(f"bulk-{field.replace('_', '-')}")
            typed = box.or_(box.locator("input")).and_(self.page.locator("input"))
            await typed.fill(value)
            await typed.press("Enter")
        await self.by_id("bulk-counts").wait_for()
        told = await self.by_id("bulk-preview").inner_text()
        await self.by_id("bulk-apply").click()
        await self.by_id("done-bar").wait_for()
        return told

    async def undo_here(self) -> None:
        """Press the undo button that a change leaves behind."""
        await self.by_id("undo").click()
        await expect(self.by_id("done-bar")).to_have_count(0)

    # -- seeing ----------------------------------------------------------------------------------

    def by_id(self, name: str) -> Locator:
        """The element with that `data-testid`."""
        return self.page.get_by_test_id(name)

    def tile(self, index: int) -> Locator:
        """The tile at a place of the grid, from 0."""
        return self.by_id(f"tile-{index}")

    def table_rows(self) -> Locator:
        """The rows of the channel table that are drawn, from the top."""
        return self.page.locator("[data-testid=channel-table] [data-testid^=row-]")

    async def row_notes(self) -> list[list[str]]:
        """What the import page says of rows: each as its cells (row, column, value, message)."""
        rows = await self.by_id("row-note").all()
        return [(await row.inner_text()).split("\n") for row in rows]

    async def figures(self) -> dict[str, int]:
        """The counts of the import page by name: created, updated, unchanged, rejected ..."""
        found = await self.page.locator(
            "[data-testid^=count-]:not([data-testid=count-online])"
        ).all()
        names = [
            (await one.get_attribute("data-testid") or "").removeprefix("count-") for one in found
        ]
        counts = [int((await one.inner_text()).replace(",", "")) for one in found]
        return dict(zip(names, counts, strict=True))

    async def tile_channel(self, index: int) -> str:
        """The channel's id, or nothing."""
        return await self.tile(index).get_attribute("data-channel") or ""

    async def tile_state(self, index: int) -> str:
        """What the tile claims: `playing`, `stalled`, `reconnecting` ..."""
        return await self.tile(index).get_attribute("data-state") or ""

    async def tile_variant(self, index: int) -> str:
        """`main`, `sub` or nothing."""
        return await self.tile(index).get_attribute("data-variant") or ""

    async def tile_words(self, index: int) -> str:
        """Everything that the tile says, in the page's language."""
        return await self.tile(index).inner_text()

    async def wait_state(self, index: int, *states: str, timeout: float = 10.0) -> None:
        """Wait (seconds) until the tile claims one of the states."""
        pattern = re.compile(f"^({'|'.join(states)})$")
        await expect(self.tile(index)).to_have_attribute(
            "data-state", pattern, timeout=timeout * 1000
        )

    async def tile_pixels(self, index: int, rows: int = 16) -> NDArray[np.uint8] | None:
        """The top rows of the tile's picture now as (rows, width, 3) RGB; None before the first."""
        video = self.by_id(f"tile-video-{index}")
        handle = await video.element_handle()
        read: dict[str, Any] | None = await self.page.evaluate(READ_PIXELS, [handle, rows])
        return pixels_of(read)

    async def still_pixels(self, index: int) -> NDArray[np.uint8] | None:
        """The same of the last picture that the tile shows while it waits."""
        return pixels_of(await self.by_id(f"tile-still-{index}").evaluate(_READ_STILL))

    async def peers(self) -> Peers:
        """The page's peer connections."""
        states = await self.page.evaluate("window.__peers.map(peer => peer.connectionState)")
        return Peers(tuple(states))

    async def counts(self, group: str) -> str:
        """The counts beside a group of the tree, such as `412/418`."""
        return await self.by_id(f"tree-group-{group}").get_by_test_id("counts").inner_text()

    def _note_refusal(self, response: Any) -> None:
        # A page that asks for what its user may not have offers too much.
        if response.status == 403:
            self.refused.append(f"{response.request.method} {response.url}")

    def _note(self, message: Any) -> None:
        # Being asked who we are before signing in is no problem, and neither is a dead camera.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)


def pixels_of(read: dict[str, Any] | None) -> NDArray[np.uint8] | None:
    if read is None:
        return None
    pixels = np.frombuffer(base64.b64decode(read["pixels"]), dtype=np.uint8)
    return pixels.reshape(read["count"], read["width"], 4)[:, :, :3].copy()
