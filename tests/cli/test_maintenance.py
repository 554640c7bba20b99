"""`vidgate maintenance`."""

import re
from datetime import datetime

from tests.cli.conftest import FakeService, Vidgate

TIME = r"2023-11-1[45]T[0-9:]{8}[+-][0-9:]{5}"

WINDOW = {
    "id": 4,
    "scope": "platform",
    "subject": "emergency",
    "start": 1_700_000_000.0,
    "end": None,
    "reason": "the link is moved",
    "actor": "li",
    "created": 1_700_000_000.0,
    "now": True,
    "is_excuse": False,
}


async def test_list(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/maintenance", {"items": [WINDOW]})
    ended = await vidgate("maintenance", "list", "--past")
    assert ended.status == 0
    for told in ("平台 emergency", "另行结束", "进行中", "the link is moved", "li"):
        assert told in ended.out
    assert service.asked[-1].query == {"past": "true"}


async def test_times_are_told_with_their_offset(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/maintenance", {"items": [WINDOW | {"end": 1_700_003_600.0}]})
    told = re.findall(TIME, (await vidgate("maintenance", "list")).out)
    service.answer("POST", "/maintenance", WINDOW | {"end": 1_700_003_600.0}, 201)
    made = await vidgate("maintenance", "add", "--area", "a", "-m", "moved")
    assert re.findall(TIME, made.err) == told
    meant = [datetime.fromisoformat(one).timestamp() for one in told]
    assert meant == [1_700_000_000.0, 1_700_003_600.0]


async def test_add_and_end(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("POST", "/maintenance", WINDOW, 201)
    words = ("--platform", "emergency", "--from", "2026-04-01", "--until", "4h", "-m", "moved")
    ended = await vidgate("maintenance", "add", *words, "--json")
    assert ended.status == 0
    assert ended.document == WINDOW
    assert service.asked[-1].body == {
        "scope": "platform",
        "subject": "emergency",
        "from": "2026-04-01",
        "until": "4h",
        "reason": "moved",
    }
    service.answer("POST", "/maintenance/4/end", WINDOW)
    assert "已结束" in (await vidgate("maintenance", "end", "4")).err
    service.give("POST", "/maintenance/4/end", b"")
    assert "已取消" in (await vidgate("maintenance", "end", "4")).err


async def test_one_scope_is_named(vidgate: Vidgate) -> None:
    for words in ((), ("--area", "a", "--channel", "c")):
        assert (await vidgate("maintenance", "add", "-m", "x", *words)).status == 2
    assert (await vidgate("maintenance", "add", "--area", "a")).status == 2
