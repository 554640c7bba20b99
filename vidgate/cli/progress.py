"""Progress on stderr: a bar on a terminal, else a line every five seconds."""

import asyncio
import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_PERIOD = 5.0


class Meter:
    """`with Meter("导入") as meter: meter.update(done, total, "note")`, inside a running loop.

    Without a total it only shows that time passes. Nothing is left on a terminal afterwards; a
    log gets a line every `period` seconds.
    """

    def __init__(
        self, title: str, *, stream: TextIO | None = None, period: float = LINE_PERIOD
    ) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._period = period
        self._done = 0
        self._total: int | None = None
        self._note = ""
        self._started = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._stack = ExitStack()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._bar = self._stack.enter_context(_bar(self._stream))
            self._bar.add_task(self._title, total=None, note="")
        else:
            self._schedule()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._stack.close()

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """How much is done, of how much, and a word about it."""
        self._done, self._total, self._note = done, total, note
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, note=note)

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._period, self._line)

    def _line(self) -> None:
        elapsed = f"{time.monotonic() - self._started:.0f}s"
        count = f"{self._done}/{self._total}" if self._total else ""
        words = (self._title, count, self._note, elapsed)
        print(" ".join(word for word in words if word), file=self._stream, flush=True)
        self._schedule()


def _bar(stream: TextIO) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(file=stream, stderr=True),
        transient=True,
    )
