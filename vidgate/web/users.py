"""Accounts of people: the first one, and a new password where the old is lost."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from pydantic import BaseModel

from vidgate.auth import passwords
from vidgate.model.user import Role
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import reply
from vidgate.web.parts import Accounts


class NewPasswordView(BaseModel):
    """A password just made: the only time that it is shown."""

    name: str
    password: str


async def ensure_admin(accounts: Accounts, tell: Callable[[str], None]) -> None:
    """Make `admin` where there is no account at all, and `tell` its password.

    It is told before it is kept: who is killed in between makes another at the next start, whereas
    one that was kept and never told would be lost.
    """
    if await accounts.has_users():
        return
    password, stored = await asyncio.to_thread(_new_password)
    tell(password)
    _ = await accounts.add_user("admin", Role.ADMINISTRATOR, stored, "first start")


async def renew_password(request: web.Request) -> web.Response:
    """Give a user a random password; it is in this answer alone, and their sessions end.

    Wrong tries count no longer, whoever made them: those were of another password.
    """
    context = request.app[CONTEXT]
    name = request.match_info["name"].lower()
    # No turn is waited for: a siege of guesses that takes them all must not bar the way out.
    password, stored = await asyncio.to_thread(_new_password)
    for session in await context.parts.accounts.set_password(name, stored, actor_of(request)):
        await context.revoke(f"session:{session}")
    context.attempts.forget_user(name)
    return reply(NewPasswordView(name=name, password=password))


def _new_password() -> tuple[str, str]:
    """A random password and its hash. Blocks for some 30 ms."""
    password = passwords.random_password()
    return password, passwords.hash_password(password)
