"""The fleet in numbers, and the streams that are live."""

from collections import Counter

from aiohttp import web

from vidgate.media.stream import Stream
from vidgate.model.channel import Lifecycle
from vidgate.model.health import State
from vidgate.model.media import StreamState
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import reply
from vidgate.web.schemas import Overview, StreamList, StreamView


async def overview(request: web.Request) -> web.Response:
    """How many channels there are and are up, how many are watched."""
    parts = request.app[CONTEXT].parts
    channels = list(parts.registry.channels.values())
    # What is planned or retired is neither up nor down.
    states = {
        channel.id: parts.health.of(channel.id).state
        for channel in channels
        if channel.lifecycle is Lifecycle.ACCEPTED
    }
    labels = Counter(state.label for state in states.values())
    steps = Counter(channel.lifecycle for channel in channels)
    counted = [channel.id for channel in channels if channel.is_counted]
    streams = list(parts.hub.streams.values())
    return reply(
        Overview(
            total=len(channels),
            counted=len(counted),
            up=sum(states[id_] is State.UP for id_ in counted),
            states={state.label: labels[state.label] for state in State},
            lifecycles={step.value: steps[step] for step in Lifecycle},
            viewers=len(parts.whep.sessions),
            streams=sum(stream.state is not StreamState.IDLE for stream in streams),
        )
    )


async def streams(request: web.Request) -> web.Response:
    """Every stream of the hub with its counters."""
    context = request.app[CONTEXT]
    now = context.clock.now()
    viewers = Counter(
        (session.name, session.variant)
        for session in context.parts.whep.sessions.values()
        if session.replay is None
    )
    return reply(
        StreamList(
            items=[
                _view(stream, viewers[stream.key.name, stream.key.variant], now)
                for stream in context.parts.hub.streams.values()
            ]
        )
    )


def _view(stream: Stream, viewers: int, now: float) -> StreamView:
    stats = stream.stats
    return StreamView(
        name=stream.key.name,
        source=stream.origin,
        source_reason=stream.cause,
        source_since=stream.origin_since,
        variant=stream.key.variant,
        state=stream.state,
        reason=stream.error.code if stream.error else "",
        lossy=stream.losses.is_lossy,
        viewers=viewers,
        codecs=[track.codec.value for track in stream.tracks],
        frames=stats.frames,
        key_frames=stats.key_frames,
        bytes=stats.bytes,
        reconnects=stats.reconnects,
        frame_age=_age(stats.last_frame, now),
        key_frame_age=_age(stats.last_key_frame, now),
    )


def _age(instant: float | None, now: float) -> float | None:
    return None if instant is None else round(now - instant, 3)
