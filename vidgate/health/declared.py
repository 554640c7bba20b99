"""What is declared of a channel beside what is measured (design.md 5); pure.

Neither changes the other: this only says where the two cannot both be true.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vidgate.model.channel import Channel
from vidgate.model.declared import DeclaredCodec, DeclaredStatus, Difference
from vidgate.model.health import Health, Measured, State
from vidgate.model.media import Codec

SIDE = 0.03  # of a side: D1 is 704 or 720 wide, 1088 lines are 1080 before they are cut
PIXELS = 0.15  # of all pixels: "4 MP" is 2560x1440 of one maker and 2688x1520 of another
RATE = 0.15  # of the frame rate, and one picture a second at least
NOTHING = Measured(at=0.0)

# Whether a state contradicts what is declared. A pair that is not here says neither: a password
# that is refused is no proof that the camera is there, nor is a platform that is busy.
CONTRADICTS: Mapping[tuple[DeclaredStatus, State], bool] = {
    (DeclaredStatus.ONLINE, State.UP): False,
    (DeclaredStatus.ONLINE, State.DEGRADED): False,
    (DeclaredStatus.ONLINE, State.BUSY): False,
    (DeclaredStatus.ONLINE, State.DOWN): True,
    (DeclaredStatus.ONLINE, State.UNAUTHORIZED): True,
    (DeclaredStatus.OFFLINE, State.DOWN): False,
    (DeclaredStatus.OFFLINE, State.UP): True,
    (DeclaredStatus.OFFLINE, State.DEGRADED): True,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One item (status, codec, resolution, fps) as it is declared and as it is measured.

    The measured status is the state. `differs` is None where one of them is not known, or neither
    speaks against the other.
    """

    item: str
    declared: str | float | None
    measured: str | float | None
    differs: bool | None


def compare(channel: Channel, health: Health) -> tuple[Comparison, ...]:
    """The four items, each with both sides."""
    seen = health.measured or NOTHING
    size = f"{seen.width}x{seen.height}" if seen.width and seen.height else None
    declared = channel.declared_resolution or None
    return (
        Comparison(
            "status", channel.declared_status, health.state.label, _status(channel, health.state)
        ),
        Comparison("codec", channel.declared_codec, seen.codec, _codec(channel, seen)),
        Comparison("resolution", declared, size, _resolution(channel, seen)),
        Comparison("fps", channel.declared_fps, seen.fps, _fps(channel, seen)),
    )


def differences(channel: Channel, health: Health) -> list[Difference]:
    """In what the two contradict each other; asked for the whole fleet, hence without objects."""
    return list(_differences(channel, health))


def _differences(channel: Channel, health: Health) -> Iterator[Difference]:
    if _status(channel, health.state):
        is_online = channel.declared_status is DeclaredStatus.ONLINE
        yield Difference.ONLINE_DOWN if is_online else Difference.OFFLINE_UP
    seen = health.measured
    if seen is None:
        return
    if _codec(channel, seen):
        yield Difference.CODEC
    if _resolution(channel, seen):
        yield Difference.RESOLUTION
    if _fps(channel, seen):
        yield Difference.FPS


def _status(channel: Channel, state: State) -> bool | None:
    """Of channels that are not counted the state says nothing."""
    if channel.declared_status is None or not channel.is_counted:
        return None
    return CONTRADICTS.get((channel.declared_status, state))


def _codec(channel: Channel, seen: Measured) -> bool | None:
    if channel.declared_codec is None or seen.codec is None:
        return None
    return _SAME.get(channel.declared_codec) is not seen.codec


_SAME: Mapping[DeclaredCodec, Codec] = {
    DeclaredCodec.H264: Codec.H264,
    DeclaredCodec.H265: Codec.H265,
}


def _resolution(channel: Channel, seen: Measured) -> bool | None:
    declared = channel.declared_resolution
    if not declared or not seen.width or not seen.height:
        return None
    if declared.endswith("MP"):
        return _is_off(seen.width * seen.height, float(declared[:-2]) * 1e6, PIXELS)
    width, _, height = declared.partition("x")
    return _is_off(seen.width, int(width), SIDE) or _is_off(seen.height, int(height), SIDE)


def _fps(channel: Channel, seen: Measured) -> bool | None:
    if channel.declared_fps is None or seen.fps is None:
        return None
    return abs(seen.fps - channel.declared_fps) > max(1.0, RATE * channel.declared_fps)


def _is_off(measured: float, declared: float, share: float) -> bool:
    return abs(measured - declared) > share * declared
