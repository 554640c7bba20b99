"""A channel that falls and comes back again and again: each of its turns says little; pure."""

from vidgate.model.health import Health

WINDOW = 3600.0  # seconds
FLAPS = 4  # falls within them: it flaps
MOST_FALLS = 120  # that are remembered


def falls(health: Health, now: float) -> int:
    """How often the channel fell within the hour before `now`."""
    return sum(0 <= now - at < WINDOW for at in health.falls)


def is_flapping(health: Health, now: float) -> bool:
    """Whether it falls and comes back so often that each turn says little."""
    return falls(health, now) >= FLAPS


def with_fall(health: Health, now: float) -> tuple[float, ...]:
    """The instants of its falls of late, this one added."""
    return (*(at for at in health.falls if now - at < WINDOW), now)[-MOST_FALLS:]
