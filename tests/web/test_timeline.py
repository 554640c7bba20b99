from tests.web.conftest import Site
from vidgate.model.health import Level, Reason, State
from vidgate.model.user import Role
from vidgate.storage.states import Transition
from vidgate.storage.switches import Switch

PATH = "/api/v1/channels/CAMERA-1/timeline"


def fill(site: Site) -> None:
    past = site.fakes.past
    past.changed.append(
        Transition(
            channel="Camera-1",
            time=20.0,
            before=State.UP,
            after=State.DOWN,
            reason=Reason.TIMEOUT,
            level=Level.NONE,
        )
    )
    for time, source, reason in ((30.0, "Camera-1", "back"), (10.0, "camera-3", "no_media")):
        past.switched.append(
            Switch(channel="Camera-1", variant="main", time=time, source=source, reason=reason)
        )


async def test_states_and_switches_stand_in_one_line(site: Site) -> None:
    fill(site)
    told = await (await site.call("GET", PATH, role=Role.OPERATOR)).json()
    assert [(one["time"], one["what"], one["after"], one["reason"]) for one in told["items"]] == [
        (30.0, "source", "Camera-1", "back"),
        (20.0, "state", "down", "timeout"),
        (10.0, "source", "camera-3", "no_media"),
    ]
    assert told["items"][1]["before"] == "up"


async def test_the_line_is_as_long_as_asked(site: Site) -> None:
    fill(site)
    told = await (await site.call("GET", PATH + "?limit=1", role=Role.VIEWER)).json()
    assert [one["time"] for one in told["items"]] == [30.0]
    assert (await site.call("GET", PATH + "?limit=0", role=Role.VIEWER)).status == 400
    missing = PATH.replace("CAMERA-1", "none")
    assert (await site.call("GET", missing, role=Role.VIEWER)).status == 404


async def test_the_line_is_narrowed_to_a_time(site: Site) -> None:
    fill(site)
    narrowed = PATH + "?since=10&until=30"
    told = await (await site.call("GET", narrowed, role=Role.VIEWER)).json()
    assert [one["time"] for one in told["items"]] == [20.0, 10.0]
    assert (await site.call("GET", PATH + "?since=nan", role=Role.VIEWER)).status == 400
