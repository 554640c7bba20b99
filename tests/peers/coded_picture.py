"""Pictures that carry a number and a frame counter (design.md 10), painted without any library."""

WIDTH, HEIGHT, RATE = 640, 360, 25
CELL = 16


def picture(number: int, counter: int) -> bytes:
    """One I420 picture: the strip over grey, and a bar that moves."""
    code = (0b10 << 14 | number) << 24 | counter ^ counter >> 1
    cells = (235 if code >> bit & 1 else 16 for bit in reversed(range(40)))
    top = b"".join(bytes([level]) * CELL for level in cells)
    bar = counter * 4 % (WIDTH - 32)
    line = b"\x60" * bar + b"\xc0" * 32 + b"\x60" * (WIDTH - 32 - bar)
    return top * CELL + line * (HEIGHT - CELL) + b"\x80" * (WIDTH * HEIGHT // 2)
