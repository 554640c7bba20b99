"""Viewers for tests: aiortc as a whole, which decodes what it gets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.waiting import until
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.model.user import Principal, Role
from vidgate.webrtc.whep import WhepService, WhepSession

WHO = Principal("tester", Role.OPERATOR, "session")


@dataclass
class Client:
    """A connected aiortc peer; pictures and sounds are counted and the last ones kept."""

    connection: RTCPeerConnection
    session: WhepSession
    pictures: list[av.VideoFrame] = field(default_factory=list)
    sounds: list[av.AudioFrame] = field(default_factory=list)

    async def more_pictures(self, count: int = 5) -> list[av.VideoFrame]:
        """Wait for `count` pictures that come from now on."""
        before = len(self.pictures)
        await until(lambda: len(self.pictures) >= before + count, what="pictures")
        return self.pictures[before:]


async def open_session(
    whep: WhepService, name: str, offer: str, *, stream: str = "auto", has_sub: bool = False
) -> WhepSession:
    """`WhepService.open` as the tests use it."""
    return await whep.open(
        name, offer, stream=stream, has_sub=has_sub, local_address="127.0.0.1", principal=WHO
    )


@asynccontextmanager
async def watching(
    whep: WhepService, name: str = "cam", *, stream: str = "auto", has_sub: bool = False
) -> AsyncIterator[Client]:
    """Watch a stream as a browser does."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="recvonly")
    connection.addTransceiver("audio", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    consumers: list[asyncio.Task[None]] = []
    try:
        session = await open_session(
            whep, name, connection.localDescription.sdp, stream=stream, has_sub=has_sub
        )
        client = Client(connection, session)

        @connection.on("track")
        def _(track: MediaStreamTrack) -> None:
            into: list[Any] = client.pictures if track.kind == "video" else client.sounds
            consumers.append(asyncio.get_running_loop().create_task(_consume(track, into)))

        await connection.setRemoteDescription(RTCSessionDescription(session.answer_sdp, "answer"))
        await until(lambda: connection.connectionState == "connected", what="connected")
        yield client
    finally:
        await connection.close()
        await cancel_and_wait(*consumers)


async def _consume(track: MediaStreamTrack, into: list[Any]) -> None:
    while True:
        try:
            into.append(await track.recv())
        except MediaStreamError:
            return
