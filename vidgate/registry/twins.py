"""Codes and addresses that two channels share: told, not refused, for it may be meant.

One camera that comes through two platforms has one code and is two channels.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from vidgate.model.channel import Channel
from vidgate.registry.edits import key

SHARED = {"gb_code": "国标编码", "url": "主码流地址"}


class Twins:
    """Knows who has which code and address: the register at first, then every row."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], tuple[str, str]] = {}

    def learn(self, channels: Iterable[Channel]) -> None:
        """Take in channels as they are registered."""
        for channel in channels:
            for field in SHARED:
                if value := getattr(channel, field):
                    self._owners.setdefault((field, value), (key(channel.id), "已登记的"))

    def of(self, id_: str, values: Mapping[str, Any], where: str) -> list[tuple[str, str]]:
        """(field, sentence) for what another channel has too; remembers what this one has."""
        found = []
        for field, title in SHARED.items():
            value = values.get(field)
            if not value:
                continue
            owner, place = self._owners.setdefault((field, value), (key(id_), where))
            if owner != key(id_):
                found.append((field, f"与{place}通道 {owner} 的{title}相同"))
        return found
