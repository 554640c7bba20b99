"""The sessions of a camera or of a platform's host: how many, and how well they were used."""

from dataclasses import dataclass, field

from vidgate.aio.clock import Clock, SystemClock


@dataclass(slots=True)
class Usage:
    """Sessions now and at most; `cap` 0 is no limit.

    `taken` sessions were begun so far, `refused` were one too many (453). `waited` is the sum of
    their seconds from PLAY to the first key frame: no client can have its pictures in less.
    `pressed` are the seconds from the first session to the last that was begun, so long as somebody
    had still more to ask; `busy` the session-seconds of that time, `whole` the seconds until the
    last one ended.
    """

    cap: int = 0
    clock: Clock = field(default_factory=SystemClock)
    sessions: int = 0
    max_sessions: int = 0
    taken: int = 0
    refused: int = 0
    waited: float = 0.0
    pressed: float = 0.0
    busy: float = 0.0
    whole: float = 0.0
    _first: float | None = None
    _changed: float = 0.0
    _spent: float = 0.0  # session-seconds until the last change

    @property
    def is_full(self) -> bool:
        """Whether one more session is too much."""
        return 0 < self.cap <= self.sessions

    def take(self) -> None:
        """One more session."""
        now = self._pass()
        self.sessions += 1
        self.taken += 1
        self.max_sessions = max(self.max_sessions, self.sessions)
        if self._first is None:
            self._first, self._spent = now, 0.0
        self.pressed, self.busy = now - self._first, self._spent

    def give_back(self) -> None:
        """One session ended."""
        now = self._pass()
        self.sessions -= 1
        if self._first is not None:
            self.whole = now - self._first

    def count_anew(self) -> None:
        """Forget what was; the sessions of now go on."""
        self.taken = self.refused = 0
        self.max_sessions = self.sessions
        self.waited = self.pressed = self.busy = self.whole = 0.0
        self._first = None

    def as_json(self) -> dict[str, float]:
        """Its part of `GET /truth` and `GET /load`."""
        counts = ("sessions", "max_sessions", "taken", "refused")
        seconds = ("waited", "pressed", "busy", "whole")
        return {
            **{name: getattr(self, name) for name in counts},
            **{name: round(getattr(self, name), 3) for name in seconds},
        }

    def _pass(self) -> float:
        now = self.clock.now()
        self._spent += self.sessions * (now - self._changed)
        self._changed = now
        return now
