import asyncio

import pytest

from vidgate.model.media import Variant
from vidgate.simulator.pictures import Recipe
from vidgate.simulator.studio import Studio, recipe_for


async def test_a_recipe_is_encoded_once(no_descriptor_left: None) -> None:
    recipe = Recipe("h264", 640, 368, 300_000)
    async with Studio() as studio:
        first, second = studio.want(recipe), studio.want(recipe)
        assert first is second
        footage = await first
        assert len(footage) == 50
    async with Studio() as other:  # what is known needs no encoder
        again = await other.want(recipe)
        assert again.parameter_sets == footage.parameter_sets


async def test_a_recipe_that_fails_tells_who_waits_and_may_be_tried_again() -> None:
    recipe = Recipe("h264", 320, 240, 300_000)  # too small for a strip
    async with Studio() as studio:
        with pytest.raises(asyncio.CancelledError):
            await studio.want(recipe)
        assert not studio.want(recipe).done()


def test_recipes_follow_the_profile() -> None:
    assert recipe_for(Variant.MAIN, "h264", 2, "coded", 0).scene == 2
    assert recipe_for(Variant.MAIN, "h265", 0, "coded", 0).codec == "h265"
    assert recipe_for(Variant.MAIN, "h264", 0, "load", 2_000_000).bitrate == 2_000_000
    assert not recipe_for(Variant.SUB, "h264", 0, "load", 2_000_000).coded
