"""`vidgate credential`: logins of cameras; a password goes in and never comes out."""

from typing import Annotated

from vidgate.cli import output, passwords
from vidgate.cli.client import Client, segment
from vidgate.cli.options import Json, option

OK = 0


async def set_credential(
    name: Annotated[str, option("名字 · the credential's name")],
    /,
    *,
    username: Annotated[str, option("摄像机的用户名 · the camera's user name")],
    password_stdin: Annotated[
        bool, option("从标准输入读口令 · read the password from stdin")
    ] = False,
) -> int:
    """Store a user name and a password; the password is asked for."""
    password = passwords.read("口令 password", from_stdin=password_stdin)
    async with Client() as client:
        await client.call(
            "PUT",
            f"/credentials/{segment(name)}",
            body={"username": username, "password": password},
        )
    output.note(f"已保存 saved: {name}")
    output.next_step(f"channel set ID --credential {name}", "让通道用它 let a channel use it")
    return OK


async def list_credentials(*, json: Json = False) -> int:
    """List credentials by name; passwords are never shown."""
    async with Client() as client:
        found = await client.get("/credentials")
    if json:
        output.document(found)
        return OK
    output.table(
        (("名字", "name"), ("用户名", "username"), ("通道", "channels")),
        found["items"],
    )
    output.next_step("credential set NAME --username USER", "新增或修改 add or change one")
    return OK
