"""The RTP header extension of ONVIF replays: when a picture was recorded.

ONVIF Streaming Specification 6.3: profile 0xABAC and three words, the NTP time, flags, the low
byte of the PLAY's CSeq and two bytes of padding. It stands on the first packet of an access unit at
least, of each where the device likes. Some devices send it with what is live too.
"""

from dataclasses import dataclass
from struct import Struct

from vidgate.rtp.rtcp import ntp_from_unix, unix_from_ntp

PROFILE = 0xABAC
_WORDS = Struct(">QBBH")
_CLEAN, _END, _DISCONTINUITY, _TERMINAL = 0x80, 0x40, 0x20, 0x10


@dataclass(frozen=True, slots=True)
class ReplayStamp:
    """`recorded` in wall-clock seconds; see the module.

    `is_clean`: a decoder can begin here. `is_end`: the last of a contiguous section.
    `is_discontinuity`: something is missing before it. `is_terminal`: nothing follows at all.
    """

    recorded: float
    is_clean: bool = False
    is_end: bool = False
    is_discontinuity: bool = False
    is_terminal: bool = False
    cseq: int = 0

    @classmethod
    def parse(cls, extension: tuple[int, bytes]) -> "ReplayStamp | None":
        """Read the extension of a packet; None for another one, and without a time."""
        profile, data = extension
        if profile != PROFILE or len(data) < _WORDS.size:
            return None
        ntp, flags, cseq, _ = _WORDS.unpack_from(data)
        if not ntp >> 32:
            return None
        return cls(
            unix_from_ntp(ntp),
            bool(flags & _CLEAN),
            bool(flags & _END),
            bool(flags & _DISCONTINUITY),
            bool(flags & _TERMINAL),
            cseq,
        )

    def extension(self) -> tuple[int, bytes]:
        """As `RtpPacket.extension` has it."""
        flags = (
            _CLEAN * self.is_clean
            | _END * self.is_end
            | _DISCONTINUITY * self.is_discontinuity
            | _TERMINAL * self.is_terminal
        )
        return PROFILE, _WORDS.pack(ntp_from_unix(self.recorded), flags, self.cseq & 255, 0)
