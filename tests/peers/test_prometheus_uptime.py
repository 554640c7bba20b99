"""A month of our own metrics, kept by a real Prometheus, gives the uptime that was counted by hand.

The month of `tests.operations.month` is scraped once a minute by the real page of channels, and
promtool fills Prometheus with it. While vidgate is down nothing is scraped, and `up` says so.
"""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.operations import month as april
from tests.operations.month import CHANNELS, EXPECTED, GROUPS, MONTH, START, Month
from tests.peers.prometheus import CONFIGS, installed
from tests.programs import free_port, running
from vidgate.metrics.channels import ChannelPage
from vidgate.model.channel import Channel
from vidgate.model.health import Health, State

pytestmark = [pytest.mark.peer, pytest.mark.usefixtures(installed.__name__)]

SCRAPE = 60  # seconds
PHASE = 17  # seconds: scrapes know nothing of when things happen
FAMILIES = ("vidgate_channel_up", "vidgate_channel_state", "vidgate_channel_info")

# While vidgate is down it counts as not up for whoever was accepted and switched on (7 is off).
WITH_DOWNTIME = """
    1 * vidgate_channel_up or 0 * (last_over_time(vidgate_channel_state[3h]) != 7)
        and on() up{job="vidgate-channels"} == 0
"""
DEPARTMENTS = "on(channel) group_left(department) last_over_time(vidgate_channel_info[30d])"
WATCHED = f"""
    sum by (department) (sum_over_time(vidgate_channel_up[30d]) * {DEPARTMENTS})
  / sum by (department) (count_over_time(vidgate_channel_up[30d]) * {DEPARTMENTS})
"""
IN_TIME = f"""
    sum by (department) (sum_over_time(({WITH_DOWNTIME})[30d:1m]) * {DEPARTMENTS})
  / sum by (department) (count_over_time(({WITH_DOWNTIME})[30d:1m]) * {DEPARTMENTS})
"""


FLEET = "vidgate:channel_up:avg_over_time30d"
DEPARTMENT = "department:vidgate_channel_up:avg_over_time30d"


def rule(name: str) -> str:
    """The expression of a shipped recording rule; what it reads over time is worked out in place.

    So the month need not be lived through a second time by a Prometheus that records it.
    """
    groups = yaml.safe_load((CONFIGS / "rules" / "vidgate.yml").read_text("utf-8"))["groups"]
    rules = {one["record"]: str(one["expr"]) for group in groups for one in group["rules"]}
    recorded = re.compile(r"(\w+:\w+:\w+)\[(\w+)\]")
    return recorded.sub(lambda read: f"({rules[read[1]]})[{read[2]}:1m]", rules[name])


class Scraped(Month):
    """The month with someone who scrapes it."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.samples: dict[str, list[str]] = {name: [] for name in ("up", *FAMILIES)}
        self._next = START + PHASE

    async def passes(self, until: float) -> None:
        """The page stays as it is until then, so it is rendered once for all its scrapes."""
        if self._next >= START + until:
            return
        for instant in self._scrapes(self.clock.wall()):
            self._sample("up", '{job="vidgate-channels"} 0', instant)
        lines = (await self._page()).decode().splitlines()
        found = [line for line in lines if line.startswith(FAMILIES)]
        for instant in self._scrapes(START + until):
            self._sample("up", '{job="vidgate-channels"} 1', instant)
            for line in found:
                name = line.partition("{")[0]
                self._sample(name, line.removeprefix(name), instant)

    def _scrapes(self, until: float) -> Iterator[float]:
        while self._next < until:
            yield self._next
            self._next += SCRAPE

    def _sample(self, name: str, rest: str, instant: float) -> None:
        self.samples[name].append(f"{name}{rest} {instant:.0f}")

    async def _page(self) -> bytes:
        scraped = self

        class Register:
            @property
            def channels(self) -> dict[str, Channel]:
                return {
                    id_.lower(): replace(
                        CHANNELS[id_],
                        lifecycle=step,
                        enabled=scraped.health[id_].state is not State.DISABLED,
                    )
                    for id_, step in scraped.steps.items()
                }

        def of(id_: str) -> Health:
            return scraped.health[id_]

        return await ChannelPage(Register(), of).render()

    def write(self, file: Path) -> None:
        """OpenMetrics text: families in turn, an end mark."""
        with file.open("w", encoding="utf-8") as out:
            for name, samples in self.samples.items():
                out.write(f"# TYPE {name} gauge\n")
                out.writelines(f"{sample}\n" for sample in samples)
            out.write("# EOF\n")


def fill(file: Path, folder: Path) -> None:
    """Blocks of the whole month for a Prometheus to open."""
    words = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=1024h", "openmetrics"]
    done = subprocess.run(
        [*words, str(file), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@asynccontextmanager
async def prometheus(folder: Path) -> AsyncIterator[str]:
    """A server over these blocks that scrapes nothing; a minute's sample is good for a minute."""
    config = folder.parent / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1m}\n", encoding="utf-8")
    listen = f"127.0.0.1:{free_port()}"
    command = (
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}",
        "--storage.tsdb.retention.time=100y",
        "--query.lookback-delta=59s",
        f"--web.listen-address={listen}",
    )
    async with running(*command) as program:
        await program.says("Server is ready to receive web requests")
        yield f"http://{listen}"


async def ask(url: str, expression: str, label: str) -> dict[str, float]:
    """The values of an expression as the month ends, by a label."""
    query = {"query": expression, "time": str(START + MONTH)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/api/v1/query", data=query) as response,
    ):
        answer = await response.json()
    assert answer["status"] == "success", answer
    return {
        one["metric"].get(label, ""): float(one["value"][1]) for one in answer["data"]["result"]
    }


def resolution(ids: str) -> float:
    """How far a rate may be off when time is seen in steps: one step for each change."""
    changes = 2 * len(ids) + sum(1 for _, id_, _ in april.script() if id_ in ids)
    return changes * SCRAPE / sum(EXPECTED[id_].counted for id_ in ids)


@pytest.mark.timeout(120)
async def test_promql_gives_what_was_counted_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with april.lived(tmp_path, monkeypatch, Scraped) as month:
        await asyncio.to_thread(month.write, tmp_path / "month.txt")
    await asyncio.to_thread(fill, tmp_path / "month.txt", tmp_path / "data")
    async with prometheus(tmp_path / "data") as url:
        each = await ask(url, "avg_over_time(vidgate_channel_up[30d])", "channel")
        assert each.keys() == EXPECTED.keys()
        for id_, found in each.items():
            expected = float(april.watched_share(id_))
            assert found == pytest.approx(expected, abs=resolution(id_)), id_
        whole = await ask(url, f"avg_over_time(({WITH_DOWNTIME})[30d:1m])", "channel")
        for id_ in EXPECTED:
            expected = float(april.share(id_))
            assert whole[id_] == pytest.approx(expected, abs=resolution(id_)), id_
        for query, share in (
            (WATCHED, april.watched_share),
            (rule(DEPARTMENT), april.watched_share),
            (IN_TIME, april.share),
        ):
            groups = await ask(url, query, "department")
            for name, ids in GROUPS.items():
                assert groups[name] == pytest.approx(float(share(ids)), abs=resolution(ids)), name
        everybody = "".join(GROUPS.values())
        fleet = await ask(url, rule(FLEET), "")
        expected = float(april.watched_share(everybody))
        assert fleet == {"": pytest.approx(expected, abs=resolution(everybody))}
