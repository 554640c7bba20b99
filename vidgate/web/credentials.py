"""Logins of cameras: they go in and never come out."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from vidgate.errors import InputError
from vidgate.registry.edits import PATTERNS, Credential
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import encode_rows, read_json, reply, reply_packed
from vidgate.web.schemas import Body


class CredentialFields(Body):
    """A camera's login; goes in and never comes out. Left out, the old one stays.

    `platform`, `host` and `vendor` are patterns (`10.1.*`, `10.1.0.0/16`): the channels for which
    the login is that name none. An empty one says nothing.
    """

    username: str | None = Field(None, max_length=128)
    password: SecretStr | None = Field(None, max_length=256)
    platform: str | None = Field(None, max_length=64)
    host: str | None = Field(None, max_length=255)
    vendor: str | None = Field(None, max_length=64)


class CredentialView(BaseModel):
    """A credential without its password; `channels` use it, by name or by pattern."""

    name: str
    username: str
    channels: int
    platform: str
    host: str
    vendor: str


class CredentialUser(BaseModel):
    """A channel that uses a credential; `named` false: by the credential's patterns."""

    id: str
    name: str
    named: bool


class CredentialUsers(BaseModel):
    """All channels that use a credential, in register order."""

    items: list[CredentialUser]


class RotationView(BaseModel):
    """How many credentials were sealed with the new key."""

    credentials: int


class CredentialList(BaseModel):
    """All credentials."""

    items: list[CredentialView]


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
