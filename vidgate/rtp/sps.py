"""The sequence parameter set among NAL units, of either codec; pure."""

from collections.abc import Sequence

from vidgate.errors import ProtocolError
from vidgate.model.media import Codec
from vidgate.rtp import h264, h265


def find_sps(codec: Codec, units: Sequence[bytes]) -> bytes | None:
    """The first SPS; None where there is none, or the codec has none."""
    for unit in filter(None, units):
        if codec is Codec.H264 and unit[0] & 31 == h264.SPS:
            return unit
        if codec is Codec.H265 and h265.kind(unit) == h265.SPS:
            return unit
    return None


def read_sps(codec: Codec, sps: bytes) -> h264.SpsInfo:
    """What an SPS tells. Raises ProtocolError for one that cannot be read."""
    return h264.parse_sps(sps) if codec is Codec.H264 else h265.parse_sps(sps)


def sps_info(codec: Codec, units: Sequence[bytes]) -> h264.SpsInfo | None:
    """What the first SPS that can be read tells; None where there is none."""
    for unit in units:
        try:
            if (sps := find_sps(codec, (unit,))) is not None:
                return read_sps(codec, sps)
        except ProtocolError:
            continue
    return None
