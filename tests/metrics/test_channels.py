"""The page of all channels says what design.md 6 promises."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.media.fakes import VIDEO, picture
from vidgate.aio.clock import ManualClock
from vidgate.health.levels import of_stream
from vidgate.media.stream import Stream, StreamLimits
from vidgate.metrics.channels import ChannelPage, escape
from vidgate.model.channel import Channel, Kind, Lifecycle
from vidgate.model.declared import DeclaredStatus
from vidgate.model.health import Health, Level, Measured, ProbeResult, Reason, State
from vidgate.model.media import StreamKey, Variant
from vidgate.registry.access import host_of


@dataclass
class Book:
    """A register and its health."""

    channels: Mapping[str, Channel]
    health: Mapping[str, Health]

    def of(self, id_: str) -> Health:
        """The health of an id."""
        return self.health.get(id_, Health(channel=id_))


async def samples(book: Book) -> dict[tuple[str, str], float]:
    """Value by metric and channel, read by Prometheus' own parser."""
    page = (await ChannelPage(book, book.of).render()).decode()
    return {
        (sample.name, sample.labels["channel"]): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def book(state: State, **fields: object) -> Book:
    """One channel in a state."""
    channel = Channel(id="c1", name="城关", **fields)  # type: ignore[arg-type]
    return Book({"c1": channel}, {"c1": Health(channel="c1", state=state, level=Level.MEDIA)})


@pytest.mark.parametrize(
    ("state", "up"),
    [
        (State.UP, 1),
        (State.DEGRADED, 1),
        (State.BUSY, 1),
        (State.DOWN, 0),
        (State.UNAUTHORIZED, 0),
        (State.UNKNOWN, 0),
        (State.REACHABLE, 0),
        (State.MAINTENANCE, None),
        (State.DISABLED, None),
    ],
)
async def test_up_of_each_state(state: State, up: int | None) -> None:
    found = await samples(book(state))
    assert found.get(("vidgate_channel_up", "c1")) == up
    assert found["vidgate_channel_state", "c1"] == state.value
    assert found["vidgate_channel_level", "c1"] == 3


async def test_what_is_not_accepted_has_no_up() -> None:
    found = await samples(book(State.UP, lifecycle=Lifecycle.PLANNED))
    assert ("vidgate_channel_up", "c1") not in found
    assert ("vidgate_channel_state", "c1") not in found
    assert ("vidgate_channel_info", "c1") in found


async def test_instants_are_absent_until_known() -> None:
    one = book(State.UP)
    assert ("vidgate_channel_last_frame_timestamp_seconds", "c1") not in await samples(one)
    known = Health(channel="c1", state=State.UP, last_frame=1.5e9 + 0.25, probed=1.5e9)
    found = await samples(Book(one.channels, {"c1": known}))
    assert found["vidgate_channel_last_frame_timestamp_seconds", "c1"] == 1.5e9 + 0.25
    assert found["vidgate_channel_probe_timestamp_seconds", "c1"] == 1.5e9


@pytest.mark.parametrize(
    ("fields", "state", "reason", "is_expected"),
    [
        ({}, State.UNKNOWN, Reason.NOT_TESTED, True),
        ({}, State.DOWN, Reason.TIMEOUT, True),
        ({"kind": Kind.PUSH}, State.UNKNOWN, Reason.NOT_TESTED, False),
        ({}, State.UNKNOWN, Reason.NO_ADDRESS, False),
        ({"url": "rtsp://10.1.1.1/1"}, State.UNKNOWN, Reason.DENIED_ADDRESS, False),
        ({"url": "rtsp://camera.lan/1"}, State.UNKNOWN, Reason.DENIED_ADDRESS, True),
        # Its platform names it.
        ({"address": "10.1.1.1", "platform": "p"}, State.UNKNOWN, Reason.DENIED_ADDRESS, True),
        ({}, State.MAINTENANCE, Reason.NOT_TESTED, False),
        ({"lifecycle": Lifecycle.PLANNED}, State.UNKNOWN, Reason.NOT_TESTED, False),
    ],
)
async def test_which_channels_are_to_be_looked_at(
    fields: dict[str, object], state: State, reason: Reason, *, is_expected: bool
) -> None:
    one = book(state, **fields)
    health = Health(channel="c1", state=state, reason=reason)
    found = await samples(Book(one.channels, {"c1": health}))
    assert (("vidgate_channel_probe_expected", "c1") in found) is is_expected


async def test_what_is_declared_stands_beside_what_is_measured() -> None:
    found = await samples(book(State.DOWN, declared_status=DeclaredStatus.ONLINE))
    assert found["vidgate_channel_declared_online", "c1"] == 1
    assert found["vidgate_channel_up", "c1"] == 0
    found = await samples(book(State.UP, declared_status=DeclaredStatus.OFFLINE))
    assert found["vidgate_channel_declared_online", "c1"] == 0
    assert ("vidgate_channel_declared_online", "c1") not in await samples(book(State.UP))


async def test_each_level_that_was_looked_at_has_a_sample() -> None:
    one = book(State.DOWN)
    found = of_stream({}, Level.DESCRIBE, Reason.NO_MEDIA, 1.5e9)
    page = await ChannelPage(
        one, Book(one.channels, {"c1": Health(channel="c1", levels=found)}).of
    ).render()
    lines = [line for line in page.decode().splitlines() if "level_passed{" in line]
    assert lines == [
        'vidgate_channel_level_passed{channel="c1",level="reach"} 1',
        'vidgate_channel_level_passed{channel="c1",level="describe"} 1',
        'vidgate_channel_level_passed{channel="c1",level="media"} 0',
    ]


MEASURED = Measured(
    at=1.5e9, fps=24.997, fps_by="counted", bitrate=1_999_871.0, bitrate_by="counted",
    key_interval=2.0002, group_frames=50, loss=0.0004, jitter=0.00025, clock_offset=-0.0125,
    first_frame=0.31234,
)  # fmt: skip


async def test_what_was_measured_is_told_as_finely_as_it_was() -> None:
    one = book(State.UP)
    last = ProbeResult(
        channel="c1", asked=Level.MEDIA, level=Level.MEDIA, reason=Reason.OK, t0=0.0, t3=0.31234
    )
    known = Health(channel="c1", measured=MEASURED, last=last)
    found = await samples(Book(one.channels, {"c1": known}))
    before = await samples(one)
    told = {
        name.removeprefix("vidgate_channel_"): value
        for (name, channel), value in found.items()
        if (name, channel) not in before
    }
    assert told == {
        "fps": 24.997,
        "bitrate_bits_per_second": 1_999_871.0,
        "keyframe_interval_seconds": 2.0,
        "keyframe_interval_frames": 50.0,
        "rtp_loss_ratio": 0.0004,
        "jitter_seconds": 0.00025,
        "clock_skew_seconds": -0.0125,
        "first_frame_seconds": 0.31234,
        "probe_duration_seconds": 0.31234,
    }


async def test_a_rate_that_is_only_announced_is_not_measured() -> None:
    one = book(State.UP)
    said = Measured(
        at=1.5e9, fps=25.0, fps_by="announced", bitrate=2e6, bitrate_by="announced", jitter=0.0
    )
    found = await samples(Book(one.channels, {"c1": Health(channel="c1", measured=said)}))
    assert ("vidgate_channel_fps", "c1") not in found
    assert ("vidgate_channel_bitrate_bits_per_second", "c1") not in found
    assert found["vidgate_channel_jitter_seconds", "c1"] == 0.0


async def test_what_flows_is_counted_by_channel() -> None:
    class Hub:
        streams: ClassVar[dict[StreamKey, Stream]] = {}

    hub, one = Hub(), book(State.UP)
    for key in (StreamKey("c1"), StreamKey("C1", Variant.SUB), StreamKey("wall/1")):
        stream = hub.streams[key] = Stream(key, ManualClock(), StreamLimits(), lambda _: None)
        stream.start([VIDEO])
        stream.frame(picture(0, key=True, size=100))
    page = (await ChannelPage(one, one.of, hub).render()).decode()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    flows = {
        name: [(sample.labels["channel"], sample.value) for sample in families[name].samples]
        for name in ("vidgate_channel_ingest_bytes", "vidgate_channel_frames")
    }
    assert flows == {
        "vidgate_channel_ingest_bytes": [("c1", 200.0)],
        "vidgate_channel_frames": [("c1", 2.0)],
    }
    assert families["vidgate_channel_reconnects"].type == "counter"


async def test_a_hostile_name_stays_a_label() -> None:
    name = 'a"} 1\nvidgate_channel_up{channel="x\\'
    channel = Channel(id="c1", name=name)
    page = (await ChannelPage(Book({"c1": channel}, {}), Book({}, {}).of).render()).decode()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    (info,) = families["vidgate_channel_info"].samples
    assert info.labels["name"] == name
    assert [sample.labels["channel"] for sample in families["vidgate_channel_up"].samples] == ["c1"]


async def test_no_address_is_a_label() -> None:
    channel = Channel(id="c1", name="x", url="rtsp://10.9.8.7/x", credential="secret-name")
    page = await ChannelPage(Book({"c1": channel}, {}), Book({}, {}).of).render()
    assert b"10.9.8.7" not in page
    assert b"secret-name" not in page


async def test_the_page_follows_the_register() -> None:
    one = book(State.UP)
    page = ChannelPage(one, one.of)
    await page.render()
    one.channels = {"c2": Channel(id="c2", name="新")}
    assert b'channel="c2"' in await page.render()


def test_escape() -> None:
    assert escape('a"b\\c\nd') == 'a\\"b\\\\c\\nd'


async def test_channels_of_one_device_share_its_name_and_no_address_is_told() -> None:
    channels = {
        "a": Channel(id="a", name="甲", address="10.1.2.3"),
        "b": Channel(id="b", name="乙", url="rtsp://10.1.2.3/2"),
        "c": Channel(id="c", name="丙"),
    }
    one = Book(channels, {})

    def host(channel: Channel) -> str:
        return "h-1" if host_of(channel) == "10.1.2.3" else ""

    page = (await ChannelPage(one, one.of, host=host).render()).decode()
    hosts = {
        sample.labels["channel"]: sample.labels["host"]
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "vidgate_channel_host"
    }
    assert hosts == {"a": "h-1", "b": "h-1", "c": ""}
    assert "10.1" not in page
