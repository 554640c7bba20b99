"""Puts the packets of UDP back in order; waits a little for late ones, then goes on without."""

from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.sequence import Unwrapper

RESTART = 3000  # a jump of so many sequence numbers is a new start of the sender
MAX_BYTES = 100 << 10  # held: they are given out in one go; 64 packets of an Ethernet have 96 KiB


class ReorderBuffer:
    """`push(packet, now)` returns the packets that are now in order.

    A hole is waited for until `wait` seconds, `size` packets or `MAX_BYTES` have passed. There is
    no timer: the next packet, a few milliseconds away on any live stream, moves it on. `late`
    counts packets that came after their turn, and duplicates.
    """

    __slots__ = ("_bytes", "_held", "_next", "_order", "_since", "_size", "_wait", "late")

    def __init__(self, size: int = 64, wait: float = 0.1) -> None:
        self.late = 0
        self._size = size
        self._wait = wait
        self._order = Unwrapper(16)
        self._next: int | None = None
        self._held: dict[int, RtpPacket] = {}
        self._bytes = 0
        self._since = 0.0

    def push(self, packet: RtpPacket, now: float) -> list[RtpPacket]:
        """Take a packet as it came; `now` is monotonic seconds."""
        place = self._order.unwrap(packet.sequence)
        if self._next is None or abs(place - self._next) > RESTART:
            ready = self.flush()
            self._next = place + 1
            return [*ready, packet]
        if place == self._next and not self._held:
            self._next = place + 1
            return [packet]
        if place < self._next or place in self._held:
            self.late += 1
            return []
        if not self._held:
            self._since = now
        self._held[place] = packet
        self._bytes += len(packet.payload)
        ready = self._run()
        while self._held and (self._is_full() or now - self._since > self._wait):
            self._next = min(self._held)
            ready += self._run()
            self._since = now
        return ready

    def is_near(self, sequence: int) -> bool:
        """Whether a packet of that number would be waited for, or is."""
        return self._next is not None and (sequence - self._next) & 0xFFFF <= self._size

    def flush(self) -> list[RtpPacket]:
        """Everything held, in order."""
        ready = [self._held[place] for place in sorted(self._held)]
        if self._held:
            self._next = max(self._held) + 1
        self._held.clear()
        self._bytes = 0
        return ready

    def _is_full(self) -> bool:
        return len(self._held) > self._size or self._bytes > MAX_BYTES

    def _run(self) -> list[RtpPacket]:
        ready: list[RtpPacket] = []
        place = self._next
        assert place is not None
        while (packet := self._held.pop(place, None)) is not None:
            ready.append(packet)
            self._bytes -= len(packet.payload)
            place += 1
        self._next = place
        return ready
