"""A channel that is withdrawn while it is watched, in a real browser."""

from pathlib import Path

import pytest

from tests.e2e.stage import MARKS, eventually, staged

pytestmark = MARKS


@pytest.mark.parametrize(
    ("command", "state", "told"),
    [
        (("channel", "set", "ID", "--enabled", "no"), "disabled", "通道已停用"),
        (("channel", "set", "ID", "--lifecycle", "suspended"), "disabled", "暂停"),
        (("channel", "remove", "ID"), "offline", "通道不存在或已删除"),
    ],
    ids=["disabled", "suspended", "removed"],
)
async def test_its_tile_says_why_and_plays_again_when_it_is_back(
    tmp_path: Path, command: tuple[str, ...], state: str, told: str
) -> None:
    async with staged(tmp_path, 8) as stage:
        one, other = stage.channels[:2]
        console, service = stage.console, stage.service
        await console.layout(4)
        for channel in (one, other):
            await console.open_channel(channel["id"])
        assert await eventually(lambda: stage.is_moving(0, one["number"]), bool)
        assert await eventually(lambda: stage.is_moving(1, other["number"]), bool)
        peers = await console.peers()

        words = [one["id"] if word == "ID" else word for word in command]
        await service.cli(*words)
        await console.wait_state(0, state)
        assert told in await console.tile_words(0)
        await console.page.screenshot(path=tmp_path / f"{state}.png")
        assert await stage.is_moving(1, other["number"])
        assert (await console.peers()).made <= peers.made + 1  # asked once more at most

        change = (await service.cli_json("change", "list"))["items"][0]["id"]
        await service.cli("change", "undo", str(change))
        assert await eventually(lambda: stage.is_moving(0, one["number"]), bool, timeout=15.0)
        await console.wait_state(0, "playing")
        assert await stage.is_moving(1, other["number"])
        assert console.problems == []
