"""`vidgate user`."""

from tests.cli.conftest import FakeService, Vidgate


async def test_a_new_password_is_alone_on_stdout(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("POST", "/users/admin/password", {"name": "admin", "password": "abcde-fghij"})
    ended = await vidgate("user", "password", "admin")
    assert (ended.status, ended.out) == (0, "abcde-fghij\n")
    ended = await vidgate("user", "password", "admin", "--json")
    assert ended.document == {"name": "admin", "password": "abcde-fghij"}


async def test_an_unknown_user_is_said(service: FakeService, vidgate: Vidgate) -> None:
    ended = await vidgate("user", "password", "a/b")
    assert (ended.status, ended.out) == (1, "")
    assert service.asked[-1].path == "/api/v1/users/a%2Fb/password"
