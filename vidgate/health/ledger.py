"""Which incidents there are, and which channel belongs to which. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from vidgate.health.causes import RANK, Condition, Group, Rules
from vidgate.model.incident import Cause, Departure, Incident, Member

NOBODY = len(RANK)  # the rank of a channel that is in no incident


class Ledger:
    """All incidents that are open, or over so lately that they may come back.

    A channel fails in one of them at most. Whatever changes is marked until it is asked for.
    """

    def __init__(self, known: Iterable[Incident], rules: Rules, *, first: int = 1) -> None:
        self.incidents = {one.id: one for one in known}
        self.of: dict[str, Incident] = {}  # the open incident of every failing channel
        self._next = max([first, *(id_ + 1 for id_ in self.incidents)])
        self._rules = rules
        self._changed: dict[int, set[str]] = {}
        for incident in self.open:
            self.of.update((member.channel, incident) for member in incident.failing)

    @property
    def open(self) -> list[Incident]:
        """Those of which something still fails."""
        return [one for one in self.incidents.values() if one.ended is None]

    def known(self, now: float) -> dict[Group, Incident]:
        """Those that are open, or may come back."""
        return {
            (one.cause, one.subject): one
            for one in self.incidents.values()
            if one.merged is None and not _is_past(one, now, self._rules)
        }

    def rank(self, channel: str) -> int:
        """How wide a cause it has found already."""
        incident = self.of.get(channel)
        return NOBODY if incident is None else RANK[incident.cause]

    def take_changes(self) -> dict[int, set[str]]:
        """The incidents that changed since this was last asked, and the channels in question."""
        changed, self._changed = self._changed, {}
        return changed

    def touch(self, incident: Incident, *channels: str) -> None:
        """It changed, and so did its channels in question."""
        self._changed.setdefault(incident.id, set()).update(channels)

    def forget(self, now: float) -> None:
        """Drop what may not come back, once its changes were taken."""
        for incident in list(self.incidents.values()):
            if _is_past(incident, now, self._rules) and incident.id not in self._changed:
                del self.incidents[incident.id]

    # -- members -----------------------------------------------------------------------------------

    def take(self, incident: Incident, channel: str, found: Condition, now: float) -> None:
        """A channel that is in none belongs to it."""
        known = incident.members.get(channel)
        is_anew = (
            known is None
            or known.departure is Departure.MOVED  # and fell again beside the wider cause
            or (incident.cause is Cause.SCATTERED and is_new(incident, channel, now, self._rules))
        )
        since = found.at if known is None or is_anew else known.since
        incident.members[channel] = Member(
            channel=channel, since=since, state=found.state, reason=found.reason
        )
        incident.opened = min(incident.opened, found.at)
        self.of[channel] = incident
        self.touch(incident, channel)

    def update(self, channel: str, found: Condition) -> None:
        """It still fails, perhaps in another way."""
        incident = self.of[channel]
        member = incident.members[channel]
        if member.state is not found.state or member.reason is not found.reason:
            incident.members[channel] = replace(member, state=found.state, reason=found.reason)
            self.touch(incident, channel)

    def leave(self, channel: str, why: Departure, now: float) -> Incident | None:
        """It belongs to its incident no more; returns that, None where it was in none."""
        incident = self.of.pop(channel, None)
        if incident is not None:
            member = incident.members[channel]
            incident.members[channel] = replace(member, until=now, departure=why)
            self.touch(incident, channel)
        return incident

    def move(self, channel: str, to: Incident, found: Condition, now: float) -> None:
        """The wider cause takes the channel over; the narrower incident ends with its last."""
        before = self.leave(channel, Departure.MOVED, now)
        if before is not None and not before.is_failing:
            before.ended, before.merged = now, to.id
        self.take(to, channel, found, now)

    # -- incidents ---------------------------------------------------------------------------------

    def resume(self, group: Group, known: Incident | None, now: float) -> Incident:
        """The incident of a group: the one that is open, or was a short while ago, or a new one."""
        if known is None:
            return self._begin(*group, now)
        return known if known.ended is None else self._reopen(known, now)

    def ask_again(self, incident: Incident, now: float) -> None:
        """What people said, they said of something that was over, or nearly."""
        incident.acknowledged = incident.dismissed = None
        incident.asked = now
        self.touch(incident)

    def _begin(self, cause: Cause, subject: str, now: float) -> Incident:
        incident = Incident(id=self._next, cause=cause, subject=subject, opened=now)
        self.incidents[incident.id] = incident
        self._next += 1
        self.touch(incident)
        return incident

    def _reopen(self, incident: Incident, now: float) -> Incident:
        incident.ended = incident.calm_since = None
        incident.returns += 1
        if incident.dismissed is not None or incident.returns <= self._rules.flaps:
            self.ask_again(incident, now)
        self.touch(incident)
        return incident


def is_new(incident: Incident, channel: str, now: float, rules: Rules) -> bool:
    """Whether the incident has not known its fault: it never had one, or long got over it."""
    known = incident.members.get(channel)
    return known is None or known.until is None or now - known.until >= rules.reopen


def _is_past(incident: Incident, now: float, rules: Rules) -> bool:
    """Whether it is over and may not come back, nor by a clock that was put back."""
    return incident.ended is not None and abs(now - incident.ended) >= rules.reopen
