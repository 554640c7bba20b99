import pytest

from tests.media.pictures import key_frame
from vidgate.model.media import Codec
from vidgate.rtp.sps import find_sps, sps_info


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_the_size_is_read_of_either_codec(codec: Codec) -> None:
    info = sps_info(codec, key_frame(codec, 704, 576))
    assert info is not None
    assert (info.width, info.height) == (704, 576)


def test_a_broken_one_is_passed_over_and_none_is_none() -> None:
    good = find_sps(Codec.H264, key_frame(Codec.H264, 320, 240))
    assert good is not None
    info = sps_info(Codec.H264, (b"", b"\x67", good))
    assert info is not None
    assert info.width == 320
    assert sps_info(Codec.H264, (b"\x65\x00",)) is None
    assert find_sps(Codec.PCMA, (b"\x67\x42",)) is None
