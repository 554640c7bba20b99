from vidgate.simulator.cabac import CabacWriter


def test_bypass_bins_alone_are_the_bits_themselves() -> None:
    cabac = CabacWriter({}, 28)
    cabac.bypass(0b1011_0010, 8)
    cabac.terminate(1)
    assert cabac.finish()[0] == 0b1011_0010


def test_probable_bins_cost_little() -> None:
    cabac = CabacWriter({"a": 154}, 28)
    for _ in range(1000):
        cabac.put("a", 0)
    cabac.terminate(1)
    assert len(cabac.finish()) < 20
