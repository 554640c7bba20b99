"""A mailbox is bounded; a slow reader goes on at a key frame."""

import asyncio
from dataclasses import dataclass

import pytest

from vidgate.aio.mailbox import Mailbox, MailboxClosed


@dataclass
class Item:
    """A test item."""

    name: int
    size: int = 1
    resumable: bool = False


async def test_overflow_drops_to_the_next_resumable_item() -> None:
    box: Mailbox[Item] = Mailbox(max_items=3)
    for number in range(5):
        box.put(Item(number))
    box.put(Item(5, resumable=True))
    box.put(Item(6))
    assert [(await box.get()).name, (await box.get()).name] == [5, 6]
    assert box.dropped == 5


async def test_bytes_are_bounded() -> None:
    box: Mailbox[Item] = Mailbox(max_bytes=100)
    for number in range(1000):
        box.put(Item(number, size=30, resumable=True))
    assert box.bytes <= 100


async def test_close_wakes_the_reader_after_what_is_held() -> None:
    box: Mailbox[Item] = Mailbox()
    box.put(Item(1))
    async with asyncio.TaskGroup() as group:
        first = group.create_task(box.get())
    box.close()
    assert first.result().name == 1
    with pytest.raises(MailboxClosed):
        await box.get()
    assert box.put(Item(2)) is False


async def test_a_cancelled_get_leaves_the_mailbox_usable() -> None:
    box: Mailbox[Item] = Mailbox()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await box.get()
    box.put(Item(1))
    assert (await box.get()).name == 1
