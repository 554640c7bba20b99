from typing import Any

import pytest

from vidgate.health.declared import Comparison, compare, differences
from vidgate.model.channel import Channel, Lifecycle
from vidgate.model.declared import DeclaredCodec, DeclaredStatus, Difference
from vidgate.model.health import Health, Measured, State
from vidgate.model.media import Codec


def channel(**declared: Any) -> Channel:
    return Channel(id="c", name="c", **declared)


def health(state: State = State.UP, **measured: Any) -> Health:
    return Health(
        channel="c", state=state, measured=Measured(at=1.0, **measured) if measured else None
    )


def test_what_neither_side_knows_is_no_difference() -> None:
    assert differences(channel(), health()) == []
    assert [(one.item, one.declared, one.differs) for one in compare(channel(), health())] == [
        ("status", None, None),
        ("codec", None, None),
        ("resolution", None, None),
        ("fps", None, None),
    ]


def test_both_sides_stand_beside_each_other() -> None:
    one = channel(
        declared_status=DeclaredStatus.ONLINE,
        declared_codec=DeclaredCodec.H265,
        declared_resolution="1920x1080",
        declared_fps=25.0,
    )
    found = health(State.DOWN, codec=Codec.H264, width=1920, height=1080, fps=12.5)
    assert compare(one, found) == (
        Comparison("status", "online", "down", True),
        Comparison("codec", "h265", "h264", True),
        Comparison("resolution", "1920x1080", "1920x1080", False),
        Comparison("fps", 25.0, 12.5, True),
    )
    assert differences(one, found) == [Difference.ONLINE_DOWN, Difference.CODEC, Difference.FPS]


@pytest.mark.parametrize(
    ("said", "state", "differs"),
    [
        (DeclaredStatus.ONLINE, State.UP, False),
        (DeclaredStatus.ONLINE, State.DOWN, True),
        (DeclaredStatus.ONLINE, State.UNAUTHORIZED, True),
        (DeclaredStatus.ONLINE, State.BUSY, False),
        (DeclaredStatus.ONLINE, State.UNKNOWN, None),
        (DeclaredStatus.ONLINE, State.REACHABLE, None),
        (DeclaredStatus.ONLINE, State.MAINTENANCE, None),
        (DeclaredStatus.OFFLINE, State.UP, True),
        (DeclaredStatus.OFFLINE, State.DEGRADED, True),
        (DeclaredStatus.OFFLINE, State.DOWN, False),
        (DeclaredStatus.OFFLINE, State.BUSY, None),
        (DeclaredStatus.OFFLINE, State.UNAUTHORIZED, None),
    ],
)
def test_a_state_contradicts_only_what_it_disproves(
    said: DeclaredStatus, state: State, differs: bool | None
) -> None:
    assert compare(channel(declared_status=said), health(state))[0].differs is differs


@pytest.mark.parametrize(
    "uncounted", [{"lifecycle": Lifecycle.COMMISSIONING}, {"lifecycle": Lifecycle.SUSPENDED},
                  {"enabled": False}]
)  # fmt: skip
def test_of_what_is_not_counted_the_state_says_nothing(uncounted: dict[str, Any]) -> None:
    one = channel(declared_status=DeclaredStatus.ONLINE, **uncounted)
    assert differences(one, health(State.DOWN)) == []


@pytest.mark.parametrize(
    ("declared", "width", "height", "differs"),
    [
        ("1920x1080", 1920, 1088, False),
        ("704x576", 720, 576, False),
        ("704x576", 704, 480, True),
        ("1920x1080", 1280, 720, True),
        ("1920x1080", 1080, 1920, True),
        ("4MP", 2560, 1440, False),
        ("4MP", 2688, 1520, False),
        ("4MP", 1920, 1080, True),
        ("2MP", 1600, 1200, False),
        ("1.3MP", 1280, 960, False),
        ("8MP", 3840, 2160, False),
        ("1920x1080", None, None, None),
    ],
)
def test_sizes_are_compared_as_makers_mean_them(
    declared: str, width: int | None, height: int | None, differs: bool | None
) -> None:
    found = health(width=width, height=height, fps=25.0)
    assert compare(channel(declared_resolution=declared), found)[2].differs is differs


@pytest.mark.parametrize(
    ("declared", "measured", "differs"),
    [(25.0, 24.6, False), (25.0, 22.0, False), (25.0, 20.0, True), (5.0, 4.1, False)],
)  # fmt: skip
def test_rates_need_not_be_exact(declared: float, measured: float, differs: bool) -> None:
    assert compare(channel(declared_fps=declared), health(fps=measured))[3].differs is differs


def test_a_codec_that_we_cannot_take_differs_from_any_that_we_see() -> None:
    one = channel(declared_codec=DeclaredCodec.SVAC)
    assert differences(one, health(codec=Codec.H264)) == [Difference.CODEC]
