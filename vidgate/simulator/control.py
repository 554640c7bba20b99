"""The control endpoint on 127.0.0.1: the truth, and faults to set."""

import json
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aiohttp import web

from vidgate.errors import ConflictError, InputError, NotFoundError, VidgateError
from vidgate.simulator import platform
from vidgate.simulator.faults import FAULTS, parse_plan

if TYPE_CHECKING:
    from vidgate.simulator.fleet import Fleet

HOST = "127.0.0.1"
MAX_BODY = 8 << 20


class Control:
    """`GET /truth`, `GET|POST /faults`, `DELETE /faults/ID`, `GET /fault-names`, `platform.PATH`.

    `GET /load` is the cheap part of the truth, which `DELETE /load` has counted anew from then on,
    `GET /fault-names` the table of all that a camera can have.
    """

    def __init__(self, fleet: "Fleet", port: int) -> None:
        self.url = ""
        self._fleet = fleet
        self._port = port
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/truth", self._truth)
        app.router.add_get("/load", self._load)
        app.router.add_delete("/load", self._count_anew)
        app.router.add_get("/faults", self._list)
        app.router.add_get("/fault-names", self._names)
        app.router.add_post("/faults", self._add)
        app.router.add_delete("/faults/{id}", self._remove)
        app.router.add_get(platform.PATH, self._stream)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConflictError(
                f"the control port {self._port} cannot be listened on: {error.strerror}"
            ) from error
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _truth(self, _: web.Request) -> web.Response:
        return web.json_response(self._fleet.truth())

    async def _load(self, _: web.Request) -> web.Response:
        return web.json_response(self._fleet.load())

    async def _count_anew(self, _: web.Request) -> web.Response:
        self._fleet.count_anew()
        return web.Response(status=204)

    async def _stream(self, request: web.Request) -> web.Response:
        try:
            return self._fleet.platform.answer(request, self._fleet.camera, self._fleet.port)
        except NotFoundError as error:
            return _problem(404, error)

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response([entry.as_json() for entry in self._fleet.planned])

    async def _names(self, _: web.Request) -> web.Response:
        return web.json_response([fault.as_json() for fault in FAULTS.values()])

    async def _add(self, request: web.Request) -> web.Response:
        try:
            plan = parse_plan(json.loads(await request.read()))
            for entry in plan:
                self._fleet.camera(entry.channel)
        except ValueError:
            return _problem(400, InputError("the body is not JSON"))
        except NotFoundError as error:
            return _problem(404, error)
        except InputError as error:
            return _problem(400, error)
        for entry in plan:
            self._fleet.plan(entry)
        return web.json_response([entry.as_json() for entry in plan], status=201)

    async def _remove(self, request: web.Request) -> web.Response:
        try:
            self._fleet.clear_fault(request.match_info["id"])
        except NotFoundError as error:
            return _problem(404, error)
        return web.Response(status=204)


def _problem(status: int, error: VidgateError) -> web.Response:
    body = {"title": error.message, "status": status, "code": error.code, "hint": error.hint}
    return web.json_response(body, status=status, content_type="application/problem+json")
