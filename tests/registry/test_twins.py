from typing import Any

import pytest

from vidgate.model.channel import Channel
from vidgate.registry.inputs import Inputs
from vidgate.registry.twins import Twins
from vidgate.registry.url_forms import load

FORMS = Inputs(load())
RESOLVED = Inputs(load(), {"p"})


def told(twins: Twins, id_: str, current: Channel | None = None, **values: Any) -> list[str]:
    return [field for field, _ in twins.of(id_, values, f"第 {id_} 行", current)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtsp://h/x", "rtsp://h:554/x"),
        ("rtsps://h/x", "rtsps://h:322/x"),
        ("rtsp://H.example/x", "rtsp://h.EXAMPLE:554/x"),
        ("rtsp://h", "rtsp://h:554/"),
        ("rtsp://[::1]/x", "rtsp://[0:0::1]:554/x"),
    ],
)
def test_addresses_are_compared_as_they_are_called(one: str, other: str) -> None:
    twins = Twins()
    twins.learn([Channel(id="old", name="x", url=one)])
    assert told(twins, "new", url=other) == ["url"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtsp://h/x", "rtsp://h/X"),
        ("rtsp://h/x", "rtsp://h:555/x"),
        ("rtsp://h:554/x", "rtsps://h:554/x"),
    ],
)
def test_what_differs_for_the_camera_differs(one: str, other: str) -> None:
    twins = Twins()
    assert told(twins, "a", url=one) == []
    assert told(twins, "b", url=other) == []


DEVICE: dict[str, Any] = {
    "vendor": "海康威视",
    "address": "10.1.2.3",
    "port": 554,
    "channel_no": "3",
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"vendor": "hikvision"},
        {"port": None},
        {"channel_no": "03"},
        {"vendor": ""},
        {"address": "10.1.2.3"},
    ],
)
def test_one_input_of_one_device_is_one_camera(change: dict[str, Any]) -> None:
    twins = Twins(FORMS)
    twins.learn([Channel(id="old", name="x", **DEVICE)])
    found = twins.of("new", DEVICE | change, "第 2 行", None)
    assert found == [("address", "与已登记的通道 old 的设备地址、端口和通道号相同")]


@pytest.mark.parametrize(
    "change",
    [{"port": 8554}, {"channel_no": "4"}, {"address": "10.1.2.4"}, {"url": "rtsp://10.9.9.9/"}],
)
def test_another_input_is_another_camera(change: dict[str, Any]) -> None:
    twins = Twins(FORMS)
    twins.learn([Channel(id="old", name="x", **DEVICE)])
    assert told(twins, "new", **DEVICE | change) == []


@pytest.mark.parametrize("vendor", ["科达", "中维", "海康"])
def test_another_number_is_never_told_as_the_same_input(vendor: str) -> None:
    twins = Twins(FORMS)
    here: dict[str, Any] = {"vendor": vendor, "address": "10.1.2.3"}
    assert told(twins, "a", **here, channel_no="1") == []
    assert told(twins, "b", **here, channel_no="2") == []
    assert told(twins, "c", **here, channel_no="3") == []


def test_what_is_the_same_is_named() -> None:
    twins = Twins(FORMS)
    twins.learn([Channel(id="old", name="x", url="rtsp://10.1.2.3/Streaming/Channels/301")])
    ((_, sentence),) = twins.of("new", DEVICE, "第 2 行", None)
    assert "主码流地址相同" in sentence


def test_the_port_of_an_sdk_is_the_same_device() -> None:
    twins = Twins(FORMS)
    twins.learn([Channel(id="old", name="x", **DEVICE)])
    assert told(twins, "new", **DEVICE | {"port": 8000}) == ["address"]


def test_a_device_without_a_number_has_one_input() -> None:
    twins = Twins(FORMS)
    assert told(twins, "a", vendor="大华", address="Cam-1.local") == []
    assert told(twins, "b", vendor="大华", address="cam-1.local", channel_no="1") == ["address"]


def test_a_row_that_fills_in_a_registered_channel_is_seen_whole() -> None:
    twins, old = Twins(FORMS), Channel(id="b", name="x", address="10.1.2.3", vendor="海康")
    twins.learn([Channel(id="a", name="x", **DEVICE), old])
    assert told(twins, "b", current=old, channel_no="3") == ["channel_no"]


def test_an_address_that_a_form_makes_is_compared_with_those_written_out() -> None:
    twins = Twins(FORMS)
    twins.learn([Channel(id="old", name="x", url="rtsp://10.1.2.3:554/Streaming/Channels/301")])
    assert told(twins, "new", **DEVICE) == ["address"]
    twins = Twins(FORMS)
    assert told(twins, "a", **DEVICE) == []
    assert told(twins, "b", url="rtsp://10.1.2.3/Streaming/Channels/301") == ["url"]


def test_behind_a_resolver_an_address_alone_says_nothing() -> None:
    twins = Twins(RESOLVED)
    assert told(twins, "a", address="10.1.1.1", platform="p") == []
    assert told(twins, "b", address="10.1.1.1", platform="p") == []
    assert told(twins, "c", address="10.1.1.1", platform="p", channel_no="7") == []
    assert told(twins, "d", address="10.1.1.1", platform="p", channel_no="7") == ["address"]


def test_what_a_channel_had_before_is_free() -> None:
    twins, old = Twins(FORMS), Channel(id="a", name="x", url="rtsp://h/1")
    twins.learn([old])
    assert told(twins, "a", current=old, url="rtsp://h/2") == []
    assert told(twins, "b", url="rtsp://h/1") == []
    assert told(twins, "c", url="rtsp://h/2") == ["url"]


def test_the_same_row_again_is_no_twin() -> None:
    twins, old = Twins(FORMS), Channel(id="A", name="x", gb_code="4" * 20, **DEVICE)
    twins.learn([old])
    assert told(twins, "a", current=old, gb_code="4" * 20, **DEVICE) == []


def test_the_other_channel_is_named_as_it_is_spelt() -> None:
    twins = Twins()
    assert told(twins, "Dam-A", url="rtsp://h/x") == []
    ((_, sentence),) = twins.of("b", {"url": "rtsp://h:554/x"}, "第 3 行")
    assert "Dam-A" in sentence
    assert told(twins, "dam-a", url="rtsp://h/x") == []
