"""What the browser tests share: waiting, and a console that is signed in."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright

from tests.e2e.console_page import CHROMIUM, ConsolePage, launch
from tests.programs import RunningFleet, Service, running_fleet, running_service
from vidgate.auth.passwords import hash_password
from vidgate.model.user import Role
from vidgate.simulator.coded import Strip, read_strip
from vidgate.storage.accounts import Accounts
from vidgate.storage.database import Database

T = TypeVar("T")
PASSWORD = "river bank lantern seven"

MARKS = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() and os.environ.get("CI") != "true", reason="no Chromium"
    ),
]


async def eventually(
    ask: Callable[[], Awaitable[T]], good: Callable[[T], bool], *, timeout: float = 10.0
) -> T:
    """Ask until the answer is good; returns the last answer after `timeout` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        answer = await ask()
        if good(answer) or loop.time() > deadline:
            return answer
        await asyncio.sleep(0.02)


async def add_accounts(folder: Path, *roles: Role) -> None:
    """Accounts called like their roles with `PASSWORD`, in the data of a service not yet started.

    An administrator that is among them is the service's first account.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    hash_ = await asyncio.to_thread(hash_password, PASSWORD)
    async with Database(folder / "vidgate.db") as db:
        for role in roles:
            await Accounts(db).add_user(role.value, role, hash_, "test")


@asynccontextmanager
async def browsing(*arguments: str, home: Path | None = None) -> AsyncIterator[Browser]:
    """A browser."""
    async with async_playwright() as playwright:
        browser = await launch(playwright, *arguments, home=home)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def signed_in(service: Service) -> AsyncIterator[ConsolePage]:
    """The console of a fresh service in a browser of its own, signed in as its first account."""
    async with browsing() as browser:
        console = await ConsolePage.open(browser, service.url)
        await console.sign_in("admin", service.password)
        yield console


async def strip_of(console: ConsolePage, index: int) -> Strip | None:
    """The machine-readable strip of the picture in a tile now."""
    pixels = await console.tile_pixels(index)
    return None if pixels is None else read_strip(pixels)


async def is_moving(console: ConsolePage, index: int, number: int) -> bool:
    """Whether the tile shows camera `number` and its counter goes on."""
    first = await strip_of(console, index)
    if first is None or first.number != number:
        return False
    second = await eventually(
        lambda: strip_of(console, index),
        lambda strip: strip is not None and strip.counter > first.counter,
        timeout=2.0,
    )
    return second is not None and second.number == number


@dataclass
class Stage:
    """A service with registered cameras, and a browser page that is signed in."""

    service: Service
    fleet: RunningFleet
    console: ConsolePage
    channels: list[dict[str, Any]]

    async def fault(self, channel: str, fault: str | None) -> None:
        """Break a simulated camera, or mend it."""
        async with aiohttp.ClientSession() as http:
            if fault is None:
                answer = await http.delete(f"{self.fleet.control}/faults/{channel}")
            else:
                wish = [{"channel": channel, "fault": fault}]
                answer = await http.post(f"{self.fleet.control}/faults", json=wish)
            assert answer.status < 300, await answer.text()

    async def is_moving(self, index: int, number: int) -> bool:
        """Whether the tile shows camera `number` and its counter goes on."""
        return await is_moving(self.console, index, number)


@asynccontextmanager
async def staged(
    folder: Path, channels: int, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stage]:
    """A fleet, a service that knows it, and a console."""
    async with (
        running_fleet(folder, channels) as fleet,
        running_service(folder / "data", settings) as service,
    ):
        report = await service.cli_json("channel", "import", str(fleet.register))
        assert report["rejected"] == 0
        async with signed_in(service) as console:
            listed = await service.cli_json("channel", "list")
            delivered = [item for item in listed["items"] if item["lifecycle"] == "accepted"]
            yield Stage(service, fleet, console, delivered)
