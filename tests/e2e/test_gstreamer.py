"""A camera that nobody here wrote, from its RTSP port to the pixels in the browser."""

from pathlib import Path

import pytest

from tests.e2e.stage import MARKS, eventually, signed_in
from tests.peers.gstreamer import LOGIN, camera
from tests.programs import running_service
from tests.rtsp.certificates import Authority
from vidgate.simulator.coded import Strip, read_strip

pytestmark = [*MARKS, pytest.mark.peer]

# The codec and the packets of the sound that the page's one peer has received.
HEARD = """async () => {
    const stats = [...(await window.__peers.at(-1).getStats()).values()]
    const sound = stats.find((one) => one.type === 'inbound-rtp' && one.kind === 'audio')
    const codec = stats.find((one) => one.id === sound?.codecId)
    return [codec?.mimeType ?? '', sound?.packetsReceived ?? 0]
}"""
ROWS = 360  # its pictures are 640 x 360


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps"])
async def test_a_foreign_camera_plays_in_the_browser(tmp_path: Path, scheme: str) -> None:
    """In clear by UDP; encrypted, its certificate checked, with AAC made Opus, by TCP."""
    site = Authority(tmp_path)
    secure = ("--tls", *site.camera(), "--audio", "aac")
    options = secure if scheme == "rtsps" else ("--transport", "udp")
    settings = {"VIDGATE__MEDIA__TLS_CA": site.file}
    async with (
        camera("--number", "321", *options, scheme=scheme) as (url, _),
        running_service(tmp_path / "data", settings) as service,
    ):
        login = ("credential", "set", "gst", "--username", LOGIN.username, "--password-stdin")
        await service.cli(*login, given=LOGIN.password)
        where = ("--url", url, "--credential", "gst")
        await service.cli("channel", "add", "gst-1", "--name", "河堤", *where)
        async with signed_in(service) as console:
            await console.layout(1)
            await console.open_channel("gst-1")
            await console.wait_state(0, "playing", timeout=20)

            async def look() -> Strip | None:
                pixels = await console.tile_pixels(0, ROWS)
                return None if pixels is None else read_strip(pixels)

            first = await eventually(look, lambda seen: seen is not None)
            assert first is not None
            assert first.number == 321
            later = await eventually(
                look, lambda seen: seen is not None and seen.counter > first.counter
            )
            assert later is not None
            assert later.number == 321
            codec = "audio/opus" if scheme == "rtsps" else "audio/PCMA"
            heard = await eventually(
                lambda: console.page.evaluate(HEARD), lambda told: told[1] > 20, timeout=15
            )
            assert heard[0] == codec
            assert heard[1] > 20
