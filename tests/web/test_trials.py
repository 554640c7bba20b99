from tests.web.conftest import Site
from vidgate.model.media import Variant
from vidgate.model.user import Role


async def test_a_channel_is_tried_and_how_is_told(site: Site) -> None:
    body = {"stream": "sub", "credential": "nvr"}
    path = "/api/v1/channels/camera-1/test"
    assert (await site.call("POST", path, role=Role.OPERATOR, json=body)).status == 403
    response = await site.call("POST", path, role=Role.ENGINEER, json=body)
    told = await response.json()
    assert (told["form"], told["url"], told["is_good"]) == ("sim /{channel}", "rtsp://h/1", True)
    assert site.fakes.trials.asked == [("camera-1", Variant.SUB, "nvr")]


async def test_a_credential_is_tried_where_it_is_used_or_where_it_is_told(site: Site) -> None:
    path = "/api/v1/credentials/nvr/test"
    for body, asked in (({}, "camera-1"), ({"channel": "camera-2"}, "camera-2")):
        response = await site.call("POST", path, role=Role.ENGINEER, json=body)
        assert [item["channel"] for item in (await response.json())["items"]] == [asked]
    assert site.fakes.trials.asked[-1] == ("camera-2", Variant.MAIN, "nvr")
