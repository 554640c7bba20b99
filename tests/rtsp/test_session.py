"""The client's session without a socket."""

import pytest

from vidgate.errors import ProtocolError
from vidgate.model.channel import Login
from vidgate.rtsp.messages import Parser
from vidgate.rtsp.session import MAX_PENDING, MAX_REFUSALS, ClientSession, Ended, Reply
from vidgate.wire.allowance import Turn
from vidgate.wire.digest import DigestServer
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message
from vidgate.wire.uri import Uri

URI = Uri.parse("rtsp://10.0.0.1/main")


def session(login: Login | None = None) -> ClientSession:
    return ClientSession(URI, login)


def sent(client: ClientSession) -> list[Message]:
    return [item for item in Parser().feed(client.data_to_send()) if isinstance(item, Message)]


def reply(status: int = 200, cseq: str = "1", *headers: tuple[str, str]) -> bytes:
    return bytes(Message.response(status, "x", Headers([("CSeq", cseq), *headers])))


def test_a_request_and_its_reply() -> None:
    client = session()
    cseq = client.request("DESCRIBE", str(URI), ("Accept", "application/sdp"))
    (request,) = sent(client)
    assert (request.method, request.uri) == ("DESCRIBE", "rtsp://10.0.0.1/main")
    assert request.headers.get("User-Agent") == "vidgate"
    assert "Session" not in request.headers
    (event,) = client.receive(reply())
    assert isinstance(event, Reply)
    assert (event.cseq, event.method) == (cseq, "DESCRIBE")
    assert client.data_to_send() == b""


def test_a_challenge_is_answered_by_itself() -> None:
    server = DigestServer("r", "MD5", "admin", "pw")
    client = session(Login("admin", "pw"))
    cseq = client.request("DESCRIBE", str(URI))
    (first,) = sent(client)
    assert "Authorization" not in first.headers
    challenge = ("WWW-Authenticate", server.challenge())
    assert client.receive(reply(401, "1", challenge)) == []
    (second,) = sent(client)
    assert server.check("DESCRIBE", second.uri, second.headers.get("Authorization"))
    (event,) = client.receive(reply(200, second.headers.get("CSeq")))
    assert isinstance(event, Reply)
    assert event.cseq == cseq
    # What follows is answered without being asked again.
    client.request("SETUP", str(URI) + "/t")
    (third,) = sent(client)
    assert server.check("SETUP", third.uri, third.headers.get("Authorization"))


def test_a_wrong_password_is_tried_once() -> None:
    client = session(Login("admin", "wrong"))
    client.request("DESCRIBE", str(URI))
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n"')
    assert client.receive(reply(401, "1", challenge)) == []
    (event,) = client.receive(reply(401, "2", challenge))
    assert isinstance(event, Reply)
    assert event.message.status == 401
    assert len(sent(client)) == 2


def challenges(number: int, *algorithms: str, stale: str = "") -> list[tuple[str, str]]:
    return [
        ("WWW-Authenticate", f'Digest realm="r", nonce="{number}", algorithm={each}{stale}')
        for each in algorithms
    ]


def signed(client: ClientSession) -> int:
    return sum(bool(each.headers.get("Authorization")) for each in sent(client))


@pytest.mark.parametrize("stale", ["", ", stale=true"])
@pytest.mark.parametrize("algorithms", [["MD5"], ["SHA-512-256", "SHA-256", "MD5"]])
def test_a_server_cannot_make_us_try_for_ever(algorithms: list[str], stale: str) -> None:
    client = session(Login("admin", "pw"))
    cseq, events = client.request("DESCRIBE", str(URI)), []
    for number in range(1, 20):
        events += client.receive(
            reply(401, str(number), *challenges(number, *algorithms, stale=stale))
        )
    assert [event.cseq for event in events if isinstance(event, Reply)] == [cseq]
    assert signed(client) == client.refusals <= MAX_REFUSALS
    client.playing(0.0)
    client.handle_timer(100.0)
    assert signed(client) == 0, "nor with what follows"


class Turns:
    """A gate of given answers."""

    def __init__(self, *turns: Turn) -> None:
        self.turns = list(turns)
        self.waits: list[bool] = []
        self.accepts = 0

    def challenged(self, _: ClientSession, *, may_wait: bool) -> Turn:
        self.waits.append(may_wait)
        return self.turns.pop(0)

    def accepted(self, _: ClientSession) -> None:
        self.accepts += 1


def test_a_weaker_algorithm_is_tried_only_with_leave() -> None:
    client = session(Login("admin", "pw"))
    client.gate = Turns(Turn.NOW, Turn.NEVER)
    client.request("DESCRIBE", str(URI))
    assert client.receive(reply(401, "1", *challenges(1, "SHA-256", "MD5"))) == []
    assert len(client.receive(reply(401, "2", *challenges(2, "SHA-256", "MD5")))) == 1
    assert (signed(client), client.refusals) == (1, 1)


def test_an_answer_waits_for_its_turn_and_is_given_as_others_have_learnt() -> None:
    client = session(Login("admin", "pw"))
    client.gate = gate = Turns(Turn.LATER)
    cseq = client.request("DESCRIBE", str(URI))
    assert client.receive(reply(401, "1", *challenges(1, "SHA-256", "MD5"))) == []
    assert signed(client) == 0
    client.taken = "digest", "MD5"
    client.go_on()
    client.go_on()
    (answer,) = sent(client)
    assert "algorithm=MD5" in answer.headers.get("Authorization")
    (event,) = client.receive(reply(200, "2"))
    assert isinstance(event, Reply)
    assert (event.cseq, gate.accepts, gate.waits) == (cseq, 1, [True])


def test_what_is_signed_beforehand_proves_nothing_when_it_is_let_pass() -> None:
    """Many cameras do not look at the login of a keepalive, or of anything after DESCRIBE."""
    client = session(Login("admin", "pw"))
    client.gate = gate = Turns(Turn.NOW, Turn.NEVER)
    client.request("DESCRIBE", str(URI))
    client.receive(reply(401, "1", *challenges(1, "MD5")) + reply(200, "2"))
    client.playing(0.0)
    client.handle_timer(100.0)
    client.receive(reply(200, "3"))
    assert gate.accepts == 1
    client.handle_timer(200.0)
    client.receive(reply(401, "4", *challenges(2, "MD5")))
    assert gate.waits == [True, False], "a keepalive waits for nobody"


def test_what_was_refused_is_forgiven_when_an_answer_is_taken() -> None:
    client = session(Login("admin", "pw"))
    client.request("DESCRIBE", str(URI))
    client.receive(reply(401, "1", *challenges(1, "SHA-256", "MD5")))
    client.receive(reply(401, "2", *challenges(2, "SHA-256", "MD5")))
    client.receive(reply(200, "3"))
    assert (client.refusals, client.taken) == (0, ("digest", "MD5"))
    client.request("SETUP", str(URI))
    client.receive(reply(401, "4", *challenges(3, "SHA-256", "MD5", stale=", stale=true")))
    *_, last = sent(client)
    assert "algorithm=MD5" in last.headers.get("Authorization")


def test_a_forbidden_answer_is_a_refused_one() -> None:
    client = session(Login("admin", "pw"))
    client.request("DESCRIBE", str(URI))
    client.receive(reply(401, "1", *challenges(1, "MD5")))
    assert len(client.receive(reply(403, "2"))) == 1
    assert client.refusals == 1


def test_without_a_login_the_401_is_told() -> None:
    client = session()
    client.request("DESCRIBE", str(URI))
    (event,) = client.receive(reply(401, "1", ("WWW-Authenticate", 'Digest realm="r", nonce="n"')))
    assert isinstance(event, Reply)


def test_the_session_is_learnt_and_sent_back() -> None:
    client = session()
    client.request("SETUP", str(URI))
    client.receive(reply(200, "1", ("Session", "abc;timeout=20")))
    client.request("PLAY", str(URI))
    assert sent(client)[-1].headers.get("Session") == "abc"
    client.receive(reply(200, "2", ("Session", "changed")))  # some do that; the timeout stays
    assert (client.id, client.timeout) == ("changed", 20.0)


def test_keepalives_are_sent_in_time_and_not_waited_for() -> None:
    client = session()
    client.request("SETUP", str(URI))
    client.receive(reply(200, "1", ("Session", "abc;timeout=20")))
    sent(client)
    client.handle_timer(1000.0)
    assert sent(client) == []
    client.playing(100.0)
    assert client.wake_at == 108.0
    client.handle_timer(107.9)
    assert sent(client) == []
    client.handle_timer(108.0)
    (ping,) = sent(client)
    assert ping.method == "OPTIONS"
    assert client.wake_at == 116.0
    answer = reply(200, ping.headers.get("CSeq"), ("Public", "OPTIONS, GET_PARAMETER"))
    assert client.receive(answer) == []
    client.handle_timer(116.0)
    assert sent(client)[0].method == "GET_PARAMETER"


def test_a_long_timeout_is_not_trusted() -> None:
    client = session()
    client.timeout = 3600.0
    client.playing(0.0)
    assert client.wake_at == 30.0


def test_unanswered_keepalives_do_not_pile_up() -> None:
    client = session()
    client.playing(0.0)
    for number in range(1, 100):
        client.handle_timer(1000.0 * number)
    assert len(client._pending) <= MAX_PENDING
    client.request("TEARDOWN", str(URI))
    assert len(sent(client)) == 100


def test_a_forgotten_session_ends_it() -> None:
    client = session()
    client.playing(0.0)
    client.handle_timer(1000.0)
    (ended,) = client.receive(reply(454, "1"))
    assert isinstance(ended, Ended)
    assert "the camera forgot the session" in ended.why


@pytest.mark.parametrize("cseq", ["", "99", "x"])
def test_a_reply_with_a_wrong_number_is_matched_if_only_one_fits(cseq: str) -> None:
    client = session()
    client.request("DESCRIBE", str(URI))
    (event,) = client.receive(reply(200, cseq))
    assert isinstance(event, Reply)
    assert client.receive(reply(200, cseq)) == []


def test_provisional_replies_are_ignored() -> None:
    client = session()
    client.request("DESCRIBE", str(URI))
    assert client.receive(reply(100)) == []
    assert len(client.receive(reply(200))) == 1


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("GET_PARAMETER", 200), ("REDIRECT", 501)]
)
def test_the_server_s_requests_are_answered(method: str, status: int) -> None:
    client = session()
    request = Message.request(method, str(URI), Headers([("CSeq", "77")]))
    assert client.receive(bytes(request)) == []
    (answer,) = sent(client)
    assert (answer.status, answer.headers.get("CSeq")) == (status, "77")


def test_the_server_may_end_the_session() -> None:
    client = session()
    (event,) = client.receive(b"TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    assert isinstance(event, Ended)


def test_frames_pass_and_can_be_sent() -> None:
    client = session()
    assert client.receive(b"$\x00\x00\x02ab" + reply()) == [(0, b"ab")]
    client.frame(1, b"rr")
    assert client.data_to_send() == b"$\x01\x00\x02rr"


def test_nonsense_is_an_error() -> None:
    with pytest.raises(ProtocolError):
        session().receive(b"RTSP/1.0 huh\r\n\r\n")


def test_a_password_stays_out_of_the_repr() -> None:
    assert "hidden" not in repr(session(Login("admin", "hidden")))
