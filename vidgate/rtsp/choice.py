"""Which transport carries a stream's RTP where that is left to us (`auto`), and why."""

from dataclasses import dataclass, field

from vidgate.model.channel import Transport

RESTS = 600.0  # seconds for which a transport by which nothing came is not tried again by itself
OTHER = {Transport.TCP: Transport.UDP, Transport.UDP: Transport.TCP}
BOTH_SILENT = "TCP 和 UDP 都没有数据 / nothing came, by TCP nor by UDP"


@dataclass(slots=True)
class Choice:
    """The transport to begin with; `reason` says why it is not the usual TCP, or TCP again.

    Kept from one pull of a stream to the next, so that what a camera refuses is not asked of it
    each time. `used` is the transport of the last PLAY, None before the first.
    """

    transport: Transport = Transport.TCP
    reason: str = ""
    used: Transport | None = None
    _served: Transport = field(default=Transport.TCP, compare=False)  # by it something came last
    _silent: dict[Transport, float] = field(default_factory=dict, compare=False)  # since when

    def turn(self, transport: Transport, reason: str) -> None:
        """Go the other way from now on."""
        self.transport = transport
        self.reason = reason

    def brings(self, transport: Transport) -> None:
        """Packets come."""
        if len(self._silent) == len(OTHER):
            self.reason = ""
        self._served = transport
        self._silent.clear()

    def falls_silent(self, transport: Transport, now: float, why: str) -> bool:
        """Playing, yet nothing came; turns to the other, and says whether to try that at once.

        Not where nothing came by that either, or it was refused: the stream itself is missing then,
        and is waited for by the transport that last brought it. `now` is monotonic seconds.
        """
        other = OTHER[transport]
        was_silent, is_dead = self._rests(transport, now), self._rests(other, now)
        if not was_silent:
            self._silent[transport] = now
        if is_dead:
            self.turn(self._served, BOTH_SILENT)
        elif not was_silent:
            self.turn(other, why)
        return not is_dead and not was_silent

    def _rests(self, transport: Transport, now: float) -> bool:
        since = self._silent.get(transport)
        return since is not None and now - since < RESTS
