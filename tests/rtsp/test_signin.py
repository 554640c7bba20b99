"""Connections to one camera share what its login may be tried."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.rtsp.camera import Camera, Habits, run_camera
from tests.waiting import until
from vidgate.aio.clock import ManualClock, SystemClock
from vidgate.errors import (
    HeldBackError,
    LimitError,
    NoCredentialError,
    UnauthorizedError,
    VidgateError,
)
from vidgate.model.channel import Login
from vidgate.rtsp import signin
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.session import MAX_REFUSALS
from vidgate.wire.allowance import HOUR, LATE, Account, Allowance, Turn
from vidgate.wire.digest import DigestServer
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

GOOD, WRONG = Login("admin", "pass"), Login("admin", "wrong")


def guarded() -> Habits:
    return Habits(digest=DigestServer("cam", "MD5", GOOD.username, GOOD.password))


def signed(camera: Camera) -> int:
    return sum(bool(each.headers.get("Authorization")) for each in camera.requests)


async def describe(address: RtspAddress, clock: ManualClock | SystemClock | None = None) -> None:
    async with RtspClient.connect(address, clock or SystemClock()) as client:
        await client.describe()


async def test_whoever_calls_after_a_refusal_is_told_without_a_call() -> None:
    clock, allowance = ManualClock(), Allowance()
    async with run_camera(guarded()) as camera:
        address = RtspAddress(url=camera.url, login=WRONG, allowance=allowance)
        with pytest.raises(UnauthorizedError, match="401") as refused:
            await describe(address, clock)
        assert refused.value.again_at == clock.now() + HOUR
        assert "channel test" in refused.value.hint
        clock.advance(600)
        asked = len(camera.requests)
        with pytest.raises(UnauthorizedError, match=r"not tried before \d\d:\d\d") as told:
            await describe(address, clock)
        assert told.value.again_at == refused.value.again_at
        assert len(camera.requests) == asked
        clock.advance(HOUR)
        with pytest.raises(UnauthorizedError, match="401"):
            await describe(address, clock)
        assert signed(camera) == 2


async def test_no_one_more_try_is_offered_where_the_device_is_closed_to_all() -> None:
    async with run_camera(guarded()) as camera:
        addresses = recorder(camera.url, WRONG, 3)
        hints = []
        for address in addresses:
            with pytest.raises(UnauthorizedError) as told:
                await describe(address, ManualClock())
            hints.append("channel test" in told.value.hint)
        assert hints == [True, False, False]


@pytest.mark.parametrize(("status", "is_telling"), [("401", True), ("403", False)])
async def test_what_a_refusal_says_of_the_login(status: str, *, is_telling: bool) -> None:
    """Of two channels at once that were let in before."""

    def change(request: Message, reply: Message) -> Message:
        if request.headers.get("Authorization"):
            reply.start = f"RTSP/1.0 {status} No"
        return reply

    clock = ManualClock()
    async with run_camera(guarded()) as camera:
        addresses = recorder(camera.url, GOOD, 3)
        for address in addresses:
            await describe(address, clock)
        camera.habits.change = change
        await asyncio.gather(*(_failing(address, clock) for address in addresses[:2]))
        account = addresses[2].allowance.account
        assert account.closed_until(clock.now()) is not None
        assert account.refused_for(clock.now()) == (["0", "1"] if is_telling else [])


async def test_many_at_once_give_a_wrong_password_once() -> None:
    allowance = Allowance()
    async with run_camera(guarded()) as camera:
        address = RtspAddress(url=camera.url, login=WRONG, allowance=allowance)
        told = await asyncio.gather(*(describe(address) for _ in range(9)), return_exceptions=True)
        assert {type(error) for error in told} <= {UnauthorizedError, HeldBackError}
        assert signed(camera) == 1


async def test_many_at_once_are_let_in_with_a_right_one() -> None:
    async with run_camera(guarded()) as camera:
        address = RtspAddress(url=camera.url, login=GOOD, allowance=Allowance())
        await asyncio.gather(*(describe(address) for _ in range(9)))
        assert signed(camera) == 9


async def test_a_rotated_password_is_tried_twice_by_all_that_play_on() -> None:
    async with run_camera(guarded()) as camera:
        address = RtspAddress(url=camera.url, login=GOOD, allowance=Allowance())
        await describe(address)
        camera.habits.digest = DigestServer("cam", "MD5", GOOD.username, "another")
        before = signed(camera)
        told = await asyncio.gather(*(describe(address) for _ in range(9)), return_exceptions=True)
        assert {type(error) for error in told} <= {UnauthorizedError, HeldBackError}
        assert signed(camera) - before <= 2


def offers_sha256_takes_md5() -> Habits:
    """As some devices do; refused answers are told by 401."""
    digests = [DigestServer("cam", name, "admin", "pass") for name in ("SHA-256", "MD5")]

    def change(request: Message, reply: Message) -> Message:
        given = request.headers.get("Authorization")
        if given and digests[-1].check(request.method, request.uri, given):
            return reply
        reply.start = "RTSP/1.0 401 Unauthorized"
        for digest in digests:
            reply.headers.add("WWW-Authenticate", digest.challenge())
        return reply

    return Habits(change=change)


async def test_the_algorithm_that_was_taken_is_remembered() -> None:
    async with run_camera(offers_sha256_takes_md5()) as camera:
        address = RtspAddress(url=camera.url, login=GOOD)
        await asyncio.gather(*(describe(address) for _ in range(4)))
        assert address.allowance.account.taken == ("digest", "MD5")
        assert signed(camera) == 5, "one refused, and each of the four let in"


async def test_without_a_login_nothing_is_counted() -> None:
    async with run_camera(guarded()) as camera:
        address = RtspAddress(url=camera.url)
        for _ in range(3):
            with pytest.raises(NoCredentialError):
                await describe(address)
        assert len(camera.requests) == 3


def stale_where_refused(_: Message, reply: Message) -> Message:
    """As who calls so whatever it refuses."""
    given = reply.headers.all("WWW-Authenticate")
    if given:
        reply.headers = Headers([("WWW-Authenticate", f"{each}, stale=true") for each in given])
    return reply


def silent_when_signed(request: Message, reply: Message) -> Message | None:
    return None if request.headers.get("Authorization") else reply


def recorder(url: str, login: Login, count: int) -> list[RtspAddress]:
    """Channels of one device, called with one login."""
    account = Account()
    return [
        RtspAddress(url=url, login=login, allowance=Allowance(account, str(number)))
        for number in range(count)
    ]


async def test_who_waits_too_long_for_anothers_verdict_is_told_that_it_is_ours() -> None:
    async with run_camera(guarded()) as camera, asyncio.TaskGroup() as group:
        camera.habits.change = silent_when_signed
        one, other = recorder(camera.url, GOOD, 2)
        first = group.create_task(describe(one))
        await until(lambda: signed(camera))
        with pytest.raises(LimitError, match="no verdict yet"):
            await describe(replace(other, turn_timeout=0.1))
        assert signed(camera) == 1
        first.cancel()


async def test_the_wait_for_a_turn_is_not_the_cameras() -> None:
    """The sixteenth channel of a slow recorder was cut, as if that had not answered."""
    async with run_camera(guarded()) as camera, asyncio.TaskGroup() as group:
        one, other, third = recorder(camera.url, GOOD, 3)
        camera.habits.holds = lambda request: bool(request.headers.get("Authorization"))
        first = group.create_task(describe(one))
        await until(lambda: camera.held)
        waiting = group.create_task(describe(replace(other, request_timeout=0.05)))
        with pytest.raises(LimitError, match="no verdict yet"):  # so that has long passed
            await describe(replace(third, turn_timeout=0.2))
        assert not waiting.done()
        camera.release()
        await waiting
        await first


async def test_a_camera_that_is_silent_after_the_wait_is_told_so() -> None:
    async with run_camera(guarded()) as camera, asyncio.TaskGroup() as group:
        one, other = recorder(camera.url, GOOD, 2)
        camera.habits.holds = lambda request: bool(request.headers.get("Authorization"))
        first = group.create_task(describe(one))
        await until(lambda: camera.held)
        waiting = group.create_task(_failing(replace(other, request_timeout=0.1)))
        await until(lambda: len(camera.requests) >= 3)
        camera.habits.change = silent_when_signed
        camera.release()
        await waiting
        await first
        assert signed(camera) == 2


async def test_a_channel_of_a_recorder_that_hangs_holds_up_no_other_for_long() -> None:
    """It is asked for after the login was found good, or the password was changed just then."""
    clock = ManualClock()
    async with run_camera(guarded()) as camera, asyncio.TaskGroup() as group:
        addresses = recorder(camera.url, GOOD, 4)
        await describe(addresses[0], clock)
        camera.habits.change = silent_when_signed
        hanging = [group.create_task(describe(address, clock)) for address in addresses[1:3]]
        await until(lambda: signed(camera) == 3)
        camera.habits.change = guarded().change
        clock.advance(LATE)
        await describe(addresses[3], clock)
        for task in hanging:
            task.cancel()


async def test_a_rotated_password_is_given_twice_where_refusals_are_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A recorder that takes a second to refuse, with sixteen channels that wait for it."""
    monkeypatch.setattr(signin, "PATIENCE", 0.001)  # how often those that wait look
    looks, turn = 0, Allowance.turn

    def counted(self: Allowance, now: float, own: float | None = None, **how: bool) -> Turn:
        nonlocal looks
        looks += 1
        return turn(self, now, own, **how)

    monkeypatch.setattr(Allowance, "turn", counted)
    clock = ManualClock()
    async with run_camera(guarded()) as camera:
        addresses = recorder(camera.url, GOOD, 16)
        await asyncio.gather(*(describe(address, clock) for address in addresses))
        camera.habits.digest = DigestServer("cam", "MD5", GOOD.username, "another")
        clock.advance(1.0)
        camera.habits.holds = lambda request: bool(request.headers.get("Authorization"))
        before = signed(camera)
        asked = asyncio.gather(
            *(describe(each, clock) for each in addresses), return_exceptions=True
        )
        await until(lambda: len(camera.held) == 2)
        clock.advance(1.0)
        seen = looks
        await until(lambda: looks >= seen + 2 * len(addresses))
        assert signed(camera) - before == 2
        camera.release()
        assert {type(error) for error in await asked} <= {UnauthorizedError, HeldBackError}
        assert signed(camera) - before == 2


async def test_a_recorder_has_two_wrong_passwords_from_all_its_channels_at_once() -> None:
    async with run_camera(guarded()) as camera:
        addresses = recorder(camera.url, WRONG, 16)
        for _ in range(3):
            told = await asyncio.gather(*map(describe, addresses), return_exceptions=True)
            assert {type(error) for error in told} <= {UnauthorizedError, HeldBackError}
        assert signed(camera) == 2


async def test_a_recorder_whose_password_was_rotated_has_two_as_well() -> None:
    async with run_camera(guarded()) as camera:
        addresses = recorder(camera.url, GOOD, 16)
        await asyncio.gather(*map(describe, addresses))
        camera.habits.digest = DigestServer("cam", "MD5", GOOD.username, "another")
        before = signed(camera)
        told = await asyncio.gather(*map(describe, addresses), return_exceptions=True)
        assert {type(error) for error in told} <= {UnauthorizedError, HeldBackError}
        assert signed(camera) - before == 2


async def _failing(address: RtspAddress, clock: ManualClock | None = None) -> None:
    with pytest.raises(VidgateError):
        await describe(address, clock)


def _hang_up_at_the_answer(camera: Camera) -> Callable[[Message, Message], Message | None]:
    digest = DigestServer("cam", "SHA-256", "admin", "other")
    weaker = DigestServer("cam", "MD5", "admin", "other")

    def change(request: Message, reply: Message) -> Message | None:
        if signed(camera) == 2:
            camera.hang_up()
            return None
        reply.start = "RTSP/1.0 401 Unauthorized"
        for each in (digest, weaker):
            reply.headers.add("WWW-Authenticate", each.challenge())
        return reply

    return change


async def test_a_refusal_before_the_camera_hung_up_is_counted() -> None:
    async with run_camera() as camera:
        camera.habits.change = _hang_up_at_the_answer(camera)
        address = RtspAddress(url=camera.url, login=GOOD)
        await _failing(address)
        assert address.allowance.opens_at(0.0) is None
        address.allowance.account.count(1, SystemClock().now())
        assert address.allowance.opens_at(SystemClock().now()) is not None


async def test_a_nonce_that_is_stale_for_ever_keeps_no_person_from_looking() -> None:
    def stale(request: Message, reply: Message) -> Message:
        nonce = request.headers.get("CSeq")
        reply.start = "RTSP/1.0 401 Unauthorized"
        reply.headers.add("WWW-Authenticate", f'Digest realm="cam", nonce="{nonce}", stale=true')
        return reply

    clock, allowance = ManualClock(), Allowance()
    async with run_camera(Habits(change=stale)) as camera:
        address = RtspAddress(url=camera.url, login=GOOD, allowance=allowance)
        with pytest.raises(UnauthorizedError, match="401"):
            await describe(address, clock)
        assert signed(camera) == MAX_REFUSALS
        allowance.reopen()  # a person may look once more, and find it mended
        camera.habits.change = guarded().change
        camera.habits.digest = guarded().digest
        await describe(address, clock)
        assert allowance.opens_at(clock.now()) is None


async def test_a_nonce_that_grows_stale_while_playing_counts_for_nothing() -> None:
    """Each keepalive comes too late for its nonce, and is let in with a new one."""
    clock, allowance = ManualClock(), Allowance()
    async with run_camera(guarded()) as camera:
        address = RtspAddress(url=camera.url, login=GOOD, allowance=allowance)
        async with RtspClient.connect(address, clock) as client:
            await client.describe()
            for turn in range(1, 6):
                camera.habits.digest = guarded().digest  # it knows none of its old nonces
                camera.habits.change = stale_where_refused
                await client.call("GET_PARAMETER", camera.url)
                assert signed(camera) == 1 + 2 * turn, "refused, and let in"
                assert not allowance.account.is_doubted(clock.now())


@pytest.mark.parametrize("path", ["/a", "/user=admin&password=pass/a"])
async def test_what_is_forbidden_before_a_password_was_given_counts_against_none(path: str) -> None:
    def forbid(request: Message, reply: Message) -> Message:
        reply.start = "RTSP/1.0 403 Forbidden"
        return reply

    clock, account = ManualClock(), Account()
    async with run_camera(Habits(change=forbid)) as camera:
        for channel in "abc":
            allowance = Allowance(account, channel)
            url = camera.url.replace("/main", path)
            address = RtspAddress(url=url, login=GOOD, allowance=allowance)
            with pytest.raises(UnauthorizedError):
                await describe(address, clock)
            assert allowance.opens_at(clock.now()) is not None, "it is not asked again"
    is_tried = "pass" in path  # by each request
    assert (account.closed_until(clock.now()) is not None) is is_tried


async def test_a_recorder_that_calls_each_nonce_stale_has_few_wrong_passwords_too() -> None:
    """Some say so of any answer that they refuse, and lock the account all the same."""

    async with run_camera(guarded()) as camera:
        camera.habits.change = stale_where_refused
        addresses = recorder(camera.url, WRONG, 16)
        told = await asyncio.gather(*map(describe, addresses), return_exceptions=True)
        assert {type(error) for error in told} <= {UnauthorizedError, HeldBackError}
        assert signed(camera) == 3, "the first nonce may have been old, no other"


async def test_a_nonce_called_stale_while_the_login_is_in_doubt_is_a_refusal() -> None:
    async with run_camera(guarded()) as camera:
        one, other = recorder(camera.url, WRONG, 2)
        await _failing(one)
        camera.habits.change = stale_where_refused
        await _failing(other)
        assert signed(camera) == 2
        assert other.allowance.account.closed_until(SystemClock().now()) is not None


async def test_a_channel_whose_nonces_are_always_stale_closes_no_other_of_its_recorder() -> None:
    async with run_camera(guarded()) as camera:
        addresses = recorder(camera.url, GOOD, 4)
        await asyncio.gather(*map(describe, addresses))

        def stale(request: Message, reply: Message) -> Message:
            reply.start, nonce = "RTSP/1.0 401 Unauthorized", request.headers.get("CSeq")
            challenge = f'Digest realm="r", nonce="{nonce}", stale=true'
            reply.headers = Headers([("WWW-Authenticate", challenge)])
            return reply

        camera.habits.change = stale
        with pytest.raises(UnauthorizedError):
            await describe(addresses[0])
        camera.habits.change = guarded().change
        for address in addresses[1:]:
            await describe(address)
        addresses[0].allowance.reopen()  # a person asks
        await describe(addresses[0])
