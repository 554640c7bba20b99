"""How the state of a channel changes: one table (design.md 5), the first row that fits holds.

A row: what is known, what was found, how many times in a row; then the state that follows and what
is kept into it. Short of the times the state stays, and is in doubt. docs/states.md shows it.
"""

from enum import Flag, IntEnum, auto
from typing import NamedTuple

from vidgate.model.health import State


class Known(Flag):
    """What is known of a channel, as far as it matters for what comes."""

    UNKNOWN = auto()
    UNSEEN = auto()  # up or reachable, and nobody has looked for its picture yet
    WELL = auto()  # up or reachable
    BUSY = auto()
    DEGRADED = auto()
    DEAD = auto()  # down, and it does not answer
    MUTE = auto()  # down, and it answers: there is no picture
    UNAUTHORIZED = auto()
    OFF = auto()  # disabled or in maintenance


class Evidence(Flag):
    """What was found."""

    UNTESTED = auto()  # nobody looked: preempted, excused, our own fault
    NO_ADDRESS = auto()  # there is nowhere to look
    # By a look or a live stream.
    UNAUTHORIZED = auto()  # its password was refused, for it or its device, or there is none
    BUSY = auto()  # it has no session left (453, 503)
    UNSUPPORTED = auto()  # it answers, with pictures that prove nothing to us
    LOST = auto()  # no answer
    NO_PICTURE = auto()  # an answer and no picture
    BAD_PICTURE = auto()
    BESIDE = auto()  # good, and not as deep as what is at fault: it refutes nothing
    ANSWERED = auto()
    PROVED = auto()  # it answers, and its picture is still proved, or an answer proves it
    SEEN = auto()  # a picture
    FLOWING = auto()  # a live stream's pictures
    # By the time that passes.
    LAPSED = auto()  # the last picture is too old to prove anything
    LAPSED_PROVED = auto()  # the same where an answer proves the channel
    FORGOTTEN = auto()  # nothing was learnt for two periods
    # By a person.
    DISABLED = auto()
    MAINTAINED = auto()
    RESUMED = auto()  # enabled again, or maintenance is over
    RENEWED = auto()  # its credential changed


class Times(IntEnum):
    """How often in a row something is to be found until it counts."""

    ONCE = 1
    TWICE = 2  # a recovery
    THRICE = 3  # a failure


class Keep(Flag):
    """What is still held for true in the new state."""

    NOTHING = 0
    RECORD = auto()  # what the looks found and measured, with its time; the falls of late
    PROOF = auto()  # that its picture was seen
    DOUBT = auto()  # the failures counted so far


class Row(NamedTuple):
    """`state` None: it stays as it is, with everything that is known."""

    known: Known
    evidence: Evidence
    times: Times = Times.ONCE
    state: State | None = None
    keeps: Keep = Keep.RECORD


K, E = Known, Evidence
ANY = ~K(0)
ONCE, TWICE, THRICE = Times
PROVEN = Keep.RECORD | Keep.PROOF

TABLE = (
    # A person's word goes before everything else, and masks it.
    Row(ANY, E.DISABLED, ONCE, State.DISABLED),
    Row(ANY, E.MAINTAINED, ONCE, State.MAINTENANCE),
    Row(K.OFF, E.RESUMED, ONCE, State.UNKNOWN, Keep.NOTHING),
    Row(K.OFF, ~E(0)),
    # A refusal stands until the credential changes or the camera lets us in: cameras lock accounts.
    # Whether it lives is seen without the login, and a lost answer counts as anywhere.
    Row(K.UNAUTHORIZED, E.RENEWED, ONCE, State.UNKNOWN, Keep.NOTHING),
    Row(K.UNAUTHORIZED, E.NO_ADDRESS | E.LAPSED | E.LAPSED_PROVED),
    # What says nothing.
    Row(K.UNKNOWN, E.UNTESTED, ONCE, State.UNKNOWN),
    Row(ANY, E.UNTESTED | E.BESIDE | E.RESUMED | E.RENEWED),
    # A definite answer of a living camera needs no second one.
    Row(ANY, E.NO_ADDRESS, ONCE, State.UNKNOWN),
    Row(ANY, E.UNAUTHORIZED, ONCE, State.UNAUTHORIZED),
    Row(ANY, E.BUSY, ONCE, State.BUSY, PROVEN),
    Row(ANY, E.UNSUPPORTED, ONCE, State.REACHABLE),
    # All is well, at once; after a fault when it was found twice.
    Row(K.DEGRADED, E.FLOWING),  # that frames flow does not refute a bad picture
    Row(ANY, E.FLOWING, ONCE, State.UP, PROVEN),
    Row(K.DEAD | K.MUTE | K.DEGRADED, E.SEEN | E.PROVED, TWICE, State.UP, PROVEN),
    Row(K.DEAD | K.MUTE | K.DEGRADED, E.ANSWERED, TWICE, State.REACHABLE, PROVEN),
    Row(K.DEAD | K.MUTE, E.BAD_PICTURE, TWICE, State.DEGRADED, PROVEN),
    Row(ANY, E.SEEN | E.PROVED, ONCE, State.UP, PROVEN),
    Row(ANY, E.ANSWERED, ONCE, State.REACHABLE, PROVEN),
    # A failure decides at once what was unknown so far, or is only told more exactly.
    Row(K.UNKNOWN | K.DEAD, E.LOST, ONCE, State.DOWN),
    Row(K.UNKNOWN | K.UNAUTHORIZED | K.UNSEEN | K.DEAD | K.MUTE, E.NO_PICTURE, ONCE, State.DOWN),
    Row(
        K.UNKNOWN | K.UNAUTHORIZED | K.UNSEEN | K.DEGRADED,
        E.BAD_PICTURE,
        ONCE,
        State.DEGRADED,
        PROVEN,
    ),
    # Otherwise it is found three times; each of the three failures is counted by itself.
    Row(ANY, E.LOST | E.NO_PICTURE, THRICE, State.DOWN),
    Row(ANY, E.BAD_PICTURE, THRICE, State.DEGRADED, PROVEN),
    # Proofs grow old, and settle no doubt by that.
    Row(ANY, E.LAPSED, ONCE, State.REACHABLE, PROVEN | Keep.DOUBT),
    Row(ANY, E.LAPSED_PROVED, ONCE, State.UP, PROVEN | Keep.DOUBT),
    Row(ANY, E.FORGOTTEN, ONCE, State.UNKNOWN),
)

_FOUND = {
    (known, evidence): next(row for row in TABLE if known in row.known and evidence in row.evidence)
    for known in Known
    for evidence in Evidence
}


def row_for(known: Known, evidence: Evidence) -> Row:
    """The row that holds for one thing known and one found; there is one for each."""
    return _FOUND[known, evidence]
