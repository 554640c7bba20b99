"""What takes long is looked at first."""

from vidgate.health.order import longest_first
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Measured, State


def known(state: State, key_wait: float | None, key_interval: float | None = None) -> Health:
    """Of a channel."""
    measured = Measured(at=0.0, key_wait=key_wait, key_interval=key_interval)
    return Health(channel="c", state=state, measured=measured)


def test_what_takes_long_goes_first_and_so_does_what_may() -> None:
    healths = {
        "quick": known(State.UP, 0.3),
        "slow": known(State.UP, 3.5),
        "watched": known(State.DEGRADED, 0.1, key_interval=2.0),
        "down": known(State.DOWN, 0.2),
        "described": known(State.UP, None),
        "new": Health(channel="new"),
    }
    channels = [Channel(id=id_, name=id_) for id_ in healths]
    order = [channel.id for channel in longest_first(channels, healths.__getitem__)]
    assert order == ["down", "described", "new", "slow", "watched", "quick"]
