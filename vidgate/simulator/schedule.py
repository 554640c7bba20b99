"""Lets planned faults come and go, and flapping cameras flap."""

import asyncio
from collections.abc import Callable

from vidgate.simulator.camera import Camera
from vidgate.simulator.faults import PlannedFault, Trouble
from vidgate.simulator.ticker import Timer

Break = Callable[[Camera, Trouble], None]
Mend = Callable[[Camera, Trouble | None], None]


class FaultSchedule:
    """The faults in force and those to come; `break_` and `mend` are told when."""

    def __init__(self, timer: Timer, break_: Break, mend: Mend) -> None:
        self._timer = timer
        self._break = break_
        self._mend = mend
        self._loop = asyncio.get_running_loop()
        self._entries: dict[PlannedFault, list[asyncio.TimerHandle]] = {}
        self._given: dict[tuple[str, str], PlannedFault] = {}  # those without a start

    @property
    def entries(self) -> list[PlannedFault]:
        """What is in force or to come, oldest first."""
        return list(self._entries)

    def add(self, camera: Camera, entry: PlannedFault) -> None:
        """Break the camera now or when it is due; the same entry twice is one.

        One without a start takes the place of such a one with another number.
        """
        if entry in self._entries:
            return
        if entry.start is None:
            key = entry.channel, entry.trouble.fault.name
            if (before := self._given.get(key)) is not None:
                self._forget(before)
            self._given[key] = entry
        now, timers = self._timer.seconds, self._entries.setdefault(entry, [])
        if entry.until is not None:
            delay = max(0.0, entry.until - now)
            timers.append(self._loop.call_later(delay, self._end, camera, entry))
        if entry.start is None or entry.start <= now:
            self._break(camera, entry.trouble)
        else:
            delay = entry.start - now
            timers.append(self._loop.call_later(delay, self._break, camera, entry.trouble))

    def clear(self, camera: Camera) -> None:
        """Mend the camera and forget what is planned for it."""
        for entry in self.entries:
            if entry.channel == camera.id:
                self._forget(entry)
        self._mend(camera, None)

    def stop(self) -> None:
        """Nothing comes or goes any more."""
        for entry in self.entries:
            self._forget(entry)

    def _end(self, camera: Camera, entry: PlannedFault) -> None:
        self._forget(entry)
        self._mend(camera, entry.trouble)

    def _forget(self, entry: PlannedFault) -> None:
        for timer in self._entries.pop(entry):
            timer.cancel()
        key = entry.channel, entry.trouble.fault.name
        if self._given.get(key) == entry:
            del self._given[key]


class Flapping:
    """Cameras that are there and away by turns; each begins at another instant of its period."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Camera, asyncio.TimerHandle] = {}

    def follow(self, camera: Camera) -> None:
        """Begin or end to flap, as its manner says now."""
        period = camera.manner.period
        if period and camera not in self._timers:
            first = period * (camera.number * 29 % 101) / 101
            self._timers[camera] = self._loop.call_later(first, self._turn, camera)
        elif not period and camera in self._timers:
            self._timers.pop(camera).cancel()
            camera.set_away(False)

    def stop(self) -> None:
        """Nobody flaps any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _turn(self, camera: Camera) -> None:
        self._timers[camera] = self._loop.call_later(camera.manner.period, self._turn, camera)
        camera.set_away(not camera.is_away)
