"""How often one login may be tried at one camera, which locks accounts after a few wrong tries.

Pure; `now` is monotonic seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from vidgate.model.channel import Channel, Login

HOUR = 3600.0
MOST = 2  # refused answers within an hour, whoever asked
MAX_ALLOWANCES = 50_000


@dataclass(slots=True)
class Allowance:
    """The sign-ins of one login at one camera: pulls of any stream, probes and trials share it.

    A refusal closes it for an hour, unless a person asks for one more try (`reopen`); `MOST` of
    them close it for everybody. An answer that is accepted makes up for all of them.
    """

    taken: tuple[str, str] | None = None  # scheme and algorithm of the last accepted answer
    _refusals: list[float] = field(default_factory=list)
    _is_refused: bool = False
    _is_proven: bool = False
    _under_way: int = 0
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    def opens_at(self, now: float) -> float | None:
        """From when on one more try is in order; None: it is now."""
        self._forget(now)
        if len(self._refusals) >= MOST:
            return self._refusals[-MOST] + HOUR
        return self._refusals[-1] + HOUR if self._is_refused and self._refusals else None

    def reopen(self) -> None:
        """A person asks for one more try; it is counted like any other."""
        self._is_refused = False

    def enter(self, now: float) -> bool:
        """Begin a sign-in; False where others under way must end first.

        Until the login is known to be good one at a time signs in: it may need two answers.
        """
        self._forget(now)
        if self._under_way >= (MOST - len(self._refusals) if self._is_proven else 1):
            return False
        self._under_way += 1
        return True

    def may_answer(self, own: int, now: float, *, is_inside: bool) -> bool:
        """Whether one more answer may be given by who was refused `own` times, not counted yet.

        The others under way are each left the answer that they entered for.
        """
        self._forget(now)
        return len(self._refusals) + own + self._under_way - is_inside < MOST

    def leave(self) -> None:
        """A sign-in is over, be it known how or not."""
        self._under_way -= 1
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def when_left(self, wake: Callable[[], None]) -> None:
        """Call once, when a sign-in under way is over."""
        self._waiting.append(wake)

    def accepted(self, taken: tuple[str, str] | None) -> None:
        """The camera took the answer."""
        self.taken = taken
        self._refusals.clear()
        self._is_refused, self._is_proven = False, True

    def refused(self, times: int, now: float) -> None:
        """The camera refused the login, after that many answers."""
        self.count(times, now)
        self._is_refused, self._is_proven = True, False

    def count(self, times: int, now: float) -> None:
        """Answers were refused, and the connection ended before it was said what of."""
        self._refusals = [*self._refusals, *[now] * times][-MOST:]

    def _forget(self, now: float) -> None:
        self._refusals = [at for at in self._refusals if now - at < HOUR]


class Allowances:
    """One `Allowance` for each place and login of a channel: another of either begins anew.

    In memory: after a restart health tells what was refused before it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, object, Login | None], Allowance] = {}

    def of(self, channel: Channel, login: Login | None) -> Allowance:
        """How often the login may be tried at the channel's camera, by whichever stream."""
        place = channel.url, channel.sub_url, channel.address, channel.port
        key = channel.id, place, login
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_ALLOWANCES:
                self._known.pop(next(iter(self._known)))
            known = self._known[key] = Allowance()
        return known
