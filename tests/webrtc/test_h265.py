"""What is cut here must be put together by the depacketiser, which knows nothing of it."""

from hypothesis import given
from hypothesis import strategies as st

from vidgate.model.media import Codec, Frame, Track
from vidgate.rtp.h265 import Depacketiser
from vidgate.rtp.packet import RtpPacket
from vidgate.webrtc.h265 import packetise
from vidgate.webrtc.line import MAX_PAYLOAD, Line

UNITS = st.lists(
    st.builds(
        lambda kind, size: (
            bytes((kind << 1, 1)) + bytes([0x80]) + bytes(size % 251 for _ in range(size))
        ),
        st.sampled_from([1, 19, 21, 32, 33, 34]),
        st.integers(1, 6000),
    ),
    min_size=1,
    max_size=5,
)


@given(UNITS)
def test_units_survive_the_way(units: list[bytes]) -> None:
    payloads = packetise(units, MAX_PAYLOAD)
    assert max(map(len, payloads)) <= MAX_PAYLOAD
    line = Line(Track(0, Codec.H265, 90000))
    depacketiser = Depacketiser()
    got = []
    for batch in line.cut(Frame(0, 0, True, (*units, bytes((2, 1, 0x80, 9))), 1.0)):
        for head, load in zip(batch.headers(98, 0, 0), batch.payloads, strict=True):
            got += [
                unit for _, nals in depacketiser.push(RtpPacket.parse(head + load)) for unit in nals
            ]
    assert got[: len(units)] == units
