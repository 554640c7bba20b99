"""A real Prometheus with our own configuration, in a hurry: every interval is a second."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.programs import Service, free_port, lacking, running

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "prometheus"


@pytest.fixture(scope="module")
def installed() -> None:
    """The programs."""
    if not all(map(shutil.which, ("prometheus", "promtool", "prometheus-alertmanager"))):
        lacking("prometheus prometheus-alertmanager")


def configured(folder: Path, service: Service, token: str, alertmanager: int = 0) -> Path:
    """Our configuration with this service's address and token, and Alertmanager's port."""
    shutil.copytree(CONFIGS, folder)
    (folder / "vidgate.token").write_text(token, encoding="utf-8")
    file = folder / "prometheus.yml"
    text = file.read_text(encoding="utf-8")
    assert text.count("127.0.0.1:8080") == 4  # targets, the runbooks' address, and the comment
    text = text.replace("127.0.0.1:8080", service.url.removeprefix("http://"))
    text = re.sub(r"(interval|timeout): \d+s", r"\1: 1s", text)
    file.write_text(text.replace("127.0.0.1:9093", f"127.0.0.1:{alertmanager or free_port()}"))
    for rules in (folder / "rules").glob("*.yml"):
        slow = rules.read_text(encoding="utf-8")
        rules.write_text(re.sub(r"interval: \d+[sm]", "interval: 1s", slow), encoding="utf-8")
    return file


class Prometheus:
    """The running server's API."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def _get(self, path: str, **query: str) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, params=query) as response,
        ):
            answer = await response.json()
            assert answer["status"] == "success", answer
            return answer["data"]

    async def samples(self, expression: str) -> list[dict[str, str]]:
        """The labels of every sample of an expression."""
        found = (await self._get("/api/v1/query", query=expression))["result"]
        return [one["metric"] for one in found] if isinstance(found, list) else []

    async def value(self, expression: str) -> float | None:
        """The one value of an expression; None while there is none."""
        found = (await self._get("/api/v1/query", query=expression))["result"]
        return float(found[0]["value"][1]) if found else None

    async def targets(self) -> dict[str, tuple[str, str]]:
        """Health and last error of each job."""
        active = (await self._get("/api/v1/targets"))["activeTargets"]
        return {one["labels"]["job"]: (one["health"], one["lastError"]) for one in active}

    async def becomes(self, expression: str, value: float) -> None:
        """Wait until the expression has the value."""
        seen: list[float | None] = [await self.value(expression)]
        for _ in range(100):
            if seen[-1] == value:
                return
            await asyncio.sleep(0.2)
            seen.append(await self.value(expression))
        pytest.fail(f"{expression} was never {value}: {dict.fromkeys(seen)}")


@asynccontextmanager
async def prometheus(file: Path) -> AsyncIterator[Prometheus]:
    """The server with this configuration."""
    listen = f"127.0.0.1:{free_port()}"
    command = (
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={file.parent / 'data'}",
        f"--web.listen-address={listen}",
    )
    async with running(*command) as program:
        await program.says("Server is ready to receive web requests")
        yield Prometheus(f"http://{listen}")
