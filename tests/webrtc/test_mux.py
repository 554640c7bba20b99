"""The one port against everybody who reaches it."""

import errno
import os
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import stun
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtp.work import lines
from tests.waiting import until
from vidgate.aio.clock import ManualClock
from vidgate.errors import InputError
from vidgate.webrtc.mux import (
    CHECKS,
    CHECKS_BURST,
    GSO_REFUSED,
    MAX_ADDRESSES,
    READS,
    RECORDS,
    RECORDS_BURST,
    SEGMENTS,
    TURN,
    Leg,
    Mux,
    Path,
    plain_host,
    runs_of,
)


@pytest.fixture
async def mux(no_descriptor_left: None) -> AsyncIterator[Mux]:
    async with Mux(0, ManualClock()) as made:
        yield made


class Peer:
    """A browser's socket."""

    def __init__(self, mux: Mux, host: str = "127.0.0.1", own: str = "") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.server = (host, mux.port)
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        try:
            self.socket.bind((own or host, 0))
        except OSError:
            self.socket.close()
            pytest.skip(f"this machine has no {host}")

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    def check(self, leg: Leg, *, password: str = "", nominate: bool = True) -> stun.Message:
        attributes: dict[str, Any] = {"USERNAME": f"{leg.ufrag}:them", "PRIORITY": 1}
        if nominate:
            attributes["USE-CANDIDATE"] = None
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, None, attributes)
        request.add_message_integrity((password or leg.password).encode())
        self.send(bytes(request))
        return request

    async def receive(self) -> tuple[bytes, Any]:
        def take() -> tuple[bytes, Any] | None:
            try:
                return self.socket.recvfrom(2048)
            except BlockingIOError:
                return None

        got = await until(take, what="a datagram")
        assert got is not None
        return got


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.0.0.77"])
async def test_answers_a_signed_check_from_the_address_that_was_asked(mux: Mux, host: str) -> None:
    leg = mux.leg()
    with Peer(mux, host, "127.0.0.1" if "." in host else "::1") as peer:
        request = peer.check(leg)
        data, sender = await peer.receive()
        answer = stun.parse_message(data)
        assert sender[:2] == (host, mux.port)
        assert answer.message_class is stun.Class.RESPONSE
        assert answer.transaction_id == request.transaction_id
        assert answer.check_message_integrity(leg.password.encode())
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == peer.socket.getsockname()[:2]
        assert "FINGERPRINT" in answer.attributes
        assert leg.path is not None


async def test_drops_what_proves_nothing(mux: Mux) -> None:
    leg = mux.leg()
    with Peer(mux) as peer:
        for data in (
            b"",
            b"\x00",
            b"\x00" * 20,
            os.urandom(64),
            b"\x16\xfe\xff" + bytes(60),  # a ClientHello from nowhere
            b"\x80" + bytes(40),
            struct.pack("!HHI12s", 1, 0, stun.COOKIE, bytes(12)),  # no USERNAME
            struct.pack("!HHI12s", 1, 4, stun.COOKIE, bytes(12)) + b"\x00\x20\x00\x03",
        ):
            before = mux.dropped
            peer.send(data)
            await until(lambda before=before: mux.dropped == before + 1, what=repr(data))  # type: ignore[misc]
        peer.check(leg, password="wrong")
        await until(lambda: mux.dropped == 9)
    assert leg.path is None
    assert not leg._handshake


FINGERPRINT = 8  # bytes behind what is signed
EDITS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4)


@settings(max_examples=300, deadline=None)
@given(EDITS, st.binary(max_size=40), st.integers(0, 200))
def test_no_altered_check_makes_an_address_known(
    edits: list[tuple[int, int]], tail: bytes, length: int
) -> None:
    mux = Mux(0, ManualClock())
    leg = mux.leg()
    request = stun.Message(
        stun.Method.BINDING, stun.Class.REQUEST, None, {"USERNAME": f"{leg.ufrag}:x", "PRIORITY": 1}
    )
    request.add_message_integrity(leg.password.encode())
    altered = bytearray(bytes(request)[: length or None] + tail)
    for place, value in edits:
        altered[place % len(altered)] = value
    mux._socket = Quiet()  # type: ignore[assignment]
    signed = len(bytes(request)) - FINGERPRINT
    for data in (bytes(altered), tail, b"\0\1" + tail, bytes(altered[:20]) + tail):
        if data[:signed] != bytes(request)[:signed]:
            mux._receive(data, ("127.0.0.1", 9), [])
    assert leg.path is None
    assert not mux._by_address


class Quiet:
    """A socket that sends nothing."""

    def sendmsg(self, *_: object) -> int:
        return 0


def test_what_follows_the_signature_is_not_believed() -> None:
    """RFC 8489 14.5: whoever caught a check could make it nominate his own address."""
    mux = Mux(0, ManualClock())
    leg = mux.leg()
    mux._socket = Quiet()  # type: ignore[assignment]
    request = stun.Message(
        stun.Method.BINDING, stun.Class.REQUEST, None, {"USERNAME": f"{leg.ufrag}:x", "PRIORITY": 1}
    )
    request.add_message_integrity(leg.password.encode())
    signed = bytes(request)[:-FINGERPRINT]
    nominated = struct.pack("!HH", 0x0025, 0)  # USE-CANDIDATE
    longer = signed[:2] + struct.pack("!H", len(signed) - 20 + len(nominated)) + signed[4:]
    mux._receive(bytes(request), ("127.0.0.1", 9), [])
    mux._receive(longer + nominated, ("127.0.0.2", 9), [])
    assert leg.path is not None
    assert leg.path.address == ("127.0.0.1", 9)


class Counting:
    """A socket that counts what it is to send."""

    def __init__(self) -> None:
        self.sent = 0

    def sendmsg(self, *_: object) -> int:
        self.sent += 1
        return 0


def flooded() -> tuple[Mux, Leg, Counting, ManualClock]:
    clock, wire = ManualClock(), Counting()
    mux = Mux(0, clock)
    mux._socket = wire  # type: ignore[assignment]
    return mux, mux.leg(), wire, clock


def signed(leg: Leg, password: str = "") -> bytes:
    request = stun.Message(
        stun.Method.BINDING, stun.Class.REQUEST, None, {"USERNAME": f"{leg.ufrag}:x", "PRIORITY": 1}
    )
    request.add_message_integrity((password or leg.password).encode())
    return bytes(request)


THEIRS = ("::ffff:127.0.0.1", 9, 0, 0)
MOST_LINES = 300  # for one datagram: some times what the check of a viewer takes


def test_a_strangers_datagram_costs_no_more_than_a_check() -> None:
    mux, leg, _, _ = flooded()
    mapped = struct.pack("!HHBBHI", 0x20, 8, 0, 1, 5, 7) * 114
    name = struct.pack("!HH9s3x", 6, 9, f"{leg.ufrag}:".encode())
    check = signed(leg, "wrong")
    for body in (mapped, mapped[:528], name + mapped, name + mapped[:504], check[20:]):
        for kind in (0x0001, 0x0101, 0x0011, 0x0111):  # request, answer, indication, error
            data = struct.pack("!HHI12s", kind, len(body), stun.COOKIE, bytes(12)) + body
            assert lines(lambda data=data: mux._receive(data, THEIRS, [])) <= MOST_LINES  # type: ignore[misc]
    assert lines(lambda: mux._receive(signed(leg), THEIRS, [])) > MOST_LINES / 10, "counts nothing"
    assert mux.dropped == 20


def test_a_leg_answers_so_many_checks_a_second() -> None:
    mux, leg, wire, clock = flooded()
    check = signed(leg)
    for _ in range(10 * CHECKS_BURST):
        mux._receive(check, THEIRS, [])
    assert wire.sent == CHECKS_BURST
    assert mux.dropped == 9 * CHECKS_BURST
    clock.advance(1.0)
    for _ in range(10 * CHECKS_BURST):
        mux._receive(check, THEIRS, [])
    assert wire.sent == CHECKS_BURST + CHECKS
    other = mux.leg()
    mux._receive(signed(other), THEIRS, [])
    assert wire.sent == CHECKS_BURST + CHECKS + 1, "each leg has its own"


def test_checks_at_a_browsers_pace_are_all_answered() -> None:
    mux, leg, wire, clock = flooded()
    for _ in range(CHECKS_BURST // 2):  # those of all pairs at once, when it begins
        mux._receive(signed(leg), THEIRS, [])
    for _ in range(600):
        clock.advance(0.024)  # twice as fast as RFC 8445 and Chromium
        mux._receive(signed(leg), THEIRS, [])
    assert mux.dropped == 0
    assert wire.sent == CHECKS_BURST // 2 + 600


def test_who_only_knows_the_ufrag_uses_nothing_up() -> None:
    mux, leg, wire, clock = flooded()
    heard = clock.now()
    clock.advance(1.0)
    for _ in range(10 * CHECKS_BURST):
        mux._receive(signed(leg, "guess"), THEIRS, [])
    assert (wire.sent, leg.heard) == (0, heard)
    mux._receive(signed(leg), THEIRS, [])
    assert (wire.sent, leg.heard) == (1, clock.now())


async def test_a_flood_of_handshakes_reaches_dtls_no_more_often_than_one_takes() -> None:
    mux, leg, _, clock = flooded()
    mux._receive(signed(leg), THEIRS, [])

    async def taken(count: int) -> int:
        before = 0
        for _ in range(count):
            mux._receive(b"\x16\xfe\xffhello", THEIRS, [])
            while leg._handshake:
                await leg._recv()
                before += 1
        return before

    assert await taken(1000) == RECORDS_BURST
    clock.advance(1.0)
    assert await taken(1000) == RECORDS
    leg.close()


async def test_others_get_their_turn_however_dear_a_datagram_is() -> None:
    clock = ManualClock()
    async with Mux(0, clock) as mux:
        leg = mux.leg()
        with Peer(mux) as peer:
            peer.check(leg)
            await peer.receive()
            taken: list[bytes] = []

            def dear(data: bytes) -> None:
                taken.append(data)
                clock.advance(TURN / 2)

            leg.on_media = dear
            for _ in range(READS):
                peer.send(b"\x80media")
            mux._readable()
            assert len(taken) == 2
            await until(lambda: len(taken) == READS, what="the rest, in other turns")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_attributes_of_any_kind_are_survived(attributes: bytes) -> None:
    mux = Mux(0, ManualClock())
    head = struct.pack("!HHI", 1, len(attributes), stun.COOKIE) + bytes(12)
    mux._receive(head + attributes, ("127.0.0.1", 9), [])
    assert mux.dropped == 1


async def test_media_follows_the_nominated_address(mux: Mux) -> None:
    leg = mux.leg()
    with Peer(mux) as first, Peer(mux) as second:
        first.check(leg, nominate=False)
        await first.receive()
        second.check(leg)
        await second.receive()
        assert leg.send([b"\x80media"], [(0, 1)])
        assert (await second.receive())[0] == b"\x80media"
        first.send(b"\x16hello")  # either may carry DTLS
        second.send(b"\x17data")
        assert {await leg._recv(), await leg._recv()} == {b"\x16hello", b"\x17data"}


async def test_a_leg_remembers_few_addresses_and_keeps_the_nominated(mux: Mux) -> None:
    leg = mux.leg()
    peers = [Peer(mux) for _ in range(MAX_ADDRESSES + 3)]
    try:
        for number, peer in enumerate(peers):
            peer.check(leg, nominate=number == 0)
            await peer.receive()
        assert len(leg.paths) == MAX_ADDRESSES
        assert leg.path is not None
        assert leg.path.address[1] == peers[0].socket.getsockname()[1]
    finally:
        for peer in peers:
            peer.socket.close()


async def test_a_closed_leg_is_forgotten(mux: Mux) -> None:
    leg = mux.leg()
    with Peer(mux) as peer:
        peer.check(leg)
        await peer.receive()
        leg.close()
        peer.send(b"\x16late")
        await until(lambda: mux.dropped == 1)
        with pytest.raises(ConnectionError):
            await leg._recv()
        assert not leg.send([b"x"], [(0, 1)])


async def test_segments_arrive_as_datagrams(mux: Mux) -> None:
    leg = mux.leg()
    packets = [os.urandom(900) for _ in range(5)] + [b"short"] + [os.urandom(1200)] * 2 + [b"end"]
    runs = runs_of([len(packet) for packet in packets])
    assert runs == [(0, 6), (6, 9)]
    with Peer(mux) as peer:
        peer.check(leg)
        await peer.receive()
        assert leg.send(packets, runs)
        assert [(await peer.receive())[0] for _ in packets] == packets


@pytest.mark.parametrize("refusal", GSO_REFUSED)
async def test_falls_back_where_the_kernel_refuses_segments(mux: Mux, refusal: int) -> None:
    leg, other = mux.leg(), mux.leg()
    with Peer(mux) as peer, Peer(mux) as neighbour:
        for one, owner in ((peer, leg), (neighbour, other)):
            one.check(owner)
            await one.receive()
        assert leg.path is not None
        assert other.path is not None
        real = mux._socket

        class Refusing:
            def sendmsg(self, buffers: Any, control: Any, flags: int, address: Any) -> int:
                if any(level == 17 for level, _, _ in control):
                    raise OSError(refusal, "no checksum offload")
                assert real is not None
                return real.sendmsg(buffers, control, flags, address)

        mux._socket = Refusing()  # type: ignore[assignment]
        try:
            assert leg.send([b"\x80one", b"\x80two"], [(0, 2)])
        finally:
            mux._socket = real
        assert [(await peer.receive())[0] for _ in range(2)] == [b"\x80one", b"\x80two"]
        assert leg.path.gso is False
        # Another route may have another card: it keeps what works there.
        assert other.send([b"\x80one", b"\x80two"], [(0, 2)])
        assert [(await neighbour.receive())[0] for _ in range(2)] == [b"\x80one", b"\x80two"]
        assert other.path.gso is True


async def test_a_full_socket_is_told_and_waited_for(mux: Mux) -> None:
    path = Path(("::ffff:127.0.0.1", 9, 0, 0), ())
    real = mux._socket

    class Full:
        def sendmsg(self, *_: object) -> int:
            raise BlockingIOError(errno.EAGAIN, "full")

    mux._socket = Full()  # type: ignore[assignment]
    try:
        assert mux.send(path, [b"x"], [(0, 1)]) is False
        assert mux.send(path, [b"x", b"y"], [(0, 2)]) is False
    finally:
        mux._socket = real
    assert mux.full == 2
    assert await mux.writable(5.0)
    assert not await mux.writable(0.0)


async def test_an_unreachable_peer_raises_nothing(mux: Mux) -> None:
    assert mux.send(Path(("::ffff:255.255.255.255", 9, 0, 0), ()), [b"x", b"y"], [(0, 2)])


async def test_a_busy_port_is_an_error_that_names_the_setting(mux: Mux) -> None:
    with pytest.raises(InputError) as caught:
        async with Mux(mux.port):
            pass
    assert str(mux.port) in caught.value.message
    assert caught.value.hint == "set webrtc.port"


@given(st.lists(st.integers(1, 1300), max_size=300))
def test_runs_are_what_gso_takes(sizes: list[int]) -> None:
    runs = runs_of(sizes)
    assert [n for start, stop in runs for n in range(start, stop)] == list(range(len(sizes)))
    for start, stop in runs:
        assert 1 <= stop - start <= SEGMENTS
        assert set(sizes[start : stop - 1]) <= {sizes[start]}
        assert sizes[stop - 1] <= sizes[start]
        assert sum(sizes[start:stop]) <= 65_000


def test_plain_host() -> None:
    assert plain_host("::ffff:10.1.2.3") == "10.1.2.3"
    assert plain_host("fe80::1%eth0") == "fe80::1"
    assert plain_host("192.0.2.1") == "192.0.2.1"
