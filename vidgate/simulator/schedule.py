"""Lets planned faults come and go."""

import asyncio
from collections.abc import Callable

from vidgate.simulator.camera import Camera
from vidgate.simulator.faults import Fault, PlannedFault
from vidgate.simulator.ticker import Timer

Change = Callable[[Camera, Fault | None], None]


class FaultSchedule:
    """The faults in force and those to come; `change` breaks and mends a camera."""

    def __init__(self, timer: Timer, change: Change) -> None:
        self._timer = timer
        self._change = change
        self._loop = asyncio.get_running_loop()
        self._entries: dict[PlannedFault, list[asyncio.TimerHandle]] = {}

    @property
    def entries(self) -> list[PlannedFault]:
        """What is in force or to come, oldest first."""
        return list(self._entries)

    def add(self, camera: Camera, entry: PlannedFault) -> None:
        """Break the camera now or when it is due; the same entry twice is one."""
        if entry in self._entries:
            return
        now, timers = self._timer.seconds, self._entries.setdefault(entry, [])
        if entry.until is not None:
            delay = max(0.0, entry.until - now)
            timers.append(self._loop.call_later(delay, self._end, camera, entry))
        if entry.start is None or entry.start <= now:
            self._change(camera, entry.fault)
        else:
            delay = entry.start - now
            timers.append(self._loop.call_later(delay, self._change, camera, entry.fault))

    def clear(self, camera: Camera) -> None:
        """Mend the camera and forget what is planned for it."""
        for entry in self.entries:
            if entry.channel == camera.id:
                self._forget(entry)
        self._change(camera, None)

    def stop(self) -> None:
        """Nothing comes or goes any more."""
        for entry in self.entries:
            self._forget(entry)

    def _end(self, camera: Camera, entry: PlannedFault) -> None:
        self._forget(entry)
        if camera.fault is entry.fault:
            self._change(camera, None)

    def _forget(self, entry: PlannedFault) -> None:
        for timer in self._entries.pop(entry):
            timer.cancel()
