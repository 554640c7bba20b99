from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.waiting import until
from tests.web.conftest import SETTINGS, Site
from vidgate.errors import (
    BusyError,
    HeldBusyError,
    LimitError,
    NoKeyFrameError,
    NoMediaError,
    NotAcceptableError,
    RemoteTimeoutError,
    UnauthorizedError,
    VerdictPendingError,
    VidgateError,
)
from vidgate.model.channel import Lifecycle
from vidgate.model.media import Variant
from vidgate.model.user import Role
from vidgate.web.whep import MAX_SDP, OFFERS_WINDOW, SDP, TRICKLE
from vidgate.webrtc.offers import MAX_CANDIDATES
from vidgate.wire.clock import ClockRange

OFFER = b"v=0\r\na=ice-ufrag:abcd\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
AS_SDP = {"Content-Type": SDP}


async def watch(site: Site, role: Role = Role.VIEWER) -> str:
    response = await site.call("POST", "/whep/camera-1", role=role, data=OFFER, headers=AS_SDP)
    assert response.status == 201
    return response.headers["Location"]


async def test_an_offer_is_answered(site: Site) -> None:
    response = await site.call(
        "POST", "/whep/camera-1?stream=sub", role=Role.VIEWER, data=OFFER, headers=AS_SDP
    )
    assert response.status == 201
    assert response.content_type == SDP
    assert await response.text() == "v=0\r\nanswer"
    assert response.headers["Location"] == "/whep-sessions/session-1"
    assert response.headers["X-Vidgate-Stream"] == "sub"
    assert site.fakes.whep.asked == [
        # The canonical id, whatever case was typed, and the address on which the offer arrived.
        {"name": "Camera-1", "offer": OFFER.decode(), "stream": "sub", "local": "127.0.0.1"}
    ]


async def test_who_watched_what_is_in_the_audit_trail(site: Site) -> None:
    await watch(site)
    await until(lambda: bool(site.fakes.trail.notes))
    note = site.fakes.trail.notes[0]
    assert (note.action, note.object) == ("stream.watch", "Camera-1")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotAcceptableError("H.265 only"), 406, "not_acceptable"),
        (UnauthorizedError("401"), 502, "camera_unauthorized"),
        (BusyError("453"), 503, "camera_busy"),
        (RemoteTimeoutError("slow"), 504, "timeout"),
        (NoMediaError("black"), 502, "no_media"),
        (NoKeyFrameError("grey"), 502, "no_key_frame"),
        (LimitError("full"), 503, "limit_reached"),
        (VerdictPendingError("being tried"), 503, "verdict_pending"),
    ],
)
async def test_a_refusal_says_why(site: Site, error: VidgateError, status: int, code: str) -> None:
    site.fakes.whep.error = error
    response = await site.call(
        "POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP
    )
    assert response.status == status
    assert (await response.json())["code"] == code


@pytest.mark.parametrize("kind", [BusyError, HeldBusyError])
async def test_a_busy_camera_is_not_to_be_asked_before_its_time(
    site: Site, kind: type[BusyError]
) -> None:
    site.fakes.whep.error = kind("453", again_at=site.clock.now() + 29.5)
    refused = await site.call(
        "POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP
    )
    assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
    # Players of other sites see only what is listed (Fetch, CORS-safelisted response-headers).
    assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"].split(", ")
    assert (await refused.json())["code"] == "camera_busy"


async def test_where_a_limit_is_reached_the_next_try_is_due_in_five_seconds(site: Site) -> None:
    site.fakes.whep.error = LimitError("too many viewers")
    refused = await site.call(
        "POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP
    )
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")


async def test_where_a_login_is_being_tried_the_next_try_is_due_in_a_second(site: Site) -> None:
    site.fakes.whep.error = VerdictPendingError("being tried", hint="in a second")
    refused = await site.call(
        "POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP
    )
    assert refused.headers["Retry-After"] == "1"
    told = await refused.json()
    assert (told["title"], told["hint"]) == ("登录正在验证，请稍后再试", "in a second")


async def test_the_body_must_be_sdp_of_bearable_size(site: Site) -> None:
    role = Role.VIEWER
    plain = await site.call("POST", "/whep/camera-1", role=role, data=OFFER)
    assert plain.status == 415
    large = await site.call(
        "POST", "/whep/camera-1", role=role, data=b"v" * (MAX_SDP + 1), headers=AS_SDP
    )
    assert large.status == 413

    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"v" * (MAX_SDP // 4)

    chunked = await site.call("POST", "/whep/camera-1", role=role, data=dripping(), headers=AS_SDP)
    assert chunked.status == 413
    packed = await site.call(
        "POST",
        "/whep/camera-1",
        role=role,
        data=OFFER,
        headers=AS_SDP | {"Content-Encoding": "gzip"},
    )
    assert packed.status == 415
    foreign = await site.call("POST", "/whep/camera-1", role=role, data=b"\xff\xfe", headers=AS_SDP)
    assert foreign.status == 400
    assert site.fakes.whep.asked == []


async def test_a_flood_of_offers_is_told_when_to_come_back(site: Site) -> None:
    limit = SETTINGS.webrtc.offers
    statuses = [
        (
            await site.call("POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP)
        ).status
        for _ in range(limit)
    ]
    assert set(statuses) == {201}
    # The offer is not even read, and neither another user nor another stream helps.
    for role, path in ((Role.VIEWER, "/whep/camera-1"), (Role.OPERATOR, "/whep/nothing")):
        refused = await site.call("POST", path, role=role, data=b"x", headers=AS_SDP)
        assert refused.status == 429
        assert (await refused.json())["code"] == "too_many_requests"
        assert 1 <= int(refused.headers["Retry-After"]) <= OFFERS_WINDOW + 1
    site.clock.advance(OFFERS_WINDOW)
    assert (await watch(site)) != ""


async def test_only_what_is_registered_and_in_service_can_be_watched(site: Site) -> None:
    role, channels = Role.VIEWER, site.fakes.registry.channels
    for step in ("planned", "suspended", "retired"):
        channels[step] = replace(channels["camera-1"], id=step, lifecycle=Lifecycle(step))
    for path, status, code in (
        ("/whep/nothing", 404, "not_found"),
        ("/whep/wall/1", 404, "not_found"),
        ("/whep/camera-2", 409, "channel_disabled"),
        ("/whep/camera-2?from=2026-11-26T08:00:00Z", 409, "channel_disabled"),
        ("/whep/suspended", 409, "channel_disabled"),
        ("/whep/retired", 409, "channel_disabled"),
        ("/whep/camera-1?stream=third", 400, "bad_input"),
        ("/whep/camera-1?token=x", 400, "bad_input"),
    ):
        response = await site.call("POST", path, role=role, data=OFFER, headers=AS_SDP)
        told = await response.json()
        assert (response.status, told["code"]) == (status, code), path
        assert code != "channel_disabled" or told["hint"]
    response = await site.call("POST", "/whep/planned", role=role, data=OFFER, headers=AS_SDP)
    assert response.status == 201  # who builds it wants to see it


async def test_a_fragment_holds_few_candidates(site: Site) -> None:
    location = await watch(site)
    headers = {"Content-Type": TRICKLE}
    line = b"a=candidate:1 1 udp 1 10.0.0.9 5 typ host\r\n"
    for count, status in ((MAX_CANDIDATES, 204), (MAX_CANDIDATES + 1, 400)):
        response = await site.call(
            "PATCH", location, role=Role.VIEWER, data=line * count, headers=headers
        )
        assert response.status == status


async def test_the_cookie_watches_from_our_own_page_only(site: Site) -> None:
    await site.sign_in(Role.VIEWER)
    foreign = await site.call(
        "POST",
        "/whep/camera-1",
        data=OFFER,
        headers=AS_SDP | {"Origin": "http://evil.example"},
    )
    assert foreign.status == 403
    own = await site.call("POST", "/whep/camera-1", data=OFFER, headers=AS_SDP | site.origin())
    assert own.status == 201


async def test_other_origins_may_ask_with_a_token(site: Site) -> None:
    preflight = await site.call(
        "OPTIONS",
        "/whep/camera-1",
        headers={"Origin": "http://map.example", "Access-Control-Request-Method": "POST"},
    )
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight.headers

    refused = await site.call("POST", "/whep/camera-1", headers={"Origin": "http://map.example"})
    assert refused.status == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    other = await site.call("GET", "/healthz", headers={"Origin": "http://map.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_a_session_ends_once(site: Site) -> None:
    location = await watch(site)
    assert (await site.call("DELETE", location, role=Role.VIEWER)).status == 204
    assert site.fakes.whep.sessions == {}
    assert (await site.call("DELETE", location, role=Role.VIEWER)).status == 404


async def test_nobody_ends_the_session_of_another_but_an_administrator(site: Site) -> None:
    location = await watch(site)
    assert (await site.call("DELETE", location, role=Role.OPERATOR)).status == 403
    assert (await site.call("DELETE", location, role=Role.ADMINISTRATOR)).status == 204


async def test_candidates_are_taken_and_an_ice_restart_is_not(site: Site) -> None:
    location = await watch(site)
    headers = {"Content-Type": TRICKLE}
    same = b"a=ice-ufrag:abcd\r\na=ice-pwd:x\r\na=candidate:1 1 udp 1 10.0.0.9 5 typ host\r\n"
    role = Role.VIEWER
    taken = await site.call("PATCH", location, role=role, data=same, headers=headers)
    assert taken.status == 204
    other = same.replace(b"abcd", b"efgh")
    restart = await site.call("PATCH", location, role=role, data=other, headers=headers)
    assert restart.status == 422
    asked = await site.call(
        "PATCH", location, role=role, data=other, headers=headers | {"If-Match": "*"}
    )
    assert asked.status == 422
    plain = await site.call("PATCH", location, role=role, data=same, headers=AS_SDP)
    assert plain.status == 415


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("{etag}", 204),
        ('"another", {etag}', 204),
        ("*", 204),  # MediaMTX's player, with candidates
        ('"*"', 204),  # as in the examples of RFC 9725
        ('"bogus"', 412),
        ("W/{etag}", 412),  # a weak tag matches nothing (RFC 9110 13.1.1)
        ("bogus", 400),
    ],
)
async def test_candidates_of_another_session_are_told_so(
    site: Site, given: str, status: int
) -> None:
    opened = await site.call("POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP)
    response = await site.call(
        "PATCH",
        opened.headers["Location"],
        role=Role.VIEWER,
        data=b"a=ice-ufrag:abcd\r\na=ice-pwd:x\r\n",
        headers={"Content-Type": TRICKLE, "If-Match": given.format(etag=opened.headers["ETag"])},
    )
    assert response.status == status
    if status == 412:
        told = await response.json()
        assert told["code"] == "precondition_failed"
        assert "ETag" in told["hint"]


START = "2023-01-05T08:00:00+08:00"


@pytest.mark.parametrize("start", [START, START.replace("+", " "), "2023-01-05T00:00:00Z"])
async def test_a_moment_asks_for_what_was_recorded(site: Site, start: str) -> None:
    query = {"from": start, "to": "2023-01-05T00:15:00Z", "stream": "main"}
    response = await site.call(
        "POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP, params=query
    )
    assert response.status == 201
    moments = ClockRange(1672876800.0, 1672877700.0)
    assert site.fakes.whep.asked == [{"keys": [("Camera-1", Variant.MAIN, moments)]}]
    view = await site.call("GET", response.headers["Location"], role=Role.VIEWER)
    assert await view.json() == {
        "id": "session-1",
        "name": "Camera-1",
        "stream": "main",
        "replay_from": 1672876800.0,
        "replay_to": 1672877700.0,
        "recorded": 1.5,
    }
    await until(lambda: bool(site.fakes.trail.notes))
    assert site.fakes.trail.notes[0].detail["recording"] == str(moments)


async def test_auto_takes_the_main_recording_or_else_the_sub_one(site: Site) -> None:
    query = {"from": START}
    response = await site.call(
        "POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP, params=query
    )
    assert response.status == 201
    asked = [variant for _, variant, _ in site.fakes.whep.asked[-1]["keys"]]
    assert asked == [Variant.MAIN, Variant.SUB]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2023-01-05T08:00:00"},  # of which zone?
        {"from": "2999-01-05T08:00:00Z"},
        {"to": START},
        {"from": "0001-01-01T00:00:00+14:00"},
        {"from": START, "to": "9999-12-31T23:59:59-14:00"},
        {"from": START, "to": START},
    ],
)
async def test_moments_that_cannot_be(site: Site, query: dict[str, str]) -> None:
    response = await site.call(
        "POST", "/whep/camera-1", role=Role.VIEWER, data=OFFER, headers=AS_SDP, params=query
    )
    assert response.status in (400, 422)
    assert (await response.json())["code"]
    assert site.fakes.whep.asked == []
