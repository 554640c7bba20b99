import asyncio
import json
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from vidgate.errors import InputError
from vidgate.simulator.commands import read_faults, write_register
from vidgate.simulator.register import read

RUN = """
import asyncio, sys
from pathlib import Path
from vidgate.simulator.commands import run_fleet
asyncio.run(run_fleet(Path(sys.argv[1]), Path(sys.argv[2]), 0))
"""


async def test_a_fleet_says_when_it_is_ready_and_serves_its_faults(tmp_path: Path) -> None:
    register, faults = tmp_path / "register.csv", tmp_path / "faults.json"
    assert await asyncio.to_thread(write_register, 12, 1, register) == 13
    first = (await asyncio.to_thread(read, register))[0]["id"]
    plan = json.dumps([{"channel": first, "fault": "down"}])
    await asyncio.to_thread(faults.write_text, plan)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, register, faults, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        ready = re.match(r"fleet ready 12 control=(http://127\.0\.0\.1:\d+)", line)
        assert ready, line
        async with aiohttp.ClientSession() as http, http.get(f"{ready[1]}/truth") as answer:
            truth = await answer.json()
        assert truth["channels"][first]["condition"] == "down"
    finally:
        process.kill()
        await process.communicate()


def test_faults_files_are_explained(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    with pytest.raises(InputError, match="No such file"):
        read_faults(file)
    file.write_text("[")
    with pytest.raises(InputError, match="not JSON"):
        read_faults(file)
    file.write_text('[{"channel": "a", "fault": "down"}]')
    assert [entry.channel for entry in read_faults(file)] == ["a"]
