"""G.711 in packets of 40 ms, whatever the camera sends.

Each packet to each viewer costs a system call of its own: cameras that send every 20 ms would make
sound dearer than pictures. 40 ms are also below what every browser takes (120 ms).
"""

from dataclasses import dataclass, field

PACKET = 320  # samples of 8 kHz, a byte each
MAX_PACKET = 960


@dataclass(slots=True)
class Packer:
    """Joins small packets and cuts large ones; a gap in the timestamps is never bridged."""

    _held: list[bytes] = field(default_factory=list)
    _start: int = 0
    _size: int = 0

    def push(self, timestamp: int, payload: bytes) -> list[tuple[int, bytes]]:
        """The packets that are complete now, each with the timestamp of its first sample."""
        done = []
        if self._held and timestamp != self._start + self._size:
            done += self._flush()
        if not self._held and PACKET <= len(payload) <= MAX_PACKET:
            return [*done, (timestamp, payload)]  # a packet as it came
        if not self._held:
            self._start = timestamp
        self._held.append(payload)
        self._size += len(payload)
        if self._size >= PACKET:
            done += self._flush()
        return done

    def _flush(self) -> list[tuple[int, bytes]]:
        whole, start = b"".join(self._held), self._start
        self._held, self._size = [], 0
        return [
            (start + at, whole[at : at + MAX_PACKET]) for at in range(0, len(whole), MAX_PACKET)
        ]
