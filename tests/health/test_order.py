"""What takes long is looked at first, or in turn with what does not."""

from vidgate.health.order import longest_first, well_mixed
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


def test_a_paced_sweep_is_mixed_and_ends_with_the_quick_ones() -> None:
    waits = {f"c{number}": number / 100 for number in range(400)}
    healths = {id_: known(State.UP, wait) for id_, wait in waits.items()}
    channels = [Channel(id=id_, name=id_) for id_ in waits]
    order = [waits[channel.id] for channel in well_mixed(channels, healths.__getitem__)]
    assert sorted(order) == sorted(waits.values())
    assert max(order[-80:]) < min(order[:-80])
    tenths = [sum(order[begin : begin + 40]) / 40 for begin in range(0, 320, 40)]
    assert max(tenths) - min(tenths) < 0.1  # seconds: no tenth of the sweep is slower than others
