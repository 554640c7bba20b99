"""What the worker does with sound."""

import math
from fractions import Fraction

import av
import numpy as np
import pytest

from vidgate.media import recode as module
from vidgate.media.recode import PACKET, RATE, Recoder, recode
from vidgate.model.media import Codec, Track


def encoded(frequency: int, rate: int, channels: int) -> tuple[Track, list[bytes]]:
    """Two seconds of a tone as AAC."""
    layout = "mono" if channels == 1 else "stereo"
    context = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = rate, layout, "fltp"
    context.time_base = Fraction(1, rate)
    context.open()
    units: list[bytes] = []
    for start in range(0, 2 * rate, 1024):
        wave = [
            0.5 * math.sin(2 * math.pi * frequency * n / rate) for n in range(start, start + 1024)
        ]
        block = av.AudioFrame.from_ndarray(
            np.array([wave] * channels, dtype=np.float32), format="fltp", layout=layout
        )
        block.sample_rate, block.pts = rate, start
        units += map(bytes, context.encode(block))
    units += map(bytes, context.encode(None))
    config = bytes(context.extradata or b"")
    return Track(1, Codec.AAC, rate, channels=channels, parameter_sets=(config,)), units


def frequency_of(packets: list[bytes]) -> float:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = RATE, "stereo"
    parts = [s.to_ndarray() for p in packets for s in decoder.decode(av.Packet(p))]
    left = np.concatenate([part.reshape(-1, 2)[:, 0] for part in parts]).astype(float)
    left = left[RATE // 4 :]
    spectrum = np.abs(np.fft.rfft(left * np.hanning(len(left))))
    return float(np.argmax(spectrum) * RATE / len(left))


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (48000, 2)])
def test_a_tone_stays_a_tone(rate: int, channels: int) -> None:
    track, units = encoded(616, rate, channels)
    packets = Recoder(track).recode(units)
    assert abs(len(packets) * PACKET / RATE - 2.0) < 0.2
    assert abs(frequency_of(packets) - 616) < 3


def test_broken_units_are_passed_over() -> None:
    track, units = encoded(616, 16000, 1)
    for place in range(0, len(units), 3):
        units[place] = b"\xff" * 40
    assert len(Recoder(track).recode([b"", b"\0", *units])) > 10


def test_state_is_kept_by_name_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECODERS", 2)
    monkeypatch.setattr(module, "_recoders", {})
    track, units = encoded(616, 16000, 1)
    in_steps = [packet for unit in units for packet in recode("a", track, [unit])]
    assert in_steps == Recoder(track).recode(units)
    for name in ("b", "a", "c"):
        recode(name, track, [])
    assert list(module._recoders) == ["a", "c"]
