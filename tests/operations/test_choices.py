"""What is remembered of how streams were reached."""

from dataclasses import replace

import pytest

from vidgate.model.channel import Channel, Transport
from vidgate.model.media import Variant
from vidgate.operations import choices as module
from vidgate.operations.choices import Choices
from vidgate.registry.routes import Route, Way

CHANNEL = Channel(id="a", name="a")
ROUTE = Route(Way.OWN, "", "rtsp://10.0.0.1/1")


def test_a_choice_is_kept_for_each_stream() -> None:
    choices = Choices()
    main = choices.of(CHANNEL, Variant.MAIN, ROUTE)
    main.turn(Transport.UDP, "461")
    assert choices.of(CHANNEL, Variant.MAIN, ROUTE) is main
    assert choices.of(CHANNEL, Variant.SUB, ROUTE).transport is Transport.TCP


def test_another_route_or_transport_begins_anew() -> None:
    choices = Choices()
    first = choices.of(CHANNEL, Variant.MAIN, ROUTE)
    assert choices.of(CHANNEL, Variant.MAIN, replace(ROUTE, url="rtsp://10.0.0.2/1")) is not first
    first = choices.of(CHANNEL, Variant.MAIN, ROUTE)
    by_udp = replace(CHANNEL, transport=Transport.UDP)
    assert choices.of(by_udp, Variant.MAIN, ROUTE) is not first


def test_only_what_was_played_is_told() -> None:
    choices = Choices()
    choice = choices.of(CHANNEL, Variant.SUB, ROUTE)
    assert choices.used("a") == {}
    choice.used = Transport.TCP
    assert choices.used("a") == {Variant.SUB: choice}
    assert choices.used("b") == {}


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHOICES", 5)
    choices = Choices()
    for number in range(7):
        choices.of(replace(CHANNEL, id=str(number)), Variant.MAIN, None)
    assert len(choices._choices) == 5
