"""When a platform's own endpoint may be asked: its login locks, and it may wish to be left alone.

Each question shows the login, for whichever channel it is asked, so the channels of a platform
share what it may be tried: see `vidgate.wire.allowance`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime

from vidgate.aio.clock import Clock
from vidgate.errors import HeldBackError, RefusedError, UnauthorizedError, VerdictPendingError
from vidgate.registry.routes import Question
from vidgate.wire.allowance import PATIENCE, Account, Allowance, Allowances, Turn, time_of_day
from vidgate.wire.uri import Uri

MOST_WAIT = 10.0  # seconds that a question may wait for the verdict on others
MOST_REST = 60.0  # seconds: no `Retry-After` keeps cameras from being found for longer
REFUSALS = frozenset({401, 403})
CLOSED = frozenset({429, 503})  # of the endpoint itself: no word of a camera or its sessions
TAKEN = frozenset({200, 404})  # what is said only to whom was let in; 429 or 503 prove nothing
CORRECT = (
    "改正平台凭据后立即再试 (vidgate credential set) / "
    "correct the platform's credential (vidgate credential set) and it is tried at once"
)
HINT = (
    "改正平台凭据后立即再试 (vidgate credential set), 或用 vidgate channel test 试一次 / "
    "correct the platform's credential (vidgate credential set) and it is tried at once;"
    " vidgate channel test tries once more"
)

Judge = Callable[[int], None]
"""Takes the status of the answer, as soon as it is known."""


class Turns:
    """The logins of all endpoints, and how often each was refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._allowances = Allowances()

    @asynccontextmanager
    async def take(self, asked: Question, where: str) -> AsyncIterator[Judge]:
        """Wait for the verdict on others where it matters; then it is this question's turn.

        Raises HeldBackError where the login may not be tried now, VerdictPendingError where the
        verdict did not come in time. A refusal that is raised inside tells when to try again.
        """
        allowance = self._of(asked)
        if allowance is None:
            yield _unjudged
            return
        account = allowance.account
        await self._wait(allowance, where)
        entered = account.enter(self._clock.now())

        def judge(status: int) -> None:
            now = self._clock.now()
            if status in REFUSALS:
                if status == 403:
                    account.forbid(allowance.channel, now)
                else:
                    account.count(1, now)
                allowance.refused(now)
            elif status in TAKEN:
                allowance.accepted((asked.auth, ""), entered)

        try:
            yield judge
        except UnauthorizedError as error:
            now = self._clock.now()
            error.again_at = allowance.opens_at(now)
            error.hint = error.hint or _hint(allowance, now)
            raise
        finally:
            account.leave(entered)

    def reopen(self, asked: Question) -> None:
        """A person asks for one more try; it is counted like any other."""
        if (allowance := self._of(asked)) is not None:
            allowance.reopen()

    def owed_at(self, asked: Question) -> float | None:
        """When that try is in order, where the account was closed to it and it is still to come."""
        allowance = self._of(asked)
        return None if allowance is None else allowance.owed_at(self._clock.now())

    def _of(self, asked: Question) -> Allowance | None:
        if asked.login is None or asked.auth == "none":
            return None
        question = f"{asked.method} {asked.endpoint} {asked.body}"
        return self._allowances.at((_place(asked.endpoint), asked.auth, asked.login), question)

    async def _wait(self, allowance: Allowance, where: str) -> None:
        end = self._clock.now() + MOST_WAIT
        while (turn := allowance.turn(now := self._clock.now())) is not Turn.NOW:
            opens = allowance.opens_at(now)
            if opens is not None:
                raise self._held_back(where, opens, _hint(allowance, now))
            if turn is Turn.NEVER or now >= end:
                raise VerdictPendingError(
                    f"{where}: 平台接口的登录正在试, 尚无结果 / "
                    "the login of the platform's endpoint is being tried, with no verdict yet",
                    hint="接口应答慢, 过一两秒再试 / it is slow: try again in a second or two",
                )
            await _changed(allowance.account, min(PATIENCE, end - now))

    def _held_back(self, where: str, opens: float, hint: str) -> HeldBackError:
        at = time_of_day(opens, self._clock.now(), self._clock.wall())
        return HeldBackError(
            f"{where}: 平台拒绝了接口的登录, 为免锁定账户 {at} 前不再试 / the platform refused the"
            f" login of its endpoint, which is not tried before {at}: platforms lock accounts",
            hint=hint,
            again_at=opens,
        )


def _hint(allowance: Allowance, now: float) -> str:
    """What helps: no more than the credential where the endpoint is closed to everybody."""
    return HINT if allowance.may_reopen(now) else CORRECT


class Rests:
    """The endpoints that serve nobody now and said for how long (RFC 9110 10.2.3)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[Hashable, tuple[int, float]] = {}

    def heed(self, asked: Question, where: str) -> None:
        """Raises RefusedError where it is not to be asked yet."""
        place = _place(asked.endpoint)
        status, until = self._until.get(place, (0, 0.0))
        if until > self._clock.now():
            raise self._closed(where, status, until)
        self._until.pop(place, None)

    def refusal(self, asked: Question, where: str, status: int, retry_after: str) -> RefusedError:
        """What such an answer means; `retry_after` is its header, empty where it has none."""
        seconds = self._seconds(retry_after)
        if not seconds:
            return self._closed(where, status, None)
        until = self._clock.now() + seconds
        self._until[_place(asked.endpoint)] = status, until
        return self._closed(where, status, until)

    def _seconds(self, retry_after: str) -> float:
        if retry_after.isascii() and retry_after.isdigit():
            return min(float(retry_after), MOST_REST)
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - self._clock.wall()
        except (ValueError, OverflowError):
            return 0.0
        return min(max(seconds, 0.0), MOST_REST)

    def _closed(self, where: str, status: int, until: float | None) -> RefusedError:
        chinese, english = "", ""
        if until is not None:
            seconds = max(1, round(until - self._clock.now()))
            chinese, english = f", {seconds} 秒后再问", f"; it is asked again in {seconds} s"
        return RefusedError(
            f"{where}: 平台的取流接口暂不服务, 应答 {status}{chinese} / "
            f"the platform's address endpoint serves nobody now, it answered {status}{english}",
            hint="接口答的, 与摄像机和会话数无关: 请平台查它的接口 / "
            "said by the endpoint, of no camera and no session: have the platform look at it",
            again_at=until,
        )


def _place(endpoint: str) -> Hashable:
    uri = Uri.parse(endpoint)
    return uri.host.lower(), uri.effective_port


async def _changed(account: Account, seconds: float) -> None:
    """Wait until a verdict is known, or so long."""
    told = asyncio.Event()
    account.when_changed(told.set)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await told.wait()
    finally:
        account.forget(told.set)


def _unjudged(status: int) -> None:
    """Whoever shows no login is not judged by one."""
