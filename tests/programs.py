"""Other programs as test helpers: vidgate itself, the simulated fleet, peers nobody here wrote."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

VIDGATE = (sys.executable, "-m", "vidgate")
LINES_KEPT = 2000


@dataclass
class Program:
    """A running child and what it has printed (stdout and stderr together)."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    async def read(self) -> None:
        """Collect lines until the child closes its output."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            del self.lines[:-LINES_KEPT]
            self._changed.set()
        self._changed.set()

    async def says(self, pattern: str, *, timeout: float = 20.0) -> re.Match[str]:
        """Wait for a line that matches; fails with all output when it does not come."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for line in self.lines:
                        if found := re.search(pattern, line):
                            return found
                    assert self.process.returncode is None, f"it ended:\n{self.text}"
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} within {timeout:g} s:\n{self.text}") from None

    async def stop(self, *, how: int = signal.SIGTERM, timeout: float = 15.0) -> int:
        """Send a signal and wait; kills it when it does not end. Returns the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(how)
            try:
                async with asyncio.timeout(timeout):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        return self.process.returncode or 0


@asynccontextmanager
async def running(
    *command: str | Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Run a command while inside the block."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        limit=1 << 20,
    )
    program = Program(process)
    reader = asyncio.create_task(program.read())
    try:
        yield program
    finally:
        await program.stop()
        await reader


@dataclass(frozen=True)
class Service:
    """A running `vidgate serve`."""

    program: Program
    env: Mapping[str, str]
    url: str
    password: str
    webrtc: str = ""  # HOST:PORT of the media

    async def https(self) -> tuple[str, int]:
        """Where it serves HTTPS."""
        said = await self.program.says(r" https=(\S+):(\d+)")
        return said[1], int(said[2])

    async def cli(self, *words: str, status: int | None = 0, given: str = "") -> str:
        """Run `vidgate WORDS` against it, `given` on stdin, and return stdout.

        Fails on another exit status than `status`; None takes any.
        """
        process = await asyncio.create_subprocess_exec(
            *VIDGATE,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.env},
        )
        out, err = await process.communicate(given.encode())
        assert status is None or process.returncode == status, (
            f"{words}: exit {process.returncode}\n{out.decode()}\n{err.decode()}"
        )
        return out.decode()

    async def cli_json(self, *words: str, status: int | None = 0) -> Any:
        """The JSON document that `vidgate WORDS --json` prints."""
        return json.loads(await self.cli(*words, "--json", status=status))


def service_environment(folder: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables for a service of its own: data in `folder`, free ports on loopback."""
    return {
        "VIDGATE_DATA": str(folder),
        "VIDGATE_CONFIG": "",
        "VIDGATE__HTTP__HOST": "127.0.0.1",
        "VIDGATE__HTTP__PORT": "0",
        "VIDGATE__WEBRTC__PORT": "0",
        **(settings or {}),
    }


async def tls_settings(folder: Path, host: str = "127.0.0.1") -> dict[str, str]:
    """What `vidgate cert init` makes for that host, as settings of a service that serves HTTPS."""
    words = ("cert", "init", "--host", host, "--json")
    async with running(*VIDGATE, *words, env={"VIDGATE_DATA": str(folder)}) as made:
        found = json.loads((await made.says("^{.*}$"))[0])
    files = {f"VIDGATE__HTTP__TLS__{key.upper()}": found[key] for key in ("cert", "key", "ca")}
    return files | {"VIDGATE__HTTP__TLS__PORT": "0"}


@asynccontextmanager
async def running_service(
    folder: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """A fresh `vidgate serve` on free loopback ports with its data in `folder`."""
    env = service_environment(folder, settings)
    async with running(*VIDGATE, "serve", env=env) as program:
        ready = await program.says(r"vidgate ready http=(\S+) webrtc=(\S+)", timeout=40.0)
        found = re.search(r"admin password: (\S+)", program.text)
        password = found[1] if found else ""
        yield Service(program, env, f"http://{ready[1]}", password, ready[2])


@dataclass(frozen=True)
class RunningFleet:
    """A running `vidgate simulate fleet`."""

    program: Program
    control: str
    register: Path


@asynccontextmanager
async def running_fleet(
    folder: Path, channels: int, *, seed: int = 1, port: int = 0, options: Sequence[str] = ()
) -> AsyncIterator[RunningFleet]:
    """A generated register and the fleet that serves it, in a child process."""
    register = folder / "register.csv"
    port = port or free_port()
    words = ["--channels", str(channels), "--seed", str(seed), "--port", str(port)]
    async with running(*VIDGATE, "simulate", "register", *words, "-o", register) as writer:
        assert await writer.process.wait() == 0, writer.text
    async with running(*VIDGATE, "simulate", "fleet", "--register", register, *options) as program:
        ready = await program.says(r"fleet ready (\d+) control=(\S+)")
        yield RunningFleet(program, ready[2], register)


def lacking(packages: str) -> NoReturn:
    """Skip what needs packages that are missing; fail under CI, which installs them."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {packages}")
    pytest.skip(f"needs {packages}")


def free_port() -> int:
    """A TCP port that is free on every address now."""
    import socket

    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 0))
        port: int = sock.getsockname()[1]
        return port
