"""`vidgate alarm`."""

from tests.cli.conftest import FakeService, Vidgate

ALARM = {
    "id": 3,
    "cause": "platform",
    "subject": "emergency",
    "severity": "critical",
    "attention": "open",
    "opened": 1_700_000_000.0,
    "ended": None,
    "channels": 60,
    "failing": 58,
    "returns": 0,
    "asked": None,
    "merged": None,
    "acknowledged_by": "",
    "acknowledged": None,
    "closed_by": "",
}
MEMBER = {
    "channel": "c1",
    "since": 1_700_000_000.0,
    "until": None,
    "departure": None,
    "state": "down",
    "reason": "timeout",
}
NOTE = {"time": 1_700_000_060.0, "actor": "li", "action": "acknowledge", "text": "on my way"}


async def test_list(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/alarms", {"total": 1, "items": [ALARM]})
    ended = await vidgate("alarm", "list")
    assert ended.status == 0
    for told in ("紧急", "平台 emergency", "58/60", "待处置"):
        assert told in ended.out
    assert "alarm show 3" in ended.err
    assert (await vidgate("alarm", "list", "--json")).document["items"] == [ALARM]
    assert (await vidgate("alarm", "list", "--attention", "green")).status == 2


async def test_list_says_what_it_leaves_out(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/alarms", {"total": 1, "items": [ALARM]})
    assert "共 1 条" not in (await vidgate("alarm", "list")).err
    service.answer("GET", "/alarms", {"total": 812, "items": [ALARM]})
    for shape in ((), ("--json",), ("-o", "csv")):
        told = (await vidgate("alarm", "list", *shape)).err
        assert "共 812 条, 只列出最新的 1 条" in told
        assert "the newest 1 of 812" in told


async def test_list_of_what_is_asked_for(service: FakeService, vidgate: Vidgate) -> None:
    scattered = ALARM | {"cause": "scattered", "subject": ""}
    service.answer("GET", "/alarms", {"total": 1, "items": [scattered]})
    words = "--cause scattered --platform p --area 城关镇 --department d --since 7d --until 1d"
    ended = await vidgate("alarm", "list", *words.split())
    assert ended.status == 0
    assert "零散" in ended.out
    assert dict(service.asked[-1].query) == {
        "attention": "unclosed", "cause": "scattered", "platform": "p", "area": "城关镇",
        "department": "d", "since": "7d", "until": "1d",
    }  # fmt: skip


async def test_show_tells_the_channels_and_what_was_done(
    service: FakeService, vidgate: Vidgate
) -> None:
    gone = MEMBER | {"channel": "c2", "until": 1_700_000_050.0, "departure": "maintenance"}
    told = ALARM | {"members": [MEMBER, gone], "notes": [NOTE], "attention": "acknowledged"}
    service.answer("GET", "/alarms/3", told | {"acknowledged_by": "li"})
    ended = await vidgate("alarm", "show", "3")
    assert ended.status == 0
    for word in ("c1", "离线", "超时", "转入检修", "已确认 (li)", "on my way"):
        assert word in ended.out
    rows = (await vidgate("alarm", "show", "3", "-o", "csv")).out.splitlines()
    assert rows[0] == "channel,state,reason,since,until,departure"


async def test_people_see_to_it(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("POST", "/alarms/3/close", ALARM | {"attention": "closed"})
    ended = await vidgate("alarm", "close", "3", "-m", "the pole was moved", "--json")
    assert ended.status == 0
    assert ended.document["attention"] == "closed"
    assert service.asked[-1].body == {"text": "the pole was moved"}
    assert (await vidgate("alarm", "close", "3")).status == 2  # nobody closes without a word


async def test_what_is_closed_is_a_conflict(service: FakeService, vidgate: Vidgate) -> None:
    service.refuse("POST", "/alarms/3/acknowledge", 409, "conflict", detail="li closed it")
    ended = await vidgate("alarm", "acknowledge", "3")
    assert ended.status == 5
    assert "li closed it" in ended.err
