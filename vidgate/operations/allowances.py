"""How often each camera's login may still be tried: one allowance for all who sign in.

In memory: after a restart health tells what was refused before it.
"""

from vidgate.model.channel import Channel, Login
from vidgate.rtsp.allowance import Allowance

MAX_ALLOWANCES = 50_000


class Allowances:
    """One `Allowance` for each place and login of a channel: another of either begins anew."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, object, Login | None], Allowance] = {}

    def of(self, channel: Channel, login: Login | None) -> Allowance:
        """What the login may at the channel's camera, by whichever stream."""
        place = channel.url, channel.sub_url, channel.address, channel.port
        key = channel.id, place, login
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_ALLOWANCES:
                self._known.pop(next(iter(self._known)))
            known = self._known[key] = Allowance()
        return known
