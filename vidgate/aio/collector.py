"""How often Python looks for circles among its objects.

A hall of tiles makes and drops tens of thousands of objects a second, and keeps as many for a group
of pictures. No circle holds them: they go when the last who uses them lets go (tests hold viewers
and pulls to that). With Python's own thresholds, and nothing frozen, the search for circles
took a fifteenth of the CPU of 80 pulls with a viewer each.
"""

import gc

# The first is how many objects one search goes through at most, while the loop waits.
THRESHOLDS = (3_000, 20, 170)


def settle() -> None:
    """What stands now stands for good: never walk it again, and look at the rest less often."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
