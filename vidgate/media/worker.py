"""Worker processes for what must not run in the service: decoding, spreadsheets, pinyin, OpenCV.

A pool starts a process on demand, ends it when idle, limits its memory (RLIMIT_AS) and kills it at
the deadline. What crosses the pipe is pickled in our own child only; nothing from outside is
unpickled.
"""

import asyncio
import os
import pickle
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import structlog

from vidgate.aio.supervisor import Supervisor
from vidgate.errors import LimitError, VidgateError

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

HEADER = struct.Struct(">I")
MAX_MESSAGE = 256 << 20
END_POLL = 0.002  # seconds between two looks whether a killed child is gone


class WorkerError(VidgateError):
    """The worker process died, or took longer than its deadline."""

    code = "worker"


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Bounds of one pool: processes, bytes of address space, seconds."""

    processes: int = 1
    memory: int = 1 << 30
    idle: float = 15.0
    waiting: int = 64


class _Process:
    """One child and the socket to it."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.timer: asyncio.TimerHandle | None = None
        self.pid = child.pid
        self._child = child
        self._reader = reader
        self._writer = writer

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    async def call(self, payload: bytes) -> tuple[bool, Any]:
        self._writer.write(HEADER.pack(len(payload)) + payload)
        await self._writer.drain()
        (size,) = HEADER.unpack(await self._reader.readexactly(HEADER.size))
        answer = pickle.loads(await self._reader.readexactly(size))
        return bool(answer[0]), answer[1]

    async def end(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self._writer.close()
        await _kill(self._child)


class WorkerPool:
    """`await pool.run(function, argument, ...)` runs a picklable module-level function elsewhere.

    Errors of the function are raised here as they are; a dead or late worker raises `WorkerError`
    and is replaced at the next call.
    """

    def __init__(self, name: str, limits: WorkerLimits | None = None) -> None:
        self.name = name
        self.starts = 0
        self._limits = limits or WorkerLimits()
        self._free: list[_Process] = []
        self._all: set[_Process] = set()
        self._slots = asyncio.Semaphore(self._limits.processes)
        self._waiting = 0
        self._tasks = Supervisor(f"worker {name}")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        for process in list(self._all):
            await self._end(process)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers alive."""
        return [worker.pid for worker in self._all]

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run with the default deadline of 60 seconds; see `run_within`."""
        return await self._run(60.0, function, args, kwargs)

    async def run_within(
        self, timeout: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run with a deadline in seconds, after which the worker is killed."""
        return await self._run(timeout, function, args, kwargs)

    async def trim(self) -> None:
        """End the workers that are free: what large work has left in them goes with them."""
        while self._free:
            await self._end(self._free.pop())

    async def _run(self, timeout: float, function: Callable[..., R], args: Any, kwargs: Any) -> R:
        if self._waiting >= self._limits.waiting:
            raise LimitError(
                f"{self.name}: 等待处理的工作太多 / "
                f"too much work is waiting for the {self.name} workers"
            )
        payload = pickle.dumps((function, args, kwargs))
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            ok, value = await self._call(timeout, payload)
        finally:
            self._slots.release()
        if ok:
            result: R = value
            return result
        raise value

    async def _call(self, timeout: float, payload: bytes) -> tuple[bool, Any]:
        worker = await self._take()
        healthy = False
        try:
            async with asyncio.timeout(timeout):
                answer = await worker.call(payload)
            healthy = True
            return answer
        except TimeoutError:
            raise WorkerError(
                f"{self.name}: {timeout:g} 秒未完成, 已中止 / "
                f"not done after {timeout:g} s, worker killed"
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError, OSError) as error:
            raise WorkerError(
                f"{self.name}: 工作进程意外退出 / the worker process died",
                hint="可能内存不足 / it may have run out of memory",
            ) from error
        finally:
            if healthy:
                self._put_back(worker)
            else:
                await self._end(worker)

    async def _take(self) -> _Process:
        while self._free:
            worker = self._free.pop()
            if worker.timer is not None:
                worker.timer.cancel()
            if worker.is_alive:
                return worker
            await self._end(worker)
        worker = await self._start()
        self.starts += 1
        self._all.add(worker)
        return worker

    async def _start(self) -> _Process:
        try:
            child, ours = self._spawn()
        except OSError as error:
            raise WorkerError(
                f"{self.name}: 不能启动工作进程 / the worker process cannot be started: "
                f"{error.strerror or error}",
                hint="若描述符用完, 调高 LimitNOFILE 或 `ulimit -n` / "
                "where descriptors ran out, raise LimitNOFILE or `ulimit -n`",
            ) from error
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MAX_MESSAGE)
        except BaseException:  # whoever asked was cancelled: nobody else knows of the child yet
            ours.close()
            await _kill(child)
            raise
        return _Process(child, reader, writer)

    def _spawn(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """The child and our end of the socket to it.

        Not by asyncio: uvloop forks, which holds the loop for 18 ms where the service has 150 MiB,
        and forgets the pipes of a child that cannot be begun. Popen has neither fault (vfork).
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                # -X importtime and friends stay out; it imports only what the function needs.
                child = subprocess.Popen(
                    [sys.executable, "-m", "vidgate.media.worker", str(self._limits.memory)],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    start_new_session=True,  # a Ctrl-C at the terminal is the parent's to handle
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        return child, ours

    def _put_back(self, worker: _Process) -> None:
        loop = asyncio.get_running_loop()
        worker.timer = loop.call_later(self._limits.idle, self._retire, worker)
        self._free.append(worker)

    def _retire(self, worker: _Process) -> None:
        if worker in self._free:
            self._free.remove(worker)
            _ = self._tasks.start(self._end(worker), "retire")

    async def _end(self, worker: _Process) -> None:
        await worker.end()
        self._all.discard(worker)  # only now: a cancelled end is finished by __aexit__


async def _kill(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    while child.poll() is None:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(END_POLL)


def _limit(memory: int) -> None:
    """Bound this process; it must not outlive its parent."""
    import ctypes  # noqa: PLC0415 - only the child needs it
    import resource  # noqa: PLC0415
    import signal  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    os.nice(5)


def _answer(payload: bytes) -> bytes:
    function, args, kwargs = pickle.loads(payload)
    try:
        return pickle.dumps((True, function(*args, **kwargs)))
    except Exception as error:  # noqa: BLE001 - every error of the function is the caller's
        try:
            return pickle.dumps((False, error))
        except Exception:  # noqa: BLE001 - an error that cannot be pickled still has its words
            return pickle.dumps((False, WorkerError(f"{type(error).__name__}: {error}")))


def main() -> None:
    """The child: answer calls from stdin until it ends."""
    _limit(int(sys.argv[1]))
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not corrupt the pipe
    while header := calls.read(HEADER.size):
        (size,) = HEADER.unpack(header)
        answer = _answer(calls.read(size))
        answers.write(HEADER.pack(len(answer)) + answer)
        answers.flush()


if __name__ == "__main__":
    main()
