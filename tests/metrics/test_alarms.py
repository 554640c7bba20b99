from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from vidgate.metrics.alarms import AlarmCollector
from vidgate.model.incident import Cause, Incident, Member, Note


@dataclass
class Open:
    open: list[Incident] = field(default_factory=list)


def incident(number: int, cause: Cause, failing: int, dismissed: Note | None = None) -> Incident:
    members = {f"c{one}": Member(channel=f"c{one}", since=1.0) for one in range(failing)}
    found = Incident(id=number, cause=cause, subject="x", opened=1.0, members=members)
    found.dismissed = dismissed
    return found


def test_counts_open_incidents_their_channels_and_alarms() -> None:
    registry, alarms = CollectorRegistry(), Open()
    registry.register(AlarmCollector(alarms))
    assert registry.get_sample_value("vidgate_incidents", {"cause": "platform"}) == 0
    note = Note(time=1.0, actor="li", action="close")
    alarms.open = [incident(1, Cause.PLATFORM, 7), incident(2, Cause.SINGLE, 1, note)]
    assert registry.get_sample_value("vidgate_incidents", {"cause": "platform"}) == 1
    assert registry.get_sample_value("vidgate_incident_channels", {"cause": "platform"}) == 7
    assert registry.get_sample_value("vidgate_alarms", {"attention": "open"}) == 1
    assert registry.get_sample_value("vidgate_alarms", {"attention": "closed"}) == 1
