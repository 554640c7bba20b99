from dataclasses import replace

from tests.web.conftest import Site
from tests.web.fakes import FakeSession
from vidgate.aio.clock import ManualClock
from vidgate.media.stream import Stream, StreamLimits
from vidgate.model.channel import Lifecycle
from vidgate.model.health import State
from vidgate.model.media import Codec, Frame, StreamKey, Track, Variant
from vidgate.model.user import Principal, Role


def live_stream(clock: ManualClock) -> Stream:
    key = StreamKey("camera-3", Variant.SUB)
    stream = Stream(key, clock, StreamLimits(), lambda stream: None)
    stream.connecting(lambda: None)
    stream.start([Track(id=0, codec=Codec.H264, clock_rate=90_000)])
    stream.frame(Frame(0, 0, True, (b"\x65abc",), clock.now()))
    return stream


async def test_the_fleet_in_numbers(site: Site) -> None:
    site.fakes.health.states |= {"camera-2": State.DISABLED, "camera-3": State.DOWN}
    stream = live_stream(site.clock)
    site.fakes.hub.streams[stream.key] = stream
    told = await (await site.call("GET", "/api/v1/overview", role=Role.VIEWER)).json()
    assert (told["total"], told["counted"], told["up"]) == (3, 2, 1)
    assert told["states"]["up"] == told["states"]["down"] == told["states"]["disabled"] == 1
    assert told["states"]["busy"] == 0
    assert told["lifecycles"]["accepted"] == 3
    assert (told["viewers"], told["streams"]) == (0, 1)


async def test_a_planned_channel_is_not_among_the_states(site: Site) -> None:
    registry = site.fakes.registry
    registry.channels["camera-3"] = replace(
        registry.channels["camera-3"], lifecycle=Lifecycle.PLANNED
    )
    site.fakes.health.states["camera-3"] = State.DOWN
    told = await (await site.call("GET", "/api/v1/overview", role=Role.VIEWER)).json()
    assert told["states"]["down"] == 0
    assert (told["total"], told["lifecycles"]["planned"]) == (3, 1)
    query = "/api/v1/channels?lifecycle=planned"
    listed = await (await site.call("GET", query, role=Role.VIEWER)).json()
    assert [item["id"] for item in listed["items"]] == ["camera-3"]


async def test_a_stream_says_who_stands_in_and_why(site: Site) -> None:
    stream = live_stream(site.clock)
    site.fakes.hub.streams[stream.key] = stream
    track = Track(id=0, codec=Codec.H264, clock_rate=90_000)
    stream.start([track], origin="camera-1", cause="timeout")
    (told,) = (await (await site.call("GET", "/api/v1/streams", role=Role.VIEWER)).json())["items"]
    assert (told["source"], told["source_reason"]) == ("camera-1", "timeout")
    assert told["source_since"] == site.clock.wall()
    stream.start([track], origin="camera-3", cause="back")
    (told,) = (await (await site.call("GET", "/api/v1/streams", role=Role.VIEWER)).json())["items"]
    assert (told["source"], told["source_reason"]) == ("camera-3", "")


async def test_live_streams_have_counters(site: Site) -> None:
    stream = live_stream(site.clock)
    site.fakes.hub.streams[stream.key] = stream
    wang = Principal("wang", Role.VIEWER, "session")
    for id_ in ("a", "b"):
        site.fakes.whep.sessions[id_] = FakeSession(id_, "camera-3", Variant.SUB, "", wang)
    site.clock.advance(2)
    told = await (await site.call("GET", "/api/v1/streams", role=Role.VIEWER)).json()
    assert told["items"] == [
        {
            "name": "camera-3",
            "source": "camera-3",
            "source_reason": "",
            "source_since": None,
            "variant": "sub",
            "state": "live",
            "reason": "",
            "lossy": False,
            "viewers": 2,
            "codecs": ["h264"],
            "frames": 1,
            "key_frames": 1,
            "bytes": 4,
            "reconnects": 0,
            "frame_age": 2.0,
            "key_frame_age": 2.0,
        }
    ]
