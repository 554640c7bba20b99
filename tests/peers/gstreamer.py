"""GStreamer's bindings, which the system's python3 has, and its RTSP server."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.programs import Program, lacking, running
from vidgate.model.channel import Login

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).parent / "gstreamer_rtsp_server.py"
LOGIN = Login("operator", "s3cret, with=signs")


RTSP_SERVER = (
    "gi.require_version('GstRtspServer', '1.0')",
    ("python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-rtsp"),
)


def elements(*names: str) -> str:
    """Code that runs where GStreamer has these elements."""
    return (
        "gi.require_version('Gst', '1.0')\n"
        "from gi.repository import Gst; Gst.init(None)\n"
        f"assert all(map(Gst.ElementFactory.find, {names}))"
    )


def required(code: str, packages: str) -> object:
    """A fixture for the tests of a module, which need bindings by which that code runs."""

    @pytest.fixture(scope="module", autouse=True)
    def installed() -> None:
        words = [PYTHON, "-c", f"import gi\n{code}"]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            lacking(packages)

    return installed


@asynccontextmanager
async def camera(*options: str, scheme: str = "rtsp") -> AsyncIterator[tuple[str, Program]]:
    """The RTSP server, and the address of its one camera."""
    login = ("--username", LOGIN.username, "--password", LOGIN.password)
    async with running(PYTHON, SERVER, *login, *options) as program:
        port = (await program.says(r"listening (\d+)"))[1]
        host = "[::1]" if "::1" in options else "127.0.0.1"
        yield f"{scheme}://{host}:{port}/camera", program
