"""Logins of cameras: they go in and never come out."""

from aiohttp import web

from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_json, reply
from vidgate.web.schemas import CredentialFields, CredentialList, CredentialView


async def list_(request: web.Request) -> web.Response:
    """All credentials by name, without their passwords."""
    registry = request.app[CONTEXT].parts.registry
    uses = registry.uses()
    items = [
        CredentialView(name=name, username=one.login.username, channels=uses.get(name, 0))
        for name, one in sorted(registry.credentials.items())
    ]
    return reply(CredentialList(items=items))


async def put(request: web.Request) -> web.Response:
    """Set a login, or add one; every channel that names it follows."""
    registry = request.app[CONTEXT].parts.registry
    body = await read_json(request, CredentialFields)
    credential = await registry.set_credential(
        request.match_info["name"],
        body.username,
        body.password.get_secret_value(),
        actor_of(request),
    )
    name = credential.name
    used = registry.uses().get(name, 0)
    return reply(CredentialView(name=name, username=credential.login.username, channels=used))
