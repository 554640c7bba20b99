"""A process that has run out of descriptors."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

ROOM = 64  # above those that are open, so that the lowered limit takes nothing away


@contextmanager
def exhausted(*, but: int) -> Iterator[None]:
    """Inside the block no more than `but` descriptors can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(map(int, os.listdir("/proc/self/fd"))) + ROOM
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        try:
            while True:
                held.append(os.eventfd(0))
        except OSError:
            pass
        for _ in range(but):
            os.close(held.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)
