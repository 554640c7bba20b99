"""Sessions of the simulated cameras and the ways their packets travel."""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Protocol

from vidgate.errors import LimitError
from vidgate.model.media import Variant
from vidgate.simulator.camera import Camera, LiveStream
from vidgate.simulator.framing import Burst, frame_rtcp

if TYPE_CHECKING:
    from vidgate.simulator.server import Connection

Address = tuple[str, int]
_IP_PKTINFO = 8  # linux/in.h; the socket module of 3.11 has no name for it
_READS_AT_ONCE = 64


class Destination(Protocol):
    """Where the packets of one track go."""

    def send(self, burst: Burst) -> bool:
        """Send RTP; False when it had to be dropped."""
        ...

    def report(self, data: bytes) -> None:
        """Send compound RTCP."""
        ...


class TcpDestination:
    """Interleaved in the RTSP connection."""

    def __init__(self, connection: "Connection", rtp: int, rtcp: int) -> None:
        self._connection = connection
        self._rtp = rtp
        self._rtcp = rtcp

    def send(self, burst: Burst) -> bool:
        """Write the frames unless the client has not read what it got before."""
        if self._connection.is_slow:
            return False
        self._connection.write(burst.on_channel(self._rtp))
        return True

    def report(self, data: bytes) -> None:
        """Write one frame."""
        self._connection.write(frame_rtcp(data, self._rtcp))


class UdpPair:
    """The one pair of ports from which every camera sends, each with its own source address."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = _open_pair()
        self.ports = tuple(sock.getsockname()[1] for sock in self._sockets)
        self.lost = 0
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
        """Receiver reports and hole punching: read and forget."""
        for _ in range(_READS_AT_ONCE):
            try:
                sock.recv(2048)
            except OSError:
                return


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
    """A pair of the client's UDP ports."""

    def __init__(self, pair: UdpPair, host: str, rtp: Address, rtcp: Address) -> None:
        self._pair = pair
        self._rtp = rtp
        self._rtcp = rtcp
        # struct in_pktinfo: interface, source address, unused (ip(7)).
        self._source = struct.pack("=i4s4x", 0, socket.inet_aton(host))

    def send(self, burst: Burst) -> bool:
        """A datagram a packet."""
        pair, source, to = self._pair, self._source, self._rtp
        sent = [pair.send(0, packet, source, to) for packet in burst.packets()]
        return all(sent)

    def report(self, data: bytes) -> None:
        """One datagram."""
        self._pair.send(1, data, self._source, self._rtcp)


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
        self._connection = connection
        self._is_skipping = False
        camera.usage.take()
        camera.place.take()
        camera.players.add(self)

    @property
    def wants_sound(self) -> bool:
        """Whether the sound track was set up."""
        return 1 in self.tracks

    def play(self, stream: LiveStream) -> None:
        """Begin, or go on; twice is once."""
        if self.stream is None:
            self.stream = stream
            stream.add(self)

    def end(self) -> None:
        """Stop and give the session back."""
        if self.stream is not None:
            self.stream.remove(self)
            self.stream = None
        self.camera.players.discard(self)
        self.camera.usage.give_back()
        self.camera.place.give_back()

    def cut(self) -> None:
        """The camera failed."""
        self._connection.reset()

    def deliver(self, video: Burst, sound: Burst | None) -> None:
        """Send one instant's packets; after a lost picture all up to a key frame are left out."""
        track = self.tracks.get(0)
        if track is not None and video.starts:
            if (not self._is_skipping or video.is_key) and track.send(video):
                self._is_skipping = False
            else:
                self._is_skipping = True
                self.lost += 1
        track = self.tracks.get(1)
        if track is not None and sound is not None:
            track.send(sound)

    def report(self, video: bytes, sound: bytes) -> None:
        """Send sender reports on the tracks that were set up."""
        for at, data in ((0, video), (1, sound)):
            track = self.tracks.get(at)
            if track is not None:
                track.report(data)
