"""A key frame becomes a small JPEG, in a worker; the service itself never loads the decoder."""

from io import BytesIO

import pytest
from PIL import Image

from tests.media.pictures import key_frame
from vidgate.errors import InputError
from vidgate.media import snapshot
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.model.media import Codec


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_key_frame_becomes_a_picture_no_wider_than_a_tile(codec: Codec) -> None:
    picture = Image.open(BytesIO(snapshot.jpeg(codec, key_frame(codec, 1280, 720))))
    assert (picture.format, picture.size) == ("JPEG", (640, 360))
    red, green, blue = picture.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert red > 150
    assert max(green, blue) < 90


async def test_broken_bytes_are_an_error_of_ours_and_the_worker_goes_on() -> None:
    good = key_frame(Codec.H264, 320, 240)
    async with WorkerPool("picture", WorkerLimits(processes=1)) as pool:
        for units in ((), (b"\x65garbage",), good[:2], tuple(unit[:3] for unit in good)):
            with pytest.raises(InputError):
                await pool.run(snapshot.jpeg, Codec.H264, units)
        assert (await pool.run(snapshot.jpeg, Codec.H264, good)).startswith(b"\xff\xd8")
        assert pool.starts == 1
