"""Signing in and out of the console."""

import asyncio

import structlog
from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from vidgate import __version__
from vidgate.auth import passwords
from vidgate.auth.opaque import fingerprint, new_session
from vidgate.auth.permissions import permissions_of
from vidgate.errors import NotAuthenticatedError
from vidgate.model.user import Permission, Principal, Role
from vidgate.storage.accounts import User
from vidgate.web.access import CALLER, check_origin, cookie_name, principal_of
from vidgate.web.context import CONTEXT, Context
from vidgate.web.exchange import read_json, reply
from vidgate.web.keyring import MAX_SECRET
from vidgate.web.peer import network_of
from vidgate.web.problems import TooManyAttemptsError
from vidgate.web.schemas import Body


class SignIn(Body):
    """A user name and a password."""

    username: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=256)


class UserView(BaseModel):
    """Who is signed in, and what they may do."""

    name: str
    role: Role
    permissions: list[Permission]


class ServerView(BaseModel):
    """What a console needs to know of the service; `https` false calls for a warning.

    `storage`: ok, or what keeps the database from being written (full, readonly, busy, io ...).
    """

    version: str
    demo: bool
    https: bool
    storage: str


class SessionView(BaseModel):
    """The answer to signing in."""

    user: UserView
    server: ServerView


log = structlog.get_logger(__name__)

# A guesser from one address is stopped by the first two, one with many addresses by the third;
# it is wide, so that nobody can be locked out by a few wrong passwords from elsewhere.
PER_ADDRESS = 6
PER_USER = 20


async def sign_in(request: web.Request) -> web.Response:
    """Open a session; the answer sets its cookie."""
    context = request.app[CONTEXT]
    # A foreign page could sign its visitor in to an account of its own choice (login CSRF).
    check_origin(request, required=False)
    form = await read_json(request, SignIn)
    user = await _verify(request, form)
    await _leave_old(request, context)
    secret = new_session()
    address = context.peers.address(request)
    await context.parts.accounts.open_session(fingerprint(secret), user.name, address)
    await _check_still_good(context, user, fingerprint(secret))
    response = reply(_view(request, Principal(user.name, user.role, "session")))
    settings = context.settings.auth
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=int(settings.session_max),
        path="/",
        httponly=True,
        secure=context.peers.is_secure(request),
        samesite="Strict",
    )
    return response


async def show(request: web.Request) -> web.Response:
    """Who the caller is and may do."""
    return reply(_view(request, principal_of(request)))


async def sign_out(request: web.Request) -> web.Response:
    """End the session, its event sockets and the pictures it watches."""
    context = request.app[CONTEXT]
    caller = request[CALLER]
    if caller.session is not None:
        await context.parts.accounts.close_session(caller.session)
        await context.revoke(caller.credential)
    response = web.Response(status=204)
    response.del_cookie(cookie_name(request), path="/")
    return response


async def _verify(request: web.Request, form: SignIn) -> User:
    context = request.app[CONTEXT]
    network = network_of(context.peers.address(request))
    pair = f"{network}|{form.username.lower()}"
    attempts = context.settings.auth.attempts
    limits = {
        pair: attempts,
        network: attempts * PER_ADDRESS,
        f"|{form.username.lower()}": attempts * PER_USER,
    }
    wait = context.attempts.take(limits, context.clock.now())
    if wait > 0:
        raise TooManyAttemptsError("密码错误次数过多 / too many wrong passwords", wait)
    user = await context.parts.accounts.user(form.username)
    stored = user.password if user is not None and user.enabled else None
    good = await _hashed(context, stored, form.password.get_secret_value())
    if user is None or not good:
        context.notes.note(form.username, "session.refused", network)
        raise NotAuthenticatedError("用户名或密码错误 / wrong user name or password")
    context.attempts.forget(pair)
    context.attempts.forgive(*(key for key in limits if key != pair))
    return user


async def _check_still_good(context: Context, user: User, session: str) -> None:
    """Close the session where the password was set anew while the old one was looked at."""
    now = await context.parts.accounts.user(user.name)
    if now is None or now.password != user.password:
        await context.parts.accounts.close_session(session)
        raise NotAuthenticatedError("密码刚被重设 / the password was set anew just now")


async def _hashed(context: Context, stored: str | None, password: str) -> bool:
    async with context.hashing.turn():
        return await asyncio.to_thread(passwords.verify_password, stored, password)


async def _leave_old(request: web.Request, context: Context) -> None:
    """A browser has one session: the one before ends (ASVS 7.2.4)."""
    old = request.cookies.get(cookie_name(request))
    if old is not None and len(old) <= MAX_SECRET:
        await context.parts.accounts.close_session(fingerprint(old))
        await context.revoke(f"session:{fingerprint(old)}")


def _view(request: web.Request, principal: Principal) -> SessionView:
    context = request.app[CONTEXT]
    return SessionView(
        user=UserView(
            name=principal.name,
            role=principal.role,
            permissions=sorted(permissions_of(principal)),
        ),
        server=ServerView(
            version=__version__,
            demo=context.is_demo,
            https=context.peers.is_secure(request),
            storage=context.parts.storage.state,
        ),
    )
