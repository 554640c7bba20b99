import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.simulator.conftest import id_of
from vidgate.errors import InputError, UnavailableError
from vidgate.simulator.commands import (
    Shape,
    break_camera,
    read_faults,
    settings_of,
    spread,
    write_register,
)
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.manner import Auth, Sound
from vidgate.simulator.register import read

RUN = """
import asyncio, sys
from pathlib import Path
from typing import Any
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


def test_the_words_of_the_command_line_shape_a_fleet() -> None:
    shape = Shape(auth="md5=80,basic=20", audio="aac", idr="2-10", rtt="5-30", slots=16)
    settings = settings_of(shape, "coded", 1)
    assert dict(settings.auth) == {Auth.MD5: 80, Auth.BASIC: 20}
    assert dict(settings.sound) == {Sound.AAC: 1}
    assert (settings.intervals, settings.delay) == ((2, 10), (0.005, 0.03))
    assert settings.host_sessions == 16
    plain = settings_of(Shape(), "coded", 1_000_000)
    assert plain == FleetSettings(scenes=plain.scenes)


@pytest.mark.parametrize(
    "words",
    [
        {"auth": "md4"},
        {"auth": "md5=200"},
        {"auth": "md5=nan"},
        {"auth": "md5=0,basic=0"},
        {"audio": "aac=-1"},
        {"idr": "1-2"},
        {"rtt": "30-5"},
        {"rtt": "x"},
        {"slots": -1},
    ],
)
def test_words_that_mean_nothing_are_explained(words: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"--{next(iter(words))}"):
        settings_of(Shape(**words), "coded", 1)


def test_a_share_of_the_channels_breaks() -> None:
    ids = [f"c{at}" for at in range(50)]
    plan = spread("20%=flapping=30", ids)
    assert len({entry.channel for entry in plan}) == 10
    assert {entry.trouble.text for entry in plan} == {"flapping=30"}
    assert [entry.channel for entry in spread("c7=down", ids)] == ["c7"]
    for wrong in ("c7", "x%=down", "200%=down", "-1%=down", "inf%=down", "nan%=down", "c7=gone"):
        with pytest.raises(InputError):
            spread(wrong, ids)


async def test_a_camera_of_a_running_fleet_breaks_and_mends_by_verb(fleet: Fleet) -> None:
    planned = await break_camera(fleet.control_url, id_of(fleet), "loss=5")
    assert [entry["fault"] for entry in planned] == ["loss=5"]
    assert await break_camera(fleet.control_url, id_of(fleet), "") == []
    with pytest.raises(InputError, match="gone"):
        await break_camera(fleet.control_url, id_of(fleet), "gone")
    with pytest.raises(UnavailableError):
        await break_camera("http://127.0.0.1:9", id_of(fleet), "down")
