"""The roster: what a change of the register means for a channel."""

from dataclasses import replace

from tests.health.fakes import FakeRegister
from vidgate.health.roster import Change, Kind, Roster
from vidgate.model.channel import Channel, Login, Platform, Transport
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


def test_a_platform_that_leads_elsewhere_moves_those_whose_address_it_makes() -> None:
    at = "rtsp://10.0.0.{}/{{id}}"
    platform = Platform(id="p", resolver="template", options={"main": at.format(1)})
    bare, own = Channel(id="a", name="a", platform="p"), replace(CHANNEL, platform="p")
    register = FakeRegister([bare, own, replace(bare, id="b", platform="q")], [platform])
    roster = Roster(register)
    changes(roster)
    register.platforms["p"] = replace(platform, name="other", slots=3, describe_parallel=1)
    assert changes(roster) == []
    register.platforms["p"] = replace(platform, options={"main": at.format(2)})
    assert changes(roster) == [Change(Kind.MOVED, bare, bare)]
    assert changes(roster) == []
    register.platforms["q"] = replace(platform, id="q")
    assert [change.channel.id for change in changes(roster)] == ["b"]
    del register.platforms["p"]
    assert kinds(roster) == [Kind.MOVED]


def test_a_move_tells_of_the_login_that_changed_with_it() -> None:
    register = FakeRegister([CHANNEL], [])
    roster = Roster(register)
    changes(roster)
    moved = register.edit("Cam", url="rtsp://10.0.0.2/x")
    assert changes(roster) == [Change(Kind.MOVED, moved, CHANNEL)]
    again = register.edit("Cam", url="rtsp://10.0.0.3/x")
    register.known["cam"] = Login("operator", "new")
    assert changes(roster) == [Change(Kind.MOVED, again, moved, is_renewed=True)]
    register.edit("Cam", url="rtsp://10.0.0.4/x")
    assert [change.is_renewed for change in changes(roster, "k")] == [True]


def test_what_the_address_is_not_made_of_is_no_move() -> None:
    register = FakeRegister([CHANNEL], [])
    roster = Roster(register)
    changes(roster)
    register.edit("Cam", vendor="other", port=8000, channel_no="7")
    assert kinds(roster) == [Kind.EDITED]
    register.edit("Cam", transport=Transport.UDP)
    assert kinds(roster) == [Kind.MOVED]


def test_a_credential_said_again_is_for_all_who_get_it() -> None:
    register = FakeRegister([replace(CHANNEL, credential="")], [])
    roster = Roster(register)
    changes(roster)
    register.fitting["Cam"] = "net"
    assert kinds(roster, "net") == [Kind.RENEWED]
    assert kinds(roster, "other") == []


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
