"""Writes the arithmetic code of H.265 (ITU-T H.265 9.3): what a flat block needs of it."""

from collections.abc import Mapping

# rangeTabLps (table 9-52) by state, for the four quarters of the range.
_RANGES = (
    (128, 176, 208, 240), (128, 167, 197, 227), (128, 158, 187, 216), (123, 150, 178, 205),
    (116, 142, 169, 195), (111, 135, 160, 185), (105, 128, 152, 175), (100, 122, 144, 166),
    (95, 116, 137, 158), (90, 110, 130, 150), (85, 104, 123, 142), (81, 99, 117, 135),
    (77, 94, 111, 128), (73, 89, 105, 122), (69, 85, 100, 116), (66, 80, 95, 110),
    (62, 76, 90, 104), (59, 72, 86, 99), (56, 69, 81, 94), (53, 65, 77, 89),
    (51, 62, 73, 85), (48, 59, 69, 80), (46, 56, 66, 76), (43, 53, 63, 72),
    (41, 50, 59, 69), (39, 48, 56, 65), (37, 45, 54, 62), (35, 43, 51, 59),
    (33, 41, 48, 56), (32, 39, 46, 53), (30, 37, 43, 50), (29, 35, 41, 48),
    (27, 33, 39, 45), (26, 31, 37, 43), (24, 30, 35, 41), (23, 28, 33, 39),
    (22, 27, 32, 37), (21, 26, 30, 35), (20, 24, 29, 33), (19, 23, 27, 31),
    (18, 22, 26, 30), (17, 21, 25, 28), (16, 20, 23, 27), (15, 19, 22, 25),
    (14, 18, 21, 24), (14, 17, 20, 23), (13, 16, 19, 22), (12, 15, 18, 21),
    (12, 14, 17, 20), (11, 14, 16, 19), (11, 13, 15, 18), (10, 12, 15, 17),
    (10, 12, 14, 16), (9, 11, 13, 15), (9, 11, 12, 14), (8, 10, 12, 14),
    (8, 9, 11, 13), (7, 9, 11, 12), (7, 9, 10, 12), (7, 8, 10, 11),
    (6, 8, 9, 11), (6, 7, 9, 10), (6, 7, 8, 9), (2, 2, 2, 2),
)  # fmt: skip
# transIdxLps (table 9-53): the state after the less probable symbol.
_FALLS = (
    0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12, 13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21,
    21, 22, 22, 23, 24, 24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33, 33, 33, 34,
    34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63,
)  # fmt: skip


class CabacWriter:
    """Bins in, bytes out. `initial` gives the initValue of each context by name, at `qp`."""

    def __init__(self, initial: Mapping[str, int], qp: int) -> None:
        self._contexts = {name: _start(value, qp) for name, value in initial.items()}
        self._low = 0
        self._range = 510
        self._outstanding = 0
        self._is_first = True
        self._bits: list[int] = []

    def put(self, name: str, bin_: int) -> None:
        """A bin in the context `name` (9.3.4.4.2)."""
        state, likely = self._contexts[name]
        less = _RANGES[state][self._range >> 6 & 3]
        self._range -= less
        if bin_ == likely:
            state = min(state + 1, 62)
        else:
            self._low += self._range
            self._range = less
            likely ^= state == 0
            state = _FALLS[state]
        self._contexts[name] = state, likely
        self._renormalise()

    def bypass(self, value: int, count: int) -> None:
        """Equally probable bins, most significant first."""
        for at in reversed(range(count)):
            self._low <<= 1
            if value >> at & 1:
                self._low += self._range
            if self._low >= 1024:
                self._low -= 1024
                self._emit(1)
            elif self._low < 512:
                self._emit(0)
            else:
                self._low -= 512
                self._outstanding += 1

    def terminate(self, bin_: int) -> None:
        """end_of_slice_segment_flag."""
        self._range -= 2
        if bin_:
            self._low += self._range
            self._range = 2
        self._renormalise()

    def finish(self) -> bytes:
        """The bytes, rbsp_slice_segment_trailing_bits included; after `terminate(1)`."""
        self._emit(self._low >> 9 & 1)
        self._bits += (self._low >> 8 & 1, 1)
        self._bits += [0] * (-len(self._bits) % 8)
        text = "".join(map(str, self._bits))
        return int(text, 2).to_bytes(len(text) // 8, "big")

    def _renormalise(self) -> None:
        while self._range < 256:
            if self._low < 256:
                self._emit(0)
            elif self._low >= 512:
                self._low -= 512
                self._emit(1)
            else:
                self._low -= 256
                self._outstanding += 1
            self._range <<= 1
            self._low <<= 1

    def _emit(self, bit: int) -> None:
        if self._is_first:
            self._is_first = False
        else:
            self._bits.append(bit)
        if self._outstanding:
            self._bits += [1 - bit] * self._outstanding
            self._outstanding = 0


def _start(value: int, qp: int) -> tuple[int, int]:
    """State and more probable symbol of a context at the start of a slice (9.3.2.2)."""
    slope, offset = (value >> 4) * 5 - 45, ((value & 15) << 3) - 16
    start = max(1, min(126, ((slope * max(0, min(51, qp))) >> 4) + offset))
    return (start - 64, 1) if start > 63 else (63 - start, 0)
