from aiohttp import http_parser

from tests.web.conftest import Site
from vidgate.model.user import Role

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


async def test_prometheus_reads_both_pages_with_a_token(site: Site) -> None:
    fleet = await site.call("GET", "/metrics", role=Role.VIEWER)
    assert fleet.headers["Content-Type"] == EXPOSITION
    assert await fleet.text() == "# metrics\nvidgate_up 1\n"
    channels = await site.call(
        "GET", "/metrics/channels", role=Role.AUDITOR, headers={"Accept-Encoding": "gzip"}
    )
    assert channels.headers["Content-Type"] == EXPOSITION
    assert channels.headers["Content-Encoding"] == "gzip"
    assert (await channels.text()).count("vidgate_channel_up 1\n") == 1000


async def test_without_a_token_there_are_no_metrics(site: Site) -> None:
    for path in ("/metrics", "/metrics/channels"):
        assert (await site.call("GET", path)).status == 401


async def test_liveness_and_readiness_are_open(site: Site) -> None:
    assert (await site.call("GET", "/healthz")).status == 200
    assert (await site.call("GET", "/readyz")).status == 200
    site.fakes.storage.state = "full"  # watching and reading go on
    told = await site.call("GET", "/readyz")
    assert (told.status, await told.text()) == (200, "ready\nstorage full\n")
    site.fakes.ready = False
    assert (await site.call("GET", "/healthz")).status == 200
    assert (await site.call("GET", "/readyz")).status == 503


async def test_the_api_describes_itself(site: Site) -> None:
    response = await site.call("GET", "/api/v1/openapi.json", role=Role.VIEWER)
    assert response.content_type == "application/json"
    assert (await response.json())["openapi"] == "3.1.0"


async def test_a_load_balancer_may_ask_by_head(site: Site) -> None:
    for path in ("/healthz", "/readyz", "/"):
        response = await site.call("HEAD", path)
        assert response.status == 200, path
        assert await response.text() == ""
    assert (await site.call("HEAD", "/metrics")).status == 405


def test_the_fast_parser_is_the_one_in_use() -> None:
    # The one in pure Python is laxer, and slower by an order of magnitude.
    assert http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy
