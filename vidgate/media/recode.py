"""Sound into Opus: what a worker process does (`media.opus` asks for it).

A recoder keeps its decoder and encoder from call to call; a worker that died has forgotten them,
and the next call simply makes new ones: sound can begin anywhere.
"""

from collections.abc import Sequence
from typing import Any

from vidgate.model.media import Codec, Track

RATE = 48_000  # Hz, the only clock that Opus has over RTP (RFC 7587 4.1)
PACKET = 1920  # samples: 40 ms, for each packet costs each viewer a system call
MAX_RECODERS = 64  # streams whose state is kept; the one unused for longest goes

DECODERS = {Codec.AAC: "aac"}
_BITS = {1: 32_000, 2: 64_000}


class Recoder:
    """One stream's decoder, resampler and encoder."""

    def __init__(self, track: Track) -> None:
        import av  # noqa: PLC0415 - only the child needs it

        self._av: Any = av
        self._decoder: Any = av.CodecContext.create(DECODERS[track.codec], "r")
        self._decoder.extradata = track.parameter_sets[0]
        self._decoder.thread_count = 1
        channels = min(track.channels, 2)
        layout = "mono" if channels == 1 else "stereo"
        self._layout = layout
        self._resampler = self._new_resampler()
        self._encoder: Any = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate, self._encoder.format = RATE, "s16"
        self._encoder.layout = layout
        self._encoder.bit_rate = _BITS[channels]
        self._encoder.options = {"frame_duration": "40", "application": "audio"}
        self._encoder.open()

    def recode(self, units: Sequence[bytes]) -> list[bytes]:
        """Opus packets of 40 ms; what cannot be decoded is passed over."""
        packets: list[bytes] = []
        for unit in filter(None, units):  # an empty one would end the decoder for good
            try:
                packets += self._recode(unit)
            except self._av.error.FFmpegError:
                continue
            except ValueError:  # the sound changed its rate or its channels
                self._resampler = self._new_resampler()
        return packets

    def _recode(self, unit: bytes) -> list[bytes]:
        packets: list[bytes] = []
        for sound in self._decoder.decode(self._av.Packet(unit)):
            sound.pts = None  # counted by `media.opus`
            for block in self._resampler.resample(sound):
                packets += map(bytes, self._encoder.encode(block))
        return packets

    def _new_resampler(self) -> Any:
        return self._av.AudioResampler("s16", self._layout, RATE, PACKET)


# This process's own: it serves no one but its parent, and may be killed at any time.
_recoders: dict[str, Recoder] = {}


def recode(key: str, track: Track, units: Sequence[bytes]) -> list[bytes]:
    """Go on with the stream that the caller calls `key`."""
    recoder = _recoders.pop(key, None) or Recoder(track)
    _recoders[key] = recoder
    while len(_recoders) > MAX_RECODERS:
        del _recoders[next(iter(_recoders))]
    return recoder.recode(units)
