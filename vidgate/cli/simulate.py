"""`vidgate simulate`: cameras that are not there."""

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal

from vidgate.cli import output
from vidgate.cli.options import option

OK = 0
CAMERA_PORT = 10554


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
    output.next_step(f"simulate fleet --register {out}", "运行这些摄像机 run those cameras")
    return OK


def fleet(
    *,
    register: Annotated[Path, option("登记表 · the register of the cameras")],
    faults: Annotated[Path | None, option("故障计划 JSON · planned faults")] = None,
    port: Annotated[
        int | None, option("RTSP 端口, 默认取登记表中的 · RTSP port, else the register's")
    ] = None,
    control_port: Annotated[int, option("控制端口, 0 自选 · control port, 0 picks one")] = 0,
    profile: Annotated[
        Literal["coded", "load"],
        option("coded 可读编号, load 压力测试 · numbered or plain", shown=True),
    ] = "coded",
    bitrate: Annotated[
        int, option("load 主码流 bit/s · main streams of load, bit/s", shown=True)
    ] = 1_000_000,
) -> int:
    """Run the cameras of a register until SIGTERM or Ctrl-C."""
    import uvloop

    from vidgate.simulator.commands import run_fleet

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        running = run_fleet(register, faults, port, control_port, profile=profile, bitrate=bitrate)
        runner.run(_until_signal(running))
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
