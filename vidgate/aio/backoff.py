"""Delays between attempts: exponential, capped, full jitter.

Full jitter (a uniform draw from zero to the ceiling) spreads 2,743 cameras that come back with one
switch; see "Exponential Backoff And Jitter" (AWS architecture blog) for why it beats equal jitter.
"""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """`next()` gives the seconds to wait before the coming attempt; `reset()` after a success."""

    first: float = 0.5
    cap: float = 30.0
    factor: float = 2.0
    attempt: int = 0
    generator: random.Random = field(default_factory=random.Random, repr=False)

    def next(self) -> float:
        """Seconds to wait now: uniform in (ceiling / 10, ceiling)."""
        # The exponent is bounded so that days of failures cannot overflow the float.
        ceiling = min(self.cap, self.first * self.factor ** min(self.attempt, 32))
        self.attempt += 1
        return self.generator.uniform(ceiling / 10, ceiling)

    def reset(self) -> None:
        """Start over after a success."""
        self.attempt = 0
