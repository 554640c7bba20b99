"""AAC out of RTP: framings, fragments, loss, nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import ProtocolError
from vidgate.rtp.aac import (
    MAX_PIECES,
    Config,
    Depacketiser,
    LatmDepacketiser,
    Layout,
    Mux,
    plain,
)

LC_16K_MONO = bytes.fromhex("1408")
LC_44K_STEREO = bytes.fromhex("1210")
HE_44K_STEREO = bytes.fromhex("2b920800")  # SBR over a core of 22,050 Hz
MUX_44K = bytes.fromhex("400024203fc0")  # as VLC writes it


def headers(sizes: list[int], layout: Layout = Layout()) -> bytes:  # noqa: B008 - frozen
    text = ""
    for place, size in enumerate(sizes):
        index = layout.delta if place else layout.index
        text += f"{size:0{layout.size}b}" + "0" * index
    filled = text + "0" * (-len(text) % 8)
    return len(text).to_bytes(2, "big") + int(filled, 2).to_bytes(len(filled) // 8, "big")


def generic(layout: Layout = Layout()) -> Depacketiser:  # noqa: B008 - frozen
    return Depacketiser(layout, 1024)


@pytest.mark.parametrize(
    ("data", "rate", "channels", "samples"),
    [
        (LC_16K_MONO, 16000, 1, 1024),
        (LC_44K_STEREO, 44100, 2, 1024),
        (HE_44K_STEREO, 22050, 2, 1024),
        (bytes.fromhex("140856e500"), 16000, 1, 1024),  # says that there is no SBR
        (bytes.fromhex("131056e598"), 24000, 2, 1024),  # says that there is, the old way
        (bytes.fromhex("140c"), 16000, 1, 960),
        (bytes.fromhex("178001f408"), 1000, 1, 1024),  # a rate written out
    ],
)
def test_configurations(data: bytes, rate: int, channels: int, samples: int) -> None:
    config = Config.parse(data)
    assert (config.rate, config.channels, config.samples) == (rate, channels, samples)
    assert data.startswith(config.data[:-1])


def test_a_unit_lasts_longer_on_the_clock_of_an_extension() -> None:
    assert Config.parse(LC_44K_STEREO).step(44100) == 1024
    assert Config.parse(HE_44K_STEREO).step(44100) == 2048


@pytest.mark.parametrize("text", ["", "14", "f8", "1400", "1688", "fbff", "08"])
def test_configurations_that_are_none(text: str) -> None:
    with pytest.raises(ProtocolError):
        Config.parse(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("fmtp", "layout"),
    [
        ({"mode": "AAC-hbr"}, Layout(13, 3, 3)),
        ({"mode": "AAC-lbr"}, Layout(6, 2, 2)),
        ({}, Layout()),
        ({"sizelength": "13", "indexlength": "0", "indexdeltalength": "0"}, Layout(13, 0, 0)),
    ],
)
def test_layouts(fmtp: dict[str, str], layout: Layout) -> None:
    assert Layout.of(fmtp) == layout


@pytest.mark.parametrize(
    "fmtp",
    [{"sizelength": "x"}, {"sizelength": "99"}, {"constantsize": "10"}, {"ctsdeltalength": "4"}],
)
def test_layouts_that_are_none_of_ours(fmtp: dict[str, str]) -> None:
    with pytest.raises(ProtocolError):
        Layout.of(fmtp)


def test_one_unit_and_several() -> None:
    aac = generic()
    assert aac.take(1, 100, True, headers([3]) + b"abc") == [(100, [b"abc"])]
    assert aac.take(2, 1124, True, headers([2, 1, 3]) + b"aabccc") == [
        (1124, [b"aa"]),
        (2148, [b"b"]),
        (3172, [b"ccc"]),
    ]
    low = Layout(6, 2, 2)
    assert generic(low).take(1, 0, True, headers([2, 2], low) + b"aabb")[1] == (1024, [b"bb"])
    assert (aac.lost, aac.ignored) == (0, 0)


def test_the_clock_of_the_units_wraps() -> None:
    done = generic().take(1, 2**32 - 512, True, headers([1, 1]) + b"ab")
    assert [timestamp for timestamp, _ in done] == [2**32 - 512, 512]


def test_a_unit_in_pieces() -> None:
    aac = generic()
    head = headers([6])
    assert aac.take(1, 0, False, head + b"ab") == []
    assert aac.take(2, 0, False, head + b"cd") == []
    assert aac.take(3, 0, True, head + b"ef") == [(0, [b"abcdef"])]
    assert aac.take(4, 1024, True, headers([1]) + b"g") == [(1024, [b"g"])]


def test_a_lost_piece_costs_its_unit_alone() -> None:
    aac = generic()
    head = headers([6])
    aac.take(1, 0, False, head + b"ab")
    aac.take(3, 0, True, head + b"ef")
    assert aac.lost == 1
    assert aac.take(4, 1024, True, headers([1]) + b"g") == [(1024, [b"g"])]


def test_an_adts_header_is_taken_off() -> None:
    unit = bytes.fromhex("fff15c4001dffc") + b"x" * 7
    assert unit[3] & 3 == 0
    assert plain(unit) == b"x" * 7
    assert plain(b"\xff\xf1" + bytes(20)) == b"\xff\xf1" + bytes(20)  # its length does not fit


@pytest.mark.parametrize(
    "payload", [b"", b"\0", b"\0\x10", b"\xff\xff\0\0", b"\0\0abc", headers([5, 5]) + b"abc"]
)
def test_nonsense_is_ignored(payload: bytes) -> None:
    aac = generic()
    assert aac.take(1, 0, True, payload) == []
    assert aac.ignored == 1
    assert aac.take(2, 0, True, headers([1]) + b"a") == [(0, [b"a"])]


def test_pieces_do_not_pile_up() -> None:
    aac = generic()
    for number in range(1000):
        aac.take(number, 0, False, headers([8191]) + bytes(1000))
    assert sum(map(len, aac._pieces)) <= 8191


def test_empty_pieces_do_not_pile_up_either() -> None:
    aac, latm = generic(), LatmDepacketiser(Mux.parse(MUX_44K), is_inside=False, step=1024)
    for number in range(1000):
        aac.take(number, 0, False, headers([8191]))
        latm.take(number, 0, False, b"")
        assert max(len(aac._pieces), len(latm._pieces)) <= MAX_PIECES
    assert latm.take(1000, 0, True, b"\x01a") == []
    assert latm.take(1001, 1, True, b"\x01a") == [(1, [b"a"])]
    assert aac.take(1000, 1, True, headers([1]) + b"a") == [(1, [b"a"])]


def test_latm_out_of_band() -> None:
    mux = Mux.parse(MUX_44K)
    assert (mux.config.rate, mux.config.channels, mux.frames) == (44100, 2, 1)
    assert Config.parse(mux.config.data) == mux.config
    latm = LatmDepacketiser(mux, is_inside=False, step=1024)
    assert latm.take(1, 5, True, b"\x03abc") == [(5, [b"abc"])]
    assert latm.take(2, 9, False, b"\xff\x05" + b"x" * 200) == []
    assert latm.take(3, 9, True, b"x" * 60) == [(9, [b"x" * 260])]


def test_latm_of_gstreamer_ends_early() -> None:
    mux = Mux.parse(bytes.fromhex("40002810adca00"))
    assert (mux.config.rate, mux.config.channels) == (16000, 1)
    assert mux.config.data == bytes.fromhex("140856e500")


def test_latm_with_its_configuration_inside() -> None:
    """Everything is one bit off: useSameStreamMux, then the configuration, then the unit."""
    mux = Mux.parse(MUX_44K)
    latm = LatmDepacketiser(mux, is_inside=True, step=1024)
    same = (1 << 32 | int.from_bytes(b"\x03abc", "big")) << 7
    assert latm.take(1, 0, True, same.to_bytes(5, "big")) == [(0, [b"abc"])]
    told = int.from_bytes(MUX_44K, "big") >> 4  # it has 44 bits
    size = 1 + 44 + 32
    whole = (told << 32 | int.from_bytes(b"\x03abc", "big")) << (-size % 8)
    assert latm.take(2, 0, True, whole.to_bytes(-(-size // 8), "big")) == [(0, [b"abc"])]


def test_latm_with_other_data_announced() -> None:
    """Its length comes a byte at a time, each behind a bit that says whether more follow."""
    told = f"{int.from_bytes(MUX_44K, 'big') >> 6:042b}"  # up to otherDataPresent
    mux = Mux.parse(MUX_44K)
    for more, is_known in ((0, True), (3, True), (4, False)):
        latm = LatmDepacketiser(mux, is_inside=True, step=1024)
        bits = f"0{told}1{'100000001' * more}000000001" + f"0{0x03616263:032b}"
        bits += "0" * (-len(bits) % 8)
        element = int(bits, 2).to_bytes(len(bits) // 8, "big")
        assert (latm.take(1, 0, True, element) == [(0, [b"abc"])]) is is_known


def test_latm_units_have_a_size() -> None:
    latm = LatmDepacketiser(Mux.parse(MUX_44K), is_inside=False, step=1024)
    most = b"\xff" * 32 + b"\x1f"  # 8,191
    assert latm.take(1, 0, True, most + bytes(8191)) == [(0, [bytes(8191)])]
    assert latm.take(2, 0, True, b"\xff" * 32 + b"\x20" + bytes(8192)) == []
    assert latm.ignored == 1


def test_latm_loses_the_element_that_has_a_hole() -> None:
    latm = LatmDepacketiser(Mux.parse(MUX_44K), is_inside=False, step=1024)
    latm.take(1, 0, False, b"\x06abc")
    assert latm.take(3, 0, True, b"ghi") == []
    assert latm.take(4, 1, True, b"\x01a") == [(1, [b"a"])]
    assert (latm.lost, latm.ignored) == (1, 1)


def test_latm_elements_do_not_pile_up() -> None:
    latm = LatmDepacketiser(Mux.parse(MUX_44K), is_inside=False, step=1024)
    for number in range(200):
        latm.take(number, 0, False, bytes(1400))
    assert sum(map(len, latm._pieces)) <= 65536


@pytest.mark.parametrize("text", ["", "c000", "40", "41ff24203fc0"])
def test_latm_configurations_that_are_none(text: str) -> None:
    with pytest.raises(ProtocolError):
        Mux.parse(bytes.fromhex(text))


@given(st.lists(st.tuples(st.integers(0, 65535), st.booleans(), st.binary(max_size=64))))
def test_no_bytes_can_hurt(packets: list[tuple[int, bool, bytes]]) -> None:
    makers = (generic(), LatmDepacketiser(Mux.parse(MUX_44K), is_inside=True, step=1024))
    for sequence, marker, payload in packets:
        for maker in makers:
            for _, units in maker.take(sequence, 0, marker, payload):
                assert all(units)


@given(st.binary(max_size=32))
def test_no_configuration_can_hurt(data: bytes) -> None:
    for parse in (Config.parse, Mux.parse):
        try:
            found = parse(data)
        except ProtocolError:
            continue
        config = found.config if isinstance(found, Mux) else found
        assert config.step(90_000) >= 0
