"""Reception statistics."""

from vidgate.rtp.rtcp import SenderReport, ntp_from_unix
from vidgate.rtp.stats import Reception


def test_loss_is_counted_over_wraps() -> None:
    reception = Reception(7, 90000)
    for number in range(65530, 65550):
        if number not in (65536, 65540):
            reception.packet(number & 0xFFFF, number * 3600, number * 0.04)
    assert (reception.received, reception.expected, reception.lost) == (18, 20, 2)
    block = reception.block(0.0)
    assert (block.fraction_lost, block.lost, block.highest) == (2 * 256 // 20, 2, 65549)
    assert reception.block(0.0).fraction_lost == 0


def test_long_runs_between_gaps_keep_count() -> None:
    reception = Reception(7, 90000)
    for number in range(60000):
        reception.packet(number, 0, 0.0)
    reception.packet(60002, 0, 0.0)
    assert (reception.highest, reception.lost) == (60002, 2)


def test_late_and_doubled_packets() -> None:
    reception = Reception(7, 90000)
    for number in (10, 12, 11, 12):
        reception.packet(number, 0, 0.0)
    assert (reception.expected, reception.lost) == (3, -1)


def test_even_arrival_has_no_jitter() -> None:
    reception = Reception(7, 8000)
    for number in range(50):
        reception.packet(number, number * 160, number * 0.02)
    assert reception.jitter < 1e-6
    reception.packet(50, 50 * 160, 50 * 0.02 + 0.016)
    assert abs(reception.jitter - 8.0) < 1e-6
    reception.packet(51, 51 * 160, 900.0)  # a clock that jumped is no jitter
    assert reception.jitter < 9


def test_the_delay_since_the_last_report() -> None:
    reception = Reception(7, 90000)
    reception.packet(1, 1, 0.0)
    assert reception.block(1.0).lsr == 0
    reception.report(SenderReport(7, ntp_from_unix(5.0), 0), 10.0)
    block = reception.block(10.5)
    assert block.dlsr == 32768
    assert block.lsr == (ntp_from_unix(5.0) >> 16) & 0xFFFFFFFF


def test_how_wrong_the_senders_clock_is() -> None:
    reception = Reception(7, 90000)
    assert reception.clock_offset(0.0) is None
    for wrong in (-3600.0, 0.0, 2.5, 1e8):
        reception.report(SenderReport(7, ntp_from_unix(1_700_000_010.0 + wrong), 0), 10.0)
        told = reception.clock_offset(1_700_000_000.0)
        assert told is not None
        assert abs(told - wrong) < 1e-3
    for nonsense in (0, 5 << 32):  # no clock at all, or one that counts from its start
        reception.report(SenderReport(7, nonsense, 0), 10.0)
        assert reception.clock_offset(1_700_000_000.0) is None


def test_how_wrong_the_clock_in_its_packets_is() -> None:
    reception = Reception(7, 90000)
    assert reception.stamp_offset(0.0) is None
    reception.stamped(-2_000_000_000.0, 9.0)  # it counts from its start
    assert reception.stamp_offset(1_700_000_000.0) is None
    reception.stamped(1_700_000_042.5, 10.0)
    assert reception.stamp_offset(1_700_000_000.0) == 32.5


def test_before_the_first_packet() -> None:
    assert Reception(7, 8000).expected == 0
