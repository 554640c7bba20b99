"""What the browser tests share: waiting, and a console that is signed in."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.async_api import async_playwright

from tests.e2e.console_page import CHROMIUM, ConsolePage, launch
from tests.programs import Service

T = TypeVar("T")

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


@asynccontextmanager
async def signed_in(service: Service) -> AsyncIterator[ConsolePage]:
    """The console of a fresh service in a browser of its own, signed in as its first account."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        try:
            console = await ConsolePage.open(browser, service.url)
            await console.sign_in("admin", service.password)
            yield console
        finally:
            await browser.close()
