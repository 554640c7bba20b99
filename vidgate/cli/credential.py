"""`vidgate credential`: logins of cameras; a password goes in and never comes out."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from vidgate.cli import output, passwords, tables, words
from vidgate.cli.client import Client, segment
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, Output, option

OK, FAILED = 0, 1
_SHEET = tables.Sheet("credentials", ("name", "username", "channels", "platform", "host", "vendor"))
TRIAL: tuple[output.Column, ...] = (
    ("通道", "channel"),
    ("码流", "stream"),
    ("结果", lambda item: words.reason(item["probe"]["reason"])),
    ("应答", lambda item: output.milliseconds(item["probe"]["t1"])),
    ("凭据", "credential"),
    ("规则", lambda item: item["form"] or item["way"]),
    ("地址", "url"),
)


@Parameter(name="*")
@dataclass(kw_only=True)
class Patterns:
    """For which channels the login is that name none; an empty one says nothing."""

    platform: Annotated[str | None, option("平台, 可用 * · platform")] = None
    host: Annotated[str | None, option("主机: 10.1.2.3, 10.1.*, 10.1.0.0/16 · host")] = None
    vendor: Annotated[str | None, option("厂商 · make")] = None


async def set_credential(
    name: Annotated[str, option("名字 · the credential's name")],
    /,
    *,
    username: Annotated[str | None, option("摄像机的用户名 · the camera's user name")] = None,
    password_stdin: Annotated[
        bool, option("从标准输入读口令 · read the password from stdin")
    ] = False,
    patterns: Patterns | None = None,
) -> int:
    """Store a user name and a password (which is asked for), or for which channels they are."""
    body = {
        key: value for key, value in asdict(patterns or Patterns()).items() if value is not None
    }
    if username is not None:
        password = passwords.read("口令 password", from_stdin=password_stdin)
        body |= {"username": username, "password": password}
    elif not body:
        raise UsageError(
            both("没有给出用户名或适用范围", "neither a user name nor a pattern was given"),
            hint=f"vidgate credential set {name} --username USER --host '10.1.*'",
        )
    async with Client() as client:
        saved = await client.call("PUT", f"/credentials/{segment(name)}", body=body)
    output.note(f"已保存 saved: {name}; 使用它的通道 channels: {saved['channels']}")
    if saved["channels"]:
        output.next_step(f"credential test {name}", "试一试 try it")
    else:
        output.next_step(f"channel set ID --credential {name}", "让通道用它 let a channel use it")
    return OK


async def try_credential(
    name: Annotated[str, option("名字 · the credential's name")],
    /,
    *,
    channel: Annotated[str, option("只在这个通道上试 · at this channel only")] = "",
    json: Json = False,
) -> int:
    """Try a credential once at each host that uses it (8 at most), or at one channel."""
    async with Client() as client:
        path = f"/credentials/{segment(name)}/test"
        done = await client.call("POST", path, body={"channel": channel} if channel else {})
    if json:
        output.document(done)
    else:
        output.table(TRIAL, done["items"])
        _after_trial(name, done["items"])
    return OK if done["items"] and all(item["is_good"] for item in done["items"]) else FAILED


def _after_trial(name: str, items: list[Any]) -> None:
    if not items:
        output.note("没有通道用它 no channel uses it")
        output.next_step(f"credential set {name} --host '10.1.*'", "说明给谁用 say for whom")
    elif any(item["probe"]["reason"] == "unauthorized" for item in items):
        output.next_step(f"credential set {name} --username USER", "更正口令 put it right")
    else:
        output.next_step("probe --all", "看看哪些真正看得见 which can truly be seen")


async def rotate_key() -> int:
    """Seal all logins with a new secret.key; the service goes on meanwhile."""
    async with Client() as client:
        done = await client.call("POST", "/secret-key/rotation")
    output.note(f"已更换 secret.key, 重新加密凭据 {done['credentials']} 个 · the key is new")
    output.note(
        "旧备份要用旧 secret.key 打开; 请重新备份 · back up anew: old backups need the old key"
    )
    output.next_step("credential list", "全部凭据 all credentials")
    return OK


async def list_credentials(*, shape: Output | None = None) -> int:
    """List credentials by name; passwords are never shown."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get("/credentials")
    if tables.written(shape, _SHEET, found):
        return OK
    output.table(
        (
            ("名字", "name"),
            ("用户名", "username"),
            ("通道", "channels"),
            ("平台", "platform"),
            ("主机", "host"),
            ("厂商", "vendor"),
        ),
        found["items"],
    )
    output.next_step("credential set NAME --username USER", "新增或修改 add or change one")
    return OK
