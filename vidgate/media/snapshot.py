"""One JPEG of one key frame; runs in a worker process, which alone imports the decoder."""

from collections.abc import Sequence
from io import BytesIO

from vidgate.errors import InputError
from vidgate.model.media import Codec
from vidgate.rtp.annexb import join

WIDTH = 640  # pixels at most: what a tile of a grid shows, and the size of a sub-stream
QUALITY = 72
DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}


def jpeg(codec: Codec, units: Sequence[bytes]) -> bytes:
    """The picture of a key frame's NAL units, parameter sets among them, at most `WIDTH` wide.

    Raises InputError where they do not hold one. No error of the decoder's leaves the worker: to
    read it the service would have to import the decoder.
    """
    import av  # noqa: PLC0415 - not in the service
    from av.error import FFmpegError  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    decoder = av.CodecContext.create(DECODERS[codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    try:
        frames = [*decoder.decode(av.Packet(join(tuple(units)))), *decoder.decode(None)]
    except (FFmpegError, ValueError, MemoryError) as error:
        raise InputError(f"没有画面 / no picture: {error}") from None
    if not frames:
        raise InputError("没有画面, 关键帧不完整 / no picture: the key frame is not whole")
    frame = frames[0]
    width = min(WIDTH, frame.width)
    height = max(1, round(frame.height * width / frame.width))
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    told = BytesIO()
    Image.fromarray(pixels).save(told, "JPEG", quality=QUALITY)
    return told.getvalue()
