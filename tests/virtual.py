"""Hours in seconds: an event loop whose time passes only when nothing else is to be done.

    def test_x() -> None:
        with VirtualTime() as time:
            time.run(main(time.clock))

For models without sockets: whatever waits for the outside would wait for ever.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
EPOCH = 1_700_000_000.0


class _Selector(selectors.SelectSelector):
    """Does not wait: gives the time that it should have waited to the loop."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.passed += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        return 1000.0 + self.selector.passed


class VirtualClock:
    """The loop's time as both clocks; the wall clock may be stepped."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop
        self.step = 0.0

    def now(self) -> float:
        """Monotonic seconds."""
        return self._loop.time()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + self._loop.time() + self.step


class VirtualTime:
    """Runs coroutines in virtual time."""

    def __init__(self) -> None:
        self._loop = _Loop()
        self.clock = VirtualClock(self._loop)
        self._runner = asyncio.Runner(loop_factory=lambda: self._loop)

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.__exit__(kind, error, trace)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return self._runner.run(work)
