"""What `vidgate simulate` does; called by the command line."""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from vidgate.errors import InputError, UnavailableError
from vidgate.model.channel import Login
from vidgate.simulator import register as registers
from vidgate.simulator.faults import PlannedFault, parse_fault, parse_plan
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.manner import Auth, Sound
from vidgate.simulator.pictures import SCENES
from vidgate.simulator.platform import ENDPOINT

MAX_FAULTS_FILE = 16 << 20
K = TypeVar("K", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the cameras are like, as the command line spells it; empty is the default.

    `auth` and `audio` are shares (`md5=80,basic=20`), `idr` seconds and `rtt` milliseconds from the
    least to the most (`2-10`); `slots` the sessions that each platform allows (0: no limit);
    `faults` are `CHANNEL=FAULT` or `20%=FAULT`.
    """

    auth: str = ""
    audio: str = ""
    idr: str = ""
    rtt: str = ""
    slots: int = 0
    faults: Sequence[str] = ()


def write_register(channels: int, seed: int, output: Path, *, port: int = registers.PORT) -> int:
    """Write a sample register, .xlsx or .csv; returns the rows written, planned ones included."""
    rows = registers.generate(channels, seed, port)
    registers.write(rows, output)
    return len(rows)


async def run_fleet(
    register: Path,
    faults: Path | None = None,
    port: int | None = None,
    control_port: int = 0,
    *,
    settings: FleetSettings | None = None,
    shares: Sequence[str] = (),
) -> None:
    """Serve a register's cameras until cancelled; says on stderr when they are ready.

    `port` None takes the one in the register's addresses. `shares` are faults as `Shape` has them.
    """
    plan = await asyncio.to_thread(read_faults, faults) if faults else []
    settings = settings or FleetSettings(scenes=SCENES)
    async with Fleet(register, settings, port=port, control_port=control_port) as fleet:
        plan += [entry for share in shares for entry in spread(share, list(fleet.cameras))]
        for entry in plan:
            fleet.plan(entry)
        ready = f"fleet ready {len(fleet.cameras)} control={fleet.control_url} rtsp={fleet.port}"
        if settings.platform_login is not None:
            ready += f" platform={fleet.control_url}{ENDPOINT}"
        print(ready, file=sys.stderr, flush=True)  # noqa: T201 - the contract with who started us
        await asyncio.get_running_loop().create_future()


def settings_of(shape: Shape, profile: str, bitrate: int) -> FleetSettings:
    """The fleet's settings; raises InputError for words that mean nothing."""
    if shape.slots < 0:
        raise InputError(f"--slots {shape.slots}: 不能为负 / must not be negative")
    near, far = _range("--rtt", shape.rtt or "0-0", 0, 60_000)
    short, long = _range("--idr", shape.idr or "2-2", 2, 10)
    return FleetSettings(
        profile=profile,
        bitrate=bitrate,
        scenes=SCENES,
        host_sessions=shape.slots,
        auth=_shares("--auth", shape.auth or "md5", Auth),
        sound=_shares("--audio", shape.audio or "pcma", Sound),
        delay=(near / 1000, far / 1000),
        intervals=(short, long),
    )


def with_tickets(
    settings: FleetSettings, seconds: float, user: str, password: str
) -> FleetSettings:
    """The settings of a fleet whose platform takes this login and hands out such addresses.

    Without a user nobody can ask the platform. Raises InputError for a user without a password.
    """
    if not 0.1 <= seconds <= 86_400:
        raise InputError(f"--ticket-seconds {seconds:g}: 应为 / must be 0.1 to 86400")
    if user and not password:
        raise InputError(
            f"--platform-user {user}: 没有口令 / has no password",
            hint="先设环境变量 / set the environment variable SIMULATOR_PLATFORM_PASSWORD",
        )
    login = Login(user, password) if user else None
    return replace(settings, ticket_seconds=seconds, platform_login=login)


def spread(share: str, ids: Sequence[str]) -> list[PlannedFault]:
    """`CHANNEL=FAULT` as one fault, `20%=FAULT` as one for each of a fifth of the channels."""
    whom, equals, name = share.partition("=")
    if not equals:
        raise InputError(f"--fault {share}: 应为 / must be CHANNEL=FAULT, 20%=FAULT")
    trouble = parse_fault(name)
    if not whom.endswith("%"):
        return [PlannedFault(whom, trouble)]
    try:
        count = round(_percentage(whom[:-1]) / 100 * len(ids))
    except ValueError:
        raise InputError(
            f"--fault {share}: {whom} 不是百分比 / is no percentage", hint="应为 write 0% - 100%"
        ) from None
    chosen = random.Random(name).sample(ids, count)
    return [PlannedFault(id_, trouble) for id_ in chosen]


def _percentage(text: str) -> float:
    """A number from 0 to 100; raises ValueError for any other text."""
    number = float(text)
    if not 0 <= number <= 100:
        raise ValueError(text)
    return number


def _shares(option: str, text: str, kinds: type[K]) -> tuple[tuple[K, float], ...]:
    found = []
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        try:
            found.append((kinds(name), _percentage(number or "1")))
        except ValueError:
            known = ", ".join(kind.value for kind in kinds)
            raise InputError(
                f"{option} {part}: 不认识 / means nothing",
                hint=f"可用 / one of {known}; 比例 / shares 0 - 100",
            ) from None
    if not any(share for _, share in found):
        raise InputError(f"{option} {text}: 比例全是 0 / every share is 0")
    return tuple(found)


def _range(option: str, text: str, least: float, most: float) -> tuple[float, float]:
    first, _, last = text.partition("-")
    try:
        low, high = float(first), float(last or first)
    except ValueError:
        low, high = 1.0, 0.0
    if not least <= low <= high <= most:
        raise InputError(f"{option} {text}: 应为 / must be A-B, {least:g} <= A <= B <= {most:g}")
    return low, high


def read_faults(file: Path) -> list[PlannedFault]:
    """The plan in a faults file; raises InputError that names the file and the entry."""
    try:
        if file.stat().st_size > MAX_FAULTS_FILE:
            raise InputError(f"{file}: larger than {MAX_FAULTS_FILE} bytes")
        return parse_plan(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{file}: not JSON: {error}") from error


async def break_camera(control: str, channel: str, fault: str) -> list[dict[str, Any]]:
    """Set a fault of a running fleet; an empty name mends the camera. Returns what is planned."""
    try:
        async with aiohttp.ClientSession(control) as http:
            if fault:
                body = [{"channel": channel, "fault": fault}]
                await _checked(await http.post("/faults", json=body))
            else:
                await _checked(await http.delete(f"/faults/{channel}"))
            planned: list[dict[str, Any]] = await (await http.get("/faults")).json()
            return planned
    except (aiohttp.ClientError, ValueError) as error:
        raise UnavailableError(f"{control}: {error}") from error


async def _checked(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 400:
        problem = await answer.json()
        raise InputError(problem["title"], hint=problem.get("hint", ""))
