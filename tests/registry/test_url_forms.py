"""From make, address, port and channel number to an address."""

from pathlib import Path

import pytest

from vidgate.errors import SettingsError
from vidgate.model.channel import Channel
from vidgate.model.media import Variant
from vidgate.registry.url_forms import FormError, UrlForms, load

FORMS = load()
CAM = "/cam/realmonitor"


def channel(
    vendor: str, number: str = "", address: str = "10.1.2.3", port: int | None = None
) -> Channel:
    return Channel(id="a", name="n", vendor=vendor, address=address, port=port, channel_no=number)


@pytest.mark.parametrize(
    ("vendor", "number", "main", "sub"),
    [
        ("海康威视", "3", "/Streaming/Channels/301", "/Streaming/Channels/302"),
        ("HIKVISION", "", "/Streaming/Channels/101", "/Streaming/Channels/102"),
        ("杭州海康威视数字技术公司", "9", "/Streaming/Channels/901", "/Streaming/Channels/902"),
        ("海康老款", "33", "/h264/ch33/main/av_stream", "/h264/ch33/sub/av_stream"),
        ("Dahua", "2", f"{CAM}?channel=2&subtype=0", f"{CAM}?channel=2&subtype=1"),
        ("大华", "", f"{CAM}?channel=1&subtype=0", f"{CAM}?channel=1&subtype=1"),
        ("宇视 UNV", "4", "/unicast/c4/s0/live", "/unicast/c4/s1/live"),
        ("宇视", "", "/media/video1", "/media/video2"),
        ("天地伟业", "7", "/7/1", "/7/2"),
        ("TP-LINK", "", "/stream1", "/stream2"),
        ("ＴＰ－ＬＩＮＫ", "5", "/stream1&channel=5", "/stream2&channel=5"),
        ("科达", "", "/realtime?id=0;aid=0", "/realtime?id=1;aid=0"),
        (
            "XM",
            "2",
            "/user={username}_password={password}_channel=2_stream=0.sdp?real_stream",
            "/user={username}_password={password}_channel=2_stream=1.sdp?real_stream",
        ),
    ],
)  # fmt: skip
def test_each_make_has_its_paths(vendor: str, number: str, main: str, sub: str) -> None:
    one = channel(vendor, number)
    found = [FORMS.make(one, variant) for variant in Variant]
    assert [form and form.url for form in found] == [f"rtsp://10.1.2.3:554{p}" for p in (main, sub)]


@pytest.mark.parametrize("vendor", ["", "某厂", "maxmin", "hikari", "unvarnished"])
def test_a_make_that_is_not_known_has_no_form(vendor: str) -> None:
    assert FORMS.make(channel(vendor), Variant.MAIN) is None


def test_the_register_s_port_goes_first_and_ipv6_is_bracketed() -> None:
    made = FORMS.make(channel("大华", port=8554, address="fd00::1"), Variant.MAIN)
    assert made is not None
    assert made.url.startswith("rtsp://[fd00::1]:8554/cam/")


@pytest.mark.parametrize("address", ["10.1.2.3/x", "user@10.1.2.3", "a b", "10.1.2.3:554:1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="设备地址"):
        FORMS.make(channel("大华", address=address), Variant.MAIN)


@pytest.mark.parametrize(
    ("vendor", "number", "path"),
    [
        ("海康", "01", "/Streaming/Channels/101"),
        ("海康", "0033", "/Streaming/Channels/3301"),
        ("大华", "16", f"{CAM}?channel=16&subtype=0"),
        ("宇视", "01", "/unicast/c1/s0/live"),
        ("科达", "0", "/realtime?id=0;aid=0"),
        ("科达", "01", "/realtime?id=0;aid=0"),
        ("中维", "1", "/live0.264"),
    ],
)
def test_leading_zeros_are_dropped(vendor: str, number: str, path: str) -> None:
    made = FORMS.make(channel(vendor, number), Variant.MAIN)
    assert made is not None
    assert made.url == f"rtsp://10.1.2.3:554{path}"


@pytest.mark.parametrize(
    ("vendor", "number", "why"),
    [
        ("海康", "abc", "整数"),
        ("海康", "D1", "只填数字"),
        ("大华", "1-2", "整数"),
        ("大华", "-1", "整数"),
        ("大华", "12345", "9999"),
        ("天地伟业", "1/../../x?y", "整数"),
        ("海康", "0", "从 1 数起"),
        ("宇视", "00", "从 1 数起"),
        ("科达", "2", "取不到第 2 路"),
        ("科达", "X", "整数"),
        ("中维世纪", "08", "取不到第 8 路"),
    ],
)
def test_a_number_that_the_paths_cannot_take_is_refused(vendor: str, number: str, why: str) -> None:
    for variant in Variant:
        with pytest.raises(FormError, match=why) as caught:
            FORMS.make(channel(vendor, number), variant)
        assert caught.value.field == "channel_no"


@pytest.mark.parametrize(
    ("vendor", "given", "called"),
    [
        ("海康", 8000, 554),
        ("海康", 80, 554),
        ("大华", 37777, 554),
        ("大华", 443, 554),
        ("大华", 8000, 8000),
        ("海康", 8554, 8554),
        ("海康", None, 554),
    ],
)
def test_a_port_that_never_speaks_rtsp_is_not_called(
    vendor: str, given: int | None, called: int
) -> None:
    made = FORMS.make(channel(vendor, "1", port=given), Variant.MAIN)
    assert made is not None
    assert made.url.startswith(f"rtsp://10.1.2.3:{called}/")


def test_the_port_of_a_form_itself_is_called(tmp_path: Path) -> None:
    forms = site(tmp_path, 'forms: [{vendor: web, names: [网], port: 80, main: "/a"}]')
    made = forms.make(channel("网", port=80), Variant.MAIN)
    assert made is not None
    assert made.url == "rtsp://10.1.2.3:80/a"


def test_a_site_may_number_by_any_text(tmp_path: Path) -> None:
    forms = site(tmp_path, 'forms: [{vendor: x, names: [x], main: "/{channel}/0", numbers: text}]')
    made = forms.make(channel("x", "01/../a?b"), Variant.MAIN)
    assert made is not None
    assert made.url == "rtsp://10.1.2.3:554/01%2F..%2Fa%3Fb/0"


def site(tmp_path: Path, text: str) -> UrlForms:
    file = tmp_path / "forms.yaml"
    file.write_text(text, encoding="utf-8")
    return load(str(file))


def test_a_site_adds_makes_and_replaces_ours(tmp_path: Path) -> None:
    forms = site(
        tmp_path,
        """
forms:
  - {vendor: local, names: [本地厂], main: "/ch{channel:2}/0"}
  - {vendor: dahua, names: [大华], main: "/dh/{channel-1}"}
""",
    )
    assert len(forms) == len(FORMS) + 1
    urls = [
        made.url
        for vendor in ("本地厂", "大华")
        if (made := forms.make(channel(vendor, "3"), Variant.MAIN))
    ]
    assert urls == ["rtsp://10.1.2.3:554/ch03/0", "rtsp://10.1.2.3:554/dh/2"]
    assert forms.make(channel("大华"), Variant.SUB) is None


def test_the_example_for_a_site_is_one() -> None:
    example = Path(__file__).parents[2] / "configs" / "url-forms.yaml"
    assert len(load(str(example))) == len(FORMS) + 1


@pytest.mark.parametrize(
    "text",
    [
        "forms: 3",
        "forms: [{vendor: x, names: [x]}]",
        "forms: [{vendor: x, names: [x], main: stream}]",
        "forms: [{vendor: x, names: [x], main: '/{host}'}]",
        "forms: [{vendor: x, names: [x], main: '/{channel'}]",
        "forms: [{vendor: x, names: [x], main: /a, mian: /b}]",
        "a: [",
    ],
)
def test_a_table_with_a_mistake_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="forms.yaml"):
        site(tmp_path, text)


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load(str(tmp_path / "none.yaml"))
