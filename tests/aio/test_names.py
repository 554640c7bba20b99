"""Names and their addresses, by a name server of the tests' own that can also be silent."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from tests.descriptors import exhausted
from tests.nameserver import name_server
from tests.waiting import until
from vidgate.aio import hosts as hosts_module
from vidgate.aio import names as module
from vidgate.aio.cares import search_list
from vidgate.aio.clock import ManualClock
from vidgate.aio.hosts import FRESH, SMALL
from vidgate.aio.names import NEGATIVE, RENEWAL, Names
from vidgate.errors import is_ours

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


async def test_a_failure_that_others_had_meanwhile_is_no_longer_believed() -> None:
    """Each name is asked for again after its own time, whatever c-ares remembers of it."""
    clock = ManualClock()
    async with name_server() as server, Names(clock, servers=(server.address,)) as names:
        for name in ("first.example", "second.example"):
            with pytest.raises(socket.gaierror):
                await names.resolve(name)
            clock.advance(NEGATIVE / 2)
        server.book |= {"first.example": ["127.1.0.1"], "second.example": ["127.1.0.2"]}
        assert await names.resolve("first.example") == ("127.1.0.1",)
        clock.advance(NEGATIVE / 2)
        assert await names.resolve("second.example") == ("127.1.0.2",)


async def test_a_domain_that_fails_does_not_end_the_search() -> None:
    """As glibc searches on after a SERVFAIL, which c-ares alone does not."""
    async with (
        name_server({"cam.c.example": ["127.1.0.1"], "whole": ["127.1.0.2"]}) as server,
        Names(
            servers=(server.address,), search=("a.example", "broken.example", "c.example")
        ) as names,
    ):
        server.broken |= {"cam.broken.example", "whole.broken.example", "dotted.name"}
        assert await names.resolve("cam") == ("127.1.0.1",)
        assert await names.resolve("whole") == ("127.1.0.2",)
        with pytest.raises(socket.gaierror):
            await names.resolve("dotted.name")
        assert not server.asked["dotted.name.c.example"]
        with pytest.raises(socket.gaierror):
            await names.resolve("nowhere")


async def test_closing_ends_a_search() -> None:
    async with (
        name_server() as server,
        Names(
            servers=(server.address,),
            search=("broken.example", "silent.example", "c.example"),
            deadline=LONG,
        ) as names,
    ):
        server.broken.add("cam.broken.example")
        waiting = asyncio.create_task(names.resolve("cam"))
        await until(lambda: server.asked["cam.silent.example"] > 0)
        names.close()
        with pytest.raises(socket.gaierror):
            await waiting
        assert not server.asked["cam.c.example"]


def test_the_search_list_is_that_of_the_file(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "search old.example\n# search no\n nameserver ::1\nsearch A.example\tb.example\n"
    )
    assert search_list(conf) == ("A.example", "b.example")
    assert search_list(tmp_path / "none") == ()


async def test_want_of_descriptors_is_told_as_ours_and_forgotten() -> None:
    async with (
        name_server({"cam.example": ["127.1.0.1"]}) as server,
        Names(servers=(server.address,)) as names,
    ):
        with exhausted(but=0), pytest.raises(OSError) as told:  # noqa: PT011
            await names.resolve("cam.example")
        assert is_ours(told.value)
        assert await names.resolve("cam.example") == ("127.1.0.1",)


async def test_a_server_that_nobody_is_at_is_not_ours() -> None:
    closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closed:
        closed.bind(("127.0.0.1", 0))
        server = "{}:{}".format(*closed.getsockname())
    async with Names(servers=(server,)) as names:
        with pytest.raises(socket.gaierror) as told:
            await names.resolve("cam.example")
    assert not is_ours(told.value)


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


async def test_an_ipv4_address_within_ipv6_is_the_ipv4_address(tmp_path: Path) -> None:
    """Its datagrams come from there: the kernel spells it otherwise than `ipaddress`."""
    hosts = tmp_path / "hosts"
    hosts.write_text("::ffff:127.1.0.2 mapped\n")
    async with (
        name_server({"cam.example": ["::ffff:127.1.0.3"]}) as server,
        Names(hosts=hosts, servers=(server.address,)) as names,
    ):
        assert await names.resolve("::ffff:127.1.0.1") == ("127.1.0.1",)
        assert await names.resolve("mapped") == ("127.1.0.2",)
        assert await names.resolve("cam.example") == ("127.1.0.3",)


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


async def test_no_work_of_others_holds_up_the_file(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.1.0.1 cam\n")
    clock = ManualClock()
    async with name_server() as server, Names(clock, hosts=hosts, servers=(server.address,)) as it:
        with busy_threads():
            assert await soon(it, "localhost") == ("127.0.0.1", "::1")
            assert await soon(it, "cam") == ("127.1.0.1",)
            hosts.write_text("127.1.0.7 cam\n")
            clock.advance(FRESH)
            assert await soon(it, "cam") == ("127.1.0.7",)


async def test_a_large_file_is_read_beside_the_loop(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("# \n" * SMALL + "127.1.0.1 cam\n")
    clock = ManualClock()
    async with name_server() as server, Names(clock, hosts=hosts, servers=(server.address,)) as it:
        assert await soon(it, "cam") == ("127.1.0.1",)
        hosts.write_text("# \n" * SMALL + "127.1.0.77 cam\n")
        clock.advance(FRESH)
        with busy_threads():
            assert await soon(it, "cam") == ("127.1.0.1",), "the old one meanwhile"
            clock.advance(FRESH)
            assert await soon(it, "cam") == ("127.1.0.1",)
        await known(it, "cam", "127.1.0.77")


async def test_the_first_reading_has_a_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts_module, "PATIENCE", 0.05)
    hosts = tmp_path / "hosts"
    hosts.write_text("# \n" * SMALL + "127.1.0.1 cam.example\n")
    async with (
        name_server({"cam.example": ["127.1.0.2"]}) as server,
        Names(hosts=hosts, servers=(server.address,)) as names,
    ):
        with busy_threads():
            assert await soon(names, "cam.example") == ("127.1.0.2",)
        await known(names, "cam.example", "127.1.0.1")


async def test_a_file_that_cannot_be_read_for_now_is_believed(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.1.0.1 cam\n")
    clock = ManualClock()
    async with name_server() as server, Names(clock, hosts=hosts, servers=(server.address,)) as it:
        assert await it.resolve("cam") == ("127.1.0.1",)
        hosts.write_text("127.1.0.77 cam\n")
        clock.advance(FRESH)
        with exhausted(but=0):
            assert await it.resolve("cam") == ("127.1.0.1",)
        clock.advance(FRESH)
        assert await it.resolve("cam") == ("127.1.0.77",)


@contextmanager
def busy_threads() -> Iterator[None]:
    """Inside the block the default executor has no thread to spare."""
    over = threading.Event()
    executor = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(executor)
    executor.submit(over.wait)
    try:
        yield
    finally:
        over.set()


async def soon(names: Names, name: str) -> tuple[str, ...]:
    async with asyncio.timeout(10):
        return await names.resolve(name)


async def known(names: Names, name: str, address: str) -> None:
    """Wait until a thread has read it."""
    for _ in range(2000):
        if await names.resolve(name) == (address,):
            return
        await asyncio.sleep(0.005)
    pytest.fail(f"{address} of {name} is never known")


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
