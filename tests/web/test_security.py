import pytest

from tests.web.conftest import Site
from vidgate.web.security import HEADERS


@pytest.mark.parametrize(
    "path", ["/", "/assets/index-a1b2.js", "/api/v1/session", "/api/v1/none", "/whep/x", "/healthz"]
)
async def test_every_answer_carries_the_headers(site: Site, path: str) -> None:
    response = await site.call("GET", path)
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    assert "aiohttp" not in str(response.headers)


async def test_the_policy_allows_our_own_and_nothing_inline(site: Site) -> None:
    policy = (await site.call("GET", "/")).headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert "unsafe" not in policy


async def test_answers_of_the_api_are_not_kept(site: Site) -> None:
    response = await site.call("GET", "/api/v1/session")
    assert response.headers["Cache-Control"] == "no-store"
