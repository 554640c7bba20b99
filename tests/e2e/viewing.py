"""A viewer by WHEP (aiortc) of the running service, who reads what the pictures say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.programs import Service
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.simulator.coded import Strip, read_strip


class Viewer:
    """An aiortc peer that offers to watch; `strips` are read from what it was shown."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.strips: list[Strip | None] = []
        self.session = ""
        self._http = http
        self._url = url
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._task: asyncio.Task[None] | None = None

        @self._peer.on("track")
        def _(track: MediaStreamTrack) -> None:
            if track.kind == "video":
                self._task = asyncio.get_running_loop().create_task(self._look(track))

    async def offer(self, channel: str, **query: str) -> tuple[int, str]:
        """POST; the status, and the code of a refusal."""
        self._peer.addTransceiver("video", direction="recvonly")
        await self._peer.setLocalDescription(await self._peer.createOffer())
        async with self._http.post(
            f"{self._url}/whep/{channel}",
            params=query,
            data=self._peer.localDescription.sdp.encode(),
            headers={"Content-Type": "application/sdp"},
        ) as answer:
            if answer.status != 201:
                return answer.status, (await answer.json())["code"]
            self.session = self._url + answer.headers["Location"]
            text = await answer.text()
        await self._peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return 201, ""

    async def view(self) -> dict[str, Any]:
        """What the service says of the session."""
        async with self._http.get(self.session) as answer:
            found: dict[str, Any] = await answer.json()
            return found | {"status": answer.status}

    async def is_over(self) -> bool:
        """Whether the session comes to its end."""
        for _ in range(200):
            if (await self.view())["status"] == 404:
                return True
            await asyncio.sleep(0.1)
        return False

    async def close(self) -> None:
        """Go."""
        await self._peer.close()
        if self._task is not None:
            await cancel_and_wait(self._task)

    async def _look(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                picture: Any = await track.recv()
                self.strips.append(read_strip(picture.to_ndarray(format="gray")))
        except MediaStreamError:
            return


@asynccontextmanager
async def viewing(service: Service, token: str) -> AsyncIterator[Viewer]:
    """A viewer with that token, who goes with the block."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        viewer = Viewer(http, service.url)
        try:
            yield viewer
        finally:
            await viewer.close()


def told(seconds: float) -> str:
    """A moment as the service is told of it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
