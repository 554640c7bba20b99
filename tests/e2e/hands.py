"""What people and the weather do in a run: break and mend cameras, ask for looks, watch."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.attacks import AS_SDP
from vidgate.simulator.viewers import LightViewer
from vidgate.webrtc.dtls import Certificate


@dataclass(frozen=True)
class Hands:
    """`http` is the service's API with a token, `control` the simulator's."""

    http: aiohttp.ClientSession
    control: aiohttp.ClientSession
    certificate: Certificate = field(default_factory=Certificate.generateCertificate)

    async def break_(self, channel: str, fault: str) -> None:
        """Break a camera, or change its manner."""
        plan = [{"channel": channel, "fault": fault}]
        async with self.control.post("/faults", json=plan) as answer:
            assert answer.status == 201, await answer.text()

    async def mend(self, channel: str) -> None:
        """Whatever it has."""
        async with self.control.delete(f"/faults/{channel}") as answer:
            assert answer.status == 204

    async def load(self) -> dict[str, Any]:
        """What the simulator counts."""
        async with self.control.get("/load") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def look(self, ids: Sequence[str]) -> None:
        """A person has them looked at now, for a picture."""
        body = {"ids": list(ids), "level": "media"}
        async with self.http.post("/api/v1/probes", json=body) as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()

    async def states(self) -> dict[str, str]:
        """Of every channel."""
        async with self.http.get("/api/v1/channels") as answer:
            return {item["id"]: item["state"] for item in (await answer.json())["items"]}

    @asynccontextmanager
    async def watching(self, channel: str, patience: float) -> AsyncIterator[LightViewer]:
        """Somebody who watches a channel, from the first picture on."""
        async with LightViewer(self.certificate) as viewer:
            async with self.http.post(
                f"/whep/{channel}", data=viewer.offer, headers=AS_SDP
            ) as answer:
                assert answer.status == 201, await answer.text()
                await viewer.connect(await answer.text(), patience)
            await viewer.pictured.wait()
            yield viewer
