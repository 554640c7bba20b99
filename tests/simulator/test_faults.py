import pytest

from vidgate.errors import InputError
from vidgate.simulator.faults import MEANINGS, Fault, PlannedFault, parse_fault, parse_plan


def test_plans_read_and_print_alike() -> None:
    entries = [
        {"channel": "a", "fault": "401", "from": 1.5, "until": 9},
        {"channel": "b", "fault": "Frozen"},
    ]
    plan = parse_plan(entries)
    assert plan == [
        PlannedFault("a", Fault.UNAUTHORIZED, 1.5, 9.0),
        PlannedFault("b", Fault.FROZEN),
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


def test_every_fault_has_a_meaning_and_a_name() -> None:
    assert set(MEANINGS) == set(Fault)
    assert parse_fault("unauthorized") is Fault.UNAUTHORIZED
    with pytest.raises(InputError) as caught:
        parse_fault("gone")
    assert "stalled" in caught.value.hint
