"""What viewers saw becomes histograms and totals, by stream and never by viewer."""

from prometheus_client import CollectorRegistry

from vidgate.metrics.players import TOTALS, PlayerMetrics
from vidgate.model.media import Variant
from vidgate.model.playback import Playback

MAIN = {"transport": "webrtc", "variant": "main"}
SUB = {"transport": "webrtc", "variant": "sub"}


def test_every_stream_has_its_samples_from_the_start() -> None:
    registry = CollectorRegistry()
    PlayerMetrics(registry)
    for labels in (MAIN, SUB):
        assert registry.get_sample_value("vidgate_player_first_frame_seconds_count", labels) == 0
        for name, _ in TOTALS.values():
            assert registry.get_sample_value(name, labels) == 0


def test_what_pages_tell_is_summed_up_by_stream() -> None:
    registry = CollectorRegistry()
    players = PlayerMetrics(registry)
    for _ in range(2):
        players.observe(
            Playback(
                variant=Variant.SUB,
                first_frames=[0.12, 3.0],
                buffers=[0.04],
                playing=14.5,
                stalls=1,
                stalled=2.5,
                decoded=300,
                lost=7,
            )
        )
    value = registry.get_sample_value
    assert value("vidgate_player_first_frame_seconds_count", SUB) == 4
    assert value("vidgate_player_first_frame_seconds_bucket", {**SUB, "le": "0.15"}) == 2
    assert value("vidgate_player_buffer_seconds_sum", SUB) == 0.08
    assert value("vidgate_player_playing_seconds_total", SUB) == 29.0
    assert value("vidgate_player_stalls_total", SUB) == 2
    assert value("vidgate_player_stall_seconds_total", SUB) == 5.0
    assert value("vidgate_player_frames_decoded_total", SUB) == 600
    assert value("vidgate_player_packets_lost_total", SUB) == 14
    assert value("vidgate_player_stalls_total", MAIN) == 0


def test_every_figure_that_is_told_is_shown() -> None:
    told = set(Playback.__dataclass_fields__) - {"variant", "first_frames", "buffers"}
    assert set(TOTALS) == told
