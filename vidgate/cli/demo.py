"""`vidgate demo`: the real service before simulated cameras, in a folder that goes away.

It never touches real data: `VIDGATE_CONFIG`, `VIDGATE_DATA` and `database.url` are ignored. The
service and the cameras are child processes, the same ones as in production and in the tests.
"""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from vidgate.cli import output
from vidgate.cli.children import Child, Children
from vidgate.cli.client import Client, Target
from vidgate.cli.options import option
from vidgate.cli.progress import Meter

OK = 0
READY_TIMEOUT = 30.0
LOOPBACK = "127.0.0.1"
HTTP_PORT, WEBRTC_PORT, CAMERA_PORT = 8080, 8189, 10554
IGNORED = ("VIDGATE_CONFIG", "VIDGATE_DATA", "VIDGATE_SERVER", "VIDGATE_TOKEN")
IGNORED_SECTION = "VIDGATE__DATABASE"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything of one demonstration is."""

    folder: Path
    channels: int
    seed: int
    camera_port: int
    environment: dict[str, str]

    @property
    def register(self) -> Path:
        """The register of the simulated cameras; a CSV, which is the quicker one to write."""
        return self.folder / "register.csv"

    @property
    def data(self) -> Path:
        """The service's data folder."""
        return self.folder / "data"


def demo(
    *,
    channels: Annotated[int, option("模拟多少路 · how many cameras", shown=True)] = 2743,
    seed: Annotated[int, option("随机种子 · seed of the names", shown=True)] = 1,
    host: Annotated[
        str, option("监听地址, 0.0.0.0 供他人访问 · 0.0.0.0 lets others in")
    ] = LOOPBACK,
    verbose: Annotated[bool, option("显示子进程日志 · show what the children log")] = False,
) -> int:
    """Run the service before simulated cameras until Ctrl-C; nothing is left behind."""
    with tempfile.TemporaryDirectory(prefix="vidgate-demo-") as folder:
        plan = _plan(Path(folder), channels, seed, host)
        asyncio.run(_until_signal(plan, verbose=verbose))
    output.note("演示结束, 没有留下任何文件 · the demo is over, nothing is left behind")
    return OK


async def _until_signal(plan: Plan, *, verbose: bool) -> None:
    """Run; the first signal ends it in order, the second one at once."""
    loop = asyncio.get_running_loop()
    running = asyncio.current_task()
    assert running is not None
    signalled = False

    async with Children(verbose=verbose) as children:

        def stop() -> None:
            nonlocal signalled
            if signalled:
                children.kill()
            else:
                signalled = True
                running.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        try:
            await _show(plan, children)
        except asyncio.CancelledError:
            if not signalled:
                raise
            running.uncancel()


async def _show(plan: Plan, children: Children) -> None:
    with Meter("准备演示") as meter:
        service, _ = await asyncio.gather(
            children.start("serve", ("serve",), plan.environment),
            _write_register(plan),
        )
        meter.update(1, 4, "启动服务与摄像机")
        fleet = await children.start("fleet", _fleet_arguments(plan), plan.environment)
        url, password = await _service_ready(service)
        meter.update(2, 4, "导入登记表")
        control = await _fleet_ready(fleet)
        meter.update(3, 4, "导入登记表")
        report = await _import(plan)
    _invite(url, password)
    _suggest(plan, control, report)
    await children.run()


def _plan(folder: Path, channels: int, seed: int, host: str) -> Plan:
    given = os.environ
    kept = {
        name: value
        for name, value in given.items()
        if name not in IGNORED and not name.upper().startswith(IGNORED_SECTION)
    }
    kept.setdefault("VIDGATE__HTTP__HOST", host)
    kept["VIDGATE__HTTP__PORT"] = _port(given, "HTTP", HTTP_PORT, socket.SOCK_STREAM)
    kept["VIDGATE__WEBRTC__PORT"] = _port(given, "WEBRTC", WEBRTC_PORT, socket.SOCK_DGRAM)
    kept["VIDGATE_DATA"] = str(folder / "data")
    kept["VIDGATE_DEMO"] = "1"
    camera_port = CAMERA_PORT
    if not _is_free(CAMERA_PORT, socket.SOCK_STREAM):
        camera_port = _free_port()
    return Plan(folder, channels, seed, camera_port, kept)


def _port(given: Mapping[str, str], section: str, default: int, kind: socket.SocketKind) -> str:
    """The port of a section, or 0 where somebody else has it; the service picks and tells."""
    wanted = given.get(f"VIDGATE__{section}__PORT", str(default))
    busy = wanted.isdecimal() and not _is_free(int(wanted), kind)
    return "0" if busy else wanted


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As servers do, or a connection in TIME_WAIT would look like a listener.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


async def _write_register(plan: Plan) -> None:
    from vidgate.simulator.commands import write_register

    await asyncio.to_thread(
        write_register, plan.channels, plan.seed, plan.register, port=plan.camera_port
    )


def _fleet_arguments(plan: Plan) -> tuple[str, ...]:
    return (
        "simulate",
        "fleet",
        "--register",
        str(plan.register),
        "--port",
        str(plan.camera_port),
        "--control-port",
        "0",
    )


async def _service_ready(service: Child) -> tuple[str, str]:
    """The address to open and the administrator's password."""
    ready, password = await asyncio.gather(
        service.expect(r"vidgate ready http=(\S+):(\d+)", timeout=READY_TIMEOUT),
        service.expect(r"admin password: (\S+)", timeout=READY_TIMEOUT),
    )
    host, port = ready.group(1), ready.group(2)
    if host in ("0.0.0.0", "[::]", "::"):
        host = "localhost"
    return f"http://{host}:{port}/", password.group(1)


async def _fleet_ready(fleet: Child) -> str:
    """The address of the cameras' control endpoint."""
    ready = await fleet.expect(r"fleet ready \d+.*control=(\S+)", timeout=READY_TIMEOUT)
    return ready.group(1)


async def _import(plan: Plan) -> Any:
    content = await asyncio.to_thread(plan.register.read_bytes)
    async with Client(Target("http://vidgate", socket=plan.data / "vidgate.sock")) as client:
        return await client.call(
            "POST", "/channels/import", query={"filename": plan.register.name}, data=content
        )


def _invite(url: str, password: str) -> None:
    """The three lines that scripts read."""
    output.say(f"open {url}")
    output.say("user admin")
    output.say(f"password {password}")


def _suggest(plan: Plan, control: str, report: Any) -> None:
    victim = f"{control}/faults"
    output.say(
        f"""
已登记 {report["created"]} 路模拟通道。试试看 (three things to try):
1. 登录后搜索拼音首字母 (如 xx), 点开四路: 每路画面带自己的编号, 计数不停。
   Sign in, search by pinyin initials, open four channels.
2. 断开一路再恢复, 画面会说明原因并自己恢复 · kill a camera and revive it:
   curl -X POST -d '[{{"channel": "编号ID", "fault": "down"}}]' {victim}
   curl -X DELETE {victim}/编号ID
3. 另开终端, 用命令行看哪些真正看得见 · from another terminal:
   VIDGATE_DATA={plan.data} vidgate probe --all --level describe
Ctrl-C 结束, 不留任何文件 · Ctrl-C ends it and leaves nothing behind."""
    )
