"""`vidgate platform`: where channels come from, and how much it can bear."""

from dataclasses import asdict, dataclass
from typing import Annotated

from cyclopts import Parameter

from vidgate.cli import output
from vidgate.cli.client import Client, segment
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, option

OK = 0


@Parameter(name="*")
@dataclass(kw_only=True)
class Fields:
    """What can be set of a platform."""

    name: Annotated[str | None, option("名称")] = None
    slots: Annotated[int | None, option("同时取流路数, 0 不限 · concurrent streams it allows")] = (
        None
    )
    describe_parallel: Annotated[
        int | None,
        option("同时探测数 · concurrent DESCRIBEs", "--describe-parallel", "--describe_parallel"),
    ] = None
    quota: Annotated[int | None, option("应接入路数 · channels it owes us")] = None
    describe_proves: Annotated[
        bool | None,
        option(
            "DESCRIBE 成功即算在线 · a DESCRIBE alone counts as up",
            "--describe-proves",
            "--describe_proves",
            negative=True,
        ),
    ] = None


async def list_platforms(*, json: Json = False) -> int:
    """List platforms."""
    async with Client() as client:
        found = await client.get("/platforms")
    if json:
        output.document(found)
        return OK
    output.table(
        (
            ("平台", "id"),
            ("名称", "name"),
            ("通道", "channels"),
            ("应接入", "quota"),
            ("取流上限", "slots"),
            ("同时探测", "describe_parallel"),
            ("DESCRIBE 即在线", "describe_proves"),
        ),
        found["items"],
    )
    output.next_step("platform set ID --slots 16", "它能承受的路数 what it can bear")
    return OK


async def set_platform(
    id: Annotated[str, option("平台编号 · the platform's id")],
    /,
    *,
    fields: Fields | None = None,
    json: Json = False,
) -> int:
    """Add a platform, or change it."""
    body = {name: value for name, value in asdict(fields or Fields()).items() if value is not None}
    if not body:
        raise UsageError(
            both("没有给出要修改的字段", "no field to change was given"),
            hint=f"vidgate platform set {id} --slots 16",
        )
    async with Client() as client:
        platform = await client.call("PUT", f"/platforms/{segment(id)}", body=body)
    if json:
        output.document(platform)
        return OK
    output.note(f"已保存 saved: {id}")
    output.next_step("platform list", "全部平台 all platforms")
    return OK
