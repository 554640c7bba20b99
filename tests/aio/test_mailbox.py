"""A mailbox is bounded; a slow reader goes on at a key frame."""

import asyncio
from dataclasses import dataclass

import pytest

from vidgate.aio.mailbox import GREED, Mailbox, MailboxClosed


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


async def test_a_reader_with_much_to_read_lets_others_have_their_turn() -> None:
    box: Mailbox[Item] = Mailbox()
    for number in range(4 * GREED):
        box.put(Item(number))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while len(box):
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(other())
        seen = [(await box.get()).name for _ in range(4 * GREED)]
    assert seen == list(range(4 * GREED))
    assert turns >= 3


async def test_what_is_dropped_meanwhile_is_not_missed() -> None:
    box: Mailbox[Item] = Mailbox(max_items=GREED + 4)
    for number in range(GREED + 4):
        box.put(Item(number))
    for _ in range(GREED):
        await box.get()
    async with asyncio.TaskGroup() as group:
        getting = group.create_task(box.get())
        await asyncio.sleep(0)
        for number in range(100, 100 + GREED + 4):
            box.put(Item(number))
        assert not len(box)
        box.put(Item(7, resumable=True))
    assert getting.result().name == 7


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
