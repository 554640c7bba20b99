"""`vidgate demo`: the real service before simulated cameras, in a folder that goes away.

It never touches real data: `VIDGATE_CONFIG`, `VIDGATE_DATA` and `database.url` are ignored. The
service and the cameras are child processes, the same ones as in production and in the tests.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from vidgate.cli import output
from vidgate.cli.children import Child, ChildError, Children
from vidgate.cli.client import Client, Query, Target
from vidgate.cli.errors import both
from vidgate.cli.options import option
from vidgate.cli.progress import Meter
from vidgate.cli.scratch import scratch
from vidgate.errors import VidgateError

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
    with scratch() as folder:
        plan = _plan(folder, channels, seed, host)
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
    with Meter("准备演示 preparing") as meter:
        service = await children.start("serve", ("serve",), plan.environment)
        plan, control = await _start_fleet(plan, children)
        meter.update(1, 3, "启动服务 starting")
        try:
            url, password = await _service_ready(service)
        except ChildError:
            url, password = await _service_ready(await _second_try(plan, children))
        meter.update(2, 3, "导入登记表 importing")
        total, first = await _import(plan)
    _invite(url, password)
    _suggest(plan, control, total, first)
    await children.run()


async def _start_fleet(plan: Plan, children: Children) -> tuple[Plan, str]:
    """Write the register and start its cameras; the plan as carried out, the control address.

    A port that was free when we looked may be taken by now: then another one is tried.
    """
    try:
        return plan, await _fleet_ready(plan, children)
    except ChildError:
        other = replace(plan, camera_port=_free_port())
        return other, await _fleet_ready(other, children)


async def _second_try(plan: Plan, children: Children) -> Child:
    """The service again with ports that it picks, and without the first one's data."""
    shutil.rmtree(plan.data, ignore_errors=True)
    free = {"VIDGATE__HTTP__PORT": "0", "VIDGATE__WEBRTC__PORT": "0"}
    return await children.start("serve", ("serve",), plan.environment | free)


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
    if host in ("0.0.0.0", "[::]"):
        host = "localhost"
    return f"http://{host}:{port}/", password.group(1)


async def _fleet_ready(plan: Plan, children: Children) -> str:
    """Start the cameras; the address of their control endpoint."""
    await _write_register(plan)
    fleet = await children.start("fleet", _fleet_arguments(plan), plan.environment)
    ready = await fleet.expect(r"fleet ready \d+.*control=(\S+)", timeout=READY_TIMEOUT)
    return ready.group(1)


async def _import(plan: Plan) -> tuple[int, Any]:
    """Register the cameras; how many there are now, and the first of them."""
    content = await asyncio.to_thread(plan.register.read_bytes)
    async with Client(Target("http://vidgate", socket=plan.data / "vidgate.sock")) as client:
        query: Query = {"filename": plan.register.name}
        report = await client.call("POST", "/channels/import", query=query, data=content)
        if report["rejected"]:
            raise VidgateError(both("示例登记表导入失败", f"rejected: {report['errors'][:3]}"))
        found = await client.get("/channels", {"limit": 1})
    return found["total"], found["items"][0]


def _invite(url: str, password: str) -> None:
    """The three lines that scripts read."""
    output.say(f"open {url}")
    output.say("user admin")
    output.say(f"password {password}")


def _suggest(plan: Plan, control: str, total: int, first: Any) -> None:
    initials = first["pinyin"][:4]
    fault = json.dumps([{"channel": first["id"], "fault": "down"}])
    vidgate = "vidgate" if shutil.which("vidgate") else f"{sys.executable} -m vidgate"
    output.say(
        f"""
已登记 {total} 路模拟通道。试试看 · three things to try:

1. 登录后搜索拼音首字母 {initials}, 点开四路: 每路画面带着自己的编号, 计数不停。
   Sign in, search {initials} (pinyin initials), open four channels.

2. 断开一路再恢复, 画面会说明原因, 然后自己恢复 · kill a camera, then revive it:
   {first["name"]}
   curl -d '{fault}' {control}/faults
   curl -X DELETE {control}/faults/{first["id"]}

3. 另开终端, 看看哪些通道有应答 · from another terminal, which channels answer:
   VIDGATE_DATA={plan.data} {vidgate} probe --all --level describe

Ctrl-C 结束, 不留任何文件 · Ctrl-C ends it and leaves nothing behind."""
    )
