"""The roster: what a change of the register means for a channel."""

from tests.health.fakes import FakeRegister
from vidgate.health.roster import Change, Kind, Roster
from vidgate.model.channel import Channel, Login, Platform
from vidgate.model.declared import DeclaredCodec, DeclaredStatus

CHANNEL = Channel(id="Cam", name="c", url="rtsp://10.0.0.1/x", credential="k")


def changes(roster: Roster, *credentials: str) -> list[Change]:
    """What happened since the last look."""
    return [change for change in roster.compare(credentials) if change is not None]


def kinds(roster: Roster, *credentials: str) -> list[Kind]:
    """Only what kinds of changes."""
    return [change.kind for change in changes(roster, *credentials)]


def test_a_life_of_a_channel() -> None:
    register = FakeRegister([CHANNEL], [Platform(id="p")])
    roster = Roster(register)
    assert changes(roster) == [Change(Kind.ADDED, CHANNEL)]
    assert kinds(roster) == []
    renamed = register.edit("Cam", name="other", platform="p")
    assert changes(roster) == [Change(Kind.EDITED, renamed, CHANNEL)]
    assert roster.platform(renamed) == Platform(id="p")
    register.edit("Cam", url="rtsp://10.0.0.2/x")
    assert kinds(roster) == [Kind.MOVED]
    assert kinds(roster, "k") == [Kind.RENEWED]
    assert kinds(roster, "another") == []
    register.known["cam"] = Login("operator", "new")
    assert kinds(roster) == [Kind.RENEWED]
    assert kinds(roster) == []
    register.remove("cam")
    assert kinds(roster) == [Kind.REMOVED]
    assert roster.channels == {}
    assert roster.find("Cam") is None


def test_what_is_declared_makes_no_other_camera() -> None:
    register = FakeRegister([CHANNEL], [])
    roster = Roster(register)
    assert kinds(roster) == [Kind.ADDED]
    register.edit("Cam", declared_status=DeclaredStatus.OFFLINE, declared_codec=DeclaredCodec.SVAC)
    assert kinds(roster) == [Kind.EDITED]


def test_ids_are_found_whatever_their_case() -> None:
    roster = Roster(FakeRegister([CHANNEL]))
    changes(roster)
    assert roster.find("cAM") is CHANNEL
    assert roster.find("nobody") is None


def test_an_id_that_changes_its_case_is_another() -> None:
    register = FakeRegister([CHANNEL])
    roster = Roster(register)
    changes(roster)
    register.add(Channel(id="CAM", name="c"))
    assert kinds(roster) == [Kind.ADDED, Kind.REMOVED]
    found = roster.find("cam")
    assert found is not None
    assert found.id == "CAM"
