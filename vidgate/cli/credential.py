"""`vidgate credential`: logins of cameras; a password goes in and never comes out."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from vidgate.cli import names, next_steps, output, passwords, tables, words
from vidgate.cli.client import Client, segment
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Output, option

OK, FAILED = 0, 1
_SHEET = tables.Sheet("credentials", ("name", "username", "channels", "platform", "host", "vendor"))
TRIALS = tables.Sheet(
    "trials",
    ("channel", "stream", "is_good", "reason", "t0", "t1", "credential", "way", "form", "url",
     "codec", "width", "height", "detail"),
    times=("t0",),
)  # fmt: skip
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

    platform: Annotated[
        str | None, option("平台, 可用 * · platform", completer=names.PLATFORMS)
    ] = None
    host: Annotated[str | None, option("主机: 10.1.2.3, 10.1.*, 10.1.0.0/16 · host")] = None
    vendor: Annotated[str | None, option("厂商 · make")] = None


async def set_credential(
    name: Annotated[str, option("名字 · the credential's name", completer=names.CREDENTIALS)],
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
        next_steps.tell("credential set", "used", name=name)
    else:
        next_steps.tell("credential set", name=name)
    return OK


async def try_credential(
    name: Annotated[str, option("名字 · the credential's name", completer=names.CREDENTIALS)],
    /,
    *,
    channel: Annotated[
        str, option("只在这个通道上试 · at this channel only", completer=names.CHANNELS)
    ] = "",
    shape: Output | None = None,
) -> int:
    """Try a credential once at each host that uses it (8 at most), or at one channel."""
    tables.check(shape)
    async with Client() as client:
        path = f"/credentials/{segment(name)}/test"
        done = await client.call("POST", path, body={"channel": channel} if channel else {})
    if not tables.written(shape, TRIALS, done, list(map(trial_row, done["items"]))):
        output.table(TRIAL, done["items"])
        _after_trial(name, done["items"])
    return OK if done["items"] and all(item["is_good"] for item in done["items"]) else FAILED


def _after_trial(name: str, items: list[Any]) -> None:
    if not items:
        output.note("没有通道用它 no channel uses it")
    bad = [item for item in items if not item["is_good"]]
    is_wrong = any(item["probe"]["reason"] == "unauthorized" for item in bad)
    outcome = "unused" if not items else "wrong" if is_wrong else "bad" if bad else ""
    next_steps.tell("credential test", outcome, name=name, id=bad[0]["channel"] if bad else "")


def trial_row(trial: output.Item) -> dict[str, Any]:
    """A try as one row: what the camera said beside how it was asked."""
    return {**trial["probe"], **trial}


async def rotate_key() -> int:
    """Seal all logins with a new secret.key; the service goes on meanwhile."""
    async with Client() as client:
        done = await client.call("POST", "/secret-key/rotation")
    output.note(f"已更换 secret.key, 重新加密凭据 {done['credentials']} 个 · the key is new")
    output.note(
        "旧备份要用旧 secret.key 打开; 请重新备份 · back up anew: old backups need the old key"
    )
    next_steps.tell("credential rotate")
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
    names = [one["name"] for one in found["items"]]
    next_steps.tell("credential list", "" if names else "empty", name=names[:1])
    return OK
