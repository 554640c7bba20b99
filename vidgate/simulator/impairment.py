"""What a bad network does to packets, decided by a seed: loss, reorder, duplicates, delay."""

import random
from dataclasses import dataclass, field

OVERTAKEN_BY = 0.020  # seconds that a packet is held back for others to pass


@dataclass(slots=True)
class Impairment:
    """Shares from 0 to 1, times in seconds. The same seed does the same to the same packets.

    Delay varies from `delay` to `delay + jitter` but keeps the order; a reordered packet alone is
    held back longer, and those behind it pass.
    """

    seed: int | str = 0
    loss: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    lost: int = 0
    seen: int = 0
    _random: random.Random = field(init=False, repr=False)
    _last: float = 0.0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def due(self, now: float) -> tuple[float, ...]:
        """When each copy of the next packet leaves: none, one or two instants, none before `now`.

        Four numbers are drawn for every packet, so that what happens to one does not depend on
        which impairments are on.
        """
        draw = self._random.random
        lost, overtaken, doubled, late = draw(), draw(), draw(), draw()
        self.seen += 1
        if lost < self.loss:
            self.lost += 1
            return ()
        at = now + self.delay + late * self.jitter
        if overtaken < self.reorder:
            return (at + OVERTAKEN_BY,)
        self._last = at = max(at, self._last)
        return (at, at) if doubled < self.duplicate else (at,)
