"""One connection's sign-in: it waits for the verdict on others, and its refusals are counted."""

import asyncio
from collections.abc import Callable
from math import inf

from vidgate.aio.clock import Clock
from vidgate.errors import (
    HeldBackError,
    NoCredentialError,
    UnauthorizedError,
    VerdictPendingError,
    VidgateError,
)
from vidgate.rtsp.address import RtspAddress, nothing
from vidgate.rtsp.session import ClientSession
from vidgate.wire.allowance import PATIENCE, Allowance, Turn, time_of_day
from vidgate.wire.digest import MAX_STALE

WRONG = 401  # the login is; 403 may be said of the channel alone
REFUSALS = frozenset({WRONG, 403})
CORRECT = "改正凭据后立即再试 / correct the credential and it is tried at once"
HINT = (
    "改正凭据后立即再试, 或用 vidgate channel test 试一次 / "
    "correct the credential and it is tried at once; vidgate channel test tries once more"
)


class SignIn:
    """The `Gate` of one connection's session; idle without a login.

    `begin()`, `settle(...)` at each final reply, `end(...)`. `put_off` is called when an answer has
    to wait, `go_on` when it may be given, `give_up` with the error when it will not be.
    """

    def __init__(self, address: RtspAddress, clock: Clock) -> None:
        self.put_off: Callable[[], None] = nothing
        self.go_on: Callable[[], None] = nothing
        self.give_up: Callable[[VidgateError], None] = nothing
        self._allowance = address.allowance if address.login is not None else None
        self._is_in_path = address.has_password_inside
        self._most_wait = address.turn_timeout
        self._clock = clock
        self._counted = 0  # of the session's refusals that were for the login
        self._forgiven: int | None = None  # stale nonces; decided when the first is called so
        self._entered: float | None = None  # an answer of ours has no verdict yet
        self._is_accepted = False  # one was, on this connection
        self._is_barred = False  # a challenge was not answered, for what others were told
        self._waits_until: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Raises HeldBackError where no try is left: there is no need to call."""
        if self._allowance is not None and (opens := self._opens_at()) is not None:
            raise self._held_back(opens)

    def challenged(self, session: ClientSession, *, may_wait: bool) -> Turn:
        """See `Gate`."""
        allowance = self._allowance
        if allowance is None:
            return Turn.NOW
        self._count(session, is_of_login=True)
        session.taken = allowance.account.taken
        turn = allowance.turn(self._clock.now(), self._entered)
        if turn is Turn.LATER and not may_wait:
            turn = Turn.NEVER
        if turn is Turn.NOW:
            self._enter(allowance)
            return turn
        self._leave()
        self._is_barred = turn is Turn.NEVER and not session.refusals
        if turn is Turn.LATER:
            self.put_off()
            self._wait(allowance, self._clock.now() + self._most_wait)
        return turn

    def accepted(self, session: ClientSession) -> None:
        """See `Gate`."""
        if self._allowance is not None:
            self._counted, self._forgiven = 0, None
            self._is_accepted = True
            entered = -inf if self._entered is None else self._entered
            self._allowance.accepted(session.taken, entered)
            self._leave()

    def settle(self, status: int, session: ClientSession) -> None:
        """A request has its final reply."""
        if self._allowance is None:
            return
        is_of_login = status == WRONG
        self._count(session, is_of_login=is_of_login)
        if status in REFUSALS and not self._is_barred:
            if not self._counted and self._is_in_path:
                self._allowance.count(1, self._clock.now(), is_of_login=is_of_login)
            self._allowance.refused(self._clock.now())
        self._leave()

    def end(self, session: ClientSession) -> None:
        """The connection is over. What it was refused without a verdict is counted here."""
        self._count(session, is_of_login=False)
        self._leave()
        self._stop_waiting()
        self.put_off = self.go_on = self.give_up = nothing

    def explain(self, error: UnauthorizedError) -> UnauthorizedError:
        """The camera's refusal, with what helps and when the next try is due."""
        if self._allowance is None:
            return NoCredentialError(error.message)
        opens = self._opens_at()
        if self._is_barred and opens is not None:
            return self._held_back(opens)
        error.again_at = opens
        error.hint = error.hint or self._hint()
        return error

    def _count(self, session: ClientSession, *, is_of_login: bool) -> None:
        """Some cameras know no login but at the beginning, so a later refusal proves little.

        A stale nonce says nothing against the login; one that is stale again does, for some call
        so whatever they refuse. Counting the first as well would let one channel with a broken
        clock close its whole recorder for the hour, before a good one could settle the doubt; once
        there is a doubt the first is no better than another.
        """
        if self._allowance is None:
            return
        account, now = self._allowance.account, self._clock.now()
        if session.stale and self._forgiven is None:
            self._forgiven = 0 if account.is_doubted(now) else MAX_STALE
        wrong = session.refusals - min(session.stale, self._forgiven or 0)
        fresh = wrong - self._counted
        if fresh <= 0:
            return
        self._counted = wrong
        if self._is_accepted:
            account.doubt(now)
        else:
            self._allowance.count(fresh, now, is_of_login=is_of_login)

    def _leave(self) -> None:
        entered, self._entered = self._entered, None
        if entered is not None and self._allowance is not None:
            self._allowance.account.leave(entered)

    def _enter(self, allowance: Allowance) -> None:
        """A second answer of one connection holds the place of the first."""
        if self._entered is None:
            self._entered = allowance.account.enter(self._clock.now())

    def _wait(self, allowance: Allowance, until: float) -> None:
        self._waits_until = until
        allowance.account.when_changed(self._again)
        seconds = max(0.0, min(PATIENCE, until - self._clock.now()))
        self._timer = asyncio.get_running_loop().call_later(seconds, self._again)

    def _stop_waiting(self) -> None:
        self._waits_until = None
        if self._timer is not None and self._allowance is not None:
            self._allowance.account.forget(self._again)
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        """A verdict is known, or some time has passed: is it our turn?"""
        until, allowance = self._waits_until, self._allowance
        if until is None or allowance is None:
            return
        self._stop_waiting()
        turn = allowance.turn(self._clock.now())
        if turn is Turn.NOW:
            self._enter(allowance)
            self.go_on()
        elif (opens := self._opens_at()) is not None:
            self.give_up(self._held_back(opens))
        elif self._clock.now() >= until:
            self.give_up(_still_tried())
        else:
            self._wait(allowance, until)

    def _opens_at(self) -> float | None:
        return self._allowance.opens_at(self._clock.now()) if self._allowance is not None else None

    def _held_back(self, opens: float) -> HeldBackError:
        at_text = time_of_day(opens, self._clock.now(), self._clock.wall())
        return HeldBackError(
            f"登录刚被拒绝, 为免锁定账户 {at_text} 前不再试 / its login was refused, and"
            f" is not tried before {at_text}: cameras lock accounts",
            hint=self._hint(),
            again_at=opens,
        )

    def _hint(self) -> str:
        """What helps: a person may have one more try for the channel, and not for the account."""
        allowance = self._allowance
        may_reopen = allowance is None or allowance.may_reopen(self._clock.now())
        return HINT if may_reopen else CORRECT


def _still_tried() -> VerdictPendingError:
    return VerdictPendingError(
        "同一设备正用这个登录试另一路, 尚无结果 / "
        "the same login is being tried at the device for another channel, with no verdict yet",
        hint="设备应答慢, 过一两秒再试 / the device is slow: try again in a second or two",
    )
