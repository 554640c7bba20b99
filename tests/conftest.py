"""What every test gets: a loop that may not be blocked, and no tasks or descriptors left behind."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import settings

from vidgate import log
from vidgate.storage import database, migrations
from vidgate.storage.secrets import SecretBox

log.configure("info", "json")
settings.register_profile("untimed", deadline=None)  # how quick a crowded machine is proves nothing
settings.load_profile("untimed")

LONG = ("slow", "e2e", "peer")  # marks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with tests that take long come first, or one of them holds a core alone at the end.

    What is short fills the gaps then; `scripts/test` asks xdist to keep this order.
    """
    long = {item.path for item in items if any(map(item.get_closest_marker, LONG))}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """What was imported stays: no full collection, of which there are hundreds, need walk it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def blockbuster(request: pytest.FixtureRequest) -> Iterator[BlockBuster | None]:
    """Blocking calls inside the loop fail the test; only our own package is watched."""
    if request.node.get_closest_marker("peer") or request.node.get_closest_marker("e2e"):
        yield None
        return
    with blockbuster_ctx("vidgate") as watcher:
        # Half a millisecond until the child has begun; a fork by the loop takes far longer.
        watcher.functions["os.read"].can_block_in("subprocess.py", "_execute_child")
        # Names wait for no thread: a look at /etc/hosts takes microseconds, reading it or
        # resolv.conf, both of some lines, not much more.
        for function in ("os.stat", "io.TextIOWrapper.read"):
            watcher.functions[function].can_block_in("aio/hosts.py", "_look")
            watcher.functions[function].can_block_in("aio/cares.py", "search_list")
        yield watcher


@cache
def new_database() -> bytes:
    """A database file that every step of the migrations has made."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        migrations.upgrade(path)
        return path.read_bytes()


@pytest.fixture(scope="session", autouse=True)
def copied_database() -> Iterator[None]:
    """A new database is a copy of one: only the tests of the migrations take their steps."""

    def upgrade(path: Path) -> None:
        if not path.stat().st_size:
            path.write_bytes(new_database())
        migrations.upgrade(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "upgrade", upgrade)
        yield


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    """What seals secrets; made outside the loop, because it reads and writes its key."""
    return SecretBox(tmp_path)


@pytest.fixture(autouse=True)
async def no_task_left() -> AsyncIterator[None]:
    """A test must end the tasks it started."""
    before = asyncio.all_tasks()
    yield
    left: list[asyncio.Task[object]] = []
    for _ in range(100):
        own = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() - before if task is not own]
        if not left:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"tasks left behind: {left}")


@pytest.fixture
def no_descriptor_left() -> Iterator[None]:
    """A test must close the descriptors it opened (ask for this where sockets are made)."""
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    after = len(os.listdir("/proc/self/fd"))
    assert after <= before, f"descriptors left behind: {after - before}"
