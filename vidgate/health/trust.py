"""Whether the wall clock can be believed; no I/O.

The past is kept in the wall clock's time, and a clock can be wrong: a machine starts with an empty
battery, somebody sets it by hand. What it then says must neither be written among what is true nor
be a reason to drop it. Known for sure is how long the process ran: no time is earlier than what was
stored when it started and the running time since.
"""

import structlog

from vidgate.aio.clock import Clock

log = structlog.get_logger(__name__)

STEP = 2.0  # seconds by which a wall clock is stepped, not slewed
SLACK = 600.0  # seconds by which the clock of an earlier run may have been fast
STEADY = 3600.0  # seconds without a step after which a clock is believed, whatever it says
DAY = 86_400.0


class Trust:
    """`look()` at least once a minute; `newest` is the last wall instant that is stored, if any."""

    def __init__(self, clock: Clock, newest: float | None = None) -> None:
        self._clock = clock
        self._ahead = clock.wall() - clock.now()  # of the monotonic clock
        self._stepped = clock.now()
        self._least = None if newest is None else newest - clock.now()
        self._is_believed = True
        self.may_drop = True  # what is later than now is false

    def look(self) -> bool:
        """Whether what the wall clock says now may be written down.

        A clock that was put back too far is believed after an hour all the same: nobody is there
        who will put it right. What is later than now is dropped then only if that is a day at most.
        """
        now, ahead = self._clock.now(), self._clock.wall() - self._clock.now()
        if abs(ahead - self._ahead) > STEP:
            self._stepped = now
        self._ahead = ahead
        is_steady = now - self._stepped >= STEADY
        if is_steady and (self._least is None or ahead < self._least - SLACK):
            self.may_drop = self._least is None or self._least - ahead <= DAY
            self._least = ahead
        is_believed = self._least is None or ahead >= self._least - SLACK
        if is_believed != self._is_believed:
            self._is_believed = is_believed
            self._say(ahead)
        return is_believed

    @property
    def may_forget(self) -> bool:
        """Whether what is too old by this clock is old: not for a day after it leapt ahead."""
        is_believed = self.look()
        if self._least is None or self._clock.now() - self._stepped >= DAY:
            return is_believed
        return is_believed and self._ahead - self._least <= DAY

    @property
    def now(self) -> float:
        """The wall instant by which ages are told: after a leap ahead what has come for sure."""
        now = self._clock.wall()
        if self.may_forget or self._least is None:
            return now
        return min(now, self._least + self._clock.now())

    def _say(self, ahead: float) -> None:
        if self._is_believed:
            log.info("the wall clock is believed again")
        elif self._least is not None:
            log.error(
                "the wall clock stands before what is already stored: nothing is added to history "
                "until it is put right, or for an hour",
                seconds=round(self._least - ahead),
            )
