"""Events: immutable facts on the bus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One fact; `type` is dotted (`channel.state`), `object` the id it is about.

    `seq` is given by the bus, `time` is wall-clock seconds, `data` is JSON-ready.
    """

    seq: int
    time: float
    type: str
    object: str
    data: Mapping[str, Any] = field(default_factory=dict)
