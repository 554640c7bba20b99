import pytest

from vidgate.errors import InputError
from vidgate.simulator.faults import (
    FAULTS,
    PlannedFault,
    Trouble,
    combined,
    decisive,
    parse_fault,
    parse_plan,
)
from vidgate.simulator.manner import Auth, Link, Manner


def test_plans_read_and_print_alike() -> None:
    entries = [
        {"channel": "a", "fault": "401", "from": 1.5, "until": 9},
        {"channel": "b", "fault": "Frozen"},
    ]
    plan = parse_plan(entries)
    assert plan == [
        PlannedFault("a", Trouble(FAULTS["401"]), 1.5, 9.0),
        PlannedFault("b", Trouble(FAULTS["frozen"])),
    ]
    assert parse_plan([entry.as_json() for entry in plan]) == plan
    assert parse_plan(entries[0]) == plan[:1]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("down", "list of objects"),
        ([{"channel": "a"}], "fault 1"),
        ([{"channel": "a", "fault": "down", "till": 1}], "fault 1"),
        ([{"channel": "a", "fault": "gone"}], "'gone'"),
        ([{"channel": "a", "fault": "down", "from": "now"}], "'now'"),
        ([{"channel": "a", "fault": "down", "from": True}], "seconds"),
        ([{"channel": "a", "fault": "down", "from": 5, "until": 5}], "later"),
    ],
)
def test_wrong_plans_are_explained(document: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_plan(document)


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    assert parse_fault("unauthorized") == Trouble(FAULTS["401"])
    with pytest.raises(InputError) as caught:
        parse_fault("gone")
    assert all(name in caught.value.hint for name in FAULTS)


@pytest.mark.parametrize("name", ["down=1", "loss=101", "loss=much", "loss=nan", "idr=1"])
def test_amounts_are_checked(name: str) -> None:
    with pytest.raises(InputError, match=name.partition("=")[0]):
        parse_fault(name)


def test_amounts_are_in_the_units_of_the_table() -> None:
    assert combined(Manner(), [parse_fault("loss=20")]).loss == pytest.approx(0.2)
    assert combined(Manner(), [parse_fault("rtt")]).delay == pytest.approx(0.03)
    assert combined(Manner(), [parse_fault("sessions=2")]).sessions == 2
    assert parse_fault("loss=20").text == "loss=20"


def test_the_worst_of_several_faults_decides() -> None:
    troubles = [parse_fault(name) for name in ("auth-basic", "busy", "down", "frozen")]
    assert decisive(troubles) is FAULTS["down"]
    assert decisive(troubles[:2]) is FAULTS["busy"]
    assert decisive([]) is None
    manner = combined(Manner(), troubles)
    assert (manner.link, manner.auth) == (Link.RESETS, Auth.BASIC)


def test_every_row_has_words_in_both_languages_and_an_effect() -> None:
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert fault.chinese
        assert fault.english
        assert fault.effect or fault.amount
        assert combined(Manner(), [Trouble(fault)]) != Manner() or name in DEFAULTS


DEFAULTS = {"auth-md5", "audio-pcma"}
