"""How often somebody may guess: a bounded count of recent attempts per key."""

from collections import OrderedDict, deque


class Attempts:
    """Counts attempts in a sliding window, per key, with a limit for each kind of key.

    An attempt is counted before the password is looked at, so that a thousand at once are not a
    thousand free guesses; `forgive` or `forget` it after a success. The oldest keys are dropped
    beyond `keys`.
    """

    def __init__(self, window: float, *, keys: int = 8192) -> None:
        self.window = window
        self._keys = keys
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, limits: dict[str, int], now: float) -> float:
        """Count one attempt under every key; returns the seconds to wait (0: go on).

        A refused attempt is not counted, so that the pause ends for one who keeps trying.
        """
        wait = max((self._wait(key, limit, now) for key, limit in limits.items()), default=0.0)
        if wait > 0:
            return wait
        for key in limits:
            self._seen.setdefault(key, deque()).append(now)
            self._seen.move_to_end(key)
        while len(self._seen) > self._keys:
            self._seen.popitem(last=False)
        return 0.0

    def forget(self, *keys: str) -> None:
        """Drop all that was counted under these keys."""
        for key in keys:
            self._seen.pop(key, None)

    def forget_user(self, name: str) -> None:
        """Drop what was counted for a user, from wherever: under `|name` and `network|name`."""
        self.forget(*[key for key in self._seen if key.endswith(f"|{name}")])

    def forgive(self, *keys: str) -> None:
        """One attempt under these keys was no guess: those of others still count."""
        for key in keys:
            times = self._seen.get(key)
            if times:
                times.pop()

    def _wait(self, key: str, limit: int, now: float) -> float:
        times = self._seen.get(key)
        if times is None:
            return 0.0
        while times and now - times[0] >= self.window:
            times.popleft()
        if len(times) < limit:
            return 0.0
        return self.window - (now - times[0])
