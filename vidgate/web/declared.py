"""What is declared of a channel beside what is measured, as the API tells it."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel

from vidgate.health.declared import compare, differences
from vidgate.model.channel import Channel
from vidgate.model.declared import Difference
from vidgate.model.health import Health
from vidgate.storage.database import CHUNK

ANY = "any"


class ComparisonView(BaseModel):
    """One item as a platform or the register declares it and as it is measured.

    The measured status is the state; a size is `1920x1080`, or `4MP` where only that is declared.
    `differs` is null where a side is not known, or where neither speaks against the other.
    """

    item: Literal["status", "codec", "resolution", "fps"]
    declared: str | float | None
    measured: str | float | None
    differs: bool | None


def comparison_views(channel: Channel, health: Health) -> list[ComparisonView]:
    """The four items."""
    return [ComparisonView(**asdict(one)) for one in compare(channel, health)]


async def differing(
    channels: list[Channel], of: Callable[[str], Health], wanted: Difference | Literal["any"]
) -> list[Channel]:
    """The channels that differ in what is wanted, giving way to the loop."""
    found = []
    for number, channel in enumerate(channels, 1):
        differs = differences(channel, of(channel.id))
        if wanted in differs or (wanted == ANY and differs):
            found.append(channel)
        if number % CHUNK == 0:
            await asyncio.sleep(0)
    return found
