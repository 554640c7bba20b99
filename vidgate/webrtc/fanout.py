"""One stream of the hub to all its viewers: read once, packetised once, sealed for each."""

import asyncio
from collections.abc import Iterable

from vidgate.aio.clock import Clock
from vidgate.aio.mailbox import MailboxClosed
from vidgate.aio.supervisor import Supervisor, cancel_and_wait
from vidgate.errors import NoMediaError, VidgateError
from vidgate.media.hub import Hub
from vidgate.media.opus import OpusWorks, Recoding
from vidgate.media.reader import Reader
from vidgate.media.recode import DECODERS
from vidgate.media.stream import Stream
from vidgate.model.media import Codec, Frame, StreamKey, StreamState, Track
from vidgate.webrtc.line import BURST, Batch, Line
from vidgate.webrtc.mux import Mux
from vidgate.webrtc.viewer import Flow, Viewer, compress

PAUSE = 0.002  # seconds between two batches to one viewer: 190 Mbit/s
TURN = 64  # viewers served before other tasks get their turn
FULL_WAIT = 0.1  # seconds for a full socket to drain before a viewer loses pictures
PUSHES = 8  # tries after it has drained: others wait for it too
REPEAT_INTERVAL = 1.0  # seconds between two repeated groups of pictures to one viewer


class Fanout:
    """One stream's way to its viewers: `run` reads until cancelled, `join` and `leave` are theirs.

    `run` also ends when the stream comes back with another picture codec, or an H.265 profile that
    nobody was promised: then every session on it must be made anew. And it ends with the stream,
    when that is over: a replay has come to its end, a channel is not to be watched any more.
    """

    def __init__(
        self, key: StreamKey, hub: Hub, mux: Mux, clock: Clock, opus: OpusWorks | None = None
    ) -> None:
        self.key = key
        self._opus = opus
        self._recoding: Recoding | None = None
        self._recoder: asyncio.Task[None] | None = None
        self.viewers: set[Viewer] = set()
        self._hub = hub
        self._mux = mux
        self._clock = clock
        self._tasks = Supervisor(f"fanout {key.name}")
        self._reader: asyncio.Future[Reader] = asyncio.get_running_loop().create_future()
        self._reader.add_done_callback(lambda done: done.exception())  # nobody may be waiting
        self._stream: Stream | None = None
        self._tracks: tuple[Track, ...] = ()
        self._lines: dict[bool, Line] = {}  # the key is: of pictures
        self._flows: dict[bool, set[Flow]] = {True: set(), False: set()}
        self._catching: dict[Flow, asyncio.Task[None]] = {}
        self._refreshed: dict[Viewer, float] = {}
        self._reconnects = 0
        self._needs_key = True

    async def run(self) -> None:
        """Read and send; what the hub raises for the name reaches `tracks` too."""
        try:
            async with self._hub.read(self.key) as reader, self._tasks:
                self._stream = reader.stream
                self._reader.set_result(reader)
                await self._pump(reader)
        except VidgateError as error:
            if self._reader.done():
                raise
            self._reader.set_exception(error)
        finally:
            if not self._reader.done():
                self._reader.set_exception(NoMediaError("码流已停止 / the stream was stopped"))

    async def tracks(self, timeout: float) -> tuple[Track, ...]:
        """Wait for the tracks as viewers may have them; raises the attempt's RemoteError."""
        reader = await asyncio.shield(self._reader)
        tracks = await reader.tracks(timeout)
        return tracks if self._opus is None else tuple(map(self._opus.offers, tracks))

    def line(self, track: Track) -> Line:
        """The RTP line of this track; made at the first demand."""
        line = self._lines.get(track.is_video)
        if line is None:
            line = self._lines[track.is_video] = Line(track)
        return line

    def join(self, viewer: Viewer) -> None:
        """Send to this viewer from now on, beginning with the newest group of pictures."""
        self.viewers.add(viewer)
        for flow in viewer.flows:
            is_video = flow.line.is_video
            self._flows[is_video].add(flow)
            if is_video:
                self._catch_up(viewer, flow)
            else:
                flow.jump(flow.line.next)

    async def leave(self, viewer: Viewer) -> None:
        """Send nothing more to this viewer."""
        self.viewers.discard(viewer)
        self._refreshed.pop(viewer, None)
        for flow in viewer.flows:
            self._flows[flow.line.is_video].discard(flow)
            await cancel_and_wait(self._catching.pop(flow, None))

    def refresh(self, viewer: Viewer) -> None:
        """The viewer lost a picture for good: repeat the group, and ask the source for a new one.

        At most once a second; a viewer that is catching up has its key frame under way.
        """
        pictures = [flow for flow in viewer.flows if flow.line.is_video]
        if viewer not in self.viewers or any(flow in self._catching for flow in pictures):
            return
        now = self._clock.now()
        if now - self._refreshed.get(viewer, -REPEAT_INTERVAL) < REPEAT_INTERVAL:
            return
        self._ask_key_frame()
        for flow in pictures:
            self._catch_up(viewer, flow)

    @property
    def recorded(self) -> float | None:
        """When the last picture was recorded, where the device says."""
        return None if self._stream is None else self._stream.stats.recorded

    @property
    def why_over(self) -> str:
        """Why `run` ended by itself."""
        stream = self._stream
        if stream is None or stream.state is not StreamState.BLOCKED or stream.error is None:
            return "the stream has changed"
        return stream.error.message

    @property
    def _is_live(self) -> bool:
        return self._stream is not None and self._stream.state is StreamState.LIVE

    def _ask_key_frame(self) -> None:
        if self._stream is not None:
            self._stream.request_key_frame()

    # -- reading ---------------------------------------------------------------------------------

    async def _pump(self, reader: Reader) -> None:
        while True:
            try:
                frame = await reader.get()
            except MailboxClosed:
                return
            stream = reader.stream
            if stream.tracks is not self._tracks and not self._described(stream):
                return
            await self._deliver(*self._cut(frame))

    async def _deliver(self, batches: list[Batch], flows: set[Flow]) -> None:
        for batch in batches:
            if len(flows) > TURN or not batch.is_last:
                await self._send(batch, flows)
            else:
                self._send_turn(batch, flows, {})

    def _cut(self, frame: Frame) -> tuple[list[Batch], set[Flow]]:
        """The batches of a frame and those who get them."""
        if frame.track >= len(self._tracks):
            return [], set()
        track = self._tracks[frame.track]
        flows = self._flows[track.is_video]
        if not track.is_video and track.codec in DECODERS:
            self._recode(frame, track)
            return [], flows
        if not self._is_wanted(frame, track):
            return [], flows
        return self.line(track).cut(frame), flows

    def _recode(self, frame: Frame, track: Track) -> None:
        """Have it made Opus, as long as anybody listens to that."""
        line = self._lines.get(False)
        is_heard = bool(self._flows[False]) and line is not None and line.track.codec is Codec.OPUS
        if self._recoding is not None and (not is_heard or self._recoding.track != track):
            if self._recoder is not None:
                self._recoder.cancel()
            self._recoding = self._recoder = None
        if not is_heard or self._opus is None:
            return
        if self._recoding is None:
            self._recoding = self._opus.recoding(track, self._recoded)
            self._recoder = self._tasks.start(self._recoding.run(), "recode")
        self._recoding.push(frame)

    async def _recoded(self, frame: Frame) -> None:
        line = self._lines.get(False)
        if line is not None:
            await self._deliver(line.cut(frame), self._flows[False])

    def _described(self, stream: Stream) -> bool:
        """Note the tracks; False when viewers of the old ones cannot go on with these."""
        self._tracks = stream.tracks
        line = self._lines.get(True)
        return line is None or any(map(line.goes_on, self._tracks))

    def _is_wanted(self, frame: Frame, track: Track) -> bool:
        if not track.is_video:
            # Sound that has changed its codec: viewers of the old one go on without.
            line = self._lines.get(False)
            return line is None or line.track.codec is track.codec
        # After a reconnect the first pictures may refer to ones that nobody has seen.
        if self._stream is not None and self._stream.stats.reconnects != self._reconnects:
            self._reconnects = self._stream.stats.reconnects
            self._needs_key = True
        if frame.key:
            self._needs_key = False
        return not self._needs_key

    # -- sending ---------------------------------------------------------------------------------

    async def _send(self, batch: Batch, flows: set[Flow]) -> None:
        """Send to every flow that is live, in turns, so that the loop is never held for long."""
        lanes: dict[int, list[bytes]] = {}
        everyone = tuple(flows)
        for start in range(0, len(everyone), TURN):
            if start:
                await asyncio.sleep(0)
            self._send_turn(batch, everyone[start : start + TURN], lanes)
        if not batch.is_last:
            await asyncio.sleep(PAUSE)

    def _send_turn(
        self, batch: Batch, flows: Iterable[Flow], lanes: dict[int, list[bytes]]
    ) -> None:
        """Send to these flows; those for whom the socket is full have to catch up."""
        index = batch.index
        for flow in flows:
            if flow.next != index:
                if flow.next is not None or not (batch.key and batch.is_first):
                    continue  # it is catching up, or waits for a key frame
                flow.jump(index)
            if flow.moved:
                headers = flow.headers(batch)
            else:
                lane = flow.payload_type << 16 | (flow.shift & 0xFFFF)
                headers = lanes.get(lane) or lanes.setdefault(lane, flow.headers(batch))
            if not flow.send(batch, headers):
                self._start_replay(flow)

    async def _push(self, flow: Flow, batch: Batch) -> bool:
        """Send to a full socket: wait for room; False when there was none in time."""
        for _ in range(PUSHES):
            if not await self._mux.writable(FULL_WAIT):
                return False
            if flow.send(batch, flow.headers(batch)):
                return True
        return False

    def _catch_up(self, viewer: Viewer, flow: Flow) -> None:
        start = flow.line.gop
        if start is None or not self._is_live:
            # A dead camera's last pictures, sent again, would look like live ones.
            flow.next = None
            self._ask_key_frame()
            return
        self._refreshed[viewer] = self._clock.now()
        flow.jump(start, compress(flow.line.since(start), flow.timestamp))
        self._start_replay(flow)

    def _start_replay(self, flow: Flow) -> None:
        if flow not in self._catching:
            self._catching[flow] = self._tasks.start(self._catch_up_with(flow), "catch up")

    async def _catch_up_with(self, flow: Flow) -> None:
        try:
            await self._replay(flow)
        finally:
            self._catching.pop(flow, None)

    async def _replay(self, flow: Flow) -> None:
        """Send what is kept from `flow.next` on, paced, until the flow is live."""
        sent = 0
        while flow.next is not None and flow.next != flow.line.next:
            batch = self._next_of(flow)
            if batch is None:
                flow.stop()
                return
            if not flow.send(batch, flow.headers(batch)):
                if not await self._push(flow, batch):
                    flow.stop()
                    return
                continue
            sent += len(batch.payloads)
            if sent >= BURST:
                sent = 0
                await asyncio.sleep(PAUSE)
        flow.settle()

    def _next_of(self, flow: Flow) -> Batch | None:
        """What a flow that is catching up is to send; a newer key frame makes it skip the rest."""
        line = flow.line
        if flow.next is not None and line.gop is not None and flow.next < line.gop:
            flow.jump(line.gop, compress(line.since(line.gop), flow.timestamp))
        return None if flow.next is None else line.at(flow.next)
