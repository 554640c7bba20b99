"""`vidgate user`: the accounts that people sign in with."""

from typing import Annotated

from vidgate.cli import next_steps, output
from vidgate.cli.client import Client, segment
from vidgate.cli.options import Json, option

OK = 0


async def renew_password(
    name: Annotated[str, option("用户名, 如 admin · the user's name, such as admin")],
    /,
    *,
    json: Json = False,
) -> int:
    """Give a user a new random password; it is shown this once, and their sessions end."""
    async with Client() as client:
        made = await client.call("POST", f"/users/{segment(name)}/password")
    if json:
        output.document(made)
        return OK
    output.say(str(made["password"]))
    output.note(
        "密码只显示一次; 该用户已全部退出 · shown this once; the user is signed out everywhere"
    )
    next_steps.tell("user password")
    return OK
