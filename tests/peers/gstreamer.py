"""GStreamer's bindings, which the system's python3 has, and its RTSP server."""

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.programs import Program, running
from vidgate.model.channel import Login

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).parent / "gstreamer_rtsp_server.py"
LOGIN = Login("operator", "s3cret, with=signs")


def require(code: str, packages: str) -> None:
    """Skip where that code does not run; fail under CI, which installs the packages."""
    done = subprocess.run([PYTHON, "-c", f"import gi\n{code}"], capture_output=True, check=False)
    if done.returncode == 0:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {packages}")
    pytest.skip(f"needs {packages}")


@asynccontextmanager
async def camera(*options: str, scheme: str = "rtsp") -> AsyncIterator[tuple[str, Program]]:
    """The RTSP server, and the address of its one camera."""
    login = ("--username", LOGIN.username, "--password", LOGIN.password)
    async with running(PYTHON, SERVER, *login, *options) as program:
        port = (await program.says(r"listening (\d+)"))[1]
        yield f"{scheme}://127.0.0.1:{port}/camera", program
