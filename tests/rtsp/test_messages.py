"""Messages and frames in one stream of bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import effort
from vidgate.errors import (
    BusyError,
    MissingStreamError,
    ProtocolError,
    RedirectedError,
    RefusedError,
    RemoteError,
    UnauthorizedError,
    UnsupportedError,
)
from vidgate.rtsp.messages import MAX_GARBAGE, Item, Parser, check
from vidgate.wire.message import Message

OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nv=0"
RTP = b"\x80\x60" + bytes(10) + b"data"
FRAME = b"$\x00" + len(RTP).to_bytes(2, "big") + RTP


def feed(data: bytes, cuts: list[int] | None = None) -> list[Item]:
    parser = Parser()
    items: list[Item] = []
    sizes = iter(cuts or [])
    while data:
        size = next(sizes, len(data))
        items += parser.feed(data[:size])
        data = data[size:]
    return items


def test_frames_and_messages_in_order() -> None:
    items = feed(FRAME + OK + FRAME + FRAME + b"OPTIONS * RTSP/1.0\r\n\r\n" + FRAME)
    assert [type(item).__name__ for item in items] == [
        "tuple",
        "Message",
        "tuple",
        "tuple",
        "Message",
        "tuple",
    ]
    assert items[0] == (0, RTP)
    assert isinstance(items[1], Message)
    assert items[1].body == b"v=0"


@settings(max_examples=200)
@given(st.permutations([FRAME, OK, FRAME, OK, b"\r\n"]), st.lists(st.integers(1, 30)))
def test_any_fragmentation_gives_the_same(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    assert feed(data, cuts) == feed(data)


def test_byte_by_byte() -> None:
    data = FRAME + OK + FRAME
    assert feed(data, [1] * len(data)) == feed(data)


def test_garbage_between_frames_is_passed_over() -> None:
    parser = Parser()
    parser.channels = frozenset((0, 1))
    noise = b"\xff garbage $\x07\x00\x04\x80 more \x00\x01"
    assert parser.feed(FRAME + noise + FRAME + OK + noise) == [
        (0, RTP),
        (0, RTP),
        *Parser().feed(OK),
    ]
    assert parser.feed(FRAME) == [(0, RTP)]
    assert parser.skipped == 2 * len(noise)


def test_garbage_that_looks_like_words() -> None:
    items = feed(b"hello world, this is no RTSP at all " + FRAME)
    assert items == [(0, RTP)]


@pytest.mark.parametrize("step", [1, 7, 4096])
@pytest.mark.parametrize(
    "noise",
    [
        b"ERR buffer overrun\n",
        b"ABC def",
        b"RTSP/1.0 200",
        b"RTSP/1.0 200 OK\r\nCSeq: 3\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: many\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
        b"OPTIONS \x80\x01",
        b"$GPRMC,123519,A",
        b"$G",
    ],
)
def test_garbage_that_begins_like_a_message_or_a_frame(noise: bytes, step: int) -> None:
    parser = Parser()
    parser.channels = frozenset((0, 1))
    data = FRAME + noise + 3 * FRAME + OK + FRAME
    items = [item for at in range(0, len(data), step) for item in parser.feed(data[at : at + step])]
    assert items == [*4 * [(0, RTP)], *Parser().feed(OK), (0, RTP)]


def test_a_message_cut_short_does_not_hide_the_next() -> None:
    cut = b"RTSP/1.0 200 OK\r\nContent-Length: many\r\n"
    parser = Parser()
    parser.channels = frozenset((0, 1))
    assert parser.feed(FRAME + 3 * cut + OK + FRAME) == [(0, RTP), *Parser().feed(OK), (0, RTP)]
    assert parser.skipped == 3 * len(cut)


@pytest.mark.parametrize(
    "garbage",
    [
        b"RTSP/1.0 200" * 5000 + b"\1",
        b"RTSP/1.0 200 OK\n" * 4000 + b"\n\n",
        b"RTSP/1.0 200 OK\nContent-Length: many\n" * 1700 + b"\n",
        b"\nPLAY " * 10000 + b"\1",
        b"$\0\0\1\x80RTSP/1.0 200" * 3500,
        b"\r\n\0 " * 16000,
        b"RTSP/1.0 200$aaa\x80" * 3600 + b"\0" * 20,
        b"RTSP/1.0 200\n$aaa\x80PLAY \n" * 2700 + b"\n\n",
    ],
)
def test_what_begins_like_messages_again_and_again_is_read_once(garbage: bytes) -> None:
    """Each beginning searched to the end takes a second; this, some milliseconds."""

    def read() -> None:
        parser = Parser()
        parser.channels = frozenset((0, 1))
        for _ in range(3):
            for at in range(0, len(garbage), 8192):
                parser.feed(garbage[at : at + 8192])
            assert (0, RTP) in parser.feed(FRAME)

    assert effort(read) < 0.25


def test_frames_of_tracks_that_were_not_set_up_are_passed_on() -> None:
    parser = Parser()
    parser.channels = frozenset((0, 1))
    other = b"$\x04" + FRAME[2:] + b"$\x05\0\0"
    assert parser.feed(other + FRAME) == [(4, RTP), (5, b""), (0, RTP)]
    assert parser.skipped == 0


@pytest.mark.parametrize("step", [1, 5, 4096])
def test_endless_garbage_ends_it(step: int) -> None:
    garbage = b"\xff" * (MAX_GARBAGE + 100 * step)
    with pytest.raises(ProtocolError, match="neither RTSP nor RTP"):
        feed(garbage, [step] * len(garbage))


def test_an_endless_head_ends_it() -> None:
    data = b"RTSP/1.0 200 OK\r\n" + b"X: 12345678901234567890\r\n" * 3000
    with pytest.raises(ProtocolError, match="head is longer"):
        feed(data, [25] * 4000)


def test_a_great_body_is_refused_at_once() -> None:
    with pytest.raises(ProtocolError, match="are allowed"):
        feed(b"RTSP/1.0 200 OK\r\nContent-Length: 10000000000\r\n\r\n")


@settings(max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([FRAME, OK, b"$", b"RTSP"]))))
def test_nothing_but_a_protocol_error_comes_of_nonsense(parts: list[bytes]) -> None:
    parser, items = Parser(), 0
    try:
        for part in parts:
            items += len(list(parser.feed(part)))
    except ProtocolError:
        return
    # The least that is anything is a frame's head.
    assert 4 * items + parser.skipped <= sum(map(len, parts))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UnauthorizedError),
        (403, UnauthorizedError),
        (404, MissingStreamError),
        (453, BusyError),
        (503, BusyError),
        (461, UnsupportedError),
        (302, RedirectedError),
        (500, RefusedError),
    ],
)
def test_statuses_are_errors(status: int, error: type[RemoteError]) -> None:
    with pytest.raises(error) as caught:
        check(Message.response(status, "why\x1b[31m not"), "DESCRIBE")
    assert str(status) in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_success_is_given_back() -> None:
    reply = Message.response(200, "OK")
    assert check(reply, "PLAY") is reply


@given(
    st.lists(
        st.sampled_from(
            [
                *(b"$\0\0\2\x80a", b"$\1\0\1\x81", b"$\4\0\2\x80a", b"$\5\0\0", b"$G", b"$"),
                *(
                    b"x",
                    b"RTSP/1.0 2",
                    b"RTSP/1.0 200 OK\r\n",
                    b"OPTIONS *",
                    b"OPT",
                    b"ABC ",
                    b"\r\n",
                ),
            ]
        )
    ),
    st.integers(1, 9),
)
def test_how_bytes_are_cut_makes_no_difference(pieces: list[bytes], step: int) -> None:
    data = b"".join(pieces)
    parsers = Parser(), Parser()
    for parser in parsers:
        parser.channels = frozenset((0, 1))
    whole = parsers[0].feed(data)
    cut = [
        item for at in range(0, len(data), step) for item in parsers[1].feed(data[at : at + step])
    ]
    assert cut == whole
