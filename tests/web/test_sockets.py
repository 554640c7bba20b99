from vidgate.web.sockets import Opened, Viewers


def test_what_ended_by_itself_is_forgotten() -> None:
    viewers, alive = Viewers(), {"survivor"}
    viewers.add("survivor", Opened("token:1", frozenset()), alive)
    for number in range(1000):
        viewers.add(str(number), Opened("token:1", frozenset()), alive | {str(number)})
    assert viewers.find("survivor") is not None
    assert len(viewers.of("token:1")) < 200


def test_a_credential_has_its_sessions_only() -> None:
    viewers = Viewers()
    viewers.add("a", Opened("token:1", frozenset({"u"})), {"a"})
    viewers.add("b", Opened("token:2", frozenset()), {"a", "b"})
    assert viewers.of("token:1") == ["a"]
    viewers.discard("a")
    viewers.discard("a")
    assert viewers.of("token:1") == []
    assert viewers.find("a") is None
