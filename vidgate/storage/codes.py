"""Small numbers for closed sets, and tallies as bytes: four hundred days of a fleet must fit.

A code is written into databases: it is never given to another word. New words get new codes.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.incident import Cause
from vidgate.model.standing import Standing, Tally

REASONS: Mapping[Reason, int] = {
    Reason.OK: 1,
    Reason.UNREACHABLE: 2,
    Reason.TIMEOUT: 3,
    Reason.PROTOCOL_ERROR: 4,
    Reason.UNAUTHORIZED: 5,
    Reason.NO_CREDENTIAL: 6,
    Reason.BUSY: 7,
    Reason.NOT_FOUND: 8,
    Reason.REFUSED: 9,
    Reason.NO_MEDIA: 10,
    Reason.NO_KEY_FRAME: 11,
    Reason.FROZEN: 12,
    Reason.UNSUPPORTED: 13,
    Reason.DENIED_ADDRESS: 14,
    Reason.NO_ADDRESS: 15,
    Reason.NOT_TESTED: 16,
    Reason.ERROR: 17,
    Reason.TLS: 18,
    Reason.EXCUSED: 19,
}
STEPS: Mapping[Lifecycle, int] = {
    Lifecycle.PLANNED: 1,
    Lifecycle.COMMISSIONING: 2,
    Lifecycle.ACCEPTED: 3,
    Lifecycle.SUSPENDED: 4,
    Lifecycle.RETIRED: 5,
}
INCIDENTS: Mapping[Cause, int] = {
    Cause.UPLINK: 1,
    Cause.PLATFORM: 2,
    Cause.AREA: 3,
    Cause.HOST: 4,
    Cause.SCATTERED: 5,
    Cause.SINGLE: 6,
}
_REASONS = {code: reason for reason, code in REASONS.items()}
_STEPS = {code: step for step, code in STEPS.items()}
_INCIDENTS = {code: cause for cause, code in INCIDENTS.items()}


def reason_of(code: int) -> Reason:
    """The reason of a code; what a newer vidgate wrote is an error to us."""
    return _REASONS.get(code, Reason.ERROR)


def step_of(code: int) -> Lifecycle | None:
    """The step of a code; 0 is not registered."""
    return _STEPS.get(code)


def step_code(step: Lifecycle | None) -> int:
    """The code of a step."""
    return STEPS[step] if step else 0


def varint(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def varints(data: bytes) -> Iterator[int]:
    """All numbers of such bytes; a cut last one is left out."""
    yield from _numbers(data)


def pack_tally(tally: Tally) -> bytes:
    """Standing and milliseconds in turn, some seven bytes a standing."""
    return b"".join(varint(_packed(one)) + varint(ms) for one, ms in tally)


@lru_cache(maxsize=10_000)
def unpack_tally(data: bytes) -> Tally:
    """The tally of such bytes; most days of most channels are the same few."""
    numbers = _numbers(data)
    return Tally(zip(map(_unpacked, numbers[::2]), numbers[1::2], strict=False))


def _numbers(data: bytes) -> list[int]:
    found, number, shift = [], 0, 0
    for byte in data:
        if byte < 0x80:
            found.append(number | byte << shift)
            number = shift = 0
        else:
            number |= (byte & 0x7F) << shift
            shift += 7
    return found


@lru_cache(maxsize=2048)
def _packed(standing: Standing) -> int:
    step, state, reason, level, incident = standing
    code = 0 if reason is None else REASONS[reason]
    shared = 0 if incident is None else INCIDENTS[incident]
    return step_code(step) | int(state) << 3 | code << 7 | int(level) << 12 | shared << 15


@lru_cache(maxsize=2048)
def _unpacked(code: int) -> Standing:
    reason = code >> 7 & 31
    return Standing(
        step_of(code & 7),
        State(code >> 3 & 15),
        reason_of(reason) if reason else None,
        Level(code >> 12 & 7),
        _INCIDENTS.get(code >> 15 & 7),
    )
