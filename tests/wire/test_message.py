"""Messages of the HTTP family."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import ProtocolError
from vidgate.wire.buffer import Buffer
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message, MessageLimits, MessageReader, body_length, parse_head

RESPONSE = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nbody"


def read(data: bytes, step: int | None = None) -> list[Message]:
    buffer, reader, found = Buffer(), MessageReader(), []
    step = step or len(data)
    for at in range(0, len(data), step):
        buffer.append(data[at : at + step])
        while (message := reader.next(buffer)) is not None:
            found.append(message)
    return found


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_response_is_read_in_any_pieces(step: int) -> None:
    (first, second) = read(RESPONSE * 2, step)
    assert first == second
    assert first.is_response
    assert (first.status, first.reason) == (200, "OK")
    assert first.headers.get("cseq") == "2"
    assert first.body == b"body"


def test_a_request_is_written_and_read() -> None:
    request = Message.request("SETUP", "rtsp://h/a b", Headers([("CSeq", "1")]))
    (again,) = read(bytes(request))
    assert not again.is_response
    assert (again.method, again.uri) == ("SETUP", "rtsp://h/a b")


def test_a_body_gets_its_length() -> None:
    message = Message.response(200, "OK")
    message.body = b"v=0"
    assert bytes(message) == b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nv=0"


def test_bare_line_feeds_folded_lines_and_junk_lines_are_taken() -> None:
    message = parse_head(b"RTSP/1.0 200 OK\nA: 1\n  2\nno colon here\n: no name\nB:3\n\n")
    assert list(message.headers) == [("A", "1 2"), ("B", "3")]


def test_a_status_without_a_reason() -> None:
    message = parse_head(b"RTSP/1.0 454\r\n\r\n")
    assert (message.status, message.reason) == (454, "")


@pytest.mark.parametrize("start", ["RTSP/1.0", "RTSP/1.0 OK", "RTSP/1.0 20", "RTSP/1.0 099 x"])
def test_a_status_must_be_a_number(start: str) -> None:
    with pytest.raises(ProtocolError, match="status line"):
        _ = Message(start).status


@pytest.mark.parametrize("text", ["-1", "1e3", "9" * 30, "70000", "٣"])
def test_a_lying_length_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        body_length(Headers([("Content-Length", text)]))


def test_the_head_is_bounded() -> None:
    limits = MessageLimits(head=100, headers=3)
    buffer = Buffer()
    buffer.append(b"OPTIONS * RTSP/1.0\r\nA: " + b"x" * 100)
    with pytest.raises(ProtocolError, match="longer than 100"):
        MessageReader(limits).next(buffer)
    with pytest.raises(ProtocolError, match="more than 3 headers"):
        parse_head(b"OPTIONS * RTSP/1.0\r\n" + b"A: 1\r\n" * 5 + b"\r\n", limits)


def test_a_start_line_cannot_be_broken() -> None:
    with pytest.raises(ValueError, match="line break"):
        bytes(Message.request("OPTIONS", "rtsp://h/\r\nA: b"))


def test_a_reader_knows_that_it_waits_for_a_body() -> None:
    buffer, reader = Buffer(), MessageReader()
    buffer.append(RESPONSE[:-2])
    assert reader.next(buffer) is None
    assert reader.is_inside


@given(st.binary(max_size=300))
def test_nothing_but_a_protocol_error_comes_of_nonsense(data: bytes) -> None:
    try:
        found = read(data + b"\r\n\r\n", 7)
    except ProtocolError:
        return
    assert sum(len(message.body) for message in found) <= len(data)


names = st.text("abcXYZ-", min_size=1, max_size=8)
values = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), max_size=20)


@given(st.lists(st.tuples(names, values), max_size=8), st.binary(max_size=50))
def test_what_is_written_is_read_back(items: list[tuple[str, str]], body: bytes) -> None:
    items = [(name, value.strip()) for name, value in items if name.lower() != "content-length"]
    items = [(n, v) for n, v in items if "\x85" not in v and "\xa0" not in v]
    message = Message.response(200, "OK", Headers(items))
    message.body = body
    (again,) = read(bytes(message), 5)
    again.headers.remove("Content-Length")
    assert again == message
