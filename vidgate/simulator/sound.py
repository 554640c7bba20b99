"""The sound of simulated cameras: a tone that says which channel, in three encodings.

G.711 (RFC 3551 4.5.14) is computed here and loops each second; AAC (RFC 3640, AAC-hbr) is encoded
in a worker and loops after eight, since 125 frames of 1,024 samples at 16 kHz hold whole periods of
every tone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import pi, sin
from typing import Protocol

from vidgate.rtp.audio import CLOCK_RATE, PCMA, PCMU, alaw_encode, ulaw_encode
from vidgate.simulator.coded import tone_of
from vidgate.simulator.framing import EMPTY, Block, make_block
from vidgate.simulator.manner import Sound
from vidgate.simulator.pictures import FPS

AAC = 97  # dynamic payload type
AAC_RATE = 16_000
AAC_SAMPLES = 1024  # in a frame
AAC_LOOP = 125  # frames
AAC_SETTLING = 4  # frames until the encoder has settled
SOUND_STEP = CLOCK_RATE // FPS
TONE_PERIOD = 1000  # samples; every tone is a multiple of 8 Hz
LOUDNESS = 8000


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """How a description names it; `step` is clock units a picture's time."""

    payload_type: int
    rtpmap: str
    step: int
    fmtp: str = ""


FORMATS = {
    Sound.PCMA: SoundFormat(PCMA, "PCMA/8000", SOUND_STEP),
    Sound.PCMU: SoundFormat(PCMU, "PCMU/8000", SOUND_STEP),
    # config is the AudioSpecificConfig (ISO/IEC 14496-3): AAC-LC, 16 kHz, mono.
    Sound.AAC: SoundFormat(
        AAC,
        "MPEG4-GENERIC/16000/1",
        AAC_RATE // FPS,
        "streamtype=5;profile-level-id=15;mode=AAC-hbr;sizelength=13;indexlength=3;"
        "indexdeltalength=3;config=1408",
    ),
}


class Tone(Protocol):
    """One channel's tone as packets."""

    def at(self, index: int) -> tuple[Block, int]:
        """What is due with picture `index`, perhaps nothing, and its offset in clock units."""
        ...


class G711Tone:
    """A packet for each picture's time."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks

    def at(self, index: int) -> tuple[Block, int]:
        """See `Tone`."""
        return self._blocks[index % len(self._blocks)], index * SOUND_STEP


class AacTone:
    """A frame now and then: 64 ms of sound to a picture's 40 ms."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        # AU-headers-length 16 bits, then one header: 13 bits of size, 3 of index (RFC 3640 3.3.6).
        self._blocks = [
            make_block([b"\x00\x10" + (len(frame) << 3).to_bytes(2, "big") + frame], AAC, ends=True)
            for frame in frames
        ]

    def at(self, index: int) -> tuple[Block, int]:
        """See `Tone`."""
        due, after = (at * (AAC_RATE // FPS) // AAC_SAMPLES for at in (index, index + 1))
        block = self._blocks[due % len(self._blocks)] if due != after else EMPTY
        return block, due * AAC_SAMPLES


_ENCODERS: dict[Sound, tuple[int, Callable[[Sequence[int]], bytes]]] = {
    Sound.PCMA: (PCMA, alaw_encode),
    Sound.PCMU: (PCMU, ulaw_encode),
}


@lru_cache(maxsize=256)
def g711_tone(number: int, sound: Sound) -> G711Tone:
    """The tone of a channel, 40 ms a packet."""
    payload_type, encode = _ENCODERS[sound]
    step = 2 * pi * tone_of(number) / CLOCK_RATE
    period = encode([round(LOUDNESS * sin(step * at)) for at in range(TONE_PERIOD)])
    looped = period + period[:SOUND_STEP]
    starts = [(SOUND_STEP * index) % TONE_PERIOD for index in range(FPS)]
    parts = [looped[start : start + SOUND_STEP] for start in starts]
    return G711Tone([make_block([part], payload_type, ends=False) for part in parts])


def encode_aac(frequency: int) -> list[bytes]:
    """The looped frames of a tone, without headers; for a worker process."""
    import av  # noqa: PLC0415 - only the worker process needs them
    import numpy as np  # noqa: PLC0415

    context = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = AAC_RATE, "mono", "fltp"
    context.bit_rate = 32_000
    frames: list[bytes] = []
    for number in range(AAC_LOOP + AAC_SETTLING):
        at = np.arange(number * AAC_SAMPLES, (number + 1) * AAC_SAMPLES) / AAC_RATE
        samples = (LOUDNESS / 32768 * np.sin(2 * np.pi * frequency * at)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = AAC_RATE, number * AAC_SAMPLES
        frames += [bytes(packet) for packet in context.encode(frame)]
    return frames[-AAC_LOOP:] if len(frames) >= AAC_LOOP else frames
