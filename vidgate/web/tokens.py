"""API tokens, for programs: shown once, kept as a hash."""

from aiohttp import web
from pydantic import BaseModel, Field

from vidgate.auth.opaque import fingerprint, new_token
from vidgate.errors import NotFoundError
from vidgate.model.user import Role
from vidgate.storage.accounts import Token
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_json, reply
from vidgate.web.schemas import Body


class TokenRequest(Body):
    """A token of which role; `name` says what it is for."""

    role: Role
    name: str = Field("", max_length=128)


class TokenView(BaseModel):
    """One token; its secret is not kept. Instants are wall-clock seconds."""

    id: int
    name: str
    role: Role
    actor: str
    created: float
    used: float | None


class NewTokenView(TokenView):
    """The answer to creating one: the only time that the secret is shown."""

    token: str


class TokenList(BaseModel):
    """All tokens."""

    items: list[TokenView]


async def list_(request: web.Request) -> web.Response:
    """All tokens, without their secrets."""
    tokens = await request.app[CONTEXT].parts.accounts.tokens()
    return reply(TokenList(items=[_view(token) for token in tokens]))


async def create(request: web.Request) -> web.Response:
    """Make a token; its secret is in this answer and nowhere else."""
    asked = await read_json(request, TokenRequest)
    secret = new_token()
    token = await request.app[CONTEXT].parts.accounts.add_token(
        fingerprint(secret), asked.name, asked.role, actor_of(request)
    )
    return reply(NewTokenView(token=secret, **_view(token).model_dump()), status=201)


async def revoke(request: web.Request) -> web.Response:
    """End a token, and what it keeps open, at once."""
    context = request.app[CONTEXT]
    given = request.match_info["id"]
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise NotFoundError(f"没有此令牌 / no token {given}")
    _ = await context.parts.accounts.revoke_token(int(given), actor_of(request))
    await context.revoke(f"token:{int(given)}")
    return web.Response(status=204)


def _view(token: Token) -> TokenView:
    return TokenView(
        id=token.id,
        name=token.name,
        role=token.role,
        actor=token.actor,
        created=token.created,
        used=token.used,
    )
