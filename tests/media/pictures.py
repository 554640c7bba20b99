"""Key frames for tests, made by a real encoder."""

from fractions import Fraction

import av
import numpy as np

from vidgate.model.media import Codec
from vidgate.rtp.annexb import split

ENCODERS = {Codec.H264: "libx264", Codec.H265: "libx265"}


def key_frame(codec: Codec, width: int, height: int) -> tuple[bytes, ...]:
    """The NAL units of a red key frame, with its parameter sets in band."""
    encoder = av.CodecContext.create(ENCODERS[codec], "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate = Fraction(25)
    encoder.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, :, 0] = 220
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return tuple(split(bytes(packets[0])))
