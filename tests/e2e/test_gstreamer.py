"""A camera that nobody here wrote, from its RTSP port to the pixels in the browser."""

from pathlib import Path

import numpy as np
import pytest

from tests.e2e.stage import MARKS, eventually, signed_in
from tests.peers.test_gstreamer_rtsp import LOGIN, camera
from tests.programs import running_service

pytestmark = [*MARKS, pytest.mark.peer]

ROWS = 240  # its pictures are 320 x 240: a white ball that moves over black


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_foreign_camera_plays_in_the_browser(tmp_path: Path, transport: str) -> None:
    async with camera("--transport", transport) as (url, _), running_service(tmp_path) as service:
        login = ("credential", "set", "gst", "--username", LOGIN.username, "--password-stdin")
        await service.cli(*login, given=LOGIN.password)
        where = ("--url", url, "--credential", "gst", "--transport", transport)
        await service.cli("channel", "add", "gst-1", "--name", "河堤", *where)
        async with signed_in(service) as console:
            await console.layout(1)
            await console.open_channel("gst-1")
            await console.wait_state(0, "playing", timeout=20)
            first = await console.tile_pixels(0, ROWS)
            assert first is not None
            assert first.shape == (ROWS, 320, 3)
            assert first.mean() < 60, "mostly black"
            assert first.max() > 200, "with a white ball"
            moved = await eventually(
                lambda: console.tile_pixels(0, ROWS),
                lambda now: now is not None and not np.array_equal(now, first),
            )
            assert moved is not None
            assert not np.array_equal(moved, first)
