"""Whether the process has descriptors to spare for a step that must not run out half way."""

import os


def spare(count: int) -> None:
    """Return where `count` descriptors can be opened at this moment.

    Raises OSError (EMFILE, ENFILE) where they cannot; none is kept.
    """
    opened: list[int] = []
    try:
        while len(opened) < count:
            opened.append(os.eventfd(0))
    finally:
        for descriptor in opened:
            os.close(descriptor)
