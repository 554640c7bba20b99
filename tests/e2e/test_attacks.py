"""The service under attack, shortened; `scripts/soak attacks` does the same in full."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e import attacks
from tests.e2e.attacks import Target, attacked
from tests.e2e.browser_that_dies import doomed_browser
from tests.e2e.cycles import viewers_of
from tests.e2e.floods import PICTURES, flooded
from tests.e2e.nacks import nag
from tests.e2e.stage import MARKS, eventually

pytestmark = MARKS

OFFER = (Path(__file__).parents[1] / "webrtc" / "data" / "chromium.sdp").read_text(encoding="utf-8")
SILENCE = 3.0  # seconds; 30 by default
OFFERS = 100  # of one user in ten seconds; 400 by default: what the others ask for is far less


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    settings = {
        "VIDGATE__WEBRTC__SILENCE_TIMEOUT": str(SILENCE),
        "VIDGATE__WEBRTC__OFFERS": str(OFFERS),
    }
    async with attacked(tmp_path, settings) as made:
        yield made


async def test_floods_of_offers_and_garbage_hurt_nobody_else(target: Target) -> None:
    await flood_of_offers(target)
    await flood_of_garbage(target)
    await flood_of_checks(target)
    await flood_of_nacks(target)
    await flood_of_pictures(target)
    assert await attacks.race(target, 20) == 20


async def flood_of_offers(target: Target) -> None:
    found = await attacks.flood_offers(target, 1000, 3.0, OFFER)
    assert found.statuses["201"] == OFFERS  # no more, however fast they come
    assert set(found.statuses) == {"201", "429"}, found.statuses
    assert found.others
    assert found.refused == 0
    assert found.packets > 50
    assert found.lost == 0


async def flood_of_garbage(target: Target) -> None:
    found = await attacks.bombard(target, 10_000, 2.0)
    assert found.sent >= 5_000
    assert found.lost == 0
    assert found.packets > 50
    assert found.growth <= 5 << 20


async def flood_of_checks(target: Target) -> None:
    found = await attacks.bombard(target, 10_000, 3.0, attacks.LIKE_STUN, has_newcomers=True)
    assert found.sent >= 5_000
    assert found.lost == 0
    assert found.packets > 50
    assert found.under - found.before <= 0.6
    assert found.joined
    assert max(found.joined) <= 10, "they do come in; how soon is for a machine that is not shared"


async def flood_of_nacks(target: Target) -> None:
    made = await target.service.cli_json("token", "create", "--role", "administrator")
    found = await nag(target, 900, 3.0, made["token"])
    assert found.sent >= 1_000
    assert found.lost == 0
    assert found.packets > 50
    assert found.used - found.used_before <= 0.4
    assert found.held <= max(found.held_before, 0.04)  # 0.09 when each was taken apart


async def flood_of_pictures(target: Target) -> None:
    made = await target.service.cli_json("token", "create", "--role", "administrator")
    found = await flooded(target, PICTURES, 0, 2.0, made["token"])
    assert found.pulls
    assert found.lost == 0
    assert found.packets > 50


async def test_dead_and_deaf_viewers_are_found_out(target: Target, tmp_path: Path) -> None:
    assert await attacks.stop_reading(target, 4, 3.0) <= 8 << 20
    assert await attacks.until_gone(target, SILENCE + 5) <= SILENCE + 2
    url = f"{target.service.url}/whep/{target.channels[0]}"
    async with (
        target.client("other") as http,
        doomed_browser(tmp_path, url, target.tokens["watcher"]) as browser,
    ):
        watching = await eventually(lambda: viewers_of(http), lambda n: n == 1, timeout=20)
        assert watching == 1
        still = SILENCE + 1.0  # whoever says nothing is gone by then
        assert await attacks.until_gone(target, still) >= still
        await browser.end(signal.SIGKILL)
        assert await attacks.until_gone(target, SILENCE + 5) <= SILENCE + 2
