"""What `vidgate simulate` does; called by the command line."""

import asyncio
import json
import sys
from pathlib import Path

from vidgate.errors import InputError
from vidgate.simulator import register as registers
from vidgate.simulator.faults import PlannedFault, parse_plan
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.pictures import SCENES

MAX_FAULTS_FILE = 16 << 20


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
    profile: str = "coded",
    bitrate: int = 1_000_000,
) -> None:
    """Serve a register's cameras until cancelled; says on stderr when they are ready.

    `port` None takes the one in the register's addresses. `profile` is coded, or load with
    `bitrate` bits per second for the main streams.
    """
    settings = FleetSettings(profile=profile, bitrate=bitrate, scenes=SCENES)
    plan = await asyncio.to_thread(read_faults, faults) if faults else []
    async with Fleet(register, settings, port=port, control_port=control_port) as fleet:
        for entry in plan:
            fleet.plan(entry)
        ready = f"fleet ready {len(fleet.cameras)} control={fleet.control_url} rtsp={fleet.port}"
        print(ready, file=sys.stderr, flush=True)  # noqa: T201 - the contract with who started us
        await asyncio.get_running_loop().create_future()


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
