"""What a writer takes for given: the revisions that it has seen (If-Match, RFC 9110 13.1.1)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from vidgate.errors import StaleError
from vidgate.model.channel import Channel
from vidgate.registry.edits import key

SHOWN = 5  # channels that a refusal names


@dataclass(frozen=True, slots=True)
class Precondition:
    """`any_of`: every channel has one of these revisions; `each`: those named have exactly theirs.

    Without either, whatever the channels have become is fine.
    """

    any_of: Collection[int] | None = None
    each: Mapping[str, int] = field(default_factory=dict)

    def check(self, channels: Iterable[Channel]) -> None:
        """Raise StaleError naming the channels that somebody has changed since."""
        wanted = {key(id_): revision for id_, revision in self.each.items()}
        stale = [
            channel.id
            for channel in channels
            if wanted.get(key(channel.id), channel.revision) != channel.revision
            or (self.any_of is not None and channel.revision not in self.any_of)
        ]
        if stale:
            more = f" 等 {len(stale)} 个" if len(stale) > SHOWN else ""
            raise StaleError(
                f"通道 {'、'.join(stale[:SHOWN])}{more} 已被他人修改 / changed since",
                hint="重新读取后再修改",
            )


NONE = Precondition()
