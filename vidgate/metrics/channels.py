"""The page of all channels: lines whose labels are encoded once, not at every scrape.

prometheus_client takes 0.4 s of the interpreter for 2,743 channels; this page takes some 20 ms, and
gives way to the loop between chunks. No address, URL or user is ever a label.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Protocol

from vidgate.media.stream import Stream
from vidgate.model.channel import Channel, Kind, Lifecycle
from vidgate.model.declared import DeclaredStatus
from vidgate.model.health import Health, Level, Outcome, Reason, State
from vidgate.model.media import StreamKey
from vidgate.registry.access import host_of
from vidgate.registry.resolvers import is_address
from vidgate.registry.routes import has_own

CHUNK = 500  # lines between two turns of the loop: some 2 ms

UP = {
    State.UP: 1,
    State.DEGRADED: 1,
    State.BUSY: 1,
    State.DOWN: 0,
    State.UNAUTHORIZED: 0,
    State.UNKNOWN: 0,
    State.REACHABLE: 0,
}
"""The value of `vidgate_channel_up`; states that are not here have no sample."""

Value = Callable[[Channel, Health], float | int | None]


def _up(channel: Channel, health: Health) -> int | None:
    return UP.get(health.state) if channel.is_counted else None


def _expected(channel: Channel, health: Health) -> int | None:
    is_asked = channel.kind is not Kind.PUSH and not _is_nowhere(channel, health)
    return 1 if is_asked and _up(channel, health) is not None else None


def _is_nowhere(channel: Channel, health: Health) -> bool:
    """Whether there is nothing to look at before somebody edits it; what a name or a platform leads
    to may be right again the next time.
    """
    if health.reason is Reason.DENIED_ADDRESS:
        is_written = has_own(channel) or not channel.platform
        return is_written and is_address(host_of(channel))
    return health.reason is Reason.NO_ADDRESS


def _duration(_: Channel, health: Health) -> float | None:
    last = health.last
    return None if last is None else last.t3 or last.t2 or last.t1


def _measured(name: str) -> Value:
    """What was measured last of a kind; no sample before that."""

    def value(_: Channel, health: Health) -> float | None:
        found: float | None = getattr(health.measured, name, None)
        return found

    return value


def _counted(name: str) -> Value:
    """A rate that was counted; no sample of one that is only announced."""
    by = f"{name}_by"

    def value(_: Channel, health: Health) -> float | None:
        if getattr(health.measured, by, "") != "counted":
            return None
        found: float | None = getattr(health.measured, name)
        return found

    return value


_STATES = ", ".join(f"{state.value} {state.label}" for state in State)

FAMILIES: tuple[tuple[str, str, Value], ...] = (
    (
        "vidgate_channel_up",
        "1: seen (up, degraded, busy); 0: not; no sample: not counted.",
        _up,
    ),
    (
        "vidgate_channel_state",
        f"{_STATES}; no sample: not accepted.",
        lambda channel, health: (
            int(health.state) if channel.lifecycle is Lifecycle.ACCEPTED else None
        ),
    ),
    (
        "vidgate_channel_level",
        "How deep the last look went: 0 none, 1 reach, 2 describe, 3 media, 4 picture.",
        lambda _, health: int(health.level),
    ),
    (
        "vidgate_channel_last_frame_timestamp_seconds",
        "When the last picture came, live or probed.",
        lambda _, health: health.last_frame,
    ),
    (
        "vidgate_channel_probe_timestamp_seconds",
        "When the channel was last looked at.",
        lambda _, health: health.probed,
    ),
    (
        "vidgate_channel_probe_expected",
        "1: to be looked at; no sample: it pushes, has no address to ask, or is not counted.",
        _expected,
    ),
    (
        "vidgate_channel_probe_duration_seconds",
        "How long the last look took to the last step that it came to: answer, packet, key frame.",
        _duration,
    ),
    (
        "vidgate_channel_first_frame_seconds",
        "From the request to the first key frame, at the last look for a picture.",
        _measured("first_frame"),
    ),
    (
        "vidgate_channel_keyframe_interval_seconds",
        "From one key frame to the next, as measured last.",
        _measured("key_interval"),
    ),
    (
        "vidgate_channel_fps",
        "Pictures a second, as counted last.",
        _counted("fps"),
    ),
    (
        "vidgate_channel_bitrate_bits_per_second",
        "Bits of the picture a second, as counted last.",
        _counted("bitrate"),
    ),
    (
        "vidgate_channel_keyframe_interval_frames",
        "Pictures from one key frame to the next, as measured last.",
        _measured("group_frames"),
    ),
    (
        "vidgate_channel_rtp_loss_ratio",
        "Share of the picture's packets that never came, as measured last.",
        _measured("loss"),
    ),
    (
        "vidgate_channel_jitter_seconds",
        "Interarrival jitter of the picture's packets (RFC 3550 A.8).",
        _measured("jitter"),
    ),
    (
        "vidgate_channel_clock_skew_seconds",
        "By how much the camera's clock is ahead: sender reports, else its packets or Date header.",
        _measured("clock_offset"),
    ),
)

# Of channels that are pulled now, both streams together; a new pull begins at zero.
FLOWS: tuple[tuple[str, str, Callable[[Stream], int]], ...] = (
    (
        "vidgate_channel_ingest_bytes_total",
        "Bytes of frames taken from the camera.",
        lambda stream: stream.stats.bytes,
    ),
    (
        "vidgate_channel_frames_total",
        "Frames taken from the camera.",
        lambda stream: stream.stats.frames,
    ),
    (
        "vidgate_channel_reconnects_total",
        "Times that the camera's stream came back.",
        lambda stream: stream.stats.reconnects,
    ),
    (
        "vidgate_channel_rtp_lost_total",
        "Packets of the camera that never came.",
        lambda stream: stream.stats.lost,
    ),
)

LEVEL = "vidgate_channel_level_passed"
LEVEL_HELP = "1: the last look at this level passed; 0: it failed; no sample: never looked at."
DECLARED = "vidgate_channel_declared_online"
DECLARED_HELP = "What the platform or the register says: 1 online, 0 offline; no sample: nothing."
INFO = "vidgate_channel_info"
INFO_HELP = "Names of a channel, to be joined by `channel`."
HOST = "vidgate_channel_host"
HOST_HELP = "Which channels share a device or gateway: a name made for it, never its address."


class Register(Protocol):
    """What is read of the register: a mapping that is replaced when anything changes."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels in register order."""
        ...


class Streams(Protocol):
    """The live streams; see `vidgate.media.hub`."""

    @property
    def streams(self) -> Mapping[StreamKey, Stream]:
        """Every stream by its key."""
        ...


def escape(text: str) -> str:
    """A label value as the text format wants it (Prometheus exposition format 0.0.4)."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class ChannelPage:
    """Renders the page; `of` gives the health of an id, `hub` the streams that flow.

    `host` names the device behind a channel without telling its address; empty where there is none.
    """

    def __init__(
        self,
        register: Register,
        of: Callable[[str], Health],
        hub: Streams | None = None,
        host: Callable[[Channel], str] = lambda _: "",
    ) -> None:
        self._register = register
        self._of = of
        self._hub = hub
        self._host = host
        self._encoded: Mapping[str, Channel] | None = None
        self._labels: list[tuple[Channel, str]] = []
        self._names: tuple[bytes, ...] = ()  # the blocks that no look changes

    async def render(self) -> bytes:
        """The page in text format 0.0.4."""
        await self._encode()
        looks = [(channel, label, self._of(channel.id)) for channel, label in self._labels]
        blocks: list[bytes] = []
        for name, meaning, value in FAMILIES:
            blocks.append(await _block(chain(_head(name, meaning), _samples(name, value, looks))))
        blocks.append(await _block(chain(_head(LEVEL, LEVEL_HELP), _by_level(looks))))
        if self._hub is not None:
            flows = _flowing(list(self._hub.streams.values()), self._register.channels)
            blocks.append(await _block(flows))
        return b"".join((*blocks, *self._names))

    async def _encode(self) -> None:
        channels = self._register.channels
        if channels is self._encoded:
            return
        labels = [(one, f'{{channel="{escape(one.id)}"}} ') for one in channels.values()]
        info = await _block(chain(_head(INFO, INFO_HELP), map(_info, channels.values())))
        named = (_host(one.id, self._host(one)) for one in channels.values())
        hosts = await _block(chain(_head(HOST, HOST_HELP), named))
        declared = await _block(chain(_head(DECLARED, DECLARED_HELP), _declared(labels)))
        self._labels, self._names = labels, (declared, info, hosts)
        self._encoded = channels


Looks = list[tuple[Channel, str, Health]]
_LEVELS = {
    (level, outcome): f',level="{level.label}"}} {int(outcome is Outcome.PASSED)}\n'
    for level in Level
    for outcome in Outcome
}
"""The rest of a line of `vidgate_channel_level_passed`."""


def _samples(name: str, value: Value, looks: Looks) -> Iterator[str]:
    for channel, label, health in looks:
        number = value(channel, health)
        if number is not None:
            yield f"{name}{label}{_shown(number)}\n"


def _shown(number: float) -> str:
    """To the millisecond; of what is less than one, as a jitter or a loss is, six digits."""
    if isinstance(number, int):
        return str(number)
    return f"{number:.3f}" if abs(number) >= 1.0 else f"{number:.6g}"


def _by_level(looks: Looks) -> Iterator[str]:
    for _, label, health in looks:
        begin = f"{LEVEL}{label[:-2]}"
        for level, found in health.levels.items():
            yield f"{begin}{_LEVELS[level, found.outcome]}"


def _flowing(streams: list[Stream], channels: Mapping[str, Channel]) -> Iterator[str]:
    """Counters of the channels that are pulled; other kinds of streams are no channels."""
    known = [stream for stream in streams if stream.key.name.lower() in channels]
    for name, meaning, value in FLOWS:
        totals: Counter[str] = Counter()
        for stream in known:
            totals[channels[stream.key.name.lower()].id] += value(stream)
        yield from _head(name, meaning, "counter")
        for id_, total in totals.items():
            yield f'{name}{{channel="{escape(id_)}"}} {total}\n'


def _head(name: str, meaning: str, kind: str = "gauge") -> list[str]:
    return [f"# HELP {name} {meaning}\n", f"# TYPE {name} {kind}\n"]


def _declared(labels: list[tuple[Channel, str]]) -> Iterator[str]:
    for channel, label in labels:
        if channel.declared_status is not None:
            yield f"{DECLARED}{label}{int(channel.declared_status is DeclaredStatus.ONLINE)}\n"


def _info(channel: Channel) -> str:
    pairs = {
        "channel": channel.id,
        "name": channel.name,
        "department": channel.department,
        "platform": channel.platform,
        "area": channel.area,
        "kind": channel.kind.value,
    }
    shown = ",".join(f'{key}="{escape(value)}"' for key, value in pairs.items())
    return f"{INFO}{{{shown}}} 1\n"


def _host(id_: str, host: str) -> str:
    return f'{HOST}{{channel="{escape(id_)}",host="{escape(host)}"}} 1\n'


async def _block(lines: Iterable[str]) -> bytes:
    """The lines, encoded chunk by chunk; all of them at once would hold the loop."""
    parts, left = [], iter(lines)
    while part := "".join(islice(left, CHUNK)):
        parts.append(part.encode())
        await asyncio.sleep(0)
    return b"".join(parts)
