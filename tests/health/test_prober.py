"""One look: every outcome becomes a result, limits hold, deadlines cut."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.health.fakes import FakeRegister
from tests.waiting import until
from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.limits import Priority
from vidgate.errors import (
    BusyError,
    DeniedAddressError,
    HeldBackError,
    MissingStreamError,
    NoCredentialError,
    NoKeyFrameError,
    NoMediaError,
    NotFoundError,
    ProtocolError,
    RefusedError,
    RemoteTimeoutError,
    UnauthorizedError,
    UnreachableError,
    UnsupportedError,
    VerdictPendingError,
    VidgateError,
)
from vidgate.health import prober as probers
from vidgate.health.limits import PlatformSlots, ahead
from vidgate.health.measure import Wish
from vidgate.health.prober import Prober, reason_of
from vidgate.model.channel import Channel, Kind, Login, Platform
from vidgate.model.health import Level, Reason
from vidgate.model.media import Codec
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.player import Admit
from vidgate.rtsp.probe import ProbeTimes, Stay
from vidgate.settings.tree import ProbeSettings

CHANNEL = Channel(id="c", name="c", url="rtsp://127.0.0.9:554/x")
Act = Callable[[ProbeTimes], None]


class Lens:
    """A camera that does what the test says; remembers the addresses."""

    def __init__(self, act: Act | None = None) -> None:
        self.act = act
        self.called: list[str] = []
        self.addresses: list[RtspAddress] = []
        self.gate: asyncio.Event | None = None

    async def describe(self, address: RtspAddress, clock: Clock, times: ProbeTimes) -> None:
        """DESCRIBE."""
        await self._look(address, times)
        times.t1 = 0.01

    async def media(
        self, address: RtspAddress, clock: Clock, times: ProbeTimes, admit: Admit, stay: Stay
    ) -> None:
        """PLAY."""
        self.called.append(address.url)
        await admit()
        await self._look(address, times)
        times.t1, times.t2, times.t3, times.codec = 0.01, 0.02, 0.5, Codec.H264

    async def _look(self, address: RtspAddress, times: ProbeTimes) -> None:
        self.addresses.append(address)
        if self.gate is not None:
            await self.gate.wait()
        if self.act is not None:
            self.act(times)


def raising(error: Exception, **reached: float) -> Act:
    """Fail after some instants were reached."""

    def act(times: ProbeTimes) -> None:
        for name, value in reached.items():
            setattr(times, name, value)
        raise error

    return act


def prober(
    lens: Lens, register: FakeRegister | None = None, settings: ProbeSettings | None = None
) -> Prober:
    """A prober that looks through the lens."""
    register = register or FakeRegister([CHANNEL])
    return Prober(
        register,
        register.address,
        PlatformSlots(register),
        settings or ProbeSettings(),
        SystemClock(),
        lens,
    )


def test_a_platform_without_a_limit_has_room_for_what_waited() -> None:
    """Its sessions were counted when it was put in line."""
    register = FakeRegister([CHANNEL])
    for slots, room in ((0, None), (4, 4 + ahead(4))):
        register.platforms["p"] = Platform(id="p", slots=slots)
        assert prober(Lens(), register).room(("slots", "p")) == room


async def test_good_looks() -> None:
    described = await prober(Lens()).probe(CHANNEL, Level.DESCRIBE)
    assert (described.reason, described.level, described.t1) == (Reason.OK, Level.DESCRIBE, 0.01)
    seen = await prober(Lens()).probe(CHANNEL, Level.MEDIA)
    assert (seen.level, seen.t3, seen.codec) == (Level.MEDIA, 0.5, Codec.H264)


@pytest.mark.parametrize(
    ("error", "reason", "level"),
    [
        (UnreachableError("x"), Reason.UNREACHABLE, Level.NONE),
        (RemoteTimeoutError("x"), Reason.TIMEOUT, Level.NONE),
        (ProtocolError("x"), Reason.PROTOCOL_ERROR, Level.REACH),
        (UnauthorizedError("x"), Reason.UNAUTHORIZED, Level.REACH),
        (NoCredentialError("x"), Reason.NO_CREDENTIAL, Level.REACH),
        (BusyError("x"), Reason.BUSY, Level.REACH),
        (MissingStreamError("x"), Reason.NOT_FOUND, Level.REACH),
        (RefusedError("x"), Reason.REFUSED, Level.REACH),
        (NoMediaError("x"), Reason.NO_MEDIA, Level.DESCRIBE),
        (NoKeyFrameError("x"), Reason.NO_KEY_FRAME, Level.DESCRIBE),
        (UnsupportedError("nobody was asked"), Reason.NOT_TESTED, Level.NONE),
        (DeniedAddressError("x"), Reason.DENIED_ADDRESS, Level.NONE),
    ],
)
async def test_every_failure_has_its_reason_and_level(
    error: VidgateError, reason: Reason, level: Level
) -> None:
    result = await prober(Lens(raising(error))).probe(CHANNEL, Level.DESCRIBE)
    assert (result.reason, result.level) == (reason, level)


async def test_what_was_reached_before_the_failure_counts() -> None:
    lens = Lens(raising(RemoteTimeoutError("connected, then silent"), connected=0.01))
    result = await prober(lens).probe(CHANNEL, Level.DESCRIBE)
    assert (result.level, result.connected) == (Level.REACH, 0.01)
    lens = Lens(raising(BusyError("453"), t1=0.01))
    assert (await prober(lens).probe(CHANNEL, Level.MEDIA)).level is Level.DESCRIBE
    lens = Lens(raising(UnreachableError("reset"), t1=0.01, t2=0.02))
    result = await prober(lens).probe(CHANNEL, Level.MEDIA)
    assert (result.level, result.t2, result.t3) == (Level.DESCRIBE, 0.02, None)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EADDRNOTAVAIL])
def test_our_own_shortage_is_not_the_cameras_fault(number: int) -> None:
    error = UnreachableError("cannot connect")
    error.__cause__ = OSError(number, "shortage")
    assert reason_of(error) is Reason.ERROR


def test_foreign_errors_are_ours() -> None:
    assert reason_of(ZeroDivisionError()) is Reason.ERROR
    assert reason_of(NotFoundError("x")) is Reason.NO_ADDRESS


@pytest.mark.parametrize("error", [HeldBackError, VerdictPendingError])
async def test_a_login_that_is_held_back_says_nothing_of_the_camera(
    error: type[HeldBackError | VerdictPendingError],
) -> None:
    lens = Lens(raising(error("refused lately at the same device")))
    for level in (Level.DESCRIBE, Level.MEDIA):
        result = await prober(lens).probe(CHANNEL, level)
        assert (result.reason, result.level) == (Reason.NOT_TESTED, Level.NONE)
        assert result.detail == "refused lately at the same device"


async def test_a_camera_that_is_asked_without_its_login_lives_or_does_not() -> None:
    register = FakeRegister([CHANNEL])
    register.known["c"] = Login("admin", "pass")
    for act, level, reason in (
        (raising(NoCredentialError("401"), connected=0.01), Level.REACH, Reason.UNAUTHORIZED),
        (raising(UnreachableError("gone")), Level.NONE, Reason.UNREACHABLE),
        (raising(RemoteTimeoutError("mute"), connected=0.01), Level.REACH, Reason.TIMEOUT),
        (None, Level.DESCRIBE, Reason.OK),
    ):
        lens = Lens(act)
        result = await prober(lens, register).probe_unsigned(CHANNEL)
        assert (result.asked, result.level, result.reason) == (Level.REACH, level, reason)
        assert [address.login for address in lens.addresses] == [None]


@pytest.mark.parametrize("url", ["rtsp://127.0.0.9/x?p=pass", "rtsp://127.0.0.9/x?p=a%20b"])
async def test_a_camera_with_its_password_in_the_address_is_not_asked_without(url: str) -> None:
    register, lens = FakeRegister([replace(CHANNEL, url=url)]), Lens()
    register.known["c"] = Login("admin", "a b" if "%20" in url else "pass")
    result = await prober(lens, register).probe_unsigned(replace(CHANNEL, url=url))
    assert (result.asked, result.level, result.reason, lens.addresses) == (
        Level.NONE,
        Level.NONE,
        Reason.NOT_TESTED,
        [],
    )


async def test_what_cannot_be_asked_is_not_asked() -> None:
    lens = Lens()
    no_url = await prober(lens).probe(replace(CHANNEL, url=""), Level.MEDIA)
    assert no_url.reason is Reason.NO_ADDRESS
    pushed = await prober(lens).probe(replace(CHANNEL, kind=Kind.PUSH), Level.MEDIA)
    assert pushed.reason is Reason.NOT_TESTED
    assert lens.addresses == []


@pytest.mark.parametrize(
    ("level", "reached", "reason"),
    [
        (Level.DESCRIBE, {}, Reason.TIMEOUT),
        (Level.MEDIA, {"t1": 0.1}, Reason.TIMEOUT),
        (Level.MEDIA, {"t1": 0.1, "t2": 0.2}, Reason.NO_KEY_FRAME),
    ],
)
async def test_a_drip_is_cut(
    monkeypatch: pytest.MonkeyPatch, level: Level, reached: dict[str, float], reason: Reason
) -> None:
    class Drip(Lens):
        async def _look(self, address: RtspAddress, times: ProbeTimes) -> None:
            for name, value in reached.items():
                setattr(times, name, value)
            await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(probers, "CLOSING", 0.0)
    quick = ProbeSettings(timeout=0.01, media_timeout=0.01)
    result = await prober(Drip(), settings=quick).probe(CHANNEL, level)
    assert result.reason is reason


async def test_the_deadlines_are_handed_down() -> None:
    lens = Lens()
    settings = ProbeSettings(timeout=3.0, media_timeout=12.0)
    await prober(lens, settings=settings).probe(CHANNEL, Level.MEDIA)
    (address,) = lens.addresses
    assert (address.connect_timeout, address.request_timeout) == (3.0, 3.0)
    assert address.turn_timeout == 1.5  # or our wait would look like the camera's
    assert address.stall_timeout == 4.0  # no key frame is told after three of these


async def test_an_operator_preempts_and_a_full_platform_is_not_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel = replace(CHANNEL, platform="p")
    register = FakeRegister([channel], [Platform(id="p", slots=1)])
    lens, slots = Lens(), PlatformSlots(register)
    lens.gate = asyncio.Event()
    looker = Prober(register, register.address, slots, ProbeSettings(), SystemClock(), probing=lens)
    looking = asyncio.ensure_future(looker.probe(channel, Level.MEDIA))
    await until(lambda: lens.addresses)
    async with slots.hold(channel, Priority.OPERATOR):
        assert (await looking).reason is Reason.NOT_TESTED
        monkeypatch.setattr("vidgate.health.limits.LOOK_WAIT", 0.01)
        result = await looker.probe(channel, Level.MEDIA)
    assert (result.reason, result.level) == (Reason.NOT_TESTED, Level.NONE)


async def test_a_picture_that_was_seen_is_not_unseen_by_a_late_goodbye(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vidgate.rtsp.probe.LONGEST_STAY", 0.0)
    monkeypatch.setattr(probers, "CLOSING", 0.0)
    settings = ProbeSettings(timeout=0.02, media_timeout=0.02)

    class Slow(Lens):
        async def media(
            self, address: RtspAddress, clock: Clock, times: ProbeTimes, admit: Admit, stay: Stay
        ) -> None:
            await super().media(address, clock, times, admit, stay)
            await asyncio.get_running_loop().create_future()

    result = await prober(Slow(), settings=settings).probe(CHANNEL, Level.MEDIA)
    assert (result.reason, result.level) == (Reason.OK, Level.MEDIA)


async def test_a_look_that_stays_gives_way_with_what_it_has_seen() -> None:
    channel = replace(CHANNEL, platform="p")
    register = FakeRegister([channel], [Platform(id="p", slots=2)])
    slots, staying = PlatformSlots(register), asyncio.Event()
    wishes: list[bool] = []

    class Patient(Lens):
        async def media(
            self, address: RtspAddress, clock: Clock, times: ProbeTimes, admit: Admit, stay: Stay
        ) -> None:
            await super().media(address, clock, times, admit, stay)
            wishes.append(stay())
            async with slots.hold(channel, Priority.OPERATOR):
                wishes.append(stay())
            staying.set()
            await asyncio.get_running_loop().create_future()

    looker = Prober(
        register, register.address, slots, ProbeSettings(), SystemClock(), probing=Patient()
    )
    looking = asyncio.ensure_future(looker.probe(channel, Level.MEDIA, Wish.IF_IDLE))
    await staying.wait()
    async with (
        slots.hold(channel, Priority.OPERATOR),
        slots.hold(channel, Priority.OPERATOR),
    ):
        result = await looking
    assert wishes == [True, False]  # half of the sessions are left for others
    assert (result.reason, result.level, result.t3) == (Reason.OK, Level.MEDIA, 0.5)


async def test_a_look_calls_its_camera_while_it_waits_for_a_session() -> None:
    """And no more of them than a few; where people hold the sessions, none."""
    channels = [
        replace(CHANNEL, id=f"c{n}", url=f"rtsp://127.0.0.9/{n}", platform="p") for n in range(5)
    ]
    register = FakeRegister(channels, [Platform(id="p", slots=1)])
    lens, slots = Lens(), PlatformSlots(register)
    lens.gate = asyncio.Event()
    looker = Prober(register, register.address, slots, ProbeSettings(), SystemClock(), probing=lens)
    async with slots.hold(channels[0], Priority.OPERATOR):
        looking = [asyncio.ensure_future(looker.probe(channels[0], Level.MEDIA))]
        await asyncio.sleep(0)
        assert lens.called == []
    await until(lambda: len(lens.addresses) == 1)
    looking += [
        asyncio.ensure_future(looker.probe(channel, Level.MEDIA)) for channel in channels[1:]
    ]
    await until(lambda: len(lens.called) == 2)
    await asyncio.sleep(0)
    assert (len(lens.called), len(lens.addresses)) == (2, 1)
    lens.gate.set()
    results = await asyncio.gather(*looking)
    assert [result.reason for result in results] == [Reason.OK] * 5


async def test_waiting_for_a_session_is_no_failure_of_the_camera(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vidgate.health.limits.TURN_WAIT", 0.1)
    first, second = (replace(CHANNEL, id=id_, platform="p") for id_ in ("c1", "c2"))
    register = FakeRegister([first, second], [Platform(id="p", slots=1)])
    lens, slots = Lens(), PlatformSlots(register)
    settings = ProbeSettings(timeout=0.02, media_timeout=0.02)
    monkeypatch.setattr(probers, "CLOSING", 0.0)
    looker = Prober(register, register.address, slots, settings, SystemClock(), probing=lens)
    async with slots.hold(first, Priority.PROBE):
        result = await looker.probe(second, Level.MEDIA)
    assert (result.reason, result.level) == (Reason.NOT_TESTED, Level.NONE)


def test_lanes_follow_platforms_and_hosts() -> None:
    register = FakeRegister(
        platforms=[Platform(id="p", slots=5, describe_parallel=7), Platform(id="q")]
    )
    looker = prober(Lens(), register)
    behind = replace(CHANNEL, platform="p")
    assert looker.lane(behind, Level.DESCRIBE) == (("describe", "p"), 7)
    assert looker.lane(behind, Level.MEDIA) == (("slots", "p"), 7)
    no_slots = replace(CHANNEL, platform="q")
    assert looker.lane(no_slots, Level.MEDIA) == (("describe", "q"), 16)
    assert looker.lane(CHANNEL, Level.MEDIA) == (("host", "127.0.0.9"), 4)
    assert looker.lane(replace(CHANNEL, url="", address="10.1.1.1"), Level.MEDIA)[0] == (
        "host",
        "10.1.1.1",
    )
    assert looker.lane(replace(CHANNEL, url="nonsense"), Level.MEDIA)[0] == ("host", "")
