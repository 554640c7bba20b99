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
from typing import Self

from vidgate.aio.supervisor import Supervisor
from vidgate.cli.errors import both
from vidgate.errors import VidgateError

KEPT_LINES = 40
MAX_LINE = 1 << 20
STOP_TIMEOUT = 12.0  # the service drains for 10 s
PR_SET_PDEATHSIG = 1


class ChildError(VidgateError):
    """A child ended, or was not ready in time; the message ends with its last words."""

    code = "child"


class Child:
    """One `python -m vidgate ...`, in a process group of its own.

    Its stderr is read all the time: `expect` waits for a line, the last ones explain a failure.
    """

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, tasks: Supervisor, *, verbose: bool
    ) -> None:
        self.name = name
        self._process = process
        self._verbose = verbose
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._waiting: dict[re.Pattern[str], asyncio.Future[re.Match[str]]] = {}
        self.watcher = tasks.start(self._watch(), name)

    async def expect(self, pattern: str, *, timeout: float) -> re.Match[str]:
        """Wait until a line of its stderr matches; ChildError when it ends or is late."""
        compiled = re.compile(pattern)
        for line in self._last:
            if found := compiled.search(line):
                return found
        future = self._waiting.setdefault(compiled, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(timeout):
                await asyncio.wait((future, self.watcher), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise self.failure("没有按时就绪", "was not ready in time") from None
        finally:
            self._waiting.pop(compiled, None)
        if not future.done():
            raise self.failure("提前退出", "ended")
        return future.result()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for the whole group when it does not go or leaves something."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await asyncio.wait((self.watcher,))
        except TimeoutError:
            pass
        finally:
            self.kill()
            await asyncio.wait((self.watcher,))

    def kill(self) -> None:
        """End it and all that it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _watch(self) -> None:
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self._last.append(line)
            if self._verbose:
                print(f"[{self.name}] {line}", file=sys.stderr, flush=True)
            for pattern, future in self._waiting.items():
                if not future.done() and (found := pattern.search(line)):
                    future.set_result(found)
        await self._process.wait()

    def failure(self, chinese: str, english: str) -> ChildError:
        """The error that tells what became of it, with its last words but no password."""
        words = "\n".join(line for line in self._last if "password" not in line)
        return ChildError(both(f"{self.name} {chinese}", f"{self.name} {english}\n{words}"))


class Children:
    """`async with Children() as children:` stops what was started and waits for its end."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._all: list[Child] = []
        self._tasks = Supervisor("children")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(child.stop() for child in self._all))
        await self._tasks.__aexit__(kind, error, traceback)

    async def start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Child:
        """Start one more; SIGTERM reaches it when this process dies, however it dies."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vidgate",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            limit=MAX_LINE,
            process_group=0,  # Ctrl-C is for the parent, which stops them in order
            preexec_fn=_die_with(os.getpid()),
        )
        child = Child(name, process, self._tasks, verbose=self._verbose)
        self._all.append(child)
        return child

    def kill(self) -> None:
        """End them all at once, without ceremony."""
        for child in self._all:
            child.kill()

    async def run(self) -> None:
        """Wait until one of them ends, which is a ChildError as long as the demo runs."""
        watchers = [child.watcher for child in self._all]
        await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
        for child in self._all:
            if child.watcher.done():
                raise child.failure("提前退出", "ended")


def _die_with(parent: int) -> Callable[[], None]:
    """What a child does before exec: ask for SIGTERM at its parent's death (prctl(2))."""
    prctl = ctypes.CDLL(None).prctl  # loaded here: between fork and exec little is safe

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)  # it died before we could ask

    return ask
