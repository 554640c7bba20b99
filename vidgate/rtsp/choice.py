"""Which transport carries a stream's RTP where that is left to us (`auto`), and why."""

from dataclasses import dataclass

from vidgate.model.channel import Transport


@dataclass(slots=True)
class Choice:
    """The transport to begin with; `reason` says why it is not the usual TCP, or TCP again.

    Kept from one pull of a stream to the next, so that what a camera refuses is not asked of it
    each time. `used` is the transport of the last PLAY, None before the first.
    """

    transport: Transport = Transport.TCP
    reason: str = ""
    used: Transport | None = None

    def turn(self, transport: Transport, reason: str) -> None:
        """Go the other way from now on."""
        self.transport = transport
        self.reason = reason
