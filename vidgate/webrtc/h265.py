"""H.265 for browsers that decode it (RFC 7798): format parameters, and RTP payloads without DONL.

Profile, tier and transmission mode must be those that were offered; the level offered is what the
decoder bears at most (draft-ietf-avtcore-hevc-webrtc), and the answer tells the stream's own.
"""

from collections.abc import Iterable, Mapping

from vidgate.rtp.h265 import Profile

FRAGMENT = 49
MAIN = 1
LEVEL_3_1 = 93  # what RFC 7798 7.1 takes where an offer says nothing


def takes(parameters: Mapping[str, str], profile: Profile) -> bool:
    """Whether a payload type offered with these parameters can carry the stream."""
    if profile.space != _number(parameters, "profile-space", 0):
        return False
    level = max(
        _number(parameters, "level-id", LEVEL_3_1), _number(parameters, "max-recv-level-id", 0)
    )
    return (
        profile.is_for(_number(parameters, "profile-id", MAIN))
        and _number(parameters, "tier-flag", 0) == profile.is_high_tier
        and parameters.get("tx-mode", "SRST").upper() == "SRST"
        and profile.level <= level
    )


def is_exact(parameters: Mapping[str, str], profile: Profile) -> bool:
    """Whether the profile offered is the stream's own, not one that merely includes it."""
    return _number(parameters, "profile-id", MAIN) == profile.idc


def answer_parameters(parameters: Mapping[str, str], profile: Profile) -> str:
    """The fmtp value of an answer: the offer's profile, and the level that is really sent."""
    return (
        f"level-id={profile.level};profile-id={_number(parameters, 'profile-id', MAIN)};"
        f"tier-flag={int(profile.is_high_tier)};tx-mode=SRST"
    )


def goes_on(before: Profile | None, after: Profile | None) -> bool:
    """Whether who was promised a stream of the first profile can take one of the second."""
    if before is None or after is None:
        return before is after
    same = (before.space, before.is_high_tier) == (after.space, after.is_high_tier)
    return same and after.is_for(before.idc) and after.level <= before.level


def describe(profile: Profile | None) -> str:
    """A stream's demands for a message: `profile 1, main tier, level 4.1`."""
    if profile is None:
        return "of unknown profile"
    tier = "high" if profile.is_high_tier else "main"
    return f"profile {profile.idc}, {tier} tier, level {profile.level / 30:g}"


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    """A decimal parameter; one that is no number fits nothing."""
    text = parameters.get(name)
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else -1


def packetise(units: Iterable[bytes], max_payload: int) -> list[bytes]:
    """Single NAL unit packets, and fragments of equal size (the last may be shorter, for GSO)."""
    payloads: list[bytes] = []
    for unit in units:
        if len(unit) <= max_payload:
            if len(unit) > 2:
                payloads.append(unit)
        else:
            payloads += _fragments(unit, max_payload)
    return payloads


def _fragments(unit: bytes, max_payload: int) -> list[bytes]:
    """4.4.3: the two-byte header with type 49, then start, end and the unit's own type."""
    kind = unit[0] >> 1 & 63
    head = bytes((unit[0] & 0x81 | FRAGMENT << 1, unit[1]))
    size = len(unit) - 2
    pieces = -(-size // (max_payload - 3))
    step = -(-size // pieces)
    starts = range(2, len(unit), step)
    last = starts[-1]
    return [
        head + bytes((0x80 * (at == 2) | 0x40 * (at == last) | kind,)) + unit[at : at + step]
        for at in starts
    ]
