"""Counts the pictures of one look by their RTP timestamps (RFC 3550 5.1); pure.

How long a look must be to tell: of the frame rate `LEAST_SECONDS` and `LEAST_STEPS` steps from one
picture to the next (stamps that are 20 ms off make it 2 % wrong), of the group of pictures two key
frames with nothing lost between them, of the bit rate `LEAST_SECONDS`. What is not told is None.
"""

from dataclasses import dataclass

LEAST_SECONDS = 1.0
LEAST_STEPS = 5
JUMP = 10.0  # seconds; a step beyond is a clock set anew, not a picture that took so long
HALF = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was counted. `fps` pictures and `bitrate` bits a second (RTP headers included).

    `group_frames` and `group_seconds`: from a key frame to the next one. With a whole group
    `bitrate` is that of the group. Without, the one key frame is shared out over twice the wait for
    it, which is what a group lasts on average: key frames that take half of all bits make it a
    quarter wrong on average, at the outermost a half.
    """

    fps: float | None = None
    bitrate: float | None = None
    group_frames: int | None = None
    group_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Picture:
    ticks: int  # since the first one
    received: float
    before: int  # bytes before it
    after: int
    number: int
    lost: int
    jumps: int


class Tally:
    """Takes the pictures of one track as they become whole, in their order."""

    def __init__(self, clock_rate: int) -> None:
        self._rate = clock_rate
        self._first: _Picture | None = None
        self._last: _Picture | None = None
        self._key: _Picture | None = None  # the last key frame
        self._waited: tuple[_Picture, _Picture] | None = None  # the first picture, a key frame
        self._group: tuple[_Picture, _Picture] | None = None
        self._timestamp = 0
        self._steps = 0
        self._ticks = 0  # of steps with nothing lost in them

    @property
    def has_group(self) -> bool:
        """Whether a whole group of pictures was seen, so that nothing more is learnt."""
        return self._group is not None

    def picture(self, timestamp: int, received: float, size: int, lost: int, *, key: bool) -> None:
        """A picture is whole. `received` in monotonic seconds, `size` the bytes and `lost` the
        packets of the track up to its end.
        """
        last = self._last
        if last is None:
            step, before, jumps = 0, 0, 0
        else:
            step = (timestamp - self._timestamp + HALF) % (2 * HALF) - HALF
            before, jumps = last.after, last.jumps + (abs(step) > JUMP * self._rate)
        if last is not None and step == 0:
            return  # a part of a picture that the camera's marker cut in two
        now = _Picture(
            0 if last is None else last.ticks + step, received, before, size,
            0 if last is None else last.number + 1, lost, jumps,
        )  # fmt: skip
        if last is None:
            self._first = now
        elif (lost, jumps) == (last.lost, last.jumps):
            self._steps += 1
            self._ticks += step
        self._timestamp, self._last = timestamp, now
        if key:
            self._see_key(now)

    def count(self) -> Count:
        """What the pictures so far tell."""
        whole = self._group_count()
        return Count(
            fps=self._fps(),
            bitrate=whole.bitrate if whole is not None else self._rough_bitrate(),
            group_frames=None if whole is None else whole.group_frames,
            group_seconds=None if whole is None else whole.group_seconds,
        )

    def _see_key(self, now: _Picture) -> None:
        if self._key is None and self._first is not None:
            self._waited = (self._first, now)
        if self._group is None and self._key is not None:
            # A key frame that was lost between them would make the group twice as long.
            is_whole = (self._key.lost, self._key.jumps) == (now.lost, now.jumps)
            if is_whole and now.ticks > self._key.ticks:
                self._group = (self._key, now)
        self._key = now

    def _fps(self) -> float | None:
        seconds = self._ticks / self._rate
        if self._steps < LEAST_STEPS or seconds < LEAST_SECONDS:
            return None
        return round(self._steps / seconds, 3)

    def _group_count(self) -> Count | None:
        if self._group is None:
            return None
        begin, end = self._group
        seconds = (end.ticks - begin.ticks) / self._rate
        return Count(
            group_frames=end.number - begin.number,
            group_seconds=round(seconds, 3),
            bitrate=round(8 * (end.before - begin.before) / seconds),
        )

    def _rough_bitrate(self) -> float | None:
        if self._waited is None:
            return None
        first, key = self._waited
        # A camera that sends at once what it has kept is faster than its pictures are.
        media = (key.ticks - first.ticks) / self._rate if key.jumps == first.jumps else 0.0
        seconds = max(media, key.received - first.received)
        if seconds < LEAST_SECONDS:
            return None
        others, own = key.before - first.before, key.after - key.before
        return round(8 * (others + own / 2) / seconds)
