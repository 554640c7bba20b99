"""How each stream was reached lately: by TCP or UDP, and why. In memory: a restart asks anew."""

from collections.abc import Mapping

from vidgate.model.channel import Channel, Transport
from vidgate.model.media import Variant
from vidgate.registry.routes import Route
from vidgate.rtsp.choice import Choice

MAX_CHOICES = 50_000


class Choices:
    """One `Choice` a stream, forgotten when its route or its transport is set anew."""

    def __init__(self) -> None:
        self._choices: dict[tuple[str, Variant], tuple[Route | None, Transport, Choice]] = {}

    def of(self, channel: Channel, variant: Variant, route: Route | None) -> Choice:
        """The choice of a stream along its registered route; what a pull learns is kept in it."""
        key = channel.id, variant
        known = self._choices.get(key)
        if known is not None and known[0] == route and known[1] is channel.transport:
            return known[2]
        self._choices.pop(key, None)
        if len(self._choices) >= MAX_CHOICES:
            self._choices.pop(next(iter(self._choices)))
        choice = Choice()
        self._choices[key] = route, channel.transport, choice
        return choice

    def used(self, id_: str) -> Mapping[Variant, Choice]:
        """The choices of a channel's streams that were played since the service began."""
        found = {variant: self._choices.get((id_, variant)) for variant in Variant}
        return {
            variant: known[2]
            for variant, known in found.items()
            if known is not None and known[2].used is not None
        }
