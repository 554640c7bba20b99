"""From a name to its addresses, without the system's resolver.

That runs in four threads under uvloop, cannot be cancelled, and the closing loop waits for all that
was asked of it: with a silent name server twenty dead names held up every camera that has a name,
and the end of the service by minutes. What it can do and this cannot: docs/tuning.md.
"""

import asyncio
import socket
from collections import deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from vidgate.aio.cares import Answer, Channel, unasked
from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.hosts import HOSTS, HostsFile, canonical

DEADLINE = 3.0  # seconds for one name, its turn included; a silent server takes as many
PARALLEL = 512  # names asked at once, more than looks under way
LONGEST = 30.0  # seconds that addresses are remembered, if their TTL is no shorter
SHORTEST = 1.0
NEGATIVE = 3.0  # seconds that a failure is: a look that checks it, after 5, asks again
REMEMBERED = 4096
RENEWAL = 30.0  # seconds between two looks at resolv.conf; what c-ares remembers goes as well

STOPPED = Answer(why="the service stops")


@dataclass(slots=True, eq=False)
class _Flight:
    """A name that is being asked for, and those who wait for it."""

    name: str
    answer: asyncio.Future[Answer]
    deadline: asyncio.TimerHandle | None = None


class Names:
    """`async with Names() as names: await names.resolve("camera.example")`.

    The file /etc/hosts is asked first and at once, then name servers: `servers` (`address:port`)
    with the domains to `search`, else those of resolv.conf. However many want a name, it is asked
    for once; who is cancelled waits no more, and what c-ares then still asks is over seconds later,
    or when we close.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        hosts: Path = HOSTS,
        servers: tuple[str, ...] = (),
        search: tuple[str, ...] = (),
        parallel: int = PARALLEL,
        deadline: float = DEADLINE,
    ) -> None:
        self._clock = clock or SystemClock()
        self._hosts = HostsFile(self._clock, hosts)
        self._servers = servers
        self._search = search
        self._parallel = parallel
        self._deadline = deadline
        self._flights: dict[str, _Flight] = {}
        self._asked = 0  # of the flights
        self._queue: deque[_Flight] = deque()
        self._memory: dict[str, tuple[float, Answer]] = {}  # until when, in the order of learning
        self._network: Channel | None = None
        self._renewal = 0.0
        self._retired: list[Channel] = []  # with somebody's name still asked for
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Whoever still waits gets an error; nothing is left behind."""
        self._is_closed = True
        for flight in list(self._flights.values()):
            self._land(flight, STOPPED)
        for channel in (self._network, *self._retired):
            if channel is not None:
                channel.close()
        self._network = None
        self._retired.clear()

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The IP addresses of a host, best first; of an address itself at once.

        Raises OSError: a gaierror, unless this machine had not the means to ask.
        """
        try:
            return (canonical(host),)
        except ValueError:
            pass
        name = host.lower()
        if local := await self._hosts.find(name):
            return local
        answer = self._remembered(name)
        if answer is None:
            answer = await asyncio.shield(self._flight(name).answer)
        if answer.lack:
            raise OSError(answer.lack, answer.why)
        if not answer.addresses:
            code = socket.EAI_NONAME if answer.is_unknown else socket.EAI_AGAIN
            raise socket.gaierror(code, answer.why)
        return answer.addresses

    # -- what is known already -------------------------------------------------------------------

    def _remembered(self, name: str) -> Answer | None:
        if self._is_closed:
            return STOPPED
        until, answer = self._memory.get(name, (0.0, None))
        return answer if self._clock.now() < until else None

    def _remember(self, name: str, answer: Answer) -> None:
        self._memory.pop(name, None)
        if answer.lack:  # which says nothing of the name; nor might c-ares have read resolv.conf
            self._renewal = 0.0
            return
        while len(self._memory) >= REMEMBERED:
            del self._memory[next(iter(self._memory))]
        seconds = min(max(answer.ttl, SHORTEST), LONGEST) if answer.addresses else NEGATIVE
        self._memory[name] = self._clock.now() + seconds, answer

    # -- asking ----------------------------------------------------------------------------------

    def _flight(self, name: str) -> _Flight:
        flight = self._flights.get(name)
        if flight is None:
            loop = asyncio.get_running_loop()
            flight = self._flights[name] = _Flight(name, loop.create_future())
            flight.deadline = loop.call_later(self._deadline, self._overdue, flight)
            self._queue.append(flight)
            self._start_some()
        return flight

    def _start_some(self) -> None:
        while self._queue and self._asked < self._parallel:
            flight = self._queue.popleft()
            if flight.answer.done():
                continue
            self._asked += 1
            flight.answer.add_done_callback(self._ended)
            try:
                self._channel().ask(flight.name, partial(self._land, flight))
            except OSError as error:
                self._land(flight, unasked(str(error.strerror)))

    def _ended(self, _: asyncio.Future[Answer]) -> None:
        self._asked -= 1
        if not self._is_closed:
            self._start_some()

    def _overdue(self, flight: _Flight) -> None:
        self._land(flight, Answer(why=f"no name server answers within {self._deadline:g} s"))

    def _land(self, flight: _Flight, answer: Answer) -> None:
        if flight.answer.done():
            return
        if flight.deadline is not None:
            flight.deadline.cancel()
        del self._flights[flight.name]
        self._remember(flight.name, answer)
        if answer.is_unknown:
            # c-ares remembers it too, for as long as the SOA says, until it begins anew.
            self._renewal = min(self._renewal, self._clock.now() + NEGATIVE)
        flight.answer.set_result(answer)

    def _channel(self) -> Channel:
        """The one to ask now; a new one knows of another resolv.conf, and has forgotten all."""
        now = self._clock.now()
        if self._network is not None and now >= self._renewal:
            self._retired.append(self._network)
            self._network = None
        for channel in [one for one in self._retired if not one.pending]:
            self._retired.remove(channel)
            channel.close()
        if self._network is None:
            self._network = Channel(servers=self._servers, search=self._search)
            self._renewal = now + RENEWAL
        return self._network
