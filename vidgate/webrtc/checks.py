"""Connectivity checks of ICE (RFC 8445 7, RFC 8489): signed Binding requests, and their answers.

Whoever reaches the port may send what looks like one, so nothing is taken apart here that a check
of ours does not need: to refuse one costs about what the system call costs that received it.
"""

import hmac
from binascii import crc32
from dataclasses import dataclass
from ipaddress import ip_address
from struct import Struct

# Bytes. RFC 8489 6.1: where the path's MTU is not known, as in a check, a message fits an IPv4
# packet of 576. Ours need 352 at most (a peer's ufrag of 256 characters, IPv6 or not, everything
# that RFC 8445 asks for), browsers' have 100 to 150; the rest is for attributes of theirs.
MAX_CHECK = 548
MAX_ATTRIBUTES = 16  # before the signature; browsers send up to nine
BINDING_REQUEST, BINDING_RESPONSE = 0x0001, 0x0101
COOKIE = 0x2112A442
USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS = 0x0006, 0x0008, 0x0020
USE_CANDIDATE, FINGERPRINT = 0x0025, 0x8028
FINGERPRINT_MASK = 0x5354554E  # RFC 8489 14.7
HEADER = 20
SIGNATURE = 24  # bytes of MESSAGE-INTEGRITY with its head
FAMILIES = {4: 1, 16: 2}  # by the bytes of an address

_START = Struct(">HHI")
_HEAD = Struct(">HH")
_ADDRESS = Struct(">HHxBH")
_NUMBER = Struct(">HHI")


@dataclass(frozen=True, slots=True)
class Check:
    """A Binding request; nothing of it is true before `is_signed_with` says so."""

    ufrag: str  # ours, the first half of USERNAME
    nominates: bool
    _data: bytes
    _signed: int  # bytes before the signature

    def is_signed_with(self, password: bytes) -> bool:
        """Whether its sender knows the password."""
        start, place = self._data[:HEADER], self._signed
        signed = _resized(start, place + SIGNATURE) + self._data[HEADER:place]
        found = self._data[place + _HEAD.size : place + SIGNATURE]
        return hmac.compare_digest(found, hmac.digest(password, signed, "sha1"))

    def answer(self, host: str, port: int, password: bytes) -> bytes:
        """The signed response: it was received from `host` and `port`."""
        address = ip_address(host).packed
        mask = self._data[4 : 4 + len(address)]  # the cookie, and with IPv6 the transaction's id
        masked = int.from_bytes(address, "big") ^ int.from_bytes(mask, "big")
        port ^= COOKIE >> 16
        size = 4 + len(address)
        body = _ADDRESS.pack(XOR_MAPPED_ADDRESS, size, FAMILIES[len(address)], port)
        body += masked.to_bytes(len(address), "big")
        start = _HEAD.pack(BINDING_RESPONSE, 0) + self._data[4:HEADER]
        signed = _resized(start, HEADER + len(body) + SIGNATURE) + body
        signature = hmac.digest(password, signed, "sha1")
        body += _HEAD.pack(MESSAGE_INTEGRITY, len(signature)) + signature
        whole = _resized(start, HEADER + len(body) + _NUMBER.size) + body
        return whole + _NUMBER.pack(FINGERPRINT, 4, crc32(whole) ^ FINGERPRINT_MASK)


def read_check(data: bytes) -> Check | None:
    """The check in a datagram, None where it is none that we would answer.

    What follows the signature is not looked at: it is not signed (RFC 8489 14.5), and a wrong
    FINGERPRINT says no more than that this may be no STUN, which the signature disproves.
    """
    size = len(data)
    if not HEADER <= size <= MAX_CHECK:
        return None
    if _START.unpack_from(data) != (BINDING_REQUEST, size - HEADER, COOKIE):
        return None
    ufrag: str | None = None
    nominates = False
    place = HEADER
    for _ in range(MAX_ATTRIBUTES + 1):
        if place + _HEAD.size > size:
            return None
        kind, length = _HEAD.unpack_from(data, place)
        value = place + _HEAD.size
        if kind == MESSAGE_INTEGRITY:
            is_whole = place + SIGNATURE <= size and length == SIGNATURE - _HEAD.size
            return Check(ufrag, nominates, data, place) if is_whole and ufrag else None
        if kind == USERNAME and ufrag is None:
            name = data[value : value + length]
            ufrag = name.partition(b":")[0].decode("latin-1")
        elif kind == USE_CANDIDATE:
            nominates = True
        place = value + (length + 3 & ~3)
    return None


def _resized(start: bytes, size: int) -> bytes:
    """A header that tells of a message of `size` bytes."""
    return start[:2] + (size - HEADER).to_bytes(2, "big") + start[4:]
