"""Logins of cameras: they go in and never come out."""

from collections.abc import Mapping

from aiohttp import web

from vidgate.errors import InputError
from vidgate.registry.edits import PATTERNS, Credential
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import encode_rows, read_json, reply, reply_packed
from vidgate.web.schemas import CredentialFields, CredentialList, CredentialView, RotationView


async def list_(request: web.Request) -> web.Response:
    """All credentials by name, without their passwords."""
    registry = request.app[CONTEXT].parts.registry
    uses = registry.uses()
    items = [_view(one, uses) for _, one in sorted(registry.credentials.items())]
    return reply(CredentialList(items=items))


async def put(request: web.Request) -> web.Response:
    """Set a login or its patterns, or add one; every channel that uses it follows."""
    registry = request.app[CONTEXT].parts.registry
    body = await read_json(request, CredentialFields)
    if (body.username is None) != (body.password is None):
        raise InputError("用户名和口令要一起给出 / username and password go together")
    credential = await registry.set_credential(
        request.match_info["name"],
        body.username,
        None if body.password is None else body.password.get_secret_value(),
        actor_of(request),
        patterns=body.model_dump(include=set(PATTERNS), exclude_none=True),
    )
    return reply(_view(credential, registry.uses()))


async def channels(request: web.Request) -> web.Response:
    """Which channels use a credential, and whether they name it or its patterns fit them."""
    registry, name = request.app[CONTEXT].parts.registry, request.match_info["name"]
    rows = await encode_rows(
        registry.users(name),
        lambda one: {"id": one.id, "name": one.name, "named": one.credential == name},
    )
    return await reply_packed(request, b'{"items":%b}' % rows)


async def rotate(request: web.Request) -> web.Response:
    """Seal all logins with a new secret.key; the service goes on meanwhile."""
    count = await request.app[CONTEXT].parts.registry.rotate_key(actor_of(request))
    return reply(RotationView(credentials=count))


def _view(credential: Credential, uses: Mapping[str, int]) -> CredentialView:
    return CredentialView(
        name=credential.name,
        username=credential.login.username,
        channels=uses.get(credential.name, 0),
        platform=credential.platform,
        host=credential.host,
        vendor=credential.vendor,
    )
