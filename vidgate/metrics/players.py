"""What viewers saw: the figures of the console's players, all viewers together."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from vidgate.model.media import Variant
from vidgate.model.playback import Playback

LABELS = ("transport", "variant")  # never who watched, nor what
TRANSPORT = "webrtc"
FIRST_FRAME = (0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
BUFFER = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)

TOTALS = {
    "playing": ("vidgate_player_playing_seconds_total", "How long tiles showed live pictures."),
    "stalls": ("vidgate_player_stalls_total", "Times that a tile lost its live picture."),
    "stalled": ("vidgate_player_stall_seconds_total", "How long tiles then had none."),
    "freezes": ("vidgate_player_freezes_total", "Times that a browser's decoder had to wait."),
    "frozen": ("vidgate_player_freeze_seconds_total", "How long decoders waited then."),
    "decoded": ("vidgate_player_frames_decoded_total", "Pictures that browsers decoded."),
    "dropped": ("vidgate_player_frames_dropped_total", "Pictures that came too late to be shown."),
    "received": ("vidgate_player_packets_received_total", "Packets that reached browsers."),
    "lost": ("vidgate_player_packets_lost_total", "Packets that never reached a browser."),
}
"""Field of a `Playback` to its counter."""


class PlayerMetrics:
    """The families `vidgate_player_*`; every stream has its samples from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._first_frames = Histogram(
            "vidgate_player_first_frame_seconds",
            "From a viewer's wish to the first picture.",
            LABELS,
            buckets=FIRST_FRAME,
            registry=registry,
        )
        self._buffers = Histogram(
            "vidgate_player_buffer_seconds",
            "How long pictures waited in a tile's jitter buffer, on average between two reports.",
            LABELS,
            buckets=BUFFER,
            registry=registry,
        )
        self._totals = {
            field: Counter(name, meaning, LABELS, registry=registry)
            for field, (name, meaning) in TOTALS.items()
        }
        for variant in Variant:
            self.observe(Playback(variant=variant))

    def observe(self, playback: Playback) -> None:
        """What one page has seen of one kind of stream."""
        labels = (TRANSPORT, playback.variant.value)
        first_frames = self._first_frames.labels(*labels)
        for seconds in playback.first_frames:
            first_frames.observe(seconds)
        buffers = self._buffers.labels(*labels)
        for seconds in playback.buffers:
            buffers.observe(seconds)
        for field, counter in self._totals.items():
            counter.labels(*labels).inc(getattr(playback, field))
