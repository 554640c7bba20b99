"""Child processes of `vidgate demo`: they tell when they are ready and die with their parent."""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, cast

from vidgate.cli.errors import both
from vidgate.errors import VidgateError

KEPT_LINES = 40
MAX_LINE = 1 << 16
STOP_TIMEOUT = 12.0  # the service drains for 10 s
PIPE_TIMEOUT = 2.0  # what left the group may hold the pipe for ever
PR_SET_PDEATHSIG = 1
VIDGATE = (sys.executable, "-m", "vidgate")


class ChildError(VidgateError):
    """A child ended, or was not ready in time; the message ends with its last words."""

    code = "child"


class Child(asyncio.SubprocessProtocol):
    """One child process, in a process group of its own.

    Its stderr is read all the time: `expect` waits for a line, the last ones explain a failure.
    """

    def __init__(self, name: str, *, verbose: bool) -> None:
        self.name = name
        self.has_failed = False
        self.gone = asyncio.get_running_loop().create_future()
        # Later than its end: a grandchild may hold the pipe open.
        self._closed = asyncio.get_running_loop().create_future()
        self._verbose = verbose
        self._transport: asyncio.SubprocessTransport
        self._pending = b""
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._waiting: dict[re.Pattern[str], asyncio.Future[re.Match[str]]] = {}

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._transport.get_pid()

    @property
    def status(self) -> int | None:
        """Its exit status; None as long as it runs."""
        return self._transport.get_returncode()

    async def expect(self, pattern: str, *, timeout: float) -> re.Match[str]:
        """Wait until a line of its stderr matches; ChildError when it ends or is late."""
        compiled = re.compile(pattern)
        for line in self._last:
            if found := compiled.search(line):
                return found
        future = self._waiting.setdefault(compiled, asyncio.get_running_loop().create_future())
        await asyncio.wait(
            (future, self.gone), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        self._waiting.pop(compiled, None)
        if future.done():
            return future.result()
        if self.gone.done():
            raise await self.failure("提前退出", "ended")
        raise await self.failure("没有按时就绪", "was not ready in time")

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for the whole group when it does not go or leaves something."""
        with contextlib.suppress(ProcessLookupError):
            self._transport.terminate()
        await asyncio.wait((self.gone,), timeout=STOP_TIMEOUT)
        await self._end()

    def kill(self) -> None:
        """End it and all that it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def failure(self, chinese: str, english: str) -> ChildError:
        """End it; the error that tells what became of it, with its last words but no password."""
        self.has_failed = True
        await self._end()
        words = "\n".join(line for line in self._last if "password" not in line)
        return ChildError(both(f"{self.name} {chinese}", f"{self.name} {english}\n{words}"))

    async def _end(self) -> None:
        self.kill()
        await asyncio.wait((self.gone, self._closed), timeout=PIPE_TIMEOUT)
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        self._pending = self._pending[-MAX_LINE:]
        for line in lines:
            self._hear(line.decode(errors="replace").rstrip())

    def process_exited(self) -> None:
        self.gone.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set_result(None)

    def _hear(self, line: str) -> None:
        self._last.append(line)
        if self._verbose:
            print(f"[{self.name}] {line}", file=sys.stderr, flush=True)
        for pattern, future in self._waiting.items():
            if not future.done() and (found := pattern.search(line)):
                future.set_result(found)


class Children:
    """`async with Children() as children:` stops what was started and waits for its end."""

    def __init__(self, *, program: Sequence[str] = VIDGATE, verbose: bool = False) -> None:
        self._program = program
        self._verbose = verbose
        self._all: list[Child] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(child.stop() for child in self._all))

    async def start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Child:
        """Start one more; SIGTERM reaches it when this process dies, however it dies."""
        loop = asyncio.get_running_loop()
        _, child = await loop.subprocess_exec(
            lambda: Child(name, verbose=self._verbose),
            *self._program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            process_group=0,  # Ctrl-C is for the parent, which stops them in order
            preexec_fn=_die_with(os.getpid()),
        )
        self._all.append(child)
        return child

    def kill(self) -> None:
        """End them all at once, without ceremony."""
        for child in self._all:
            child.kill()

    async def run(self) -> None:
        """Wait until one ends that had not failed before; raises ChildError."""
        needed = [child for child in self._all if not child.has_failed]
        ends = [child.gone for child in needed]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for child in needed:
            if child.gone.done():
                raise await child.failure("提前退出", "ended")


def _die_with(parent: int) -> Callable[[], None]:
    """What a child does before exec: ask for SIGTERM at its parent's death (prctl(2))."""
    prctl = ctypes.CDLL(None).prctl  # loaded here: between fork and exec little is safe

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)  # it died before we could ask

    return ask
