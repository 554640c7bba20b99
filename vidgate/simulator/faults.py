"""What can be wrong with a simulated camera, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vidgate.errors import InputError
from vidgate.model.health import State


class Fault(StrEnum):
    """Names as the faults file and the control endpoint spell them."""

    DOWN = "down"  # connections are reset
    UNAUTHORIZED = "401"  # the password is not right any more
    BUSY = "busy"  # every session is taken: SETUP gets 453
    STALLED = "stalled"  # connected and playing, but no packets come
    FROZEN = "frozen"  # packets come, the picture stands still
    SILENT = "silent"  # takes connections and never answers
    MISSING = "missing"  # the platform does not know the path: 404


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a fault looks like from outside.

    `condition` is the true condition; `describe` and `media` the states that a probe of that level
    must find; `cuts` tells whether running sessions end with it.
    """

    condition: str
    describe: State
    media: State
    cuts: bool = False


HEALTHY = Meaning("up", State.REACHABLE, State.UP)
MEANINGS: Mapping[Fault, Meaning] = {
    Fault.DOWN: Meaning("down", State.DOWN, State.DOWN, cuts=True),
    Fault.UNAUTHORIZED: Meaning("unauthorized", State.UNAUTHORIZED, State.UNAUTHORIZED, cuts=True),
    Fault.BUSY: Meaning("busy", State.REACHABLE, State.BUSY),
    Fault.STALLED: Meaning("stalled", State.REACHABLE, State.DOWN),
    Fault.FROZEN: Meaning("frozen", State.REACHABLE, State.UP),
    Fault.SILENT: Meaning("silent", State.DOWN, State.DOWN),
    Fault.MISSING: Meaning("missing", State.DOWN, State.DOWN, cuts=True),
}
_ALIASES = {"unauthorized": Fault.UNAUTHORIZED, "unauthorised": Fault.UNAUTHORIZED}
_KEYS = {"channel", "fault", "from", "until"}
MAX_PLAN = 100_000


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault of one channel; instants are seconds since the fleet's start, None is open."""

    channel: str
    fault: Fault
    start: float | None = None
    until: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The form of the faults file."""
        return {
            "channel": self.channel,
            "fault": self.fault.value,
            "from": self.start,
            "until": self.until,
        }


def parse_fault(name: object) -> Fault:
    """A fault by name; raises InputError with all names."""
    text = str(name).strip().lower()
    try:
        return _ALIASES.get(text) or Fault(text)
    except ValueError:
        names = ", ".join(fault.value for fault in Fault)
        raise InputError(f"no fault is called {name!r}", hint=f"one of {names}") from None


def parse_plan(document: object) -> list[PlannedFault]:
    """Read `[{"channel": ID, "fault": NAME, "from": S, "until": S}]`.

    Raises InputError that tells the entry.
    """
    if isinstance(document, dict):
        document = [document]
    if not isinstance(document, list) or len(document) > MAX_PLAN:
        raise InputError("faults are a list of objects with channel and fault")
    return [_parse_entry(index, entry) for index, entry in enumerate(document, start=1)]


def _parse_entry(index: int, entry: object) -> PlannedFault:
    if not isinstance(entry, dict) or not {"channel", "fault"} <= entry.keys() <= _KEYS:
        raise InputError(
            f"fault {index}: an object with channel, fault and perhaps from and until is needed"
        )
    start, until = (_instant(index, entry.get(key)) for key in ("from", "until"))
    if start is not None and until is not None and until <= start:
        raise InputError(f"fault {index}: until must be later than from")
    return PlannedFault(str(entry["channel"]), parse_fault(entry["fault"]), start, until)


def _instant(index: int, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise InputError(f"fault {index}: {value!r} is not seconds since the start")
    return float(value)
