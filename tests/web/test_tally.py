"""What was answered is counted by closed sets of labels."""

from aiohttp import hdrs

from tests.web.conftest import Site
from vidgate.model.user import Role
from vidgate.web.tally import Tally


def test_buckets_are_cumulative_and_end_without_bound() -> None:
    tally = Tally()
    for seconds in (0.001, 0.005, 0.2, 60.0):
        tally.note(hdrs.METH_GET, 200, seconds)
    buckets = dict(tally.buckets())
    assert buckets["0.005"] == 2  # the bound belongs to its bucket
    assert buckets["0.3"] == 3
    assert buckets["10.0"] == 3
    assert buckets["+Inf"] == 4
    assert tally.seconds == 60.206


def test_a_method_of_somebody_s_own_makes_no_label() -> None:
    tally = Tally()
    for number in range(100):
        tally.note(f"X{number}", 405, 0.0)
    assert tally.requests == {("other", "4xx"): 100}


async def test_refusals_are_counted_as_they_are_answered(site: Site) -> None:
    await site.call("GET", "/healthz")
    await site.call("GET", "/api/v1/channels")
    await site.call("GET", "/api/v1/channels/none", role=Role.VIEWER)
    assert site.server.tally.requests == {("GET", "2xx"): 1, ("GET", "4xx"): 2}
