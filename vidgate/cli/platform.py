"""`vidgate platform`: where channels come from, and how much it can bear."""

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from vidgate.cli import names, next_steps, output, tables
from vidgate.cli.client import Client, segment
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, Output, option

OK = 0
_SHEET = tables.Sheet(
    "platforms",
    ("id", "name", "channels", "quota", "delivered", "delivery_rate", "resolver", "slots",
     "describe_parallel", "describe_proves"),
)  # fmt: skip


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
    resolver: Annotated[
        Literal["static", "template", "http"] | None,
        option("取流地址从哪来: 登记的, 按模板, 每次询问 · where addresses come from"),
    ] = None


@Parameter(name="*")
@dataclass(kw_only=True)
class Options:
    """What the resolver is told; an empty value clears one."""

    main: Annotated[
        str | None, option("template: 主码流 rtsp://HOST/{gb_code}/main · main stream")
    ] = None
    sub: Annotated[str | None, option("template: 子码流 · sub-stream")] = None
    endpoint: Annotated[
        str | None, option("http: 询问地址 http://HOST/{gb_code}?stream={stream} · whom to ask")
    ] = None
    method: Annotated[str | None, option("http: GET, POST")] = None
    body: Annotated[str | None, option("http: POST 的 JSON · what is posted")] = None
    auth: Annotated[str | None, option("http: none, basic, bearer")] = None
    credential: Annotated[
        str | None, option("http: 凭据名 · the credential to ask with", completer=names.CREDENTIALS)
    ] = None
    path: Annotated[str | None, option("http: 答复里地址的位置, 如 data.url · where it stands")] = (
        None
    )
    fingerprint: Annotated[
        str | None, option("http: 自签证书的 SHA-256 指纹 · of a self-signed certificate")
    ] = None


def _given(fields: Fields | Options) -> dict[str, object]:
    return {name: value for name, value in asdict(fields).items() if value is not None}


async def list_platforms(*, shape: Output | None = None) -> int:
    """List platforms."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get("/platforms")
    if tables.written(shape, _SHEET, found):
        return OK
    output.table(
        (
            ("平台", "id"),
            ("名称", "name"),
            ("通道", "channels"),
            ("应接入", "quota"),
            ("已接入", "delivered"),
            ("接入率", lambda item: output.percent(item.get("delivery_rate"))),
            ("地址来源", "resolver"),
            ("取流上限", "slots"),
            ("同时探测", "describe_parallel"),
            ("DESCRIBE 即在线", "describe_proves"),
        ),
        found["items"],
    )
    items = found["items"]
    rates = ((one["id"], one.get("delivery_rate")) for one in items)
    owing = next((id for id, rate in rates if rate is not None and rate < 1), None)
    outcome = "empty" if not items else "owing" if owing else ""
    next_steps.tell("platform list", outcome, id=owing)
    return OK


async def set_platform(
    id: Annotated[str, option("平台编号 · the platform's id", completer=names.PLATFORMS)],
    /,
    *,
    fields: Fields | None = None,
    options: Options | None = None,
    json: Json = False,
) -> int:
    """Add a platform, or change it."""
    body = _given(fields or Fields())
    if told := _given(options or Options()):
        body["options"] = told
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
    if without := platform.get("without_address"):
        output.note(
            f"提醒 warning: {without} 路在用的通道没有取流地址"
            f" · {without} accepted channels have no address now"
        )
    next_steps.tell("platform set", "lost" if without else "", id=id)
    return OK
