"""The byte stream format: NAL units between start codes (H.264 Annex B)."""

START_CODE = b"\x00\x00\x00\x01"


def split(data: bytes, most: int = -1) -> list[bytes]:
    """The NAL units of a byte stream; what stands before the first start code is one too.

    Behind `most` start codes, where that is told, the rest stays in one piece.
    """
    units = [part.rstrip(b"\x00") for part in data.split(b"\x00\x00\x01", most)]
    # A NAL unit never ends in a zero byte, so trailing zeros belong to the next start code.
    return [unit for unit in units if unit]


def join(units: list[bytes] | tuple[bytes, ...]) -> bytes:
    """A byte stream with four-byte start codes."""
    return b"".join(START_CODE + unit for unit in units)
