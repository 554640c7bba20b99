"""Where a stream is."""

from vidgate.model.channel import Login
from vidgate.rtsp.address import RtspAddress


def test_an_address_is_safe_to_print() -> None:
    address = RtspAddress(url="rtsp://h/x", login=Login("admin", "hidden"))
    assert "hidden" not in repr(address)
    assert address.allowed("10.0.0.1")
