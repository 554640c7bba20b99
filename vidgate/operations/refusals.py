"""Cameras that said that they are busy, and for how long each is left in peace."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from vidgate.aio.clock import Clock
from vidgate.errors import BusyError, HeldBusyError, SessionsTakenError
from vidgate.model.media import StreamKey

REST = 30.0  # seconds: one short of sessions is not to be hammered


class Pull(NamedTuple):
    """A camera about to be called for a stream; `made`: of what else it is another camera.

    `place`: what has its sessions in common with it, a platform or a device.
    """

    channel: str
    key: StreamKey
    made: Hashable
    place: Hashable


class Refusals:
    """Who was refused for want of a session, until the next try is due.

    Streams come and go with their readers; what a camera said outlives them.
    It was said of one stream: 453 is a want of bandwidth too, and the sub-stream may still fit.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._standing: dict[Pull, tuple[str, float]] = {}

    @contextmanager
    def heed(self, pull: Pull) -> Iterator[None]:
        """Call the camera inside, which raises HeldBusyError instead where it was busy just now."""
        now = self._clock.now()
        message, until = self._standing.get(pull, ("", now))
        if until > now:
            raise HeldBusyError(message, hint=_hint(until - now), again_at=until)
        try:
            yield
        except SessionsTakenError:
            raise  # by our own count: nobody was asked
        except BusyError as error:
            self._note(pull, error)
            raise

    def freed(self, channel: str, place: Hashable = None) -> list[StreamKey]:
        """A session was given back: forget the refusals of that channel, and all at that place.

        Returns the streams that were refused.
        """
        freed = [
            pull
            for pull in self._standing
            if pull.channel == channel or (place is not None and pull.place == place)
        ]
        for pull in freed:
            del self._standing[pull]
        return [pull.key for pull in freed]

    def _note(self, pull: Pull, error: BusyError) -> None:
        now = self._clock.now()
        self._standing = {one: said for one, said in self._standing.items() if said[1] > now}
        self._standing[pull] = error.message, now + REST
        error.again_at = now + REST
        error.hint = error.hint or _hint(REST)


def _hint(seconds: float) -> str:
    return f"{seconds:.0f} 秒后才再呼叫它 / it is not called again within {seconds:.0f} s"
