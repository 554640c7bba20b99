import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vidgate.model.channel import (
    Channel,
    Kind,
    Lifecycle,
    Login,
    Platform,
    PointClass,
    Transport,
)
from vidgate.model.declared import DeclaredCodec, DeclaredStatus
from vidgate.registry.edits import (
    Credential,
    Edit,
    Pair,
    channel_of,
    credential_snapshot,
    platform_of,
    platform_snapshot,
    same,
    sealed_of,
    snapshot,
)

WORDS = st.text(max_size=12)
CHANNELS = st.builds(
    Channel,
    id=WORDS,
    name=WORDS,
    gb_code=WORDS,
    kind=st.sampled_from(Kind),
    url=WORDS,
    port=st.none() | st.integers(1, 65535),
    credential=WORDS,
    platform=WORDS,
    point_class=st.sampled_from(PointClass),
    longitude=st.none() | st.floats(-180, 180),
    lifecycle=st.sampled_from(Lifecycle),
    tags=st.lists(WORDS, max_size=3).map(tuple),
    enabled=st.booleans(),
    transport=st.sampled_from(Transport),
    declared_status=st.none() | st.sampled_from(DeclaredStatus),
    declared_codec=st.none() | st.sampled_from(DeclaredCodec),
    declared_resolution=st.sampled_from(["", "1920x1080", "4MP"]),
    declared_fps=st.none() | st.floats(1, 240),
    pinyin=WORDS,
    number=st.integers(0, 20_000),
    revision=st.integers(1, 9),
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(CHANNELS)
def test_a_channel_comes_back_from_its_snapshot(channel: Channel) -> None:
    assert channel_of(through_json(snapshot(channel))) == channel


def test_a_snapshot_holds_only_what_is_not_the_default() -> None:
    assert snapshot(Channel(id="a", name="b", number=3)) == {"id": "a", "name": "b", "number": 3}


def test_a_platform_comes_back_from_its_snapshot() -> None:
    platform = Platform(id="a", name="b", slots=3, options={"x": "y"})
    assert platform_of(through_json(platform_snapshot(platform))) == platform


def test_a_credential_is_kept_sealed() -> None:
    saved = credential_snapshot(
        Credential(name="a", login=Login("u", "CANARY"), sealed=b"\0\xff", changed=1.0)
    )
    assert sealed_of(through_json(saved)) == b"\0\xff"
    assert "CANARY" not in json.dumps(saved)


@given(CHANNELS)
def test_what_the_register_gives_itself_is_not_compared(channel: Channel) -> None:
    other = replace(channel, revision=channel.revision + 1, number=7, pinyin="x")
    assert same(snapshot(channel), snapshot(other))
    assert not same(snapshot(channel), snapshot(replace(channel, name=channel.name + "x")))
    assert not same(snapshot(channel), None)
    assert same(None, None)


def test_an_edit_counts_its_channels() -> None:
    one, two = Channel(id="a", name="a"), Channel(id="b", name="b")
    edit = Edit(channels=[Pair(None, one), Pair(one, two), Pair(two, None), Pair(one, one)])
    assert edit.counts() == (1, 2, 1)
    assert not edit.is_empty
    assert Edit().is_empty
