import socket

from tests.waiting import until
from vidgate.aio.clock import ManualClock
from vidgate.model.media import Variant
from vidgate.simulator.camera import Camera
from vidgate.simulator.framing import Burst, make_block
from vidgate.simulator.players import Session, UdpDestination, UdpPair
from vidgate.simulator.usage import Usage


class Way:
    """A destination that can be blocked."""

    def __init__(self) -> None:
        self.is_open = True
        self.sent: list[Burst] = []
        self.reports: list[bytes] = []

    def send(self, burst: Burst) -> bool:
        if self.is_open:
            self.sent.append(burst)
        return self.is_open

    def report(self, data: bytes) -> None:
        self.reports.append(data)

    def stray(self, data: bytes) -> None:
        self.reports.append(data)


class Line:
    """A connection that only counts resets."""

    resets = 0

    def reset(self) -> None:
        self.resets += 1


class Stream:
    """A stream that takes players."""

    def add(self, player: Session) -> None:
        self.player = player


def picture(*, key: bool) -> Burst:
    burst = Burst([make_block([b"data"], 96, ends=True)], 1, 2, 3)
    burst.is_key = key
    return burst


def session(camera: Camera) -> Session:
    return Session("s", camera, Variant.MAIN, Line())  # type: ignore[arg-type]


def camera() -> Camera:
    return Camera("c", 1, "127.0.0.1", "", None, "h264", Usage(2), Usage())


def test_a_slow_client_goes_on_at_a_key_frame() -> None:
    way, player = Way(), session(camera())
    player.tracks[0] = way
    player.deliver(picture(key=False), None)
    way.is_open = False
    player.deliver(picture(key=False), None)
    way.is_open = True
    player.deliver(picture(key=False), None)
    player.deliver(picture(key=True), None)
    player.deliver(picture(key=False), None)
    assert [burst.is_key for burst in way.sent] == [False, True, False]
    assert player.lost == 2


def test_only_the_tracks_that_were_set_up_are_served() -> None:
    way, player = Way(), session(camera())
    player.tracks[1] = way
    player.deliver(picture(key=True), picture(key=False))
    player.report(b"video", b"sound")
    assert len(way.sent) == 1
    assert way.reports == [b"sound"]


def test_sessions_are_counted_and_given_back() -> None:
    busy = camera()
    first, second = session(busy), session(busy)
    assert [busy.usage.is_full, busy.place.is_full] == [True, False]
    first.end()
    assert [busy.usage.is_full, busy.place.is_full] == [False, False]
    assert (busy.usage.sessions, busy.usage.max_sessions, busy.place.sessions) == (1, 2, 1)
    second.end()
    assert busy.players == set()


def test_the_wait_for_the_first_key_frame_is_counted() -> None:
    clock = ManualClock()
    shown = camera()
    shown.place = Usage(clock=clock)
    player = session(shown)
    player.tracks[0] = Way()
    player.play(Stream())  # type: ignore[arg-type]
    for key in (False, True, True):
        clock.advance(0.5)
        player.deliver(picture(key=key), None)
    assert shown.place.waited == 1.0


async def test_udp_leaves_from_the_cameras_own_address(no_descriptor_left: None) -> None:
    pair = UdpPair()
    assert pair.ports[0] % 2 == 0
    assert pair.ports[1] == pair.ports[0] + 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.bind(("127.0.0.1", 0))
        to = client.getsockname()
        way = UdpDestination(pair, "127.3.0.9", to, to)
        assert way.send(picture(key=True))
        way.report(b"report")
        received: list[tuple[bytes, tuple[str, int]]] = []

        def receive() -> bool:
            try:
                received.append(client.recvfrom(2048))
            except BlockingIOError:
                pass
            return len(received) == 2

        await until(receive)
        assert received[0] == (bytes(picture(key=True).packets()[0]), ("127.3.0.9", pair.ports[0]))
        assert received[1] == (b"report", ("127.3.0.9", pair.ports[1]))
        client.sendto(b"hole", ("127.0.0.1", pair.ports[1]))
    pair.close()
