"""A channel's days at a glance: what each was made of, and how much of it was online. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from vidgate.health.kpi import Kpi, Share
from vidgate.model.standing import SECOND, Tally

OWN = "own"  # among the states: vidgate itself was not at work


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A local day, or what there is of it; instants and lengths in seconds.

    `states`: how long the channel stood how while a KPI had it in its population, by the label of
    the state or `own`. `share` and `percent` are None where no time counted; `percent` is cut off.
    `is_known`: False where what was seen of the day is forgotten.
    """

    date: str
    start: float
    end: float
    share: float | None
    percent: str | None
    online: float
    counted: float
    states: Mapping[str, float]
    is_known: bool = True


def day_of(
    kpi: Kpi, date: str, start: int, end: int, tally: Tally, *, is_known: bool = True
) -> Day:
    """The day from `start` to `end` (ms), of how the channel stood in it."""
    lengths: Counter[Share] = Counter()
    states: Counter[str] = Counter()
    for standing, length in tally:
        share = kpi.share(standing)
        lengths[share] += length
        if share is not Share.OUTSIDE:
            states[OWN if standing.reason is None else standing.state.label] += length
    online = lengths[Share.ONLINE]
    counted = online + lengths[Share.MISSING]
    exact = Fraction(online, counted) if counted else None
    return Day(
        date=date,
        start=start / SECOND,
        end=end / SECOND,
        share=None if exact is None else float(exact),
        percent=None if exact is None else kpi.rounding.percent(exact),
        online=online / SECOND,
        counted=counted / SECOND,
        states={state: length / SECOND for state, length in states.items()},
        is_known=is_known,
    )
