from dataclasses import replace

import pytest

from tests.web.conftest import Site
from vidgate.model.channel import Channel
from vidgate.model.declared import DeclaredCodec, DeclaredStatus
from vidgate.model.health import Measured, State
from vidgate.model.media import Codec
from vidgate.model.user import Role

CHANNELS = "/api/v1/channels"


def declare(site: Site, id_: str, **said: object) -> None:
    channels = dict(site.fakes.registry.channels)
    one: Channel = channels[id_.lower()]
    channels[id_.lower()] = replace(one, enabled=True, **said)  # type: ignore[arg-type]
    site.fakes.registry.channels = channels


async def test_a_channel_shows_both_sides_and_what_differs(site: Site) -> None:
    declare(
        site,
        "Camera-1",
        declared_status=DeclaredStatus.ONLINE,
        declared_codec=DeclaredCodec.H265,
        declared_resolution="4MP",
    )
    site.fakes.health.states["Camera-1"] = State.DOWN
    site.fakes.health.measured["Camera-1"] = Measured(
        at=7.0, codec=Codec.H264, width=1920, height=1080, fps=25.0, fps_by="counted", fps_at=7.0
    )
    told = await (await site.call("GET", f"{CHANNELS}/Camera-1", role=Role.VIEWER)).json()
    assert told["comparison"] == [
        {"item": "status", "declared": "online", "measured": "down", "differs": True},
        {"item": "codec", "declared": "h265", "measured": "h264", "differs": True},
        {"item": "resolution", "declared": "4MP", "measured": "1920x1080", "differs": True},
        {"item": "fps", "declared": None, "measured": 25.0, "differs": None},
    ]
    assert told["state"] == "down"
    measured = told["health"]["measured"]
    assert (measured["codec"], measured["width"], measured["fps_by"]) == ("h264", 1920, "counted")
    assert (told["declared_status"], told["declared_resolution"]) == ("online", "4MP")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("differs=online_down", ["camera-2"]),
        ("differs=offline_up", ["camera-3"]),
        ("differs=codec", ["Camera-1"]),
        ("differs=any", ["Camera-1", "camera-2", "camera-3"]),
        ("differs=any&department=公安", ["Camera-1"]),
        ("differs=fps", []),
    ],
)
async def test_the_list_is_narrowed_to_what_contradicts(
    site: Site, query: str, ids: list[str]
) -> None:
    declare(site, "Camera-1", declared_codec=DeclaredCodec.H265)
    declare(site, "camera-2", declared_status=DeclaredStatus.ONLINE)
    declare(site, "camera-3", declared_status=DeclaredStatus.OFFLINE)
    site.fakes.health.states["camera-2"] = State.DOWN
    site.fakes.health.measured["Camera-1"] = Measured(at=1.0, codec=Codec.H264)
    response = await site.call("GET", f"{CHANNELS}?{query}", role=Role.VIEWER)
    items = (await response.json())["items"]
    assert [item["id"] for item in items] == ids
    assert all(item["differs"] for item in items)


async def test_an_unknown_difference_is_explained(site: Site) -> None:
    response = await site.call("GET", f"{CHANNELS}?differs=colour", role=Role.VIEWER)
    assert response.status == 400
