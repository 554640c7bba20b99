"""The changes of every channel's standing, until the database has them; no I/O, no clock.

Uptime is computed from what passes through here, so it says what is not known instead of guessing:
where more waits than can be held, what lay between becomes unknown.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from vidgate.health.causes import FAULTS
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Health, Level, Reason, State
from vidgate.storage.states import Transition

DEEPENED = 4  # for its level alone; one that comes and goes at each look would write at each
MAX_WAITING = 20_000  # or four a channel, where that is more


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be written at once; `forget_after`: first drop what is later than that."""

    transitions: list[Transition]
    forget_after: float | None = None


class Journal:
    """`note` takes what is known of a channel; what differs from its last entry is an entry."""

    def __init__(self) -> None:
        self.lost = 0
        self._last: dict[str, Transition] = {}
        self._deepened: dict[str, int] = {}  # entries of a fault for its level alone
        self._steps: dict[str, Lifecycle] = {}
        self._waiting: list[Transition] = []
        self._forget_after: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for the database."""
        return not self._waiting and self._forget_after is None

    def recall(self, latest: Mapping[str, Transition]) -> None:
        """Go on from what the database holds."""
        self._last = dict(latest)

    def follow(self, channel: str, step: Lifecycle) -> None:
        """The channel is in the register, at this step of its lifecycle."""
        self._steps[channel] = step

    def note(self, health: Health, now: float) -> None:
        """What is known of a channel from now (wall-clock seconds) on."""
        step = self._steps.get(health.channel, Lifecycle.ACCEPTED)
        self._enter(health.channel, now, health.state, health.reason, health.level, step)

    def leave(self, channel: str, now: float) -> None:
        """The channel left the register."""
        self._steps.pop(channel, None)
        self._enter(channel, now, State.UNKNOWN, Reason.NOT_TESTED, Level.NONE, None)

    def leave_others(self, present: Iterable[str], now: float) -> None:
        """Every channel that is not present has left, whenever that was."""
        for channel in self._last.keys() - set(present):
            self.leave(channel, now)

    def restart(self) -> None:
        """Whatever the last entries say, the next of each channel is one."""
        self._last.clear()

    def rewind(self, now: float) -> None:
        """The wall clock went back to `now`: what bears a later time was written by a fast one."""
        self._waiting = [one for one in self._waiting if one.time <= now]
        self.restart()
        known = self._forget_after
        self._forget_after = now if known is None else min(known, now)

    def take(self) -> Batch:
        """All that waits; `give_back` it where it could not be written."""
        batch = Batch(self._waiting, self._forget_after)
        self._waiting, self._forget_after = [], None
        return batch

    def give_back(self, batch: Batch) -> None:
        """The database refused: it waits on, before what was noted since."""
        later = self._forget_after
        kept = [one for one in batch.transitions if later is None or one.time <= later]
        self._waiting = kept + self._waiting
        if batch.forget_after is not None:
            known = batch.forget_after
            self._forget_after = known if later is None else min(known, later)
        self._bound()

    def _enter(
        self,
        channel: str,
        now: float,
        state: State,
        reason: Reason,
        level: Level,
        step: Lifecycle | None,
    ) -> None:
        last = self._last.get(channel)
        if last is None and step is None:
            return
        deepened = 0
        if last is not None and (last.after, last.reason, last.step) == (state, reason, step):
            deepened = self._deepened.get(channel, 0) + 1
            if _depth(last.after, last.level) == _depth(state, level) or deepened > DEEPENED:
                return
        self._deepened[channel] = deepened
        before = State.UNKNOWN if last is None else last.after
        entry = Transition(
            channel=channel,
            time=now,
            before=before,
            after=state,
            reason=reason,
            level=level,
            step=step,
        )
        self._last[channel] = entry
        self._waiting.append(entry)
        self._bound()

    def _bound(self) -> None:
        if len(self._waiting) > max(MAX_WAITING, 4 * len(self._last)):
            before = len(self._waiting)
            self._waiting = list(thinned(self._waiting))
            self.lost += before - len(self._waiting)


def _depth(state: State, level: Level) -> Level:
    """How deep looks went, as far as it tells of a cause: what works is looked at to many depths,
    one after the other, and owes nobody a cause.
    """
    return level if state in FAULTS else Level.NONE


def thinned(entries: Iterable[Transition]) -> Iterator[Transition]:
    """Two entries a channel at most: where it is now, and from the first on until then unknown."""
    first: dict[str, Transition] = {}
    last: dict[str, Transition] = {}
    for entry in entries:
        first.setdefault(entry.channel, entry)
        last[entry.channel] = entry
    for channel, entry in first.items():
        newest = last[channel]
        if newest is entry:
            yield entry
            continue
        yield replace(entry, after=State.UNKNOWN, reason=Reason.NOT_TESTED, level=Level.NONE)
        yield replace(newest, before=State.UNKNOWN)
