"""Counts what was answered and how long it took, for the metrics page."""

from bisect import bisect_left
from collections import Counter
from itertools import accumulate

from aiohttp import hdrs

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0)  # seconds
METHODS = frozenset(
    (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_PATCH)
    + (hdrs.METH_DELETE, hdrs.METH_OPTIONS)
)


class Tally:
    """Answers by method and class of status, and a histogram of their seconds."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.seconds = 0.0
        self._counts = [0] * (len(BOUNDS) + 1)

    def note(self, method: str, status: int, seconds: float) -> None:
        """One answer; what is no method is counted as `other`: labels come from a closed set."""
        self.requests[method if method in METHODS else "other", f"{status // 100}xx"] += 1
        self.seconds += seconds
        self._counts[bisect_left(BOUNDS, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus has them."""
        return list(zip((*map(str, BOUNDS), "+Inf"), accumulate(self._counts), strict=True))
