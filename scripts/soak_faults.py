"""A city's bad days with real sockets: 2,743 simulated cameras, the health service, the clock.

    scripts/soak faults [--channels 2743] [--minutes 30] [--outage 10] [--short] [--only F11]

Flapping (F2), a total outage and its end (F3), UDP loss (F4), cameras that drip (F6), hostile
answers (F8), rotated passwords (F11). Writes docs/soak/faults.md, with `--only` the rows of that
part alone; `--short` takes three minutes, too few for what is due once a minute, and writes
nothing. The tests hold the same promises in virtual time (tests/health/test_storms.py) and by small
fleets (tests/health/test_hostile.py).
"""

import argparse
import asyncio
import gc
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchtable import machine  # noqa: E402
from tests.health.city import CLOCK, City, city, device, resident  # noqa: E402
from tests.waiting import until  # noqa: E402
from vidgate.media.stream import Stream, StreamLimits  # noqa: E402
from vidgate.model.channel import Transport  # noqa: E402
from vidgate.model.health import Level, Reason  # noqa: E402
from vidgate.model.media import StreamKey  # noqa: E402
from vidgate.rtsp.address import RtspAddress  # noqa: E402
from vidgate.rtsp.source import RtspSource  # noqa: E402
from vidgate.settings.tree import ProbeSettings  # noqa: E402

HOSTILE = ("endless-headers", "huge-sdp", "long-sdp", "wrong-sdp", "babble")
MIB = 1 << 20
PAGE = ROOT / "docs" / "soak" / "faults.md"


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long each part takes, in seconds, and how many bursts of loss there are."""

    settle: float
    calm: float
    flapping: float
    outage: float
    pull: float
    bursts: int


@dataclass(slots=True)
class Page:
    """The findings: what was promised, what was seen, whether it was kept."""

    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def note(self, what: str, promised: str, seen: str, kept: bool) -> None:
        """One finding; said at once."""
        self.rows.append((what, promised, seen, kept))
        print(f"{'ok ' if kept else 'NOT'} {what}: {seen} (promised: {promised})", flush=True)

    def lines(self) -> list[str]:
        """The table's."""
        return [
            f"| {what} | {promised} | {seen} | {'yes' if kept else '**no**'} |"
            for what, promised, seen, kept in self.rows
        ]

    def text(self, head: str) -> str:
        """The page."""
        return (
            head
            + "| what | promised | seen | kept |\n|---|---|---|---|\n"
            + "\n".join(self.lines())
        )

    def replace(self, part: str, page: Path) -> None:
        """Put the lines in the place of that part's in a page."""
        lines = page.read_text(encoding="utf-8").splitlines()
        place = next(at for at, line in enumerate(lines) if line.startswith(f"| {part}:"))
        kept = [line for line in lines if not line.startswith(f"| {part}:")]
        kept[place:place] = self.lines()
        page.write_text("\n".join(kept) + "\n", encoding="utf-8")


async def peak_until(
    made: City, seconds: float, done: Callable[[], bool] = lambda: False
) -> tuple[int, float]:
    """The most connects in one second, as the cameras count them, and when `done()` was true (else
    `seconds`).
    """
    await made.count_anew()
    started = CLOCK.now()
    while True:
        await asyncio.sleep(0.2)
        passed = CLOCK.now() - started
        if passed >= seconds or done():
            return (await made.load())["peak_connects"], min(passed, seconds)


async def rate_over(made: City, seconds: float) -> float:
    """Connects a second."""
    before, began = (await made.load())["connects"], CLOCK.now()
    await asyncio.sleep(seconds)
    return float(((await made.load())["connects"] - before) / (CLOCK.now() - began))


async def flap(made: City, page: Page, times: Lengths) -> None:
    """F2: a fifth is there and away by turns."""
    await asyncio.sleep(times.settle)
    normal = await rate_over(made, times.calm)
    flapping = set(made.ids[::5])
    healthy = [id_ for id_ in made.ids if id_ not in flapping]
    page.note("settled, all up", "all", str(dict(made.states(made.ids))), True)
    gc.collect()
    memory, begun = resident(), CLOCK.now()
    await made.break_all(flapping, "flapping=30")
    rate = await rate_over(made, times.flapping)
    gc.collect()
    grown = (resident() - memory) / MIB
    changes = Counter(event.object for at, event in made.events if at >= begun)
    wrong = sum(count for id_, count in changes.items() if id_ not in flapping)
    most = max((changes[id_] for id_ in flapping), default=0)
    page.note(
        f"F2: {len(flapping)} of {len(made.ids)} flap every 30 s for {times.flapping:.0f} s",
        "connects <= 1.2 x normal",
        f"{rate:.1f}/s, normal {normal:.1f}/s: {rate / normal:.2f} x",
        rate <= 1.2 * normal,
    )
    page.note("F2: the others", "no change of state", f"{wrong} changes", wrong == 0)
    page.note(
        "F2: changes told of one flapping camera",
        "<= 1 a minute",
        f"most {most}, {sum(changes.values()) / len(flapping):.1f} on average",
        most <= max(1.0, times.flapping / 60),
    )
    page.note("F2: memory", "<= 20 MiB", f"{grown:+.1f} MiB", grown <= 20)
    await made.mend(flapping)
    states = made.states(healthy)
    page.note("F2: the others at the end", "all up", str(dict(states)), set(states) == {"up"})


async def outage(made: City, page: Page, times: Lengths) -> None:
    """F3: everything goes and comes back."""
    await asyncio.sleep(min(150.0, times.settle))
    await made.break_all(made.ids, "silent")
    most, _ = await peak_until(made, times.outage)
    states = made.states(made.ids)
    page.note(
        f"F3: all {len(made.ids)} silent for {times.outage:.0f} s",
        "all down; <= 80 connects in a second",
        f"{dict(states)}; {most} connects",
        set(states) == {"down"} and most <= 80,
    )
    await made.mend(made.ids)

    def is_back() -> bool:
        return set(made.states(made.ids)) == {"up"}

    most, seconds = await peak_until(made, 240.0, is_back)
    page.note(
        "F3: they come back",
        "all up within 120 s; <= 80 connects in a second",
        f"{seconds:.0f} s, {dict(made.states(made.ids))}; {most} connects",
        seconds <= 120 and most <= 80,
    )


async def drip(made: City, page: Page, _: Lengths) -> None:
    """F6: cameras that answer a byte a second."""
    slow = set(made.ids[: min(300, len(made.ids) // 3)])
    await made.break_all(slow, "drip")
    started = CLOCK.now()
    found = await made.look(made.ids, Level.DESCRIBE)
    seconds = CLOCK.now() - started
    late = max(made.seconds[id_] for id_ in slow)
    reasons = Counter(found[id_].reason.value for id_ in slow)
    page.note(
        f"F6: {len(slow)} cameras of a byte a second, sweep of {len(found)}",
        "each cut at 5 s, sweep <= 90 s",
        f"latest {late:.2f} s, sweep {seconds:.1f} s, {dict(reasons)}",
        late <= 5.5 and seconds <= 90 and set(reasons) == {"timeout"},
    )
    others = Counter(found[id_].reason.value for id_ in found if id_ not in slow)
    page.note("F6: the others", "ok", str(dict(others)), set(others) == {"ok"})
    await made.mend(slow)


async def hostile(made: City, page: Page, _: Lengths) -> None:
    """F8: answers without end."""
    some = made.ids[: min(300, len(made.ids) // 3)]
    for fault in HOSTILE:
        await made.break_all(some, fault)
        found = await made.look(some, Level.DESCRIBE)
        before = resident()
        for _turn in range(3):
            found = await made.look(some, Level.DESCRIBE)
        grown = (resident() - before) / MIB
        reasons = Counter(one.reason.value for one in found.values())
        await made.mend(some)
        page.note(
            f"F8: {fault}, {len(some)} cameras at once, three times",
            "protocol_error, <= 5 MiB growth",
            f"{dict(reasons)}, {grown:+.1f} MiB",
            set(reasons) == {"protocol_error"} and grown <= 5,
        )


async def rotate(made: City, page: Page, _: Lengths) -> None:
    """F11: a password that is not right any more."""
    some = made.ids[: min(500, len(made.ids) // 3)]
    await made.break_all(some, "401")
    for _turn in range(4):
        await made.look(made.ids, Level.DESCRIBE)
    channels = (await made.truth())["channels"]
    wrong: Counter[object] = Counter()
    for id_ in some:
        channel, login = made.register.channels[id_.lower()], made.register.known[id_.lower()]
        wrong[device(channel), login] += channels[id_]["unauthorized"]
    tries, states = Counter(wrong.values()), made.states(some)
    page.note(
        f"F11: {len(some)} channels of {len(wrong)} devices, passwords rotated, four sweeps",
        "<= 2 wrong tries at each device, all unauthorized",
        f"{dict(tries)} (tries: devices), {dict(states)}",
        max(tries) <= 2 and set(states) == {"unauthorized"},
    )
    await made.mend(some)


class _Counting:
    """A publisher that counts frames of pictures."""

    frames = 0

    def start(self, tracks: object, *, origin: str = "", cause: str = "") -> None:
        """The tracks are known."""

    def missed(self) -> None:
        """Pictures were lost."""

    def received(self, reception: object) -> None:
        """How they arrive."""

    def frame(self, frame: object) -> None:
        """One more."""
        self.frames += 1


async def lossy(made: City, page: Page, times: Lengths) -> None:
    """F4, the cameras' side: RTP over UDP with loss, jitter and reorder."""
    for share in (5, 10, 20):
        some = made.ids[:20]
        for fault in (f"loss={share}", "jitter=30", "reorder=1"):
            await made.break_all(some, fault)
        pulls = [_source(made, id_) for id_ in some]
        counted = [_Counting() for _ in pulls]
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(source.run(publisher))
                for source, publisher in zip(pulls, counted, strict=True)
            ]
            await asyncio.sleep(times.pull)
            stats = [source.stats for source in pulls]
            failed = sum(task.done() for task in running)
            for task in running:
                task.cancel()
        lost = sum(one.lost for one in stats)
        whole = lost + sum(one.packets for one in stats)
        shown = 100 * lost / max(1, whole)
        page.note(
            f"F4: 20 pulls over UDP, {share} % loss, 30 ms jitter, 1 % reordered, "
            f"{times.pull:.0f} s",
            "no pull ends; loss told within 2 points",
            f"{failed} ended, {shown:.1f} % told, {min(c.frames for c in counted)} frames at least",
            failed == 0 and abs(shown - share) <= 2,
        )
        await made.mend(some)
    await bursts(made, page, times)


async def bursts(made: City, page: Page, times: Lengths) -> None:
    """F4, the cameras' side: nothing at all comes for half a second, several times."""
    some = made.ids[:5]
    for trait in ("idr=10", "pli"):
        await made.break_all(some, trait)
    for _ in range(6):  # the simulator draws the ten seconds of each when it is asked first
        found = await made.look(some, Level.DESCRIBE)
        if all(result.reason is Reason.OK for result in found.values()):
            break
    streams: list[Stream] = []
    waited: list[float] = []
    async with asyncio.TaskGroup() as tasks:
        pulls: list[asyncio.Task[None]] = []
        for id_ in some:
            source = _source(made, id_)
            stream = Stream(StreamKey(id_), CLOCK, StreamLimits(), lambda _: None)
            stream.connecting(source.request_key_frame)
            pulls.append(tasks.create_task(source.run(stream)))
            streams.append(stream)
        await until(lambda: all(one.stats.key_frames for one in streams), timeout=20.0)
        for _ in range(times.bursts):
            await made.break_all(some, "loss=100")
            await asyncio.sleep(0.5)
            over = CLOCK.now()
            await made.break_all(some, "loss=0")
            waited += await _key_frames(streams, over)
        for pull in pulls:
            pull.cancel()
    page.note(
        f"F4: {len(some)} pulls over UDP, half a second of nothing {times.bursts} times, key "
        "frames every 10 s unless asked for (PLI)",
        "a key frame within 2 s after each",
        f"median {median(waited):.2f} s, worst {max(waited):.2f} s",
        max(waited) <= 2,
    )
    await made.mend(some)


async def _key_frames(streams: list[Stream], since: float) -> list[float]:
    """After how many seconds each had its next key frame; 10 for those that had none so soon."""
    with suppress(AssertionError):
        await until(lambda: all((one.stats.last_key_frame or 0) > since for one in streams))
    return [max(one.stats.last_key_frame or 0, since) - since or 10.0 for one in streams]


def _source(made: City, id_: str) -> RtspSource:
    channel, login = made.register.channels[id_.lower()], made.register.known[id_.lower()]
    return RtspSource(RtspAddress(url=channel.url, login=login, transport=Transport.UDP))


# Those of one line share a city, whose probing is on or off.
CITIES = ((False, ("F6", "F8", "F11", "F4")), (True, ("F2",)), (True, ("F3",)))
PARTS: dict[str, Callable[[City, Page, Lengths], Awaitable[None]]] = {
    "F2": flap,
    "F3": outage,
    "F4": lossy,
    "F6": drip,
    "F8": hostile,
    "F11": rotate,
}


async def run(channels: int, times: Lengths, wanted: Collection[str]) -> Page:
    """The parts wanted, one after the other."""
    page = Page()
    with tempfile.TemporaryDirectory() as folder:
        for is_probed, parts in CITIES:
            todo = [name for name in parts if name in wanted]
            if not todo:
                continue
            async with city(Path(folder), channels, ProbeSettings(enabled=is_probed)) as made:
                if not is_probed:
                    await made.look(made.ids, Level.DESCRIBE)
                for name in todo:
                    await PARTS[name](made, page, times)
    return page


def main() -> None:
    """Run, write the page, fail where a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=2743)
    parser.add_argument("--minutes", type=float, default=30.0, help="of flapping")
    parser.add_argument("--outage", type=float, default=10.0, help="minutes")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    times = Lengths(150, 180, 60 * options.minutes, 60 * options.outage, 30, 20)
    if options.short:
        options.channels, times = 60, Lengths(5, 10, 20, 30, 5, 2)
    started = CLOCK.now()
    wanted = [options.only] if options.only else list(PARTS)
    page = uvloop.run(run(options.channels, times, wanted))
    if options.only and not options.short:
        page.replace(options.only, PAGE)
        return
    words = f"--channels {options.channels} --minutes {options.minutes:g}"
    head = (
        "# Soak: a city's bad days\n\n"
        f"`scripts/soak faults {words} --outage {options.outage:g}`, {machine()}, "
        f"{CLOCK.now() - started:.0f} s. The cameras run in a process of their own; probing is the "
        "default: every 60 s, 80 connects a second at most, 320 at once.\n\n"
    )
    text = page.text(head) + "\n"
    if not options.short:
        PAGE.write_text(text, encoding="utf-8")
    print(text)
    if not all(kept for *_, kept in page.rows) and not options.short:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
