"""Results of looks as bytes: thirty days of 2,743 channels that are looked at every minute.

What says the same as the look before is folded into a run (how many, how long, least, mean and
greatest answer time); a look for a picture, and whatever differs, is kept as it was. No result of a
describe that is not folded into a run of its own kind is lost, only its single instant.

A channel's records lie in slots of six hours. A record: a head (reason, level, what was asked, run
or not, measured or not), tenths of a second since the slot began, its times in milliseconds plus
one (0: none), and where anything was measured: hundredths of a picture a second, kbit/s,
milliseconds of a group of pictures, hundredths of a percent of packets lost, each plus one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.model.standing import milliseconds
from vidgate.storage.codes import REASONS, reason_of, varint, varints

SLOT = 6 * 3600 * 1000  # milliseconds
TICK = 100  # milliseconds
RUN = 15 * 60 * 1000  # a run is no longer than this
MEASURED = 12  # the bit of a head
SCALES = {"fps": 100, "bitrate": 0.001, "group_seconds": 1000, "loss": 10_000}
MAX_BYTES = 8 << 20  # held while the database cannot take them


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look, or a run of `count` equal ones that began at `time` and lasted `seconds`.

    `t1` is the mean of a run, `least` and `most` its bounds; all in seconds, None: not reached.
    Measured, None: not: `fps` pictures and `bitrate` bits a second, `group_seconds` from one key
    frame to the next, `loss` the share of RTP packets that never came.
    """

    time: float
    asked: Level
    level: Level
    reason: Reason
    count: int = 1
    seconds: float = 0.0
    t1: float | None = None
    least: float | None = None
    most: float | None = None
    t2: float | None = None
    t3: float | None = None
    fps: float | None = None
    bitrate: float | None = None
    group_seconds: float | None = None
    loss: float | None = None

    @property
    def last(self) -> float:
        """When the last look of it began."""
        return self.time + self.seconds


@dataclass(slots=True)
class _Run:
    """Equal describes in a row."""

    first: ProbeResult
    last: float
    answers: list[float] = field(default_factory=list)
    count: int = 0

    def takes(self, result: ProbeResult) -> bool:
        begun, now = milliseconds(self.first.t0), milliseconds(result.t0)
        return (
            _kind(result) == _kind(self.first)
            and 0 <= now - begun < RUN
            and now // SLOT == begun // SLOT
        )

    def add(self, result: ProbeResult) -> None:
        self.count += 1
        self.last = result.t0
        if result.t1 is not None:
            self.answers.append(result.t1)


class LookLog:
    """Takes results; gives rows (id, slot, bytes) that are ready to be appended."""

    def __init__(self) -> None:
        self.lost = 0
        self._runs: dict[str, _Run] = {}
        self._ready: dict[tuple[str, int], bytearray] = {}
        self._bytes = 0

    def add(self, result: ProbeResult) -> None:
        """One result; a look that was not made is none."""
        if not result.was_made:
            return
        run = self._runs.get(result.channel)
        if run is not None and not run.takes(result):
            self._close(result.channel)
            run = None
        if result.asked > Level.DESCRIBE:
            self._keep(result, _single(result))
            return
        if run is None:
            run = self._runs[result.channel] = _Run(result, result.t0)
        run.add(result)

    def take(self, limit: int, *, now: float | None = None) -> list[tuple[str, int, bytes]]:
        """Up to so many rows; runs that are over at wall-clock `now` (None: all) are closed."""
        for channel, run in list(self._runs.items()):
            if now is None or abs(now - run.first.t0) * 1000 >= RUN:
                self._close(channel)
        chosen = list(self._ready)[:limit]
        rows = [(*key, bytes(self._ready.pop(key))) for key in chosen]
        self._bytes -= sum(len(data) for _, _, data in rows)
        return rows

    def give_back(self, rows: list[tuple[str, int, bytes]]) -> None:
        """The database refused: they wait on, before what came since."""
        for channel, slot, data in rows:
            later = self._ready.pop((channel, slot), bytearray())
            self._ready[channel, slot] = bytearray(data) + later
            self._bytes += len(data)
        self._bound()

    def _close(self, channel: str) -> None:
        run = self._runs.pop(channel)
        self._keep(run.first, _single(run.first) if run.count == 1 else _folded(run))

    def _keep(self, result: ProbeResult, data: bytes) -> None:
        slot = milliseconds(result.t0) // SLOT * SLOT
        self._ready.setdefault((result.channel, slot), bytearray()).extend(data)
        self._bytes += len(data)
        self._bound()

    def _bound(self) -> None:
        """The newest win."""
        while self._bytes > MAX_BYTES:
            oldest = next(iter(self._ready))
            self._bytes -= len(self._ready.pop(oldest))
            self.lost += 1


def unpack(slot: int, data: bytes) -> Iterator[Look]:
    """The looks of one slot, in the order in which they were written."""
    numbers = varints(data)
    for head in numbers:
        take = (head >> 11) & 1
        rest = [next(numbers, 0) for _ in range(6 if take else 4)]
        time = (slot + rest[0] * TICK) / 1000
        kind = {
            "reason": reason_of(head & 31),
            "level": Level(head >> 5 & 7),
            "asked": Level(head >> 8 & 7),
        }
        if take:
            count, lasted, least, mean, most = rest[1:]
            yield Look(
                time=time,
                count=count,
                seconds=lasted * TICK / 1000,
                t1=_seconds(mean),
                least=_seconds(least),
                most=_seconds(most),
                **kind,  # type: ignore[arg-type]
            )
        else:
            t1, t2, t3 = map(_seconds, rest[1:])
            found = [next(numbers, 0) for _ in SCALES] if head >> MEASURED & 1 else ()
            measured = dict(zip(SCALES, map(_read, SCALES.values(), found), strict=False))
            yield Look(time=time, t1=t1, t2=t2, t3=t3, **kind, **measured)  # type: ignore[arg-type]


def _kind(result: ProbeResult) -> tuple[Reason, Level, Level]:
    return result.reason, result.level, result.asked


def _head(result: ProbeResult, *, is_run: bool, is_measured: bool = False) -> bytes:
    code = REASONS[result.reason] | result.level << 5 | result.asked << 8 | is_run << 11
    code |= is_measured << MEASURED
    return varint(code) + varint(milliseconds(result.t0) % SLOT // TICK)


def _single(result: ProbeResult) -> bytes:
    times = (result.t1, result.t2, result.t3)
    measured = _measured(result)
    head = _head(result, is_run=False, is_measured=any(one is not None for one in measured))
    body = b"".join(map(_time, times))
    if any(one is not None for one in measured):
        body += b"".join(map(_written, SCALES.values(), measured))
    return head + body


def _measured(result: ProbeResult) -> tuple[float | None, ...]:
    """In the order of `SCALES`."""
    loss = result.lost / result.expected if result.expected and result.lost is not None else None
    return result.measured_fps, result.measured_bitrate, result.group_seconds, loss


def _written(scale: float, value: float | None) -> bytes:
    return varint(0 if value is None else max(0, round(value * scale)) + 1)


def _read(scale: float, code: int) -> float | None:
    return (code - 1) / scale if code else None


def _folded(run: _Run) -> bytes:
    answers = run.answers
    known = (min(answers), sum(answers) / len(answers), max(answers)) if answers else (None,) * 3
    lasted = max(0, round((run.last - run.first.t0) * 1000 / TICK))
    body = varint(run.count) + varint(lasted) + b"".join(map(_time, known))
    return _head(run.first, is_run=True) + body


def _time(seconds: float | None) -> bytes:
    return varint(0 if seconds is None else max(0, round(seconds * 1000)) + 1)


def _seconds(code: int) -> float | None:
    return (code - 1) / 1000 if code else None
