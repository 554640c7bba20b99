"""`vidgate token`: what programs sign in with."""

from typing import Annotated, Literal

from vidgate.cli import names, next_steps, output, tables
from vidgate.cli.client import Client, segment
from vidgate.cli.options import Json, Output, option

OK = 0
_SHEET = tables.Sheet(
    "tokens",
    ("id", "name", "role", "actor", "created", "used"),
    times=("created", "used"),
)
RoleWord = Literal["viewer", "operator", "engineer", "administrator", "auditor"]


async def create(
    *,
    role: Annotated[RoleWord, option("角色 · role")],
    name: Annotated[str, option("用途 · what it is for")] = "",
    json: Json = False,
) -> int:
    """Create a token; it is shown this once."""
    body = {"role": role} | ({"name": name} if name else {})
    async with Client() as client:
        made = await client.call("POST", "/tokens", body=body)
    if json:
        output.document(made)
        return OK
    output.say(str(made["token"]))
    output.note("令牌只显示这一次, 请妥善保存 · shown this once; keep it safe")
    output.note("用法 use: VIDGATE_SERVER=http://HOST:8080 VIDGATE_TOKEN=... vidgate channel list")
    next_steps.tell("token create")
    return OK


async def list_tokens(*, shape: Output | None = None) -> int:
    """List tokens; their secrets are not kept."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get("/tokens")
    if tables.written(shape, _SHEET, found):
        return OK
    output.table(
        (
            ("编号", "id"),
            ("用途", "name"),
            ("角色", "role"),
            ("创建", lambda item: output.moment(item.get("created"))),
            ("最近使用", lambda item: output.moment(item.get("used"))),
        ),
        found["items"],
    )
    next_steps.tell("token list", "" if found["items"] else "empty")
    return OK


async def revoke(
    id: Annotated[str, option("令牌编号 · the token's id", completer=names.TOKENS)], /
) -> int:
    """Revoke a token; it stops working at once."""
    async with Client() as client:
        await client.call("DELETE", f"/tokens/{segment(id)}")
    output.note(f"已吊销 revoked: {id}")
    next_steps.tell("token revoke")
    return OK
