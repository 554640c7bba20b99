"""Names and their addresses, by a name server of the tests' own that can also be silent."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from tests.nameserver import name_server
from tests.waiting import until
from vidgate.aio import names as module
from vidgate.aio.clock import ManualClock
from vidgate.aio.names import NEGATIVE, RENEWAL, Names

LONG = 60.0  # seconds; what the tests do not wait for


async def test_addresses_come_from_the_name_server_and_are_remembered() -> None:
    clock = ManualClock()
    async with (
        name_server({"cam.example": ["127.1.0.1", "::1", "127.1.0.2"]}, ttl=20) as server,
        Names(clock, servers=(server.address,)) as names,
    ):
        found = await names.resolve("cam.example")
        assert set(found) == {"127.1.0.1", "127.1.0.2", "::1"}
        server.book["cam.example"] = ["127.1.0.9"]
        assert await names.resolve("CAM.example") == found
        assert server.asked["cam.example"] == 1
        clock.advance(RENEWAL)
        assert await names.resolve("cam.example") == ("127.1.0.9",)


async def test_a_long_ttl_is_cut() -> None:
    clock = ManualClock()
    async with (
        name_server({"cam.example": ["127.1.0.1"]}, ttl=86400) as server,
        Names(clock, servers=(server.address,)) as names,
    ):
        await names.resolve("cam.example")
        server.book["cam.example"] = ["127.1.0.2"]
        clock.advance(RENEWAL)
        assert await names.resolve("cam.example") == ("127.1.0.2",)


async def test_that_there_is_no_such_name_is_remembered_for_a_moment() -> None:
    clock = ManualClock()
    async with name_server() as server, Names(clock, servers=(server.address,)) as names:
        for _ in range(3):
            with pytest.raises(socket.gaierror) as told:
                await names.resolve("no.example")
            assert told.value.errno == socket.EAI_NONAME
        assert server.asked["no.example"] == 1
        server.book["no.example"] = ["127.1.0.1"]
        clock.advance(NEGATIVE)
        assert await names.resolve("no.example") == ("127.1.0.1",)


@pytest.mark.parametrize("name", ["a..example", "x" * 70 + ".example", "\udcff.example", ""])
async def test_what_is_no_name_is_unknown(name: str) -> None:
    async with name_server() as server, Names(servers=(server.address,)) as names:
        with pytest.raises(socket.gaierror):
            await names.resolve(name)


@pytest.mark.parametrize("literal", ["127.0.0.2", "::1", "fe80::1%lo"])
async def test_an_address_is_not_asked_for(literal: str) -> None:
    async with name_server() as server, Names(servers=(server.address,)) as names:
        assert await names.resolve(literal) == (literal,)
        assert not server.asked


async def test_the_file_goes_before_and_all_its_lines_count(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.1.0.1 other Cam # cam3\n::1\tcam alias\nnonsense cam\n127.1.0.1 cam\n\xff\n",
        encoding="latin-1",
    )
    clock = ManualClock()
    async with name_server() as server, Names(clock, hosts=hosts, servers=(server.address,)) as it:
        server.is_silent = True
        assert await it.resolve("CAM") == ("127.1.0.1", "::1")
        assert await it.resolve("alias") == ("::1",)
        hosts.write_text("127.1.0.7 cam\n")
        clock.advance(1)
        assert await it.resolve("cam") == ("127.1.0.7",)
        hosts.unlink()
        clock.advance(1)
        assert await it.resolve("localhost") == ("127.0.0.1", "::1")
        assert not server.asked


async def test_silent_names_hold_up_no_other(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.1.0.1 goodcam\n")
    async with (
        name_server({"good.example": ["127.1.0.2"]}) as server,
        Names(hosts=hosts, servers=(server.address,), deadline=LONG) as names,
        asyncio.TaskGroup() as group,
    ):
        dead = [group.create_task(names.resolve(f"silent{n}.example")) for n in range(60)]
        await until(lambda: len(server.asked) == 60, what="all are asked for")
        assert await names.resolve("goodcam") == ("127.1.0.1",)
        assert await names.resolve("good.example") == ("127.1.0.2",)
        assert not any(task.done() for task in dead)
        for task in dead:
            task.cancel()


async def test_a_name_is_asked_for_once_however_many_want_it() -> None:
    async with (
        name_server({"cam.example": ["127.1.0.1"]}) as server,
        Names(servers=(server.address,)) as names,
    ):
        first = asyncio.create_task(names.resolve("cam.example"))
        others = [asyncio.create_task(names.resolve("cam.example")) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()  # which takes it from nobody
        assert set(await asyncio.gather(*others)) == {("127.1.0.1",)}
        assert server.asked["cam.example"] == 1


async def test_so_many_at_once_and_the_next_when_one_is_over() -> None:
    async with (
        name_server({"next.example": ["127.1.0.2"]}) as server,
        Names(servers=(server.address,), parallel=1, deadline=LONG) as names,
    ):
        first = asyncio.create_task(names.resolve("silent.example"))
        await until(lambda: server.asked["silent.example"] == 1)
        second = asyncio.create_task(names.resolve("next.example"))
        await until(lambda: server.asked["silent.example"] == 2, what="it is asked for again")
        assert not server.asked["next.example"]
        with pytest.raises(socket.gaierror):
            await first
        assert await second == ("127.1.0.2",)


async def test_a_deadline_makes_room_for_others() -> None:
    async with (
        name_server({"good.example": ["127.1.0.2"]}) as server,
        Names(servers=(server.address,), parallel=1, deadline=0.3) as names,
    ):
        with pytest.raises(socket.gaierror, match="no name server answers") as told:
            await names.resolve("silent.example")
        assert told.value.errno == socket.EAI_AGAIN
        assert await names.resolve("good.example") == ("127.1.0.2",)


async def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    book = {f"cam{n}.example": [f"127.1.0.{n}"] for n in (1, 2, 3)}
    async with name_server(book) as server, Names(servers=(server.address,)) as names:
        for name in book:
            await names.resolve(name)
        assert len(names._memory) == 2


async def test_closing_ends_who_waits_and_leaves_nothing() -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with name_server() as server:
        names = Names(servers=(server.address,), deadline=LONG)
        waiting = [asyncio.create_task(names.resolve(f"silent{n}.example")) for n in range(60)]
        await until(lambda: len(server.asked) == 60)
        names.close()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(one) for one in told} == {socket.gaierror}
        with pytest.raises(socket.gaierror):
            await names.resolve("other.example")
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before + 1, what="sockets are closed")


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_no_exit_waits_for_names(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """As the service ends: callers are cancelled, and the loop with its threads is closed."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))

    async def serve() -> None:
        async with Names(servers=("{}:{}".format(*silent.getsockname()),), deadline=LONG) as names:
            tasks = [asyncio.create_task(names.resolve(f"x{n}.example")) for n in range(60)]
            _, pending = await asyncio.wait(tasks, timeout=0.1)
            for task in pending:
                task.cancel()
            assert len(pending) == 60

    threads = set(threading.enumerate())
    started = time.monotonic()
    with silent, asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve())
    assert time.monotonic() - started < 3.0  # each name alone would take as long
    assert all(thread.daemon for thread in set(threading.enumerate()) - threads)
