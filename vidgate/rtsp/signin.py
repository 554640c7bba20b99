"""One connection's turn to sign in: it waits for the others, and its refusals are counted."""

import asyncio
from datetime import UTC, datetime

from vidgate.aio.clock import Clock
from vidgate.errors import HeldBackError, RemoteTimeoutError, UnauthorizedError
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.session import ClientSession

REFUSALS = frozenset({401, 403})
HINT = (
    "改正凭据后立即再试, 或用 vidgate channel test 试一次 / "
    "correct the credential and it is tried at once; vidgate channel test tries once more"
)


class SignIn:
    """`await begin()`, `settle(...)` at each final reply, `end(...)`; idle without a login."""

    def __init__(self, address: RtspAddress, clock: Clock) -> None:
        self._where = address
        self._allowance = address.allowance if address.login is not None else None
        self._clock = clock
        self._is_inside = False
        self._is_accepted = False
        self._is_refused = False

    async def begin(self) -> None:
        """Wait for our turn. Raises HeldBackError at once where no try is left."""
        allowance = self._allowance
        if allowance is None:
            return
        self._check()
        try:
            async with asyncio.timeout(self._where.connect_timeout):
                while not allowance.enter(self._clock.now()):
                    left = asyncio.Event()
                    allowance.when_left(left.set)
                    await left.wait()
                    self._check()
        except TimeoutError:
            raise RemoteTimeoutError("another sign-in at the camera is still under way") from None
        self._is_inside = True

    def may_answer(self, session: ClientSession) -> bool:
        """Whether a challenge may be answered; a login that was taken just now always may."""
        if self._allowance is None or self._is_accepted:
            return True
        return self._allowance.may_answer(
            session.refusals, self._clock.now(), is_inside=self._is_inside
        )

    def settle(self, status: int, session: ClientSession) -> None:
        """A request has its final reply."""
        allowance = self._allowance
        if allowance is None:
            return
        if status in REFUSALS:
            allowance.refused(max(1, session.refusals), self._clock.now())
            self._is_refused = True
        elif session.is_accepted:
            allowance.accepted(session.taken)
            self._is_accepted = True
        self._leave()

    def end(self, session: ClientSession) -> None:
        """The connection is over. What it was refused without a verdict is counted here.

        A keepalive that was refused counts once: some cameras know no login but at the beginning.
        """
        if self._allowance is not None and not self._is_refused and session.refusals:
            times = 1 if self._is_accepted else session.refusals
            self._allowance.count(times, self._clock.now())
        self._leave()

    def explain(self, error: UnauthorizedError) -> UnauthorizedError:
        """The camera's refusal, with what helps and when the next try is due."""
        if self._allowance is not None:
            error.again_at = self._allowance.opens_at(self._clock.now())
            error.hint = error.hint or HINT
        return error

    def _check(self) -> None:
        assert self._allowance is not None
        now = self._clock.now()
        opens = self._allowance.opens_at(now)
        if opens is not None:
            at = datetime.fromtimestamp(self._clock.wall() + opens - now, UTC).astimezone()
            raise HeldBackError(
                f"登录刚被拒绝, 为免锁定账户 {at:%H:%M} 前不再试 / its login was refused, and"
                f" is not tried before {at:%H:%M}: cameras lock accounts",
                hint=HINT,
                again_at=opens,
            )

    def _leave(self) -> None:
        if self._is_inside and self._allowance is not None:
            self._is_inside = False
            self._allowance.leave()
