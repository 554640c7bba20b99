"""Repeated warnings, counted: the first is logged at once, then one line an interval with a count.

A camera that sends garbage would otherwise write a log line per packet.
"""

from dataclasses import dataclass, field

import structlog

from vidgate.aio.clock import Clock, SystemClock

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Entry:
    logged: float
    held: int = 0


@dataclass(slots=True)
class Report:
    """Logs `warning(key, ...)` at most once an `interval` seconds for each key."""

    interval: float = 10.0
    limit: int = 4096  # keys remembered; the oldest is forgotten beyond
    clock: Clock = field(default_factory=SystemClock)
    _entries: dict[str, _Entry] = field(default_factory=dict)

    def warning(self, key: str, event: str, **fields: object) -> bool:
        """Log the event, or count it for the next line; returns whether it was logged."""
        now = self.clock.now()
        entry = self._entries.get(key)
        if entry is not None and now - entry.logged < self.interval:
            entry.held += 1
            return False
        repeated = entry.held if entry else 0
        self._entries.pop(key, None)
        if len(self._entries) >= self.limit:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = _Entry(now)
        if repeated:
            fields["repeated"] = repeated
        log.warning(event, **fields)
        return True
