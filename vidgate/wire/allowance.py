"""How often one login may be tried at one device, which locks accounts after a few wrong tries.

The same holds for a platform's own endpoint. Pure; `now` is monotonic seconds.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from math import inf
from typing import NamedTuple
from weakref import WeakValueDictionary

from vidgate.model.channel import Channel, Login

HOUR = 3600.0
MOST = 2  # refused answers within an hour, whoever asked and for whichever channel
MAX_ALLOWANCES = 50_000
# Seconds that an answer without a verdict holds up others. Where a later one was taken meanwhile it
# is none of the login's fault (a recorder judges that before it looks for its camera). Where none
# was, the password may have been changed, and the refusal be slow: one more answer each `LATE`.
# Where the login is not known to be good: until whoever gave the answer has long given up.
PATIENCE = 0.5
LATE = 2.0
FORGOTTEN = 10.0


class Turn(Enum):
    """Whether an answer to a challenge may be given."""

    NOW = "now"
    LATER = "later"  # when the verdict on another one is known
    NEVER = "never"


class Refusal(NamedTuple):
    """A refused answer, given for that channel.

    `is_telling`: it says that the login is wrong (401), and comes for a channel that the login had
    opened, or where it has opened none. A 403, or what is said for a channel that was never let in
    where others are, may as well be about the channel alone.
    """

    at: float
    channel: str = ""
    is_telling: bool = False


@dataclass(slots=True, weakref_slot=True)
class Account:
    """One login at one device, the thing that locks: its channels share what it may be tried.

    `MOST` refused answers within an hour close it for everybody; one that is accepted makes up for
    all. After a refusal the login is in doubt: a channel that it has opened before goes first and
    settles that, so that a recorder's forbidden channels, one after the other, close no other.
    """

    taken: tuple[str, str] | None = None  # scheme and algorithm of the last accepted answer
    counted: int = 0  # refused answers ever, so that whoever asks can tell whether it was tried
    _refusals: list[Refusal] = field(default_factory=list)
    _opened: set[str] = field(default_factory=set)  # channels let in, and not refused since
    _ever: set[str] = field(default_factory=set)  # the same, over what closes it too
    _let_in: float = -inf  # when it last was, of what is recalled
    _under_way: list[float] = field(default_factory=list)
    _proven: float = -inf  # of the answers given until then one was taken, or a later one
    _waiting: dict[Callable[[], None], None] = field(default_factory=dict)  # in order

    def closed_until(self, now: float) -> float | None:
        """When one more try is in order; None: it is now."""
        return self._refusals[-MOST].at + HOUR if self._standing(now) >= MOST else None

    def refused_for(self, now: float) -> list[str]:
        """By which channels the device tells that the login itself is wrong; empty: it does not.

        All that closed the account must tell it, each of another channel: one that lost its rights
        at a device that says 401 of that, too, may have been refused twice.
        """
        self._standing(now)
        told = {one.channel for one in self._refusals if one.is_telling}
        return sorted(told) if len(told) == MOST else []

    def has_room(self, now: float, own: float | None) -> bool:
        """Whether the answers without a verdict, `own` aside, leave room for one more.

        While the login is in doubt, or how the device wants it, one at a time is given.
        """
        others = [at for at in self._under_way if now - at < FORGOTTEN]
        if own in others:
            others.remove(own)
        if self._standing(now) or self.taken is None:
            return not others
        held = [at for at in others if now - at < PATIENCE or at > self._proven]
        return len(held) < MOST or now - max(held) >= LATE

    def settles(self, channel: str, *, is_new: bool = False) -> bool:
        """Whether the channel may be the one that settles a doubt; `is_new`: never refused."""
        return channel in self._opened or (is_new and not self._opened)

    def opens_others(self, channel: str) -> bool:
        """Whether another channel may settle a doubt, being let in before."""
        return bool(self._opened - {channel})

    def is_doubted(self, now: float) -> bool:
        """Whether an answer was refused and none accepted since."""
        return self._standing(now) > 0

    def enter(self, now: float) -> float:
        """An answer is given; returns what `leave` wants."""
        self._under_way.append(now)
        return now

    def leave(self, entered: float) -> None:
        """Its verdict is known, or never will be."""
        self._under_way.remove(entered)
        self._tell()

    def when_changed(self, wake: Callable[[], None]) -> None:
        """Call once, when a verdict is known."""
        self._waiting[wake] = None

    def forget(self, wake: Callable[[], None]) -> None:
        """Nobody waits for that any more."""
        self._waiting.pop(wake, None)

    def accepted(self, channel: str, taken: tuple[str, str] | None, entered: float = -inf) -> None:
        """The device took the answer for that channel."""
        self.taken = taken
        self._proven = max(self._proven, entered)
        self._refusals.clear()
        self.opened(channel)

    def opened(self, channel: str) -> None:
        """The device lets the channel in by this login."""
        self._opened.add(channel)
        self._ever.add(channel)

    def count(
        self, times: int, now: float, channel: str = "", *, is_of_login: bool = False
    ) -> None:
        """Answers were refused; `is_of_login`: by 401, which says that the login is wrong."""
        self.counted += times
        is_telling = is_of_login and (channel in self._ever or not self._ever)
        refusal = Refusal(now, channel, is_telling)
        self._refusals = [*self._refusals, *[refusal] * times][-MOST:]
        if len(self._refusals) >= MOST:
            self._opened.clear()

    def doubt(self, now: float) -> None:
        """An answer was refused that proves little: it alone, or with its like, closes nothing."""
        if not self._standing(now):
            self.count(1, now)

    def forbid(self, channel: str, now: float) -> None:
        """The answer says that the channel is forbidden (403), and not that the login is wrong.

        It proves little while others are let in: some peers say so of a wrong login too.
        """
        if self.opens_others(channel) and channel not in self._opened:
            self.doubt(now)
        else:
            self.count(1, now)

    def recall_entry(self, channel: str, at: float | None) -> None:
        """The channel was let in before the start of the service; `at`: when it last was."""
        self.opened(channel)
        if at is not None:
            self._let_in = max(self._let_in, at)
            self._refusals = [one for one in self._refusals if one.at > self._let_in]

    def recall_refusal(self, at: float) -> None:
        """An answer was refused before the start, which counts unless one was taken later."""
        if at > self._let_in:
            self._refusals = sorted([*self._refusals, Refusal(at)])[-MOST:]

    def refused(self, channel: str) -> None:
        """The channel is not opened by this login, or not any more."""
        self._opened.discard(channel)
        self._ever.discard(channel)

    def _standing(self, now: float) -> int:
        self._refusals = [one for one in self._refusals if now - one.at < HOUR]
        return len(self._refusals)

    def _tell(self) -> None:
        """Wake who waits: in order, as many as there may be room for.

        All of them where an answer was refused: it is for few to go on then, and for nobody else.
        """
        most = len(self._waiting) if self._refusals else MOST
        for wake in list(islice(self._waiting, most)):
            del self._waiting[wake]
            wake()


@dataclass(slots=True)
class Allowance:
    """One channel's share of an account: pulls of either stream, probes and trials go by it.

    A refusal closes the channel for an hour, unless a person asks for one more try (`reopen`).
    """

    account: Account = field(default_factory=Account)
    channel: str = ""
    _refused: float | None = None
    _is_asked: bool = False  # by a person, since the last verdict
    _asked_after: int = 0  # refusals of the account

    def opens_at(self, now: float) -> float | None:
        """From when on one more try is in order; None: it is now."""
        closed = self.account.closed_until(now)
        if closed is not None or self._refused is None or self._is_asked:
            return closed
        return self._refused + HOUR if now - self._refused < HOUR else None

    def may_reopen(self, now: float) -> bool:
        """Whether a person may have one more try: the account is not closed to everybody."""
        return self.account.closed_until(now) is None

    def reopen(self) -> None:
        """A person asks for one more try; it is counted like any other."""
        self._is_asked, self._asked_after = True, self.account.counted

    def owed_at(self, now: float) -> float | None:
        """When the try that a person asked for is in order, where the account was closed to it.

        None as well where the login was refused since to whoever came first: it is as wrong for
        the others of its device, and nobody asked that each of them hears so.
        """
        is_owed = self._is_asked and self._asked_after == self.account.counted
        return self.account.closed_until(now) if is_owed else None

    def turn(self, now: float, own: float | None = None) -> Turn:
        """Whether an answer may be given now; `own` is the one before, by the same connection."""
        if self.opens_at(now) is not None:
            return Turn.NEVER
        if not self.account.has_room(now, own):
            return Turn.LATER
        if not self.account.is_doubted(now) or self._is_asked:
            return Turn.NOW
        # By another algorithm: of use where none was taken yet, or nobody else settles the doubt.
        if own is not None:
            is_useful = self.account.taken is None or not self.account.opens_others(self.channel)
            return Turn.NOW if is_useful else Turn.NEVER
        may_settle = self.account.settles(self.channel, is_new=self._refused is None)
        return Turn.NOW if may_settle else Turn.LATER

    def accepted(self, taken: tuple[str, str] | None, entered: float = -inf) -> None:
        """The device took the answer that was given then."""
        self._refused, self._is_asked = None, False
        self.account.accepted(self.channel, taken, entered)

    def count(self, times: int, now: float, *, is_of_login: bool) -> None:
        """Answers given for the channel were refused; see `Account.count`."""
        self.account.count(times, now, self.channel, is_of_login=is_of_login)

    def refused(self, now: float) -> None:
        """The device refuses the channel; the answers that it was given are counted apart."""
        self._refused, self._is_asked = now, False
        self.account.refused(self.channel)

    def recalled(self, refused: float | None, now: float, *, let_in: float | None = None) -> None:
        """What was known when the service ended: when it was refused, else when it was let in."""
        if refused is None:
            self.account.recall_entry(self.channel, let_in)
        elif now - refused < HOUR:
            self.refused(refused)
            self.account.recall_refusal(refused)


def time_of_day(opens: float, now: float, wall: float) -> str:
    """When an account opens again, for people: `14:05`; `now` and `wall` are the same moment."""
    return f"{datetime.fromtimestamp(wall + opens - now, UTC).astimezone():%H:%M}"


class Allowances:
    """The allowance of each channel, place and login: another of them begins anew.

    Those of one device and login share an `Account`. In memory: after a restart health tells what
    was refused before it.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Allowance] = {}
        self._accounts: WeakValueDictionary[Hashable, Account] = WeakValueDictionary()

    def of(self, channel: Channel, login: Login | None, device: Hashable = None) -> Allowance:
        """How often the login may be tried for the channel at the device (its own, if None)."""
        place = channel.url, channel.sub_url, channel.address, channel.port
        where = (channel.id, place) if device is None else device
        return self.at((where, login), channel.id, place)

    def at(self, account: Hashable, channel: str, place: Hashable = None) -> Allowance:
        """The share of a channel at a place in an account, which is named by whatever locks it."""
        key = channel, place, account
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_ALLOWANCES:
                self._known.pop(next(iter(self._known)))
            known = self._known[key] = Allowance(self._account(account), channel)
        return known

    def _account(self, key: Hashable) -> Account:
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = Account()
        return account
