"""The time zone of the machine, by name."""

import os
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCALTIME = "/etc/localtime"
_DATABASE = "/zoneinfo/"  # what leads to a zone's name, wherever a system keeps them


def machine_zone(environment: Mapping[str, str] = os.environ, localtime: str = LOCALTIME) -> str:
    """Its IANA name as `TZ`, else the system says; empty where that is no name (`TZ=CST-8`)."""
    said = environment.get("TZ")
    path = os.path.realpath(localtime) if said is None else said.removeprefix(":")
    name = path.rpartition(_DATABASE)[2]
    return name if is_zone(name) else ""


def is_zone(name: str) -> bool:
    """Whether the time zone database has it."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
