"""One channel of c-ares on the event loop: no thread that an exit waits for, and nothing else.

The one thread, a daemon of `pycares`, frees channels that are closed.

`pycares` alone, without `aiodns` above it: that leaves the channel to a thread of c-ares with an
inotify watch, of which a machine has 128, and `aiohttp` would take it for every session wherever it
is installed.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pycares

from vidgate.aio.hosts import canonical
from vidgate.errors import is_ours

RESOLV_CONF = Path("/etc/resolv.conf")
TICK = 0.1  # seconds between two looks at what has timed out
NOBODY = pycares.ARES_SOCKET_BAD
# What DNS itself says; everything else is that it could not be asked.
UNKNOWN = frozenset(
    {pycares.errno.ARES_ENOTFOUND, pycares.errno.ARES_ENODATA, pycares.errno.ARES_EBADNAME}
)
# Where a search goes on to the next domain; as glibc's it ends with what nobody answers.
PASSED = UNKNOWN | {pycares.errno.ARES_ESERVFAIL}


class Answer(NamedTuple):
    """Addresses, best first, good for `ttl` seconds; or none, and why."""

    addresses: tuple[str, ...] = ()
    ttl: float = 0.0
    why: str = ""
    is_unknown: bool = False  # there is no such name; c-ares may believe that for long
    lack: int = 0  # errno: this machine had not the means to ask


Answered = Callable[[Answer], None]
Coded = Callable[[Answer, int | None], None]  # with the code of c-ares where there is no address


class Channel:
    """Asks name servers: `servers` (`address:port`), else those of resolv.conf.

    `search` are the domains of names without a dot, else those of resolv.conf. c-ares ends its
    search where one of them fails (SERVFAIL), glibc does not: the others are asked after it then.
    `timeout` seconds for a server's answer, twice as many at the second of `tries`. Whoever makes
    it closes it; what was asked is answered by then. Raises OSError where it cannot be made.
    """

    def __init__(
        self,
        timeout: float = 1.0,
        tries: int = 2,
        servers: Sequence[str] = (),
        search: Sequence[str] = (),
    ) -> None:
        self.pending = 0
        self.is_closed = False
        self._search = search
        self._loop = asyncio.get_running_loop()
        self._readable: set[int] = set()
        self._writable: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        try:
            # Not `lookups` nor `resolvconf_path`: pycares 5.2 lets go of their strings too early.
            self._channel = pycares.Channel(
                timeout=timeout,
                tries=tries,
                servers=servers or None,
                domains=list(search) or None,
                sock_state_cb=self._watch,
            )
        except pycares.AresError as error:
            raise socket.gaierror(socket.EAI_AGAIN, str(error.args[-1])) from error

    def ask(self, name: str, answered: Answered) -> None:
        """What c-ares remembers, and what it refuses, is answered before this returns."""
        self._ask(name, partial(self._searched, name, answered))

    def _ask(self, name: str, answered: Coded) -> None:
        self.pending += 1
        try:
            self._channel.getaddrinfo(
                name,
                None,
                family=socket.AF_UNSPEC,
                type=socket.SOCK_STREAM,
                callback=partial(self._answered, answered),
            )
        except (pycares.AresError, ValueError) as error:  # a UnicodeError is one: no such name
            self.pending -= 1
            answered(Answer(why=str(error.args[-1]), is_unknown=True), pycares.errno.ARES_EBADNAME)

    def _searched(self, name: str, answered: Answered, answer: Answer, code: int | None) -> None:
        if code != pycares.errno.ARES_ESERVFAIL or "." in name:
            answered(answer)
            return
        domains = [f".{domain.strip('.')}." for domain in self._search or search_list()]
        self._go_on([name + domain for domain in (*domains, ".")], answered, answer)

    def _go_on(self, names: list[str], answered: Answered, first: Answer) -> None:
        """The first of the names that is found; if none is, what was said at first."""

        def heard(answer: Answer, code: int | None) -> None:
            if code in PASSED:
                self._go_on(names[1:], answered, first)
            else:
                answered(answer)

        if names:
            self._ask(names[0], heard)
        else:
            answered(first)

    def close(self) -> None:
        """What is still asked is answered now: that it was cancelled."""
        if self.is_closed:
            return
        self._channel.cancel()
        self.is_closed = True
        for descriptor in self._readable:
            self._loop.remove_reader(descriptor)
        for descriptor in self._writable:
            self._loop.remove_writer(descriptor)
        if self._timer is not None:
            self._timer.cancel()
        self._channel.close()
        del self._channel  # it knows us: no circle is left

    def _answered(
        self,
        answered: Coded,
        result: pycares.AddrInfoResult | None,
        error: int | None,
    ) -> None:
        self.pending -= 1
        if result is None or not result.nodes:
            code = pycares.errno.ARES_ENODATA if error is None else error
            why = str(pycares.errno.strerror(code))
            is_refused = code == pycares.errno.ARES_ECONNREFUSED
            failed = unasked(why) if is_refused else Answer(why=why, is_unknown=code in UNKNOWN)
            answered(failed, code)
            return
        found = dict.fromkeys(canonical(node.addr[0].decode("ascii")) for node in result.nodes)
        answered(Answer(tuple(found), min(node.ttl for node in result.nodes)), None)

    def _watch(self, descriptor: int, readable: bool, writable: bool) -> None:
        """c-ares waits for that of a socket; for nothing of one that it is about to close."""
        if self.is_closed:
            return
        if readable and descriptor not in self._readable:
            self._readable.add(descriptor)
            self._loop.add_reader(descriptor, self._process, descriptor, NOBODY)
        elif not readable and descriptor in self._readable:
            self._readable.discard(descriptor)
            self._loop.remove_reader(descriptor)
        if writable and descriptor not in self._writable:
            self._writable.add(descriptor)
            self._loop.add_writer(descriptor, self._process, NOBODY, descriptor)
        elif not writable and descriptor in self._writable:
            self._writable.discard(descriptor)
            self._loop.remove_writer(descriptor)
        self._set_timer()

    def _process(self, readable: int, writable: int) -> None:
        if not self.is_closed:
            with suppress(pycares.AresError):
                self._channel.process_fd(readable, writable)

    def _tick(self) -> None:
        self._timer = None
        self._process(NOBODY, NOBODY)
        self._set_timer()

    def _set_timer(self) -> None:
        is_waiting = bool(self._readable or self._writable)
        if is_waiting and self._timer is None and not self.is_closed:
            self._timer = self._loop.call_later(TICK, self._tick)


def unasked(why: str) -> Answer:
    """No server could be asked; for want of a socket c-ares says what it says of a closed port."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as error:
        if is_ours(error):
            return Answer(why=error.strerror or why, lack=error.errno or 0)
    return Answer(why=why)


def search_list(path: Path = RESOLV_CONF) -> tuple[str, ...]:
    """The domains of the last `search` or `domain` line of a resolv.conf(5)."""
    found: tuple[str, ...] = ()
    with suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            keyword, *words = line.split() or [""]
            if keyword in ("search", "domain"):
                found = tuple(words)
    return found
