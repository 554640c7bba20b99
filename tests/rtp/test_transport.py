"""Pairs of UDP ports."""

import asyncio
import socket

import pytest

from tests.waiting import until
from vidgate.errors import LimitError
from vidgate.rtp.transport import UdpPair

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


def sender() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return made


async def test_packets_of_the_peer_come_in_and_others_do_not() -> None:
    loop = asyncio.get_running_loop()
    got: list[bytes] = []
    async with UdpPair.bind("127.0.0.1", 40000, 45000) as pair:
        assert pair.ports[0] % 2 == 0
        pair.on_rtp, pair.on_rtcp = got.append, got.append
        with sender() as peer:
            await loop.sock_sendto(peer, b"early", ("127.0.0.1", pair.ports[0]))
            await until(lambda: pair.strangers == 1)
            pair.peers = frozenset(("127.0.0.1",))
            await loop.sock_sendto(peer, b"", ("127.0.0.1", pair.ports[0]))
            await loop.sock_sendto(peer, b"rtp", ("127.0.0.1", pair.ports[0]))
            await until(lambda: got == [b"rtp"])
            await loop.sock_sendto(peer, b"rtcp", ("127.0.0.1", pair.ports[1]))
            await until(lambda: got == [b"rtp", b"rtcp"])
            pair.send_rtcp(b"report")  # latched onto where RTCP came from
            assert await loop.sock_recv(peer, 100) == b"report"


async def test_a_hole_is_punched_to_both_ports() -> None:
    loop = asyncio.get_running_loop()
    async with UdpPair.bind("127.0.0.1", 40000, 45000) as pair:
        with sender() as rtp, sender() as rtcp:
            pair.punch("127.0.0.1", (rtp.getsockname()[1], rtcp.getsockname()[1]))
            assert (await loop.sock_recv(rtp, 100))[0] == 0x80
            assert (await loop.sock_recv(rtcp, 100))[1] == 201


async def test_no_free_pair_is_a_limit() -> None:
    async with UdpPair.bind("127.0.0.1", 40000, 45000) as pair:
        with pytest.raises(LimitError, match="no free pair"):
            async with UdpPair.bind("127.0.0.1", pair.ports[0], pair.ports[1]):
                pass


async def test_without_a_peer_nothing_is_sent() -> None:
    async with UdpPair.bind("127.0.0.1", 40000, 45000) as pair:
        pair.send_rtcp(b"x")
        pair._rtp.error_received(OSError())
        assert pair.refusals == 1
