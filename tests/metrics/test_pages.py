"""The small page: fleet, streams, loop, build."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.media.fakes import VIDEO, picture
from tests.waiting import until
from vidgate.aio.clock import ManualClock
from vidgate.health.demand import Demand, plan
from vidgate.media.stream import Stream, StreamLimits
from vidgate.metrics import Metrics
from vidgate.model.channel import Channel, Lifecycle, Platform, PointClass
from vidgate.model.declared import DeclaredStatus
from vidgate.model.health import Health, Level, ProbeResult, Reason, State
from vidgate.model.media import StreamKey


@dataclass
class Parts:
    """Everything that is counted, in one fake."""

    channels: dict[str, Channel] = field(default_factory=dict)
    platforms: dict[str, Platform] = field(default_factory=dict)
    streams: dict[StreamKey, Stream] = field(default_factory=dict)
    sessions: dict[str, Any] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    in_flight: int = 3
    waiting: int = 5
    by_platform: dict[str, Demand] = field(default_factory=dict)

    @property
    def demands(self) -> "Parts":
        """What looking asks of platforms."""
        return self

    def of(self, id_: str) -> Health:
        """The health of an id."""
        return Health(channel=id_, state=self.states.get(id_, State.UNKNOWN))


def _rendered(metrics: Metrics) -> bytes:
    """The page, turn by turn, in no loop."""
    page = metrics.render()
    while True:
        try:
            page.send(None)
        except StopIteration as done:
            return bytes(done.value)


async def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Samples by name and label values; in a thread, as /proc counts as a file here."""
    page = await asyncio.to_thread(_rendered, metrics)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


async def test_channels_are_counted_by_department_platform_and_state() -> None:
    parts = Parts()
    for number in range(4):
        id_ = f"c{number}"
        parts.channels[id_] = Channel(id=id_, name=id_, department="公安局", platform="p")
        parts.states[id_] = State.DOWN if number == 0 else State.UP
    parts.channels["off"] = Channel(id="off", name="off", enabled=False)
    async with Metrics(parts, parts, parts, parts) as metrics:
        found = await read(metrics)
    assert found["vidgate_channels", "公安局", "p", "up"] == 3
    assert found["vidgate_channels", "公安局", "p", "down"] == 1
    assert sum(v for k, v in found.items() if k[0] == "vidgate_channels") == 4


async def test_what_is_declared_and_what_contradicts_it_are_counted_by_platform() -> None:
    parts = Parts()
    on, off = DeclaredStatus.ONLINE, DeclaredStatus.OFFLINE
    for id_, said, state in (
        ("a", on, State.UP), ("b", on, State.DOWN), ("c", off, State.DOWN), ("d", None, State.DOWN)
    ):  # fmt: skip
        parts.channels[id_] = Channel(id=id_, name=id_, platform="p", declared_status=said)
        parts.states[id_] = state
    parts.channels["e"] = replace(parts.channels["b"], id="e", lifecycle=Lifecycle.SUSPENDED)
    async with Metrics(parts, parts, parts, parts) as metrics:
        found = await read(metrics)
    assert {
        key: value for key, value in found.items() if key[0].startswith("vidgate_channels_")
    } == {
        ("vidgate_channels_declared", "p", "online"): 2,
        ("vidgate_channels_declared", "p", "offline"): 1,
        ("vidgate_channels_differing", "online_down", "p"): 1,
        ("vidgate_channels_differing", "offline_up", "p"): 0,
    }


async def test_what_looking_asks_of_platforms() -> None:
    parts = Parts()
    parts.by_platform = {
        "p": plan({PointClass.ONE: 100, PointClass.OTHER: 900}, 1800.0, 3.6, 1),
        "free": plan({PointClass.ONE: 100}, 1800.0, 3.6, 0),
    }
    async with Metrics(parts, parts, parts, parts) as metrics:
        found = await read(metrics)
    assert found["vidgate_platform_slots", "p"] == 1
    assert ("vidgate_platform_slots", "free") not in found
    assert found["vidgate_platform_slots_needed", "p"] == 2.0
    assert found["vidgate_probe_period_seconds", "p", "1"] == 1800.0
    assert found["vidgate_probe_period_seconds", "p", "9"] > 4000.0


async def test_totals_outlive_the_streams() -> None:
    parts = Parts(sessions={"a": object()})
    key = StreamKey("c1")
    stream = Stream(key, ManualClock(), StreamLimits(), lambda _: None)
    stream.start([VIDEO])
    parts.streams[key] = stream
    async with Metrics(parts, parts, parts, parts) as metrics:
        stream.frame(picture(0, key=True))
        assert (await read(metrics))["vidgate_ingest_frames_total",] == 1
        stream.frame(picture(1))
        del parts.streams[key]
        found = await read(metrics)
        assert found["vidgate_ingest_frames_total",] == 2
        assert found["vidgate_viewers", "webrtc"] == 1
        assert (await read(metrics))["vidgate_ingest_frames_total",] == 2


async def test_looks_are_counted_and_the_loop_is_watched() -> None:
    parts = Parts()
    result = ProbeResult(
        channel="c", asked=Level.DESCRIBE, level=Level.REACH, reason=Reason.TIMEOUT, t0=0.0
    )
    async with Metrics(parts, parts, parts, parts) as metrics:
        metrics.observe_probe(result, 0.2)
        for unmade in (
            replace(result, asked=Level.NONE, level=Level.NONE, reason=Reason.UNAUTHORIZED),
            replace(result, reason=Reason.NOT_TESTED),
        ):
            metrics.observe_probe(unmade, 0.0)
        found = await read(metrics)
        assert sum(of[0] == "vidgate_probes_total" for of in found) == 1
        assert found["vidgate_probes_total", "describe", "timeout"] == 1
        assert found["vidgate_probes_in_flight",] == 3
        assert found["vidgate_probes_waiting",] == 5
        await until(lambda: metrics.longest_stall > 0)
        found = await read(metrics)
        assert found["vidgate_event_loop_tasks",] == len(asyncio.all_tasks())


async def test_what_a_platform_owes_and_delivered_is_counted_apart() -> None:
    parts = Parts(platforms={"p": Platform(id="p", quota=3), "q": Platform(id="q")})
    for number, step in enumerate((Lifecycle.ACCEPTED, Lifecycle.PLANNED, Lifecycle.PLANNED)):
        id_ = f"c{number}"
        parts.channels[id_] = Channel(id=id_, name=id_, platform="p", lifecycle=step)
    async with Metrics(parts, parts, parts, parts) as metrics:
        found = await read(metrics)
    assert found["vidgate_platform_quota", "p"] == 3
    assert ("vidgate_platform_quota", "q") not in found
    assert found["vidgate_platform_channels", "accepted", "p"] == 1
    assert found["vidgate_platform_channels", "planned", "p"] == 2
