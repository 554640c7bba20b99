"""SRTP: key derivation (RFC 3711 4.3), AES-GCM packets (RFC 7714), AES-CM through libsrtp.

GCM is done here because one `AESGCM.encrypt` costs a quarter of the way through libsrtp's binding.
GCM dies of one nonce used for two different packets: an index is given to one packet for ever, and
a retransmission is the same packet again, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp import Error as LibsrtpError
from pylibsrtp import Policy, Session

LABEL_KEY = 0
LABEL_SALT = 2
GCM_TAG = 16
CM_TAG = 10
HEADER = 12


@dataclass(frozen=True, slots=True)
class Master:
    """One direction's master key and salt, as DTLS exported them (RFC 5764 4.2)."""

    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)


def derive(master: Master, label: int, length: int) -> bytes:
    """A session key or salt by AES-CM with a key derivation rate of zero (RFC 3711 4.3.1).

    GCM's 96-bit salt stands left in the 112 bits that the derivation wants (RFC 7714 11).
    """
    salt = int.from_bytes(master.salt.ljust(14, b"\0"), "big")
    start = (salt ^ (label << 48)) << 16
    cipher = Cipher(algorithms.AES(master.key), modes.CTR(start.to_bytes(16, "big")))
    return cipher.encryptor().update(bytes(length))


class Sealer(Protocol):
    """Turns RTP packets of one peer into SRTP packets, each `overhead` bytes longer."""

    overhead: int

    def seal(
        self, ssrc: int, index: int, headers: Sequence[bytes], payloads: Sequence[bytes]
    ) -> list[bytes]:
        """Protect consecutive packets; `index` is the first one's ROC << 16 | sequence number."""
        ...


class GcmSealer:
    """AEAD_AES_128_GCM or AEAD_AES_256_GCM, by the length of the master key."""

    overhead = GCM_TAG

    def __init__(self, master: Master) -> None:
        self._encrypt = AESGCM(derive(master, LABEL_KEY, len(master.key))).encrypt
        self._salt = int.from_bytes(derive(master, LABEL_SALT, 12), "big")

    def seal(
        self, ssrc: int, index: int, headers: Sequence[bytes], payloads: Sequence[bytes]
    ) -> list[bytes]:
        """Protect consecutive packets (RFC 7714 8.1: IV = salt XOR 0 | SSRC | ROC | SEQ)."""
        base = self._salt ^ (ssrc << 48)
        encrypt = self._encrypt
        sealed = []
        for header, payload in zip(headers, payloads, strict=True):
            sealed.append(header + encrypt((base ^ index).to_bytes(12, "big"), payload, header))
            index += 1
        return sealed


class CmSealer:
    """AES128_CM_SHA1_80 for peers that refuse GCM; libsrtp keeps the rollover counter itself."""

    overhead = CM_TAG

    def __init__(self, session: Session) -> None:
        self._protect = session.protect

    def seal(
        self,
        ssrc: int,
        index: int,
        headers: Sequence[bytes],
        payloads: Sequence[bytes],
    ) -> list[bytes]:
        """Protect consecutive packets; `ssrc` and `index` are read from the headers by libsrtp."""
        protect = self._protect
        return [protect(head + load) for head, load in zip(headers, payloads, strict=True)]


class GcmOpener:
    """Authenticates and decrypts one peer's packets; guesses the ROC after RFC 3711 3.3.1."""

    def __init__(self, master: Master) -> None:
        self._decrypt = AESGCM(derive(master, LABEL_KEY, len(master.key))).decrypt
        self._salt = int.from_bytes(derive(master, LABEL_SALT, 12), "big")
        self._highest: dict[int, int] = {}

    def open(self, packet: bytes) -> tuple[int, bytes] | None:
        """The index and the payload of a packet without extension; None when it is forged."""
        if len(packet) < HEADER + GCM_TAG:
            return None
        ssrc = int.from_bytes(packet[8:12], "big")
        highest = self._highest.get(ssrc, -1)
        sequence = int.from_bytes(packet[2:4], "big")
        index = sequence if highest < 0 else nearest(highest, sequence)
        if index < 0:
            return None
        nonce = (self._salt ^ (ssrc << 48) ^ index).to_bytes(12, "big")
        try:
            payload = self._decrypt(nonce, packet[HEADER:], packet[:HEADER])
        except InvalidTag:
            return None
        if index > highest:
            self._highest[ssrc] = index
        return index, payload


def nearest(index: int, sequence: int) -> int:
    """The extended index closest to `index` whose low 16 bits are `sequence`."""
    return index + ((sequence - index + 0x8000) & 0xFFFF) - 0x8000


__all__ = ["CmSealer", "GcmOpener", "GcmSealer", "LibsrtpError", "Master", "Policy", "Sealer"]
