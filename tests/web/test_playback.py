"""What a page tells of its players: bounded, counted, believed only so far."""

from typing import Any

import pytest

from tests.web.conftest import Site
from vidgate.model.media import Variant
from vidgate.model.user import Role
from vidgate.web.playback import REPORTS, TILES

PATH = "/api/v1/playback"
PART = {
    "variant": "main",
    "first_frames": [0.12, 0.5],
    "buffers": [0.03],
    "playing": 29.5,
    "stalls": 1,
    "stalled": 0.5,
    "freezes": 2,
    "frozen": 0.4,
    "decoded": 700,
    "dropped": 3,
    "received": 9000,
    "lost": 4,
}


async def tell(site: Site, *parts: dict[str, Any], **more: Any) -> int:
    response = await site.call("POST", PATH, json={"parts": parts}, **more)
    return response.status


async def test_a_signed_in_page_tells_what_its_tiles_saw(site: Site) -> None:
    await site.sign_in()
    sub = {"variant": "sub", "playing": 4.0}
    assert await tell(site, PART, sub, headers=site.origin()) == 204
    first, second = site.fakes.playbacks
    assert (first.variant, first.first_frames, first.lost) == (Variant.MAIN, [0.12, 0.5], 4)
    assert (second.variant, second.playing, second.stalls) == (Variant.SUB, 4.0, 0)


async def test_a_foreign_page_may_not_tell(site: Site) -> None:
    await site.sign_in()
    assert await tell(site, PART, headers={"Origin": "http://elsewhere.test"}) == 403
    assert await tell(site, PART, role=Role.AUDITOR) == 403
    assert site.fakes.playbacks == []


async def test_a_ticket_is_for_watching_only(site: Site) -> None:
    made = await site.call("POST", "/api/v1/tickets", role=Role.VIEWER, json={"stream": "camera-1"})
    headers = {"Authorization": f"Bearer {(await made.json())['ticket']}"}
    assert await tell(site, PART, headers=headers) == 403
    assert site.fakes.playbacks == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"variant": "camera-1"},
        {"playing": -1.0},
        {"playing": 1e9},
        {"stalls": 1.5},
        {"decoded": 10**12},
        {"first_frames": [0.1] * (TILES + 1)},
        {"first_frames": [float("nan")]},
        {"buffers": [float("inf")]},
        {"viewer": "张三"},
    ],
)
async def test_what_no_page_could_have_seen_is_refused(site: Site, wrong: dict[str, Any]) -> None:
    assert await tell(site, {**PART, **wrong}, role=Role.VIEWER) == 400
    assert site.fakes.playbacks == []


async def test_one_part_for_each_kind_of_stream(site: Site) -> None:
    assert await tell(site, PART, PART, role=Role.VIEWER) == 400
    assert await tell(site, role=Role.VIEWER) == 400
    assert site.fakes.playbacks == []


async def test_a_report_is_small(site: Site) -> None:
    body = b'{"parts": [{"variant": "main"}]}' + b" " * 9000
    headers = {"Content-Type": "application/json"}
    response = await site.call("POST", PATH, role=Role.VIEWER, data=body, headers=headers)
    assert response.status == 413


async def test_reports_are_few_and_another_session_is_not_held_up(site: Site) -> None:
    for _ in range(REPORTS["session"]):
        assert await tell(site, PART, role=Role.VIEWER) == 204
    assert await tell(site, PART, role=Role.VIEWER) == 429
    assert await tell(site, PART, role=Role.OPERATOR) == 204
    site.clock.advance(61)
    assert await tell(site, PART, role=Role.VIEWER) == 204
