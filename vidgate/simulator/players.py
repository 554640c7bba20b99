"""Sessions of the simulated cameras and the ways their packets travel."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from vidgate.errors import LimitError
from vidgate.model.media import Variant
from vidgate.rtp.rtcp import Fir, Pli, parse_compound
from vidgate.simulator.camera import Camera, LiveStream
from vidgate.simulator.framing import Burst, frame_rtcp
from vidgate.simulator.impairment import Impairment
from vidgate.simulator.pictures import FPS

if TYPE_CHECKING:
    from vidgate.simulator.server import Connection

Address = tuple[str, int]
_IP_PKTINFO = 8  # linux/in.h; the socket module of 3.11 has no name for it
_READS_AT_ONCE = 64
# Nothing of it is a dollar sign or the beginning of a message.
_GARBAGE = bytes(random.Random(1).choices([*range(1, 32), *range(128, 256)], k=37))
# A type that nobody set up, a version that does not exist, a packet cut short.
_STRAYS = (
    b"\x80\x32\x00\x01" + b"\x00\x00\x00\x01" * 2 + b"stray",
    b"\x00\x60" + bytes(30),
    b"\x80\x60\x00",
    b"",
)
_NO_RTCP = b"\x81\xc8\xff\xff" + b"\xde\xad\xbe\xef" * 2


class Destination(Protocol):
    """Where the packets of one track go."""

    def send(self, burst: Burst) -> bool:
        """Send RTP; False when it had to be dropped."""
        ...

    def report(self, data: bytes) -> None:
        """Send compound RTCP."""
        ...

    def stray(self, data: bytes) -> None:
        """Send bytes as if they were RTP."""
        ...


class TcpDestination:
    """Interleaved in the RTSP connection; `garbles` asks whether garbage goes between frames."""

    def __init__(
        self,
        connection: "Connection",
        rtp: int,
        rtcp: int,
        garbles: Callable[[], bool] = lambda: False,
    ) -> None:
        self._connection = connection
        self._rtp = rtp
        self._rtcp = rtcp
        self._garbles = garbles

    def send(self, burst: Burst) -> bool:
        """Write the frames unless the client has not read what it got before."""
        if self._connection.is_slow:
            return False
        if burst.starts:
            self._connection.write(burst.on_channel(self._rtp))
            if self._garbles():
                self._connection.write(_GARBAGE)
        return True

    def report(self, data: bytes) -> None:
        """Write one frame."""
        self._connection.write(frame_rtcp(data, self._rtcp))

    def stray(self, data: bytes) -> None:
        """Write one frame on the channel of RTP."""
        self._connection.write(frame_rtcp(data, self._rtp))


class UdpPair:
    """The one pair of ports from which every camera sends, each with its own source address."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = _open_pair()
        self.ports = tuple(sock.getsockname()[1] for sock in self._sockets)
        self.lost = 0
        self.listeners: dict[Address, Callable[[bytes], None]] = {}  # by where RTCP comes from
        for sock in self._sockets:
            self._loop.add_reader(sock.fileno(), self._drain, sock)

    def close(self) -> None:
        """Close both ports."""
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()

    def send(self, which: int, data: bytes | memoryview, source: bytes, to: Address) -> bool:
        """Send from port 0 (RTP) or 1 (RTCP) of the camera's own address; False when it is lost."""
        try:
            self._sockets[which].sendmsg([data], [(socket.IPPROTO_IP, _IP_PKTINFO, source)], 0, to)
        except OSError:  # a full buffer, or a client that has closed its port
            self.lost += 1
            return False
        return True

    def _drain(self, sock: socket.socket) -> None:
        """Receiver reports and hole punching: mostly read and forgotten."""
        for _ in range(_READS_AT_ONCE):
            try:
                data, address = sock.recvfrom(2048)
            except OSError:
                return
            listener = self.listeners.get(address)
            if listener is not None:
                listener(data)


def _open_pair() -> tuple[socket.socket, socket.socket]:
    """Two neighbouring ports, the first even (RFC 3550 11)."""
    for _ in range(64):
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        try:
            for sock in (first, second):
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            first.bind(("0.0.0.0", 0))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind(("0.0.0.0", port + 1))
                return first, second
        except OSError:
            pass
        first.close()
        second.close()
    raise LimitError("no pair of free UDP ports was found")


class UdpDestination:
    """A pair of the client's UDP ports; `impair` says what the network does just now."""

    def __init__(
        self,
        pair: UdpPair,
        host: str,
        rtp: Address,
        rtcp: Address,
        impair: Callable[[], Impairment | None] = lambda: None,
    ) -> None:
        self._pair = pair
        self._rtp = rtp
        self._rtcp = rtcp
        self._impair = impair
        # struct in_pktinfo: interface, source address, unused (ip(7)).
        self._source = struct.pack("=i4s4x", 0, socket.inet_aton(host))

    def send(self, burst: Burst) -> bool:
        """A datagram a packet."""
        impairment = self._impair()
        if impairment is not None:
            self._send_impaired(burst, impairment)
            return True
        pair, source, to = self._pair, self._source, self._rtp
        sent = [pair.send(0, packet, source, to) for packet in burst.packets()]
        return all(sent)

    def _send_impaired(self, burst: Burst, impairment: Impairment) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for packet in burst.packets():
            for due in impairment.due(now):
                if due <= now:
                    self._pair.send(0, packet, self._source, self._rtp)
                else:
                    loop.call_at(due, self._pair.send, 0, packet, self._source, self._rtp)

    def report(self, data: bytes) -> None:
        """One datagram."""
        self._pair.send(1, data, self._source, self._rtcp)

    def stray(self, data: bytes) -> None:
        """One datagram."""
        self._pair.send(0, data, self._source, self._rtp)


class Session:
    """What SETUP made: a player of one stream; `tracks` 0 is video, 1 is sound."""

    def __init__(
        self, id_: str, camera: Camera, variant: Variant, connection: "Connection"
    ) -> None:
        self.id = id_
        self.camera = camera
        self.variant = variant
        self.tracks: dict[int, Destination] = {}
        self.stream: LiveStream | None = None
        self.lost = 0  # pictures dropped because the client was slow
        self.impairment = Impairment(f"{camera.id}/{variant.value}")
        self.listened: list[tuple[UdpPair, Address]] = []
        self._connection = connection
        self._is_skipping = False
        self._instants = 0
        self._played: float | None = None  # when, until the first key frame went out
        camera.usage.take()
        camera.place.take()
        camera.players.add(self)

    @property
    def wants_sound(self) -> bool:
        """Whether the sound track was set up."""
        return 1 in self.tracks

    def garbles(self) -> bool:
        """Whether garbage goes between the frames now."""
        return self.camera.manner.has_garbage

    def impair(self) -> Impairment | None:
        """What the network does now; None where it is good."""
        manner = self.camera.manner
        if not (manner.loss or manner.reorder or manner.jitter):
            return None
        known = self.impairment
        known.loss, known.reorder, known.jitter = manner.loss, manner.reorder, manner.jitter
        return known

    def hear(self, data: bytes) -> None:
        """RTCP of the client: a camera that takes PLI gives a key frame."""
        if self.stream is None or not self.camera.manner.takes_pli:
            return
        if any(isinstance(packet, Pli | Fir) for packet in parse_compound(data)):
            self.stream.force_key_frame()

    def listen(self, pair: UdpPair, address: Address) -> None:
        """Hear what comes from a UDP port of the client until the session ends."""
        pair.listeners[address] = self.hear
        self.listened.append((pair, address))

    def play(self, stream: LiveStream) -> None:
        """Begin, or go on; twice is once."""
        if self.stream is None:
            self.stream = stream
            self._played = self.camera.place.clock.now()
            stream.add(self)

    def end(self) -> None:
        """Stop and give the session back."""
        if self.stream is not None:
            self.stream.remove(self)
            self.stream = None
        for pair, address in self.listened:
            pair.listeners.pop(address, None)
        self.camera.players.discard(self)
        self.camera.usage.give_back()
        self.camera.place.give_back()

    def cut(self) -> None:
        """The camera failed."""
        self._connection.reset()

    def freeze(self) -> None:
        """The camera is gone without a word."""
        self._connection.freeze(self.camera)

    def deliver(self, video: Burst, sound: Burst | None) -> None:
        """Send one instant's packets; after a lost picture all up to a key frame are left out."""
        track = self.tracks.get(0)
        if track is not None and video.starts:
            if (not self._is_skipping or video.is_key) and track.send(video):
                self._is_skipping = False
                if video.is_key and self._played is not None:
                    self._shown(self._played)
            else:
                self._is_skipping = True
                self.lost += 1
        track = self.tracks.get(1)
        if track is not None and sound is not None and sound.starts:
            track.send(sound)
        if self.camera.manner.has_strays:
            self._stray()

    def _shown(self, played: float) -> None:
        """The first key frame has gone out."""
        self._played = None
        self.camera.place.waited += self.camera.place.clock.now() - played

    def _stray(self) -> None:
        """Once a second something that nobody asked for."""
        self._instants += 1
        if self._instants % FPS == 0:
            for track in self.tracks.values():
                for data in _STRAYS:
                    track.stray(data)
                track.report(_NO_RTCP)

    def report(self, video: bytes, sound: bytes) -> None:
        """Send sender reports on the tracks that were set up."""
        for at, data in ((0, video), (1, sound)):
            track = self.tracks.get(at)
            if track is not None:
                track.report(data)
