"""`vidgate simulate`: cameras that are not there."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from vidgate.cli import names, next_steps, output, tables
from vidgate.cli.options import Json, Output, option

OK = 0
CAMERA_PORT = 10554
PASSWORD = "SIMULATOR_PLATFORM_PASSWORD"  # of the environment: nothing secret in a process list
_SHEET = tables.Sheet("simulated-faults", ("name", "zh", "en"))


@Parameter(name="*")
@dataclass(kw_only=True)
class Cameras:
    """What the cameras are like, and the platform that hands out addresses of theirs."""

    profile: Annotated[
        Literal["coded", "load"],
        option("coded 可读编号, load 压力测试 · numbered or plain", shown=True),
    ] = "coded"
    bitrate: Annotated[
        int, option("load 主码流 bit/s · main streams of load, bit/s", shown=True)
    ] = 1_000_000
    auth: Annotated[
        str, option("认证比例 none, basic, md5, sha256, both · shares, as md5=80,basic=20")
    ] = "md5"
    audio: Annotated[str, option("声音比例 none, pcma, pcmu, aac · shares, as pcma=80,aac=20")] = (
        "pcma"
    )
    idr: Annotated[str, option("关键帧间隔秒 · seconds between key frames, 2-10")] = "2-2"
    rtt: Annotated[str, option("答复时延毫秒 · milliseconds of an answer, 5-30")] = "0-0"
    slots: Annotated[int, option("每个平台的会话数, 0 不限 · sessions of a platform, 0: any")] = 0
    platform_user: Annotated[
        str, option("平台账号, 口令取自环境变量 · its user; the password is in " + PASSWORD)
    ] = ""
    ticket_seconds: Annotated[
        float, option("平台给的地址有效秒数 · how long its addresses are good", shown=True)
    ] = 60.0


def register(
    *,
    channels: Annotated[int, option("已接入多少路 · delivered channels", shown=True)] = 2743,
    seed: Annotated[int, option("随机种子 · seed", shown=True)] = 1,
    out: Annotated[Path, option("文件名, .xlsx 或 .csv · .xlsx or .csv", "--out", "-o")] = Path(
        "register.xlsx"
    ),
    port: Annotated[int, option("摄像机的端口 · the cameras' port", shown=True)] = CAMERA_PORT,
) -> int:
    """Write a sample register of simulated cameras, the same for the same seed."""
    from vidgate.simulator.commands import write_register

    rows = write_register(channels, seed, out, port=port)
    output.note(f"已写入 {rows} 行 rows written: {out}")
    next_steps.tell("simulate register", file=out)
    return OK


def fleet(
    *,
    register: Annotated[Path, option("登记表 · the register of the cameras")],
    faults: Annotated[Path | None, option("故障计划 JSON · planned faults")] = None,
    port: Annotated[
        int | None, option("RTSP 端口, 默认取登记表中的 · RTSP port, else the register's")
    ] = None,
    control_port: Annotated[int, option("控制端口, 0 自选 · control port, 0 picks one")] = 0,
    fault: Annotated[
        list[str] | None,
        option("故障, 可多次 · CHANNEL=FAULT or 20%=FAULT, any number of times"),
    ] = None,
    cameras: Cameras | None = None,
) -> int:
    """Run the cameras of a register until SIGTERM or Ctrl-C."""
    import uvloop

    from vidgate.simulator.commands import Shape, run_fleet, settings_of, with_tickets

    like = cameras or Cameras()
    shape = Shape(auth=like.auth, audio=like.audio, idr=like.idr, rtt=like.rtt, slots=like.slots)
    settings = settings_of(shape, like.profile, like.bitrate)
    password = os.environ.get(PASSWORD, "")
    settings = with_tickets(settings, like.ticket_seconds, like.platform_user, password)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        running = run_fleet(
            register, faults, port, control_port, settings=settings, shares=fault or ()
        )
        runner.run(_until_signal(running))
    return OK


def faults(*, shape: Output | None = None) -> int:
    """List what simulated cameras can have."""
    from vidgate.simulator.faults import FAULTS

    tables.check(shape)
    found = {"items": [fault.as_json() for fault in FAULTS.values()]}
    if tables.written(shape, _SHEET, found):
        return OK
    output.table(
        (
            ("名称", "name"),
            ("说明", lambda item: f"{item['zh']} · {item['en']}"),
            ("数值", lambda item: _amount(item["value"])),
            ("应判为", lambda item: f"{item['media']['state']} {item['media']['reason']}"),
        ),
        found["items"],
    )
    next_steps.tell("simulate faults")
    return OK


def _amount(value: dict[str, Any] | None) -> str:
    if value is None:
        return ""
    return f"={value['least']:g}..{value['most']:g} {value['unit']}".rstrip()


async def fault(
    channel: Annotated[str, option("通道编号 · the channel's id", completer=names.CHANNELS)],
    name: Annotated[str, option("故障, 不给则修好 · the fault; none mends the camera")] = "",
    /,
    *,
    control: Annotated[str, option("fleet 打印的控制地址 · what the fleet printed: control=URL")],
    json: Json = False,
) -> int:
    """Break a camera of a running fleet, or mend it."""
    from vidgate.simulator.commands import break_camera

    planned = await break_camera(control, channel, name)
    if json:
        output.document(planned)
        return OK
    output.note(f"{channel}: {name or '已修好 mended'}")
    next_steps.tell("simulate fault", id=channel)
    return OK


async def _until_signal(running: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine; SIGTERM and Ctrl-C cancel it, which is its normal end."""
    task = asyncio.current_task()
    assert task is not None
    signalled = False

    def stop() -> None:
        nonlocal signalled
        signalled = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        if not signalled:
            raise
