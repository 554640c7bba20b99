"""`vidgate channel template|import|export`: the register as files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from cyclopts import Parameter

from vidgate.cli import files, next_steps, output
from vidgate.cli.channel import Filter
from vidgate.cli.client import Client, Query
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, option
from vidgate.cli.progress import Meter

OK, FAILED, PARTLY = 0, 1, 3
ERRORS_SHOWN = 50


async def template(
    *,
    out: Annotated[
        Path, option("文件名, - 为标准输出 · - is stdout", "--out", "-o", dash=True)
    ] = Path("channels.xlsx"),
    force: Annotated[bool, option("覆盖已有文件 · replace the file")] = False,
) -> int:
    """Write an empty register with headers, notes and an example."""
    files.check_free(out, force=force)
    async with Client() as client:
        content = await client.get("/channels/template")
    files.write(out, content, force=force)
    if str(out) != "-":
        output.note(f"模板已写入 template written: {out}")
    next_steps.tell("channel template", file=out)
    return OK


@Parameter(name="*")
@dataclass(kw_only=True)
class Manner:
    """How to import."""

    dry_run: Annotated[bool, option("只检查, 不写入 · check, write nothing")] = False
    partial: Annotated[bool, option("坏行之外照常导入 · import the good rows")] = False
    prune: Annotated[bool, option("移除文件里没有的通道 · remove what the file has not")] = False


async def import_file(
    file: Annotated[Path, option("xlsx, xls 或 csv · xlsx, xls or csv")],
    /,
    *,
    manner: Manner | None = None,
    errors: Annotated[
        Path | None, option("把标出错误的原表写到 xlsx · your sheet with its mistakes marked")
    ] = None,
    force: Annotated[bool, option("覆盖已有文件 · replace the file of --errors")] = False,
    json: Json = False,
) -> int:
    """Import a register: all rows or none, unless --partial."""
    chosen = manner or Manner()
    content = files.read(file)
    if errors is not None:
        if errors.suffix.lower() != ".xlsx":  # colours and comments are what it is for
            raise UsageError(both("--errors 写出的是 .xlsx", "--errors writes an .xlsx"))
        files.check_free(errors, force=force)
    query: Query = {"filename": file.name, **asdict(chosen)}
    async with Client() as client:
        with Meter(f"导入 {file.name}"):
            report = await client.call("POST", "/channels/import", query=query, data=content)
        if errors is not None and (report["errors"] or report["warnings"]):
            named: Query = {"filename": file.name}
            marked = await client.fetch("POST", "/channels/import/errors", named, content)
            files.write(errors, marked.content, force=force)
            output.note(f"标出错误的表 marked sheet: {errors}")
            if lost := unquote(marked.headers.get("Vidgate-Lost", "")):
                output.note(f"{lost} only the values are kept")
    if json:
        output.document(report)
    else:
        _show_report(report, dry_run=chosen.dry_run)
        _after_import(report, file, chosen)
    if not report["rejected"]:
        return OK
    return PARTLY if chosen.partial and not chosen.dry_run else FAILED


async def export(
    *,
    out: Annotated[
        Path,
        option("文件名 .xlsx 或 .csv, - 为标准输出 (csv) · - is stdout", "--out", "-o", dash=True),
    ] = Path("channels.xlsx"),
    chosen: Filter | None = None,
    force: Annotated[bool, option("覆盖已有文件 · replace the file")] = False,
) -> int:
    """Write the register, or part of it, as a file that an import takes as unchanged."""
    kind = "csv" if str(out) == "-" else out.suffix.lower().removeprefix(".")
    if kind not in ("csv", "xlsx"):
        raise UsageError(
            both("文件名要以 .xlsx 或 .csv 结尾", "the name must end in .xlsx or .csv"),
            hint="vidgate channel export -o channels.xlsx",
        )
    files.check_free(out, force=force)
    query = asdict(chosen or Filter())
    query["q"] = query.pop("search")
    async with Client() as client:
        with Meter("导出"):
            made = await client.fetch("GET", "/channels/export", {**query, "format": kind})
    files.write(out, made.content, force=force)
    if str(out) != "-":
        output.note(f"已导出 written: {out} (不含口令 no passwords)")
    if (tickets := made.headers.get("Vidgate-Tickets", "0")) != "0":
        output.note(
            f"提醒 warning: {tickets} 路的地址带有 token 之类的票据, 按原样导出, 请妥善保管"
            " · addresses with tokens are in it: keep it safe"
        )
    next_steps.tell("channel export", file=out)
    return OK


def _show_report(report: Any, *, dry_run: bool) -> None:
    label = "试导入, 没有写入" if dry_run else "导入"
    removed = f"移除 {report['removed']} · " if report["removed"] else ""
    output.say(
        f"{label}: 新增 {report['created']} · 更新 {report['updated']} · {removed}"
        f"不变 {report['unchanged']} · 错误 {report['rejected']}"
    )
    for title, name in (("问题", "errors"), ("提醒", "warnings")):
        if not report[name]:
            continue
        output.table(
            (("表", "sheet"), ("行", "row"), ("列", "column"), ("值", "value"), (title, "message")),
            report[name][:ERRORS_SHOWN],
        )
        if len(report[name]) > ERRORS_SHOWN:
            output.note(f"共 {len(report[name])} 处{title}, 全部见 --json 或 --errors 表.xlsx")
    for folded in report["more"]:
        output.note(
            f"另有 {folded['count']} 处类似 more like this: {output.text(folded['column'])}: "
            f"{output.text(folded['message'])}"
        )
    if report["more"]:
        output.note("全部标在 all are marked in: --errors 表.xlsx")


def _after_import(report: Any, file: Path, manner: Manner) -> None:
    if report["rejected"] and manner.prune:
        output.note("有错误的行时不移除通道 nothing is removed while rows are rejected")
    if report["change"] is not None:
        output.note(f"变更号 change: {report['change']}  (撤销 vidgate change undo ...)")
    flags = ["--partial"] * manner.partial + ["--prune"] * manner.prune
    outcome = _outcome(report, dry_run=manner.dry_run)
    next_steps.tell("channel import", outcome, file=file, flags=flags, change=report["change"])


def _outcome(report: Any, *, dry_run: bool) -> str:
    """What came of it; of what was written the step of life that is nearest to a picture."""
    if report["change"] is None:
        return "rejected" if report["rejected"] else "tried" if dry_run else "same"
    steps: Mapping[str, int] = report.get("lifecycles", {})
    return next((one for one in ("accepted", "commissioning", "planned") if steps.get(one)), "")
