"""What the service manager is told: ready, alive, stopping (sd_notify(3), sd_watchdog_enabled(3)).

A sign of life is sent by a task of the event loop: while the loop is blocked none leaves, and the
manager ends the process and starts it anew.
"""

import asyncio
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Self

import structlog

log = structlog.get_logger(__name__)

STATUS_INTERVAL = 30.0  # seconds between two states where no watchdog asks for more
BEATS = 3  # signs of life within the watchdog's time: one may be late without an end


class ServiceManager:
    """The manager that started us; without one every call does nothing.

    `address` is a path, or a name in the abstract namespace with a leading `@`; `watchdog` are the
    seconds after which a silent service is killed, 0 for none.
    """

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        self._address = address
        self._watchdog = watchdog
        self._is_stopping = False

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] | None = None) -> Self:
        """By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are taken out of it.

        A worker or a camera program that we start must not speak for us.
        """
        given = os.environ if environment is None else environment
        address = given.pop("NOTIFY_SOCKET", "")
        microseconds, pid = given.pop("WATCHDOG_USEC", ""), given.pop("WATCHDOG_PID", "")
        is_meant = pid in ("", str(os.getpid())) and microseconds.isdecimal()
        return cls(address, int(microseconds) / 1e6 if is_meant else 0.0)

    def ready(self, status: str) -> None:
        """Everything is up: what waits for this service may start."""
        self._tell(READY="1", STATUS=status)

    def stopping(self, status: str) -> None:
        """The service is on its way out."""
        self._is_stopping = True
        self._tell(STOPPING="1", STATUS=status)

    async def watch(self, status: Callable[[], str]) -> None:
        """Tell for ever that the loop turns and how things stand, in one line for a person."""
        interval = self._watchdog / BEATS if self._watchdog else STATUS_INTERVAL
        while True:
            facts = {"WATCHDOG": "1"} if self._watchdog else {}
            if not self._is_stopping:
                facts["STATUS"] = status()
            self._tell(**facts)
            await asyncio.sleep(interval)

    def _tell(self, **facts: str) -> None:
        """Send one message; never waits and never fails: a deaf manager must stop no service."""
        if not self._address or not facts:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        message = "\n".join(f"{name}={' '.join(value.split())}" for name, value in facts.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto(message.encode(), address)
        except OSError as error:
            log.warning("service manager not told", told=", ".join(facts), error=error)
