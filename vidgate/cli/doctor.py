"""`vidgate doctor`: whether machine and installation can do the work, and what to mend."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from vidgate.cli import next_steps, output, tables
from vidgate.cli.checkup import certificate, machine, network, service, storage
from vidgate.cli.checkup.finding import Finding, Subject, Verdict, failed, ok
from vidgate.cli.client import Target
from vidgate.cli.options import Output, option
from vidgate.errors import SettingsError
from vidgate.settings import Settings, data_folder, load_settings

OK, FAILED = 0, 1
_SHEET = tables.Sheet("checks", ("name", "verdict", "found", "fix"))
Examined = tuple[str, str, Finding]
MARKS = {
    Verdict.OK: "✓ 正常 ok     ",
    Verdict.WARNING: "! 注意 warning",
    Verdict.FAILED: "✗ 失败 failed ",
}


class Check(NamedTuple):
    """One check: its name for programs, its name for people, what carries it out."""

    name: str
    title: str
    examine: Callable[[Subject], Finding]


def settings(subject: Subject) -> Finding:
    """Whether they could be loaded."""
    if subject.settings_error:
        hint = (
            "以下按默认值检查 below: the defaults; configs/vidgate.yaml 列出所有键 shows every key"
        )
        return failed(subject.settings_error, "the settings are wrong", hint)
    return ok("可用", "loaded")


CHECKS = (
    Check("settings", "设置", settings),
    Check("console", "控制台", storage.console),
    Check("codecs", "编解码", machine.codecs),
    Check("folder", "数据目录", storage.folder),
    Check("room", "磁盘空间", storage.room),
    Check("key", "口令密钥", storage.key),
    Check("database", "数据库", storage.database),
    Check("ports", "端口", network.ports),
    Check("media_ports", "媒体端口", network.media_ports),
    Check("addresses", "媒体地址", network.addresses),
    Check("loopback", "摄像机网段", network.loopback),
    Check("certificate", "证书", certificate.certificate),
    Check("buffers", "UDP 缓冲区", machine.buffers),
    Check("segmentation", "UDP 分段", machine.segmentation),
    Check("descriptors", "文件描述符", machine.descriptors),
    Check("clock", "时钟", machine.clock),
    Check("zone", "时区", machine.zone),
    Check("font", "中文字体", machine.font),
)


def doctor(
    *,
    config: Annotated[Path | None, option("配置文件, 默认 VIDGATE_CONFIG · settings file")] = None,
    ready: Annotated[
        bool, option("只问服务是否就绪 · only ask whether the service is ready")
    ] = False,
    shape: Output | None = None,
) -> int:
    """Examine machine, installation, data and service; 1 where something failed."""
    tables.check(shape)
    is_running, about_service = asyncio.run(service.reach(Target.from_environment()))
    if ready:
        output.note(about_service.found)
        return OK if about_service.verdict is Verdict.OK else FAILED
    subject = _subject(config, is_running=is_running)
    found = [("service", "服务", about_service)]
    if is_running and about_service.verdict is Verdict.OK:
        about_demand = asyncio.run(service.demand(Target.from_environment()))
        found.append(("demand", "取流路数", about_demand))
    found += [(check.name, check.title, _examined(check, subject)) for check in CHECKS]
    is_bad = any(one.verdict is Verdict.FAILED for _, _, one in found)
    if not tables.written(shape, _SHEET, *_documents(found)):
        _tell(found)
        next_steps.tell("doctor", "bad" if is_bad else "" if is_running else "stopped")
    return FAILED if is_bad else OK


def _subject(config: Path | None, *, is_running: bool) -> Subject:
    try:
        return Subject(load_settings(config), data_folder(), is_running)
    except SettingsError as error:
        return Subject(Settings(), data_folder(), is_running, error.message.replace("\n", " / "))


def _examined(check: Check, subject: Subject) -> Finding:
    """A machine that does not even let us look has something wrong there."""
    try:
        return check.examine(subject)
    except OSError as error:
        return failed(f"无法检查: {error}", "cannot be examined", "以 root 重试 try again as root")


def _count(found: list[Examined]) -> dict[Verdict, int]:
    return {verdict: sum(one.verdict is verdict for _, _, one in found) for verdict in Verdict}


def _documents(found: list[Examined]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """All of it for a program, and its rows."""
    items = [
        {"name": name, "verdict": one.verdict.value, "found": one.found, "fix": one.fix}
        for name, _, one in found
    ]
    counts = {verdict.value: number for verdict, number in _count(found).items()}
    return counts | {"items": items}, items


def _tell(found: list[Examined]) -> None:
    count = _count(found)
    for name, title, one in found:
        output.say(f"{MARKS[one.verdict]}  {title} {name}: {one.found}")
        if one.fix:
            output.say(f"{'':17}修复 fix: {one.fix}")
    output.say(
        f"{count[Verdict.OK]} 正常 ok · {count[Verdict.WARNING]} 注意 warnings · "
        f"{count[Verdict.FAILED]} 失败 failed"
    )
