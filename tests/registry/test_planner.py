from typing import Any

import pytest

from vidgate.model.channel import Channel, Login, Platform
from vidgate.registry.edits import Pair
from vidgate.registry.planner import (
    Planner,
    Register,
    give_pinyin,
    new_names,
    opened_credential,
    sealed_credential,
)
from vidgate.registry.rows import ParsedRow, parse_row
from vidgate.storage.secrets import SecretBox

CAM = Channel(id="Cam", name="北门", url="rtsp://h/", gb_code="43042100001320000001", number=7)


def row(**cells: Any) -> ParsedRow:
    return parse_row({"id": "new", "name": "新", "url": "rtsp://h/"} | cells)


@pytest.fixture
def register(box: SecretBox) -> Register:
    credential = sealed_credential(box, "site", Login("u", "p"), 1.0)
    return Register({"cam": CAM}, {"p1": Platform(id="p1", name="公安")}, {"site": credential})


@pytest.fixture
def planner(register: Register, box: SecretBox) -> Planner:
    return Planner(register, box, now=5.0)


def test_a_new_row_takes_the_next_number(planner: Planner) -> None:
    assert planner.take(row(), "第 2 行") == []
    assert planner.take(row(id="next"), "第 3 行") == []
    numbers = [pair.after.number for pair in planner.edit.channels if pair.after]
    assert numbers == [8, 9]


def test_a_known_row_is_an_update_or_nothing(planner: Planner) -> None:
    assert planner.take(parse_row({"id": "CAM", "name": "北门"})) == []
    assert planner.unchanged == 1
    assert planner.edit.is_empty


def test_a_platform_is_found_by_its_name(planner: Planner) -> None:
    planner.take(row(platform="公安"))
    assert planner.edit.platforms == []
    assert planner.edit.channels[0].after
    assert planner.edit.channels[0].after.platform == "p1"


def test_what_a_bad_row_would_need_is_not_made(planner: Planner) -> None:
    mistakes = planner.take(row(platform="new", url="rtsp://a:b@h/", longitude="1"))
    assert [field for field, _ in mistakes] == ["longitude"]
    assert planner.edit.is_empty


def test_what_two_rows_need_is_made_once(planner: Planner) -> None:
    for name in ("a", "b"):
        assert planner.take(row(id=name, platform="new", url="rtsp://a:b@h/"), name) == []
    assert len(planner.edit.platforms) == len(planner.edit.credentials) == 1


def test_a_login_that_is_known_uses_its_credential(planner: Planner) -> None:
    planner.take(row(url="rtsp://u:p@h/"))
    assert planner.edit.credentials == []
    assert planner.edit.channels[0].after
    assert planner.edit.channels[0].after.credential == "site"


def test_a_user_name_becomes_part_of_the_name_as_far_as_it_can(planner: Planner) -> None:
    planner.take(row(url="rtsp://管理员:p@h/"))
    created = planner.edit.credentials[0].after
    assert created
    assert created.name.startswith("login-")
    assert created.changed == 5.0


def test_the_unseen_are_removed_on_request(planner: Planner) -> None:
    planner.take(row())
    planner.remove_unseen()
    assert Pair(CAM, None) in planner.edit.channels


def test_a_register_after_an_edit_is_another_in_order(register: Register, box: SecretBox) -> None:
    planner = Planner(register, box, now=5.0)
    planner.take(row(platform="new"))
    planner.remove_unseen()
    after = register.after(planner.edit)
    assert list(after.channels) == ["new"]
    assert list(after.platforms) == ["p1", "new"]
    assert list(register.channels) == ["cam"]


async def test_search_keys_are_for_new_names_only(planner: Planner) -> None:
    planner.take(row(), "1")
    planner.take(parse_row({"id": "cam", "area": "城关"}), "2")
    assert new_names(planner.edit) == ["新"]
    await give_pinyin(planner.edit, {"新": "x xin"})
    assert [pair.after.pinyin for pair in planner.edit.channels if pair.after] == ["x xin", ""]


def test_a_credential_opens_under_its_own_name(box: SecretBox) -> None:
    made = sealed_credential(box, "a", Login("u", 'p"\n'), 1.0)
    assert opened_credential(box, "a", made.sealed, 1.0) == made
