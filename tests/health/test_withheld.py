"""Cameras whose login was refused, and is not shown to them again: whether they live is still seen.

Real connections; time is moved by hand.
"""

import asyncio
import errno
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.health.fakes import FakeRegister, FakeStore, no_sources
from tests.rtsp.camera import Camera, Habits, interleave, pictures, run_camera
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.health import levels
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.model.channel import Channel, Login
from vidgate.model.health import Health, Level, Outcome, Reason, State
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.settings.tree import ProbeSettings
from vidgate.wire.allowance import HOUR, Allowance, Allowances
from vidgate.wire.digest import DigestServer
from vidgate.wire.message import Message

WRONG = Login("admin", "wrong")
IN_PATH = f"?user={WRONG.username}&password={WRONG.password}"
DOWN_WITHIN = 60 + 10 + 5


class Site:
    """Channels of one device, and the service that looks at them in the background."""

    def __init__(self, camera: Camera, *ids: str, path: str = "") -> None:
        self.camera, self.clock, self.store = camera, ManualClock(), FakeStore()
        self.register = FakeRegister(
            [Channel(id=id_, name=id_, url=f"{camera.url}/{id_}{path}") for id_ in ids]
        )
        self.register.known = dict.fromkeys(ids, WRONG)
        self.bus = Bus(clock=self.clock)
        self.health: HealthService
        self.prober: Prober

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Site"]:
        """A second time is a restart: what is in memory alone is lost."""
        allowances, settings = Allowances(), ProbeSettings()

        def allowance(channel: Channel) -> Allowance:
            return allowances.of(channel, self.register.logins(channel), "device")

        async def address(channel: Channel) -> RtspAddress:
            return replace(await self.register.address(channel), allowance=allowance(channel))

        slots = PlatformSlots(self.register)
        self.prober = Prober(self.register, address, slots, settings, self.clock)
        self.prober.allowance = allowance
        async with (
            Hub(no_sources, self.bus, clock=self.clock) as hub,
            HealthService(
                self.register,
                hub,
                self.bus,
                self.prober,
                self.store,
                settings,
                clock=self.clock,
                rng=random.Random(1),
            ) as self.health,
        ):
            yield self

    def of(self, id_: str = "a") -> Health:
        return self.health.of(id_)

    @property
    def states(self) -> list[State]:
        return [self.of(id_).state for id_ in self.register.channels]

    @property
    def never_refused(self) -> list[str]:
        """Channels that the login was not refused to."""
        return [
            id_ for id_ in self.register.channels if levels.refused(self.of(id_).levels) is None
        ]

    @property
    def signed(self) -> int:
        """Requests that tried the login."""
        return sum(bool(one.headers.get("Authorization")) for one in self.camera.requests)

    async def passes(self, seconds: float, *states: State, id_: str = "a") -> None:
        """Let up to so many seconds pass until the channel is in one of the states."""
        for _ in range(int(seconds)):
            if self.of(id_).state in states:
                return
            await self._second()
        assert self.of(id_).state in states

    async def all_pass(self, seconds: float, state: State) -> None:
        """The same until all channels are in it."""
        for id_ in self.register.channels:
            await self.passes(seconds, state, id_=id_)

    async def lives_through(self, seconds: float) -> None:
        """Let all of them pass."""
        for _ in range(int(seconds)):
            await self._second()

    async def _second(self) -> None:
        self.clock.advance(1.0)
        self.health._scheduler.wake()
        for _ in range(8):
            await asyncio.sleep(0)
        await until(lambda: not self.health.in_flight)


def guarded() -> Habits:
    digest = DigestServer("cam", "MD5", "admin", "right")
    return Habits(digest=digest, plays=[interleave(pictures(1))])


def dies(camera: Camera) -> None:
    """It takes connections and ends them at the first word."""

    def change(request: Message, reply: Message) -> None:
        camera.hang_up()

    camera.habits.change = change


def returns(camera: Camera) -> None:
    camera.habits.change = guarded().change


def answers(camera: Camera, status: str, *ids: str) -> None:
    """That is said to these channels where the login is right."""

    def change(request: Message, reply: Message) -> Message:
        if request.headers.get("Authorization") and request.uri.split("/")[-1] in ids:
            reply.start, reply.body = f"RTSP/1.0 {status}", b""
        return reply

    camera.habits.change = change


async def swept(site: Site, *ids: str) -> None:
    """A person asks for a look at these, at once."""
    assert len([one async for one in site.health.run(ids, Level.DESCRIBE)]) == len(ids)


def open_to(login: Login) -> Habits:
    digest = DigestServer("cam", "MD5", login.username, login.password)
    return Habits(digest=digest, plays=[interleave(pictures(1))] * 50)


async def test_a_refused_camera_that_dies_is_down_and_refused_again_when_it_is_back() -> None:
    async with run_camera(guarded()) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        assert site.signed == 1
        asked, since = len(camera.requests), site.of().since
        await site.lives_through(200)
        assert len(camera.requests) >= asked + 3, "it is asked on"
        assert (site.of().state, site.of().since) == (State.UNAUTHORIZED, since)
        dies(camera)
        await site.passes(DOWN_WITHIN, State.DOWN)
        assert site.of().reason is Reason.UNREACHABLE
        await site.lives_through(2 * HOUR)  # so long that its login might be tried once more
        assert site.of().state is State.DOWN
        returns(camera)
        await site.passes(61, State.UNAUTHORIZED)
        assert site.of().reason is Reason.UNAUTHORIZED
        assert site.signed == 1
        told = [e.data["state"] for e in site.bus.since(0)[1] if e.type == "channel.state"]
        assert told == ["unauthorized", "down", "unauthorized"]


async def test_a_camera_that_loses_one_answer_stays_refused() -> None:
    async with run_camera(guarded()) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        dies(camera)
        asked = len(camera.requests)
        while len(camera.requests) < asked + 2:
            await site._second()
        returns(camera)
        await site.lives_through(120)
        assert (site.of().state, site.of().misses.most) == (State.UNAUTHORIZED, 0)
        assert site.signed == 1


async def test_the_refusal_outlives_the_outage_and_a_restart() -> None:
    async with run_camera(guarded()) as camera:
        site = Site(camera, "a")
        async with site.running():
            await site.passes(61, State.UNAUTHORIZED)
            dies(camera)
            await site.passes(DOWN_WITHIN, State.DOWN)
        site.clock.advance(HOUR)
        async with site.running():
            assert site.of().state is State.UNKNOWN
            returns(camera)
            await site.passes(61, State.UNAUTHORIZED)
        assert site.signed == 1


async def test_a_new_credential_is_tried_when_the_camera_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "LONGEST_STAY", 0.0)  # the camera sends one key frame
    async with run_camera(guarded()) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        dies(camera)
        await site.passes(DOWN_WITHIN, State.DOWN)
        site.register.known["a"] = Login("admin", "right")
        site.bus.publish("register.changed", "", {})
        await site.lives_through(5)
        returns(camera)
        await site.passes(75, State.UP)


async def test_a_camera_that_asks_for_no_login_any_more_is_found() -> None:
    async with run_camera(guarded()) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        camera.habits.digest = None
        await site.passes(61, State.REACHABLE)
        asked = len(camera.requests)
        await site.lives_through(120)
        assert asked < len(camera.requests) <= asked + 8, "one look in 30 s, and its OPTIONS"
        assert site.signed == 1


async def test_what_the_login_was_refused_is_kept_beside_that_it_answers() -> None:
    async with run_camera(guarded()) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        before = site.of().levels
        await site.lives_through(120)
        after = site.of().levels
        assert after[Level.DESCRIBE] == before[Level.DESCRIBE]
        assert after[Level.REACH].outcome is Outcome.PASSED
        assert after[Level.REACH].at > before[Level.REACH].at
        last = site.of().last
        assert last is not None
        assert (last.asked, last.level, last.reason) == (
            Level.REACH,
            Level.REACH,
            Reason.UNAUTHORIZED,
        )
        assert "no login was shown" in last.detail


@pytest.mark.parametrize("is_dead", [True, False])
async def test_a_recorder_whose_login_two_channels_closed_is_seen_to_die(*, is_dead: bool) -> None:
    """Its third was not refused itself: it is asked without the login."""
    async with run_camera(guarded()) as camera, Site(camera, *"abc").running() as site:
        await site.all_pass(90, State.UNAUTHORIZED)
        assert site.signed == 2
        (third,) = site.never_refused
        if is_dead:
            dies(camera)
            await site.passes(DOWN_WITHIN, State.DOWN, id_=third)
            returns(camera)
            await site.passes(61, State.UNAUTHORIZED, id_=third)
        else:
            await site.lives_through(120)
            assert site.of(third).state is State.UNAUTHORIZED
        assert site.signed == 2


@pytest.mark.parametrize("path", ["", IN_PATH])
async def test_f11_what_shares_a_rotated_password_is_unauthorized_until_it_may_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Two of four tell of it: the others are told of within a period, whether or not they can be
    asked without the login, and come back by themselves where the device lets it in again.
    """
    monkeypatch.setattr(probe, "LONGEST_STAY", 0.0)
    habits = open_to(WRONG)
    old = habits.digest
    async with run_camera(habits) as camera, Site(camera, *"abcd", path=path).running() as site:
        await site.all_pass(120, State.UP)
        camera.habits.digest, tried = guarded().digest, site.signed
        await site.all_pass(90, State.UNAUTHORIZED)
        others = site.never_refused
        refused = [id_ for id_ in "abcd" if id_ not in others]
        assert len(refused) == 2
        for one in map(site.of, others):
            assert one.reason is Reason.UNAUTHORIZED
            assert one.levels[Level.DESCRIBE].outcome is Outcome.PASSED
            assert one.last is not None
            assert f"401 to the same login (channels {', '.join(refused)})" in one.last.detail
        await site.lives_through(1800)
        assert site.states == [State.UNAUTHORIZED] * 4
        assert site.signed - tried == 2
        camera.habits.digest = old
        for id_ in others:
            await site.passes(HOUR / 2 + 60, State.UP, id_=id_)
        assert site.states.count(State.UNAUTHORIZED) == 2, "its own refusal is for a person to end"


async def test_channels_that_are_let_in_are_not_unauthorized_by_others_that_are_forbidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two lose their rights and are told so at once: the login is held back, and nothing says that
    it is wrong.
    """
    monkeypatch.setattr(probe, "LONGEST_STAY", 0.0)
    forbidden, good = "ab", "cdefgh"
    async with run_camera(open_to(WRONG)) as camera, Site(camera, *"abcdefgh").running() as site:
        await site.all_pass(120, State.UP)
        answers(camera, "403 Forbidden", *forbidden)
        camera.habits.holds = lambda one: bool(one.headers.get("Authorization"))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(swept(site, *forbidden, *good))
            await until(lambda: len(camera.held) == 2)
            camera.release()
        tried = site.signed
        await site.lives_through(300)
        assert site.signed == tried
        assert [site.of(id_).state for id_ in good] == [State.UP] * len(good)
        last = site.of("c").last
        assert last is not None
        assert (last.reason, "refused the login twice" in last.detail) == (Reason.NOT_TESTED, True)
        assert "probe it by name" not in last.detail
        site.clock.advance(HOUR)
        for id_ in good:
            await site.passes(120, State.UP, id_=id_)
        told = [e for e in site.bus.since(0)[1] if e.data.get("state") == "unauthorized"]
        assert sorted(e.object for e in told) == list(forbidden)


@pytest.mark.parametrize("is_dead", [True, False])
async def test_who_cannot_be_asked_is_unauthorized_by_others_only_if_it_was_alive(
    monkeypatch: pytest.MonkeyPatch, *, is_dead: bool
) -> None:
    monkeypatch.setattr(probe, "LONGEST_STAY", 0.0)
    async with (
        run_camera(open_to(WRONG)) as camera,
        Site(camera, "a", path=IN_PATH).running() as site,
    ):
        await site.passes(61, State.UP)
        if is_dead:
            dies(camera)
            await site.passes(DOWN_WITHIN, State.DOWN)
        account = site.prober.allowance(site.register.channels["a"]).account
        for other in "bc":
            account.opened(other)
            account.count(1, site.clock.now(), other, is_of_login=True)
        await site.lives_through(120)
        assert site.of().state is (State.DOWN if is_dead else State.UNAUTHORIZED)


@pytest.mark.parametrize("status", ["453 Not Enough Bandwidth", "404 Not Found"])
async def test_a_refusal_outlives_what_a_later_look_says_beside_it(status: str) -> None:
    async with run_camera(guarded()) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        camera.habits.digest = open_to(WRONG).digest
        answers(camera, status, "a")
        await swept(site, "a")
        tried = site.signed
        assert tried == 2
        camera.habits.digest = guarded().digest
        returns(camera)
        await site.lives_through(200)
        assert (site.of().state, site.signed) == (State.UNAUTHORIZED, tried)


async def test_a_password_in_the_address_is_no_more_shown_than_any() -> None:
    """Each request would try it: such a camera is left alone, as it cannot be asked without."""
    async with run_camera(guarded()) as camera, Site(camera, "a", path=IN_PATH).running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        asked = len(camera.requests)
        await site.lives_through(300)
        assert len(camera.requests) == asked
        assert site.of().state is State.UNAUTHORIZED


async def test_a_camera_that_wants_basic_is_sent_none_where_it_is_held_back() -> None:
    def basic(request: Message, reply: Message) -> Message:
        reply.start = "RTSP/1.0 401 Unauthorized"
        reply.headers.add("WWW-Authenticate", 'Basic realm="cam"')
        return reply

    async with run_camera(Habits(change=basic)) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)
        assert site.signed == 1
        await site.lives_through(2 * HOUR)
        assert site.signed == 1
        assert site.of().state is State.UNAUTHORIZED


async def test_a_sweep_is_told_that_it_answers_and_why_its_login_is_not_tried() -> None:
    async with run_camera(guarded()) as camera, Site(camera, *"abcde").running() as site:
        site.register.known = {"a": WRONG}  # the others have none
        await site.passes(61, State.UNAUTHORIZED)
        found = {one.channel: one async for one in site.health.run("abcde", Level.MEDIA)}
        assert found["a"].reason is Reason.UNAUTHORIZED
        assert "probe it by name" in found["a"].detail
        assert {found[id_].reason for id_ in "bcde"} == {Reason.NO_CREDENTIAL}
        assert site.signed == 1


async def test_a_fault_of_our_own_does_not_end_the_looks_at_a_refused_camera(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with run_camera(guarded()) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UNAUTHORIZED)

        async def out_of_descriptors(*_: object) -> None:
            raise OSError(errno.EMFILE, "too many open files")

        with monkeypatch.context() as patch:
            patch.setattr(site.prober._probing, "describe", out_of_descriptors)
            await site.lives_through(61)
            last = site.of().last
            assert last is not None
            assert last.reason is Reason.ERROR
        dies(camera)
        await site.passes(DOWN_WITHIN, State.DOWN)


async def test_a_channel_that_is_up_is_not_down_before_its_re_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its login is closed by others of its device as its next picture falls due, and the device
    is away for a moment.
    """
    monkeypatch.setattr(probe, "LONGEST_STAY", 0.0)
    habits = Habits(plays=[interleave(pictures(1))] * 9)
    async with run_camera(habits) as camera, Site(camera, "a").running() as site:
        await site.passes(61, State.UP)
        allowance = site.prober.allowance(site.register.channels["a"])
        for _ in range(2):
            allowance.refused(site.clock.now())
        dies(camera)
        plan = site.health._scheduler.plans["a"]
        site.health._scheduler.plan("a", replace(plan, media_at=site.clock.now()))
        asked = len(camera.requests)
        await site.lives_through(4)
        assert site.of().state is State.UP
        assert len(camera.requests) <= asked + 2
        await site.passes(DOWN_WITHIN, State.DOWN)
