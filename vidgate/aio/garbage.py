"""Python's collector of cycles, kept from walking everything that is there in the middle of work.

A full collection holds the loop for as long as it takes to look at every object: 60 ms with a
register of 20,000 channels, and the more of them an import makes, the more collections it sets off.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEVER = 1 << 30


@contextmanager
def deferred() -> Iterator[None]:
    """No full collection within the block; what it leaves behind is there for good (gc.freeze).

    For work that makes much that stays, done now and then: a cycle that nobody holds and that was
    not yet found when the block ends is never freed.
    """
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)
    try:
        yield
    finally:
        gc.collect(1)
        gc.freeze()
        gc.set_threshold(young, middle, old)
