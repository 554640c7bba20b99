"""Sets up what a description offers and keeps it playing: what source and probe share."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from vidgate.aio.clock import Clock
from vidgate.aio.limits import Allowed
from vidgate.errors import (
    NoKeyFrameError,
    NoMediaError,
    RemoteError,
    SilentTransportError,
    UnauthorizedError,
    UnreachableError,
    UnsupportedError,
)
from vidgate.model.channel import Transport
from vidgate.model.media import Frame, Reception
from vidgate.rtp.transport import UdpPair
from vidgate.rtsp.choice import OTHER
from vidgate.rtsp.client import LIVE, Headers, RtspClient
from vidgate.rtsp.datagrams import Datagrams
from vidgate.rtsp.headers import TransportHeader
from vidgate.rtsp.intake import flooded
from vidgate.rtsp.receiver import TrackReceiver
from vidgate.rtsp.tracks import Offer
from vidgate.wire.message import Message

REPORT_INTERVAL = 5.0  # seconds between receiver reports; some cameras stop where they come later
MOST_REPORTS = 50  # RTCP packets a second and track that are read; a camera sends few a minute
UDP_PATIENCE = 3.0  # seconds without a packet until TCP is tried, where that is left to us
MANY = 50  # packets of foreign types before one of ours: more than cameras slip into a track
KEY_FRAME_PATIENCE = 3  # stall timeouts that a first key frame may take

OnFrame = Callable[[Frame], None]
OnReception = Callable[[Reception], None]
OnMissed = Callable[[], None]
Admit = Callable[[], Awaitable[None]]
"""Waits until a session may be set up; asked again where it is set up anew."""


async def at_once() -> None:
    """Nobody limits the sessions."""


class Player:
    """The tracks of one session. Made by `Player.open`, which closes its ports."""

    def __init__(
        self,
        client: RtspClient,
        clock: Clock,
        on_frame: OnFrame,
        on_reception: OnReception = lambda reception: None,
        on_missed: OnMissed = lambda: None,
    ) -> None:
        self.offers: list[Offer] = []
        self.receivers: list[TrackReceiver] = []
        self.transport = client.address.transport
        if client.is_tcp_only:
            # Over UDP pictures would travel in clear, and beside a tunnel that was made to get
            # them through: rtsps:// and rtsph:// were registered against just that.
            if self.transport is Transport.UDP:
                raise UnsupportedError(
                    "rtsps://, rtsph:// 只走 TCP / rtsps:// and rtsph:// go over TCP only"
                )
            self.transport = Transport.TCP
        self._client = client
        self._clock = clock
        self._on_frame = on_frame
        self._on_reception = on_reception
        self._on_missed = on_missed
        self._ports = AsyncExitStack()
        self._send_rtcp: list[Callable[[bytes], None]] = []
        self._due = clock.now() + REPORT_INTERVAL  # when the next report is
        self._is_fed = False
        # Ended by TEARDOWN: a flood may not stop with the connection.
        self._datagrams = Datagrams(clock.now, self._arrived, client.interrupt)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        client: RtspClient,
        clock: Clock,
        on_frame: OnFrame,
        on_reception: OnReception = lambda reception: None,
        on_missed: OnMissed = lambda: None,
    ) -> AsyncIterator[Self]:
        """A player whose UDP ports are closed when the block is left."""
        player = cls(client, clock, on_frame, on_reception, on_missed)
        try:
            async with player._ports:
                yield player
        finally:
            player._datagrams.close()
            player.receivers.clear()  # they hold our callbacks: see `RtspClient._close`
            player._send_rtcp.clear()

    async def setup(self, offers: Sequence[Offer]) -> None:
        """SETUP of each; a sound that cannot be had is left out, a picture that cannot raises."""
        for offer in offers:
            try:
                await self._setup(offer)
            except (UnauthorizedError, UnreachableError):
                raise
            except RemoteError:
                if offer.codec.is_video or not self.receivers:
                    raise

    async def play(self, headers: Headers = LIVE) -> Message:
        """PLAY; returns the reply."""
        reply = await self._client.play(headers)
        self._client.address.choice.used = self.transport
        self._due = self._clock.now() + REPORT_INTERVAL
        return reply

    async def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep the session alive until it fails; raises NoMediaError when frames stop coming.

        Returns only when `until` is true, at which `RtspClient.interrupt` makes it look at once.
        """
        started = self._clock.now()
        limit = self._client.address.stall_timeout
        while not until():
            left = self._due - self._clock.now()
            await self._client.wait(min(left, limit / 2, UDP_PATIENCE / 2))
            now = self._clock.now()
            if now >= self._due:
                self._due = now + REPORT_INTERVAL
                self._report(now)
            self._check(now, started, limit)

    def reception(self) -> Reception:
        """How the first track, the picture where there is one, arrives."""
        leader = self.receivers[0]
        offset, by = leader.clock(self._clock.wall() - self._clock.now())
        return Reception(
            lost=leader.lost,
            expected=leader.expected,
            jitter=leader.jitter,
            clock_offset=offset,
            clock_by=by,
        )

    def request_key_frame(self) -> None:
        """Send PLI where the camera says that it understands it."""
        for offer, receiver, send in zip(self.offers, self.receivers, self._send_rtcp, strict=True):
            if offer.codec.is_video and offer.feedback and (pli := receiver.picture_loss()):
                send(pli)

    # -- inside ----------------------------------------------------------------------------------

    def _check(self, now: float, started: float, limit: float) -> None:
        if self._datagrams.is_flooded:
            raise flooded()
        leader = self.receivers[0]
        if not self._is_fed and any(
            receiver.packets or receiver.foreign.total() >= MANY for receiver in self.receivers
        ):
            self._is_fed = True
            self._client.address.choice.brings(self.transport)
        if leader.last_frame is not None:
            silence = now - leader.last_frame
            if leader.ended and silence > min(limit, 1.0):
                raise NoMediaError("摄像机结束了码流 / the camera said goodbye to its stream")
            if silence > limit:
                raise NoMediaError(f"{silence:.0f} 秒没有画面 / no picture for {silence:.0f} s")
        elif leader.packets == 0:
            self._check_first(now, now - started, limit)
        elif now - self._client.received > limit:
            silence = now - self._client.received
            raise NoKeyFrameError(
                f"有数据但没有关键帧, 且已 {silence:.0f} 秒没有数据 / "
                f"packets without a key frame, and none for {silence:.0f} s"
            )
        elif now - started > KEY_FRAME_PATIENCE * limit:
            waited = now - started
            raise NoKeyFrameError(
                f"有数据, 但 {waited:.0f} 秒没有关键帧 / "
                f"packets, yet no key frame in {waited:.0f} s"
            )

    def _check_first(self, now: float, waited: float, limit: float) -> None:
        address, name = self._client.address, self.transport.value.upper()
        is_ours = address.transport is Transport.AUTO and not self._client.is_tcp_only
        may_turn = is_ours and not self._is_fed
        is_firewalled = may_turn and self.transport is Transport.UDP
        if waited <= (min(limit, UDP_PATIENCE) if is_firewalled else limit):
            return
        leader = self.receivers[0]
        if leader.foreign.total() >= MANY:
            ((foreign, _),) = leader.foreign.most_common(1)
            raise NoMediaError(
                f"只有载荷类型 {foreign} 的数据, 而 SDP 说是 {leader.payload_type} / "
                f"packets of payload type {foreign} alone,"
                f" where the description says {leader.payload_type}",
                hint="摄像机的描述有错: 升级固件或换码流 / "
                "the camera describes itself wrongly: update its firmware or take another stream",
            )
        silence = (
            f"已开始播放, 但 {waited:.0f} 秒没有数据 / playing, yet nothing came in {waited:.0f} s"
        )
        if may_turn:
            why = f"{name}: {waited:.0f} 秒没有数据 / nothing came in {waited:.0f} s"
            if address.choice.falls_silent(self.transport, now, why):
                raise SilentTransportError(silence)
        raise NoMediaError(silence)

    def _report(self, now: float) -> None:
        for receiver, send in zip(self.receivers, self._send_rtcp, strict=True):
            send(receiver.report(now))
        self._on_reception(self.reception())

    async def _setup(self, offer: Offer) -> None:
        receiver = TrackReceiver(
            len(self.receivers),
            offer,
            lambda: self._client.received,
            self._on_frame,
            self._on_missed,
        )
        send = await self._setup_transport(offer, receiver)
        self.offers.append(offer)
        self.receivers.append(receiver)
        self._send_rtcp.append(send)

    async def _setup_transport(
        self, offer: Offer, receiver: TrackReceiver
    ) -> Callable[[bytes], None]:
        """SETUP by what was asked for; the first media settles what `auto` is."""
        setups = {Transport.TCP: self._setup_tcp, Transport.UDP: self._setup_udp}
        if self.transport is not Transport.AUTO:
            return await setups[self.transport](offer, receiver)
        choice = self._client.address.choice
        first = choice.transport
        other = OTHER[first]
        try:
            send = await setups[first](offer, receiver)
            self.transport = first
        except UnsupportedError as error:
            error.conceal(self._client.address.hide)
            send = await setups[other](offer, receiver)
            self.transport = other
            name = first.value.upper()
            choice.turn(other, f"{name} 被拒绝 / {name} was refused: {error.message}")
        return send

    async def _setup_tcp(self, offer: Offer, receiver: TrackReceiver) -> Callable[[bytes], None]:
        first = 2 * len(self.receivers)
        asked = (first, first + 1)
        given = await self._client.setup(
            offer.media, TransportHeader(is_tcp=True, interleaved=asked)
        )
        if not given.is_tcp and (given.server_port or given.client_port):
            raise UnsupportedError(
                "SETUP: 要求 TCP, 摄像机答以 UDP / the camera answers TCP with UDP"
            )
        rtp, rtcp = given.interleaved or asked
        if rtp in self._client.channels or rtp == rtcp:
            rtp, rtcp = asked  # some cameras give every track the channels of the first
        self._client.channels[rtp] = receiver.rtp
        self._client.channels[rtcp] = self._reports(receiver)
        return lambda data: self._client.send_frame(rtcp, data)

    async def _setup_udp(self, offer: Offer, receiver: TrackReceiver) -> Callable[[bytes], None]:
        client = self._client
        pair = await self._ports.enter_async_context(
            UdpPair.bind(client.local_ip, *client.address.udp_ports)
        )
        pair.peers = frozenset((client.remote_ip,))
        receiver.use_udp()
        pair.on_rtp = self._datagrams.handler(receiver.rtp, lambda: receiver.work)
        pair.on_rtcp = self._datagrams.handler(self._reports(receiver))
        given = await client.setup(
            offer.media, TransportHeader(is_tcp=False, client_port=pair.ports)
        )
        if given.is_tcp or given.is_multicast:
            raise UnsupportedError(
                "SETUP: 要求单播 UDP, 摄像机答以别的方式 / "
                "the camera answers unicast UDP with another transport"
            )
        if given.source and client.address.allowed(given.source):
            pair.peers |= {given.source}
        if given.server_port is not None and given.server_port[0] > 1:
            pair.punch(client.remote_ip, given.server_port)
        return pair.send_rtcp

    def _arrived(self, now: float) -> None:
        self._client.received = now  # its connection counts only what comes by that

    def _reports(self, receiver: TrackReceiver) -> Callable[[bytes], None]:
        """The handler of a track's RTCP, of which only so much is read."""
        allowed = Allowed(MOST_REPORTS, MOST_REPORTS, self._client.received)

        def receive(data: bytes) -> None:
            if allowed.takes(1, self._client.received):
                receiver.rtcp(data)
            else:
                receiver.ignored += 1

        return receive
