"""Makes footage on demand: encoding runs in a worker process, each recipe once."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import ClassVar, Self

from vidgate.aio.supervisor import Supervisor
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.model.media import Variant
from vidgate.simulator.coded import tone_of
from vidgate.simulator.footage import Footage, make_footage
from vidgate.simulator.pictures import Recipe, encode
from vidgate.simulator.sound import AacTone, encode_aac

ENCODE_TIMEOUT = 60.0
MAIN_BITRATE = 800_000
SUB_BITRATE = 400_000


class Studio:
    """`want` gives a future of footage, `want_tone` a tone once it is there."""

    # What an encoder makes of a recipe never changes: later studios need not encode again.
    _encoded: ClassVar[dict[Recipe, list[list[bytes]]]] = {}

    def __init__(self) -> None:
        self._pool = WorkerPool("pictures", WorkerLimits(idle=2.0, memory=2 << 30))
        self._tasks = Supervisor("studio")
        self._footage: dict[Recipe, asyncio.Future[Footage]] = {}
        self._tones: dict[int, AacTone | None] = {}

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        await self._pool.__aexit__(kind, error, trace)

    def want(self, recipe: Recipe) -> asyncio.Future[Footage]:
        """A future of the footage; encoding starts if nobody asked before."""
        known = self._footage.get(recipe)
        if known is None:
            known = self._footage[recipe] = asyncio.get_running_loop().create_future()
            _ = self._tasks.start(self._make(recipe, known), f"encode {recipe.codec}")
        return known

    def prepare(self, recipes: Iterable[Recipe]) -> None:
        """Have footage made before anybody asks."""
        for recipe in recipes:
            _ = self.want(recipe)

    def want_tone(self, number: int) -> AacTone | None:
        """A channel's tone in AAC; None until it is encoded, which begins with the first demand."""
        frequency = tone_of(number)
        if frequency not in self._tones:
            self._tones[frequency] = None
            _ = self._tasks.start(self._make_tone(frequency), "encode aac")
        return self._tones[frequency]

    async def _make_tone(self, frequency: int) -> None:
        try:
            frames = await self._pool.run_within(ENCODE_TIMEOUT, encode_aac, frequency)
            self._tones[frequency] = AacTone(frames)
        finally:
            if self._tones[frequency] is None:  # failed: the next demand tries again
                del self._tones[frequency]

    async def _make(self, recipe: Recipe, result: asyncio.Future[Footage]) -> None:
        try:
            units = self._encoded.get(recipe)
            if units is None:
                units = await self._pool.run_within(ENCODE_TIMEOUT, encode, recipe)
                self._encoded[recipe] = units
            result.set_result(make_footage(recipe, units))
        except BaseException:
            # Whoever waits is told by the cancelled future; the supervisor logs the reason.
            result.cancel()
            self._footage.pop(recipe, None)
            raise


def recipe_for(variant: Variant, codec: str, scene: int, profile: str, bitrate: int) -> Recipe:
    """What a camera shows: one of a few coded scenes, or something plain that all share."""
    is_coded = profile == "coded"
    scene *= codec == "h264"  # H.265 is dear to encode: one street for all
    if variant is Variant.SUB:
        return Recipe("h264", 640, 360, SUB_BITRATE, scene * is_coded, is_coded)
    if profile == "coded":
        return Recipe(codec, 704, 576, MAIN_BITRATE, scene * is_coded, is_coded)
    size = (1280, 720) if bitrate >= 2_000_000 else (704, 576)
    return Recipe(codec, *size, bitrate, coded=False)
