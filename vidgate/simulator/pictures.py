"""Draws and encodes the looped groups of pictures; runs in a worker process (`media.worker`).

Numpy and PyAV are imported inside: the fleet's own process needs neither.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from vidgate.rtp import annexb
from vidgate.simulator.manner import Look

if TYPE_CHECKING:
    import numpy as np

    Plane = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

FPS = 25
LOOP = 50  # pictures in a loop: two seconds
SCENES = 4
LANES = 4
_SKIES = ((92, 118, 150), (150, 122, 96), (70, 128, 112), (58, 66, 104))


@dataclass(frozen=True, slots=True)
class Recipe:
    """One loop to encode; `bitrate` in bits per second, `codec` h264 or h265.

    `coded` prepares the first row of 16 to be written anew: H.264 gets a slice for each row, H.265
    lacks the first (`coded`, `coded_h265`).
    """

    codec: str
    width: int
    height: int
    bitrate: int
    scene: int = 0
    coded: bool = True
    length: int = LOOP  # pictures, whole times `LOOP`
    look: Look = Look.STREET

    @property
    def top(self) -> int:
        """Rows of the picture that the encoder does not see."""
        return 16 if self.coded and self.codec == "h265" else 0


@dataclass(frozen=True, slots=True)
class _Car:
    start: int
    direction: int
    length: int
    top: int
    bottom: int
    colour: tuple[int, ...]


def encode(recipe: Recipe) -> list[list[bytes]]:
    """The NAL units (no start codes) of each picture of the loop."""
    import av  # noqa: PLC0415 - only the worker process needs it

    context = av.CodecContext.create("libx265" if recipe.codec == "h265" else "libx264", "w")
    context.width, context.height = recipe.width, recipe.height - recipe.top
    context.pix_fmt = "yuv420p"
    context.framerate = Fraction(FPS)
    context.bit_rate = recipe.bitrate
    context.thread_count = 1
    context.options = _options(recipe)
    scene = _Scene(recipe)
    units: list[list[bytes]] = []
    for index in range(recipe.length):
        picture = av.VideoFrame.from_ndarray(scene.draw(index), format="yuv420p")
        picture.pts = index
        units += [annexb.split(bytes(packet)) for packet in context.encode(picture)]
    units += [annexb.split(bytes(packet)) for packet in context.encode(None)]
    return [[nal for nal in unit if not _is_comment(nal, recipe.codec)] for unit in units]


def _is_comment(nal: bytes, codec: str) -> bool:
    """SEI and access unit delimiters: the encoder's own remarks."""
    if codec == "h265":
        return nal[0] >> 1 & 63 in (35, 39, 40)
    return nal[0] & 31 in (6, 9)


def _options(recipe: Recipe) -> dict[str, str]:
    rate = max(1, recipe.bitrate // 1000)
    common = f"keyint={recipe.length}:min-keyint={recipe.length}:scenecut=0:bframes=0:ref=1"
    common += f":rc-lookahead=0:vbv-maxrate={rate}:vbv-bufsize={rate}:repeat-headers=1"
    if recipe.codec == "h265":
        return {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x265-params": common + _X265 + (_X265_CODED if recipe.coded else ""),
        }
    # Vertical motion beyond 12 rows would fetch samples of the strip, which the encoder never sees.
    common += ":cabac=0:no-deblock=1:weightp=0:mbtree=0:aq-mode=0:mvrange=12:subme=1:me=dia"
    slices = -(-recipe.height // 16) if recipe.coded else 1
    return {
        "preset": "veryfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": f"{common}:threads=1:sliced-threads=0:slices={slices}",
    }


_X265 = ":pools=none:frame-threads=1:log-level=none:no-info=1"
# Rows of 16, one slice, nothing that reaches from one slice into another (`coded_h265`).
_X265_CODED = (
    ":ctu=16:max-tu-size=16:no-open-gop=1:no-wpp=1:no-deblock=1:no-sao=1:weightp=0:slices=1"
)


class _Scene:
    """A street with traffic that drives a whole number of rounds in one loop: it is seamless."""

    def __init__(self, recipe: Recipe) -> None:
        import numpy as np  # noqa: PLC0415 - only the worker process needs it

        self._recipe = recipe
        self._np = np
        self._horizon = recipe.height * 2 // 5 & ~1
        random = np.random.default_rng(recipe.scene)
        self._still = self._to_yuv(self._draw_still(random))
        self._cars = self._plan_cars(random)

    def draw(self, index: int) -> "Plane":
        """One picture in planar YUV 4:2:0: (height * 3 / 2, width)."""
        np, (width, height) = self._np, (self._recipe.width, self._recipe.height)
        picture: Plane = self._still.copy()
        if self._recipe.look is not Look.STREET:
            return self._below(self._obscured(index))
        luma = picture[:height]
        blue, red = picture[height:].reshape(2, height // 2, width // 2)
        for car in self._cars:
            left = (car.start + car.direction * index * width // LOOP) % width
            columns = np.arange(left, left + car.length) % width
            luma[car.top : car.bottom, columns] = car.colour[0]
            halves = np.arange(left // 2, (left + car.length) // 2) % (width // 2)
            blue[car.top // 2 : car.bottom // 2, halves] = car.colour[1]
            red[car.top // 2 : car.bottom // 2, halves] = car.colour[2]
        if not self._recipe.coded and self._recipe.codec == "h264":
            # Gives the rate control something to spend bits on, so that the bitrate is kept.
            noise = np.random.default_rng(index).integers(0, 24, luma.shape, dtype=np.uint8)
            np.add(luma // 2 + luma // 4, noise, out=luma)
        return self._below(picture)

    def _obscured(self, index: int) -> "Plane":
        """A black picture, or something dull before the lens: some noise, no edges."""
        np, (width, height) = self._np, (self._recipe.width, self._recipe.height)
        is_black = self._recipe.look is Look.BLACK
        picture: Plane = np.full((height * 3 // 2, width), 16 if is_black else 128, np.uint8)
        if is_black:
            picture[height:] = 128
            return picture
        shade = np.linspace(46, 58, height)[:, None] + np.linspace(-4, 4, width)[None, :]
        noise = np.random.default_rng(index % 5).normal(0, 1.0, (height, width))
        picture[:height] = np.clip(shade + noise, 0, 255).astype(np.uint8)
        picture[:48] = 48  # plain next to the strip, as in the street
        return picture

    def _below(self, picture: "Plane") -> "Plane":
        """What the encoder sees of it."""
        top, height, half = self._recipe.top, self._recipe.height, self._recipe.width // 2
        if not top:
            return picture
        halves = picture[height:].reshape(2, height // 2, half)[:, top // 2 :]
        below: Plane = self._np.concatenate([picture[top:height], halves.reshape(-1, 2 * half)])
        return below

    def _draw_still(self, random: Any) -> "Plane":
        np, (width, height) = self._np, (self._recipe.width, self._recipe.height)
        sky = np.linspace(0.7, 1.3, height)
        shade = np.where(np.arange(height) < self._horizon, sky, 0.4)[:, None, None]
        colour = _SKIES[self._recipe.scene % len(_SKIES)]
        picture = np.clip(np.full((height, width, 3), colour) * shade, 0, 255)
        left = 0
        while left < width:
            breadth = int(random.integers(width // 16, width // 7))
            top = int(random.integers(64, self._horizon * 3 // 4))
            wall = random.integers(40, 110) + random.integers(-12, 12, 3)
            picture[top : self._horizon, left : left + breadth] = wall
            for row in range(top + 8, self._horizon - 12, 20):
                picture[row : row + 8, left + 6 : left + breadth - 6 : 14] = wall + 70
            left += breadth + int(random.integers(4, 24))
        for lane in range(LANES):
            line = self._horizon + (height - self._horizon) * lane // LANES
            picture[line : line + 2] = 190
        picture[:48] = picture[48]  # plain next to the strip: nothing is predicted across it
        still: Plane = picture.astype(np.uint8)
        return still

    def _plan_cars(self, random: Any) -> list[_Car]:
        width, height = self._recipe.width, self._recipe.height
        lane = (height - self._horizon) // LANES
        cars = []
        for number in range(2 * LANES):
            top = self._horizon + number // 2 * lane
            cars.append(
                _Car(
                    start=number % 2 * (width // 2) + int(random.integers(0, width // 3)),
                    direction=-1 if number // 2 % 2 else 1,
                    length=48 + 16 * (number // 2),
                    top=top + lane // 3 & ~1,
                    bottom=top + lane * 5 // 6 & ~1,
                    colour=tuple(int(value) for value in random.integers(80, 220, 3)),
                )
            )
        return cars

    def _to_yuv(self, picture: "Plane") -> "Plane":
        np = self._np
        rgb, half = picture.astype(np.float32), picture[::2, ::2].astype(np.float32)
        planes = (
            16 + rgb @ np.array([0.257, 0.504, 0.098], np.float32),
            128 + half @ np.array([-0.148, -0.291, 0.439], np.float32),
            128 + half @ np.array([0.439, -0.368, -0.071], np.float32),
        )
        flat = [np.clip(plane, 0, 255).astype(np.uint8).ravel() for plane in planes]
        joined: Plane = np.concatenate(flat).reshape(-1, picture.shape[1])
        return joined
