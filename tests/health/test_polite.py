"""A sweep of platforms that allow few sessions is as quick as their cameras' key frames allow.

`scripts/bench polite` measures the same with real sockets.
"""

from tests.health.polite import SLOTS, service, sweep
from tests.virtual import VirtualClock, VirtualTime

PLATFORMS = 5
LOOKS = 6  # at each camera before, so that it is known who takes long


def test_a_sweep_is_near_its_bound_and_keeps_the_sessions_busy() -> None:
    async def main(clock: VirtualClock) -> None:
        async with service(clock, PLATFORMS) as (fleet, health):
            for _ in range(LOOKS):
                await sweep(fleet, health, unspread=True)
            for unspread in (True, False):  # as a person asks, and as the background does it
                assert await sweep(fleet, health, unspread=unspread) <= 1.15
                assert min(fleet.shares) >= 0.9
                assert all(place.max_sessions <= SLOTS for place in fleet.places.values())
            assert fleet.peak <= 80

    with VirtualTime() as time:
        time.run(main(time.clock))
