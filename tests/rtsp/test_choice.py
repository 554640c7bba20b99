"""How `auto` is settled from pull to pull."""

from hypothesis import given
from hypothesis import strategies as st

from vidgate.model.channel import Transport
from vidgate.rtsp.choice import BOTH_SILENT, RESTS, Choice

TCP, UDP = Transport.TCP, Transport.UDP


def test_each_turns_to_the_other_with_its_reason() -> None:
    for first, other in ((TCP, UDP), (UDP, TCP)):
        choice = Choice(first)
        assert choice.falls_silent(first, 0.0, "why")
        assert choice == Choice(other, "why")
        choice.brings(other)
        assert choice == Choice(other, "why")


def test_where_nothing_comes_by_either_what_last_served_is_waited_with() -> None:
    choice = Choice()
    assert choice.falls_silent(TCP, 0.0, "tcp")
    assert not choice.falls_silent(UDP, 3.0, "udp")
    assert choice == Choice(TCP, BOTH_SILENT)
    assert not choice.falls_silent(TCP, 20.0, "tcp")
    assert choice == Choice(TCP, BOTH_SILENT)
    choice.brings(TCP)
    assert choice == Choice(TCP)


def test_a_camera_that_can_udp_alone_is_waited_for_by_udp() -> None:
    choice = Choice()
    assert choice.falls_silent(TCP, 0.0, "tcp")
    choice.brings(UDP)
    assert choice.falls_silent(UDP, 5000.0, "udp"), "it may have been moved behind a firewall"
    assert not choice.falls_silent(TCP, 5010.0, "tcp")
    assert choice.transport is UDP


def test_the_other_is_tried_again_after_a_while() -> None:
    choice = Choice()
    assert choice.falls_silent(TCP, 0.0, "tcp")
    assert not choice.falls_silent(UDP, 3.0, "udp")
    assert not choice.falls_silent(TCP, RESTS - 1.0, "tcp")
    assert choice.falls_silent(TCP, RESTS + 3.0, "tcp")
    assert choice == Choice(UDP, "tcp")


def test_udp_that_is_refused_is_no_reason_to_flap() -> None:
    choice = Choice()
    assert choice.falls_silent(TCP, 0.0, "tcp")
    choice.turn(TCP, "UDP was refused")
    assert not choice.falls_silent(TCP, 10.0, "tcp")
    assert choice == Choice(TCP, "UDP was refused")


@given(st.lists(st.floats(0.1, 100.0), max_size=60), st.sampled_from([TCP, UDP]))
def test_a_dead_stream_is_tried_twice_at_once_every_ten_minutes_at_most(
    gaps: list[float], first: Transport
) -> None:
    choice, now = Choice(first), 0.0
    turns: list[float] = []
    for gap in gaps:
        now += gap
        if choice.falls_silent(choice.transport, now, "why"):
            turns.append(now)
    assert all(sum(at <= one < at + RESTS for one in turns) <= 2 for at in turns)
