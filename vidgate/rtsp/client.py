"""The asyncio shell around `ClientSession`: connects, waits with deadlines, always tears down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self, cast

from vidgate.aio.clock import Clock
from vidgate.errors import (
    ProtocolError,
    RefusedError,
    RemoteError,
    RemoteTimeoutError,
    UnauthorizedError,
    UnreachableError,
    VidgateError,
    cannot_connect,
    in_words,
)
from vidgate.rtsp import dial, tls, tunnel
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.headers import TransportHeader, base_uri, date_of, redirected, resolve_control
from vidgate.rtsp.intake import Intake
from vidgate.rtsp.messages import Parser, check
from vidgate.rtsp.session import ClientSession, Ended, Reply
from vidgate.rtsp.signin import SignIn
from vidgate.wire import schemes, sdp
from vidgate.wire.message import Message
from vidgate.wire.uri import Uri

__all__ = ["FrameHandler", "RtspAddress", "RtspClient"]

TEARDOWN_TIMEOUT = 1.0  # seconds
CLOSE_TIMEOUT = 1.0
MAX_REDIRECTS = 3
MAX_UNREAD = 128 << 10  # bytes that may wait for a camera to read them
MESSAGE_WEIGHT = 20  # frames that cost as much to read as one message

FrameHandler = Callable[[bytes], None]
Headers = tuple[tuple[str, str], ...]
LIVE: Headers = (("Range", "npt=0.000-"),)


class RtspClient(asyncio.Protocol):
    """One connection: `async with RtspClient.connect(address, clock) as client:`.

    Interleaved frames go to `channels[number]`, in the order of arrival, straight from the socket's
    callback. `received` is the monotonic time of the last bytes.
    """

    def __init__(self, address: RtspAddress, uri: Uri, clock: Clock, sign_in: SignIn) -> None:
        self.address = address
        self.is_secure = uri.scheme == "rtsps"
        self.is_tcp_only = uri.scheme != "rtsp"
        self.channels: dict[int, FrameHandler] = {}
        self.received = clock.now()
        self.remote_ip = ""
        self.local_ip = ""
        self.base = spoken = schemes.spoken(uri)
        self._sign_in = sign_in
        self.session = ClientSession(
            spoken, address.login, address.allowance.account.taken, sign_in
        )
        sign_in.put_off, sign_in.go_on, sign_in.give_up = self._put_off, self._go_on, self._fail
        self.unknown_frames = 0
        self._clock = clock
        self._now = clock.now
        self.date: float | None = None  # wall-clock seconds of the camera, whole ones
        self.round_trip = self._asked = 0.0  # seconds that the last answer took, and since when
        self._deadline: asyncio.Timeout | None = None  # of the answer that is waited for
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._failure: VidgateError | None = None
        self._woken = asyncio.Event()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._intake = Intake(self._process, self._fail)

    # -- life ------------------------------------------------------------------------------------

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: RtspAddress, clock: Clock) -> AsyncIterator[Self]:
        """Connect; on every way out TEARDOWN is sent if a session was set up, within a second.

        Raises UnreachableError, RemoteTimeoutError, DeniedAddressError, UnsupportedError, at once
        HeldBackError where the login was refused lately, LimitError where this machine lacks means.
        """
        uri = Uri.parse(address.url).without_credentials()
        if uri.scheme not in schemes.PULLED:
            raise schemes.unsupported(uri.scheme)
        sign_in = SignIn(address, clock)
        sign_in.begin()
        client = cls(address, uri, clock, sign_in)
        try:
            await client._open(uri)
            yield client
        except RemoteError as error:
            error.conceal(address.hide)
            raise
        finally:
            await client._close()

    async def _open(self, uri: Uri) -> None:
        address, places = self.address, list[dial.Place]()
        context = tls.client_context(address.tls_ca) if uri.scheme in schemes.SECURE else None
        try:
            async with asyncio.timeout(address.connect_timeout):
                places = await dial.places(address, uri)
                self.remote_ip = places[0][0]
                if len(places) == 1 and uri.scheme == "rtsp":  # half as dear as what follows
                    await self._loop.create_connection(lambda: self, *places[0])
                    return
                plain, place = await dial.tcp(places, address.further)
        except TimeoutError:
            raise _unconnected(dial.tried(uri, places), address.connect_timeout) from None
        except OSError as error:
            raise cannot_connect(dial.tried(uri, places), error) from error
        self.remote_ip = place[0]
        if uri.scheme in schemes.TUNNELLED:
            await tunnel.connect(self, uri, address, context, plain, place)
        else:
            await dial.over(plain, self, uri, context, address.connect_timeout)

    async def _close(self) -> None:
        try:
            await self._part()
        finally:
            self._sign_in.end(self.session)
            # They know us and we know them: such circles would wait for a full collection, which
            # holds the event loop, after every probe.
            self.channels.clear()
            # Nor may what a hostile camera has sent, or a traceback that holds it.
            self._failure, self.session.parser = None, Parser()
            self._intake.close()

    async def _part(self) -> None:
        """TEARDOWN, if there is a session, and close the connection."""
        transport = self._transport
        if transport is None:
            return
        if self.session.id and self._failure is None:
            try:
                cseq = self.session.request("TEARDOWN", self.session.play_uri)
                await self._reply(cseq, "TEARDOWN", TEARDOWN_TIMEOUT)
            except RemoteError:
                pass  # the camera's own timeout ends the session
            finally:
                transport.close()
        transport.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.shield(self._lost)
        except TimeoutError:  # the peer does not read what we wrote
            transport.abort()

    # -- requests --------------------------------------------------------------------------------

    async def describe(self) -> sdp.Session:
        """DESCRIBE; sets `base` for relative addresses, and `date` where the camera tells it."""
        reply = await self._describe()
        self.date = date_of(reply.headers.get("Date"))
        base = reply.headers.get("Content-Base") or reply.headers.get("Content-Location")
        self.base = base_uri(self.session.uri, base) if base else self.session.uri
        description = _described(reply.body)
        self.session.play_uri = str(resolve_control(self.base, description.get("control")))
        return description

    async def _describe(self) -> Message:
        """The final answer; another path of the same address is followed, a few times."""
        for _ in range(MAX_REDIRECTS):
            reply = await self._ask(
                "DESCRIBE", str(self.session.uri), ("Accept", "application/sdp")
            )
            target = redirected(self.session.uri, reply.status, reply.headers.get("Location"))
            if target is None:
                return self._checked(reply, "DESCRIBE")
            self.session.uri = target
        raise RefusedError(f"DESCRIBE: 转址 {MAX_REDIRECTS} 次 / redirected {MAX_REDIRECTS} times")

    async def setup(self, media: sdp.Media, wanted: TransportHeader) -> TransportHeader:
        """SETUP of one media; returns the transport that the camera chose."""
        uri = str(resolve_control(self.base, media.get("control")))
        reply = await self.call("SETUP", uri, ("Transport", str(wanted)))
        given = TransportHeader.parse(reply.headers.get("Transport"))
        if not self.session.id:
            raise ProtocolError("SETUP: 摄像机没有给出会话 / the camera gave no session")
        return given

    async def play(self, headers: Headers = LIVE) -> Message:
        """PLAY everything that was set up; keepalives begin."""
        self.session.parser.channels = frozenset(self.channels)
        reply = await self.call("PLAY", self.session.play_uri, *headers)
        self.session.playing(self._clock.now())
        return reply

    async def call(self, method: str, uri: str, *headers: tuple[str, str]) -> Message:
        """A request and its successful reply; raises the RemoteError of any other outcome."""
        return self._checked(await self._ask(method, uri, *headers), method)

    async def _ask(self, method: str, uri: str, *headers: tuple[str, str]) -> Message:
        cseq, self._asked = self.session.request(method, uri, *headers), self._clock.now()
        reply = await self._reply(cseq, method, self.address.request_timeout)
        self.round_trip = self._clock.now() - self._asked
        self._sign_in.settle(reply.status, self.session)
        return reply

    def _checked(self, reply: Message, method: str) -> Message:
        try:
            return check(reply, method)
        except UnauthorizedError as error:
            error.conceal(self.address.hide)  # another may be made of its message
            raise self._sign_in.explain(error) from None

    async def _reply(self, cseq: int, method: str, timeout: float) -> Message:
        if self._failure is not None:
            raise self._failure
        future: asyncio.Future[Message] = self._loop.create_future()
        self._replies[cseq] = future
        self._flush()
        try:
            async with asyncio.timeout(timeout) as self._deadline:
                return await future
        except TimeoutError:
            raise _unanswered(method, timeout, self.session.parser) from None
        finally:
            # The future holds the error, whose traceback holds this frame: no circle is left.
            del self._replies[cseq], future
            self._deadline = None

    # -- while playing ---------------------------------------------------------------------------

    async def wait(self, seconds: float) -> None:
        """Wait so long or until `interrupt`, sending keepalives when due.

        Raises as soon as the connection fails.
        """
        end = self._clock.now() + seconds
        while not self._woken.is_set():
            now = self._clock.now()
            self.session.handle_timer(now)
            self._flush()
            if now >= end:
                return
            wake = min(end, self.session.wake_at or end)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wake - now, 0.001)):
                    await self._woken.wait()
        if self._failure is not None:
            raise self._failure
        self._woken.clear()

    def interrupt(self) -> None:
        """Make `wait` return."""
        self._woken.set()

    def send_frame(self, channel: int, payload: bytes) -> None:
        """Send RTCP on an interleaved channel, unless the peer has stopped reading."""
        if self._transport is None or self._transport.get_write_buffer_size() > MAX_UNREAD // 2:
            return
        self.session.frame(channel, payload)
        self._flush()

    def _flush(self) -> None:
        data = self.session.data_to_send()
        transport = self._transport
        if not data or transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > MAX_UNREAD:
            # It asks (each request of its own is answered) but does not read: ours would grow.
            self._fail(
                ProtocolError("摄像机不读它要的应答 / the camera does not read what it asked for")
            )
            transport.abort()

    # -- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._intake.open(transport)
        name = transport.get_extra_info("sockname")
        self.local_ip = name[0] if name else ""

    def data_received(self, data: bytes) -> None:
        """Bytes from the camera."""
        self.received = self._now()
        self._intake.add(data)

    def _process(self, data: bytes) -> int:
        """What is in these bytes; returns how many items that were, for the intake to count."""
        channels, parser = self.channels, self.session.parser
        before, events = parser.messages, []
        try:
            events = self.session.receive(data)
            for event in events:
                if type(event) is tuple:
                    handler = channels.get(event[0])
                    if handler is None:
                        self.unknown_frames += 1
                    else:
                        handler(event[1])
                elif isinstance(event, Reply):
                    self._answered(event)
                elif isinstance(event, Ended):
                    self._fail(UnreachableError(event.why))
        except ProtocolError as error:
            self._fail(error)
        self._flush()
        return len(events) + MESSAGE_WEIGHT * (parser.messages - before)

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed, by either side."""
        self._fail(_lost(self.session.uri.authority, error, self.address))
        if not self._lost.done():
            self._lost.set_result(None)

    def _answered(self, reply: Reply) -> None:
        future = self._replies.get(reply.cseq)
        if future is not None and not future.done():
            future.set_result(reply.message)

    def _put_off(self) -> None:
        _reschedule(self._deadline, None)  # the camera has answered, we have not

    def _go_on(self) -> None:
        _reschedule(self._deadline, self._loop.time() + self.address.request_timeout)
        self._asked = self._clock.now()
        self.session.taken = self.address.allowance.account.taken
        self.session.go_on()
        self._flush()

    def _fail(self, error: VidgateError) -> None:
        self._intake.close()
        if self._failure is None:
            self._failure = error
            self._woken.set()
        for future in self._replies.values():
            if not future.done():
                future.set_exception(self._failure)
        if self._transport is not None:
            self._transport.close()


def _reschedule(deadline: asyncio.Timeout | None, when: float | None) -> None:
    if deadline is not None and not deadline.expired():
        deadline.reschedule(when)


def _described(body: bytes) -> sdp.Session:
    if not body:  # RFC 2326 12.14: none without a length, whatever follows
        raise ProtocolError(
            "DESCRIBE: 应答没有正文, 或没有 Content-Length / "
            "the answer has no body, or no Content-Length"
        )
    description = sdp.Session.parse(body)
    if not description.media:
        raise ProtocolError("DESCRIBE: 描述里没有任何媒体 / the description names no media")
    return description


def _unconnected(where: str, timeout: float) -> RemoteTimeoutError:
    return RemoteTimeoutError(
        f"{where}: {timeout:g} 秒内连接不上 / no connection within {timeout:g} s"
    )


def _unanswered(method: str, timeout: float, parser: Parser) -> RemoteError:
    if parser.skipped and not parser.messages:
        return ProtocolError(
            f"{method}: {timeout:g} 秒内来的不是 RTSP / what came within {timeout:g} s is not RTSP",
            hint="端口上可能是别的服务, 核对端口 / "
            "another service may have that port: check the port",
        )
    return RemoteTimeoutError(f"{method}: {timeout:g} 秒内没有应答 / no reply within {timeout:g} s")


def _lost(where: str, error: Exception | None, address: RtspAddress) -> UnreachableError:
    if isinstance(error, RemoteError):  # of a tunnel
        error.conceal(address.hide)
    if isinstance(error, OSError):
        why = in_words(error)
    else:
        why = str(error) if error else "摄像机关闭了连接 / closed by the camera"
    return UnreachableError(f"{where}: 连接中断 / connection lost: {why}")
