"""RTP packets in the frames of RTSP over TCP (RFC 2326 10.12), made once and stamped many times.

A block is what one picture, or a part of it, looks like on the wire for everybody; sequence
numbers, timestamp and SSRC are written into a copy for each stream and instant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct

PREFIX = 4  # "$", channel, length
_HEAD = Struct(">BBHBB10x")  # the frame's prefix, then the fixed RTP header (RFC 3550 5.1)
_STAMP = Struct(">HII")  # sequence, timestamp, SSRC
_STAMP_AT = PREFIX + 2
MAX_PAYLOAD = 1400
_HEADER = 12
_LENGTH = Struct(">H")
_EXTENSION = Struct(">HH")


@dataclass(frozen=True, slots=True)
class Block:
    """Framed packets on channel 0 without stamps; `starts` are the offsets of their frames."""

    data: bytes
    starts: tuple[int, ...]


EMPTY = Block(b"", ())


def make_block(payloads: Sequence[bytes], payload_type: int, *, ends: bool) -> Block:
    """Frame the payloads; the last packet bears the marker when they end an access unit."""
    parts: list[bytes] = []
    starts: list[int] = []
    size = 0
    for index, payload in enumerate(payloads):
        marker = 0x80 if ends and index == len(payloads) - 1 else 0
        head = _HEAD.pack(0x24, 0, len(payload) + 12, 0x80, marker | payload_type)
        starts.append(size)
        parts += (head, payload)
        size += len(head) + len(payload)
    return Block(b"".join(parts), tuple(starts))


class Burst:
    """Stamped packets of one instant, ready to be written."""

    __slots__ = ("data", "is_key", "starts")

    def __init__(self, blocks: Iterable[Block], sequence: int, timestamp: int, ssrc: int) -> None:
        self.is_key = False
        self.data = bytearray()
        self.starts: list[int] = []
        pack, data, starts = _STAMP.pack_into, self.data, self.starts
        for block in blocks:
            base = len(data)
            data += block.data
            for start in block.starts:
                at = base + start
                pack(data, at + _STAMP_AT, sequence & 0xFFFF, timestamp, ssrc)
                sequence += 1
                starts.append(at)

    def on_channel(self, channel: int) -> bytes | bytearray:
        """The frames for an interleaved channel; those of channel 0 are shared, not to be kept."""
        if channel == 0:
            return self.data
        copy = bytearray(self.data)
        for start in self.starts:
            copy[start + 1] = channel
        return copy

    def packets(self) -> list[memoryview]:
        """The bare RTP packets."""
        view = memoryview(self.data)
        bounds = pairwise([*self.starts, len(self.data)])
        return [view[start + PREFIX : end] for start, end in bounds]

    @property
    def octets(self) -> int:
        """Bytes of payload, as sender reports count them."""
        return len(self.data) - (PREFIX + 12) * len(self.starts)


def with_extension(burst: Burst, extension: tuple[int, bytes]) -> Burst:
    """The same with a header extension (RFC 3550 5.3.1) on its first packet.

    The length of its frame grows by as much.
    """
    if not burst.starts:
        return burst
    profile, words = extension
    added = _EXTENSION.pack(profile, len(words) // 4) + words
    data = burst.data
    (length,) = _LENGTH.unpack_from(data, 2)
    _LENGTH.pack_into(data, 2, length + len(added))
    data[PREFIX] |= 0x10
    data[PREFIX + _HEADER : PREFIX + _HEADER] = added
    burst.starts = [0, *(start + len(added) for start in burst.starts[1:])]
    return burst


def frame_rtcp(data: bytes, channel: int) -> bytes:
    """One compound RTCP packet in its frame."""
    return b"$" + bytes([channel]) + len(data).to_bytes(2, "big") + data
