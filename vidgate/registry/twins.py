"""Codes, addresses and device inputs that two channels share: told, not refused, for it may be
meant.

One camera that comes through two platforms has one code and is two channels.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vidgate.model.channel import Channel
from vidgate.registry.edits import key, typed
from vidgate.registry.inputs import Inputs

SHARED = {  # by kind of mark
    "gb_code": "国标编码",
    "url": "主码流地址",
    "device": "设备地址、端口和通道号",
}
_DEVICE = ("address", "channel_no", "port", "vendor")
_SAID = {"gb_code": ("gb_code",), "url": ("url",), "address": _DEVICE}
_LOOKED_AT = ("gb_code", "url", "platform", *_DEVICE)


class _Mark(NamedTuple):
    """What one channel has: `kind` and `value` are compared, `field` is where a row says it."""

    field: str
    kind: str
    value: str


class Twins:
    """Knows who has which code, address and device input: the register at first, then every row."""

    def __init__(self, inputs: Inputs | None = None) -> None:
        self._inputs = inputs or Inputs()
        self._owners: dict[tuple[str, str], tuple[str, str]] = {}

    def learn(self, channels: Iterable[Channel]) -> None:
        """Take in channels as they are registered."""
        for channel in channels:
            for mark in self._marks(channel):
                owner = channel.id, "已登记的"
                self._owners.setdefault((mark.kind, mark.value), owner)

    def of(
        self, id_: str, values: Mapping[str, Any], where: str, current: Channel | None = None
    ) -> list[tuple[str, str]]:
        """(field, sentence) for what another channel has too; remembers what this one has."""
        found: dict[str, str] = {}
        before = self._marks(current) if current else []
        now = self._marks(_seen_whole(id_, values, current))
        self._release(id_, {mark[1:] for mark in before} - {mark[1:] for mark in now})
        for mark in now:
            said = next((name for name in _SAID[mark.field] if values.get(name)), "")
            if not said:
                continue  # told when it was registered
            owner, place = self._owners.setdefault((mark.kind, mark.value), (id_, where))
            if key(owner) != key(id_):
                found.setdefault(said, f"与{place}通道 {owner} 的{SHARED[mark.kind]}相同")
        return list(found.items())

    def _release(self, id_: str, marks: Iterable[tuple[str, str]]) -> None:
        for mark in marks:
            if key(self._owners.get(mark, ("", ""))[0]) == key(id_):
                del self._owners[mark]

    def _marks(self, channel: Channel) -> list[_Mark]:
        field = "url" if channel.url else "address"
        marks = [_Mark(field, *one) for one in self._inputs.of(channel)]
        code = channel.gb_code
        return [_Mark("gb_code", "gb_code", code), *marks] if code else marks


def _seen_whole(id_: str, values: Mapping[str, Any], current: Channel | None) -> Channel:
    """The channel as it would be, as far as it is looked at here."""
    said = typed({name: values[name] for name in _LOOKED_AT if name in values})
    known = {name: getattr(current, name) for name in _LOOKED_AT} if current else {}
    return Channel(**known | said, id=id_, name="")
