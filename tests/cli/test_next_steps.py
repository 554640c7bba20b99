"""Each command ends by naming the next sensible one, which exists."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FakeService, Vidgate
from tests.cli.test_alarm import ALARM
from tests.cli.test_main import CONTRACT
from tests.cli.test_maintenance import WINDOW
from vidgate.cli import next_steps
from vidgate.cli.main import application
from vidgate.cli.next_steps import STEPS
from vidgate.health.kpi import MAIN

# They run until a signal ends them: the first says what its log says, the others what to open.
RUNNING = {"serve", "demo", "simulate fleet"}

CHANNEL: dict[str, Any] = {
    "id": "c1",
    "state": "up",
    "lifecycle": "accepted",
    "health": {"last": None},
}
PROBE = {"reason": "ok", "t1": 0.1, "detail": ""}
TRIAL = {"channel": "c1", "stream": "main", "probe": PROBE, "is_good": True, "form": "",
         "way": "own", "url": "", "credential": ""}  # fmt: skip
BAD = TRIAL | {"is_good": False, "probe": PROBE | {"reason": "timeout"}}
REPORT: dict[str, Any] = {
    "change": 7, "created": 1, "updated": 0, "unchanged": 0, "removed": 0, "rejected": 0,
    "errors": [], "warnings": [], "more": [], "lifecycles": {"accepted": 1},
}  # fmt: skip
CHANGE: dict[str, Any] = {"id": 3, "time": 1.0, "undone_by": None, "rows": []}
PAST = {"change": 9, "time": 1.0, "action": "created", "before": None, "after": {}}
FIGURE = {"share": None, "percent": None, "online": 0, "counted": 0}
GROUP = {"name": "", "channels": 0, "kpis": {MAIN: FIGURE}, "causes": []}
UPTIME = {
    "since": 1.0, "until": 2.0, "asked_since": 1.0, "asked_until": 2.0, "changes_since": 0.0,
    "timezone": "", "by": "department", "kpis": [], "causes": [],
    "total": GROUP, "groups": [], "days": [], "channels": [], "exclusions": [],
}  # fmt: skip
SWEEP = {"items": [], "total": 0, "up": 0, "states": {}, "seconds": 1.0, "level": "media"}
DOWN = {"id": "c1", "state": "down", "reason": "timeout", "t0": 1.0, "t1": None, "t2": None,
        "t3": None}  # fmt: skip

# (command line, request, answer, what comes next)
ENDINGS: tuple[tuple[str, str, Any, str], ...] = (
    ("channel template -o OUT", "GET /channels/template", b"PK", "channel import OUT --dry-run"),
    ("channel export -o OUT.csv", "GET /channels/export", b"id", "channel import OUT.csv"),
    ("channel import REGISTER", "POST /channels/import", REPORT, "probe --all"),
    (
        "channel import REGISTER", "POST /channels/import",
        REPORT | {"lifecycles": {"planned": 4}}, "channel list --lifecycle planned",
    ),
    (
        "channel import REGISTER", "POST /channels/import",
        REPORT | {"lifecycles": {"planned": 4, "commissioning": 1}},
        "channel list --lifecycle commissioning",
    ),
    (
        "channel import REGISTER", "POST /channels/import",
        REPORT | {"lifecycles": {}, "removed": 1}, "change show 7",
    ),
    ("channel import REGISTER", "POST /channels/import", REPORT | {"change": None}, "channel list"),
    (
        "channel import REGISTER --dry-run --prune", "POST /channels/import",
        REPORT | {"change": None}, "channel import REGISTER --prune",
    ),
    (
        "channel import REGISTER --dry-run", "POST /channels/import",
        REPORT | {"change": None, "rejected": 1}, "channel import REGISTER --dry-run --errors",
    ),
    ("channel list", "GET /channels", {"total": 1, "items": [CHANNEL]}, "probe --all"),
    ("channel list", "GET /channels", {"total": 0, "items": []}, "channel template"),
    ("channel list -q x", "GET /channels", {"total": 0, "items": []}, "channel list"),
    (
        "channel list", "GET /channels",
        {"total": 1, "items": [CHANNEL | {"lifecycle": "planned"}]}, "channel submit c1",
    ),
    ("channel show c1", "GET /channels/c1", CHANNEL, "probe c1"),
    (
        "channel show c1", "GET /channels/c1",
        CHANNEL | {"lifecycle": "commissioning"}, "channel approve c1",
    ),
    ("channel history c1", "GET /channels/c1/history", {"items": [PAST]}, "change undo 9"),
    ("channel history c1", "GET /channels/c1/history", {"items": []}, "probe c1"),
    ("channel add c1 --name x", "POST /channels", CHANNEL, "probe c1"),
    (
        "channel set c1 --name x", "PATCH /channels/c1",
        CHANNEL | {"lifecycle": "planned"}, "channel submit c1",
    ),
    ("channel test c1", "POST /channels/c1/test", TRIAL, "probe c1"),
    ("channel test c1", "POST /channels/c1/test", BAD, "channel show c1"),
    ("channel submit c1", "PATCH /channels", {"updated": 1, "unchanged": 0}, "probe c1"),
    ("channel approve c1", "PATCH /channels", {"updated": 1, "unchanged": 0}, "platform list"),
    ("channel remove c1", "DELETE /channels/c1", b"", "change list"),
    ("change list", "GET /changes", {"items": [CHANGE]}, "change show 3"),
    ("change list", "GET /changes", {"items": []}, "channel import FILE"),
    ("change show 3", "GET /changes/3", CHANGE, "change undo 3"),
    ("change show 3", "GET /changes/3", CHANGE | {"undone_by": 5}, "change show 5"),
    ("change undo 3", "POST /changes/3/undo", CHANGE | {"id": 4}, "change undo 4"),
    ("platform list", "GET /platforms", {"items": [{"id": "p"}]}, "platform set ID --slots 16"),
    ("platform list", "GET /platforms", {"items": []}, "channel import FILE"),
    (
        "platform list", "GET /platforms",
        {"items": [{"id": "公 安", "delivery_rate": 0.0}]}, "channel list --platform '公 安'",
    ),
    ("platform set p --slots 1", "PUT /platforms/p", {"id": "p"}, "platform list"),
    (
        "platform set p --slots 1", "PUT /platforms/p",
        {"id": "p", "without_address": 2}, "channel list --platform p",
    ),
    ("credential set n --host h", "PUT /credentials/n", {"channels": 2}, "credential test n"),
    ("credential set n --host h", "PUT /credentials/n", {"channels": 0}, "channel set ID"),
    ("credential list", "GET /credentials", {"items": [{"name": "n"}]}, "credential test n"),
    ("credential list", "GET /credentials", {"items": []}, "credential set NAME"),
    ("credential test n", "POST /credentials/n/test", {"items": [TRIAL]}, "probe --all"),
    ("credential test n", "POST /credentials/n/test", {"items": []}, "credential set n --host"),
    ("credential test n", "POST /credentials/n/test", {"items": [BAD]}, "channel show c1"),
    ("credential rotate", "POST /secret-key/rotation", {"credentials": 1}, "credential list"),
    ("probe c1", "POST /probes", [SWEEP], "channel list"),
    ("probe c1", "POST /probes", [SWEEP | {"items": [DOWN], "total": 1}], "channel show c1"),
    ("probe c1 --level describe", "POST /probes", [SWEEP | {"level": "describe"}], "probe --all"),
    ("maintenance list", "GET /maintenance", {"items": [WINDOW]}, "maintenance end 4"),
    ("maintenance list", "GET /maintenance", {"items": []}, "maintenance add --platform"),
    ("maintenance add --area x -m y", "POST /maintenance", WINDOW, "maintenance end 4"),
    ("maintenance end 4", "POST /maintenance/4/end", b"", "maintenance list"),
    ("alarm list", "GET /alarms", {"total": 1, "items": [ALARM]}, "alarm show 3"),
    ("alarm list", "GET /alarms", {"total": 0, "items": []}, "alarm list --attention all"),
    (
        "alarm show 3", "GET /alarms/3",
        ALARM | {"members": [], "notes": []}, "alarm acknowledge 3",
    ),
    ("alarm acknowledge 3", "POST /alarms/3/acknowledge", ALARM, "alarm note 3"),
    ("alarm note 3 -m x", "POST /alarms/3/note", ALARM, "alarm show 3"),
    ("alarm close 3 -m x", "POST /alarms/3/close", ALARM, "alarm list"),
    ("report uptime", "GET /reports/uptime", UPTIME, "report uptime -o html"),
    ("user password u", "POST /users/u/password", {"name": "u", "password": "p"}, "token list"),
    (
        "token create --role viewer", "POST /tokens", {"token": "t"}, "token list",
    ),
    ("token list", "GET /tokens", {"items": [{"id": 1}]}, "token revoke ID"),
    ("token list", "GET /tokens", {"items": []}, "token create --role engineer"),
    ("token revoke 1", "DELETE /tokens/1", b"", "token list"),
    ("doctor", "", None, "doctor"),
    ("version", "", None, "doctor"),
    ("cert init --host 10.1.2.3", "", None, "doctor"),
    ("simulate register --channels 2 -o OUT.csv", "", None, "simulate fleet --register OUT.csv"),
    ("simulate faults", "", None, "simulate fault ID NAME"),
)  # fmt: skip
# They need a terminal, and a fleet that is running.
ALONE = {"completion", "simulate fault"}


def named(err: str) -> str:
    (line,) = [line for line in err.splitlines() if line.startswith("下一步 next: vidgate ")]
    return line.removeprefix("下一步 next: vidgate ")


@pytest.mark.parametrize(("line", "request_", "answer", "after"), ENDINGS)
async def test_a_command_ends_by_naming_the_next(
    service: FakeService,
    vidgate: Vidgate,
    tmp_path: Path,
    line: str,
    request_: str,
    answer: Any,
    after: str,
) -> None:
    register = tmp_path / "r.csv"
    register.write_bytes(b"id,name\n")
    places = {"REGISTER": str(register), "OUT": str(tmp_path / "out")}
    for word, place in places.items():
        line, after = line.replace(word, place), after.replace(word, place)
    method, _, path = request_.partition(" ")
    if isinstance(answer, list):
        service.stream(method, path, answer)
    elif isinstance(answer, bytes):
        service.give(method, path, answer)
    elif answer is not None:
        service.answer(method, path, answer)
    ended = await vidgate(*line.split())
    assert named(ended.err).startswith(after), ended.err


async def test_a_camera_that_was_broken_is_to_be_looked_at(
    vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(control: str, channel: str, name: str) -> dict[str, Any]:
        return {}

    monkeypatch.setattr("vidgate.simulator.commands.break_camera", broken)
    ended = await vidgate("simulate", "fault", "c1", "freeze", "--control", "http://127.0.0.1:1")
    assert named(ended.err).startswith("channel show c1 ")


async def test_completion_names_it_to_a_person_alone(
    vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await vidgate("completion", "bash")).err == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert named((await vidgate("completion", "bash")).err).startswith("--help ")


def test_every_command_of_the_contract_is_walked() -> None:
    walked = {" ".join(line.split()[:2]) for line, *_ in ENDINGS}
    walked |= {line.split()[0] for line, *_ in ENDINGS}
    assert CONTRACT - walked == RUNNING | ALONE
    assert set(STEPS) == CONTRACT - RUNNING


@pytest.mark.parametrize("command", sorted(STEPS))
def test_what_is_named_is_a_command_line_that_we_take(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {
        "id": "c1", "ids": ["c1", "c2"], "file": "登记 表.xlsx", "flags": ["--partial"],
        "change": 3, "by": 5, "name": "n", "alarm": 3, "window": 3,
    }  # fmt: skip
    app = application()
    for outcome in STEPS[command]:
        next_steps.tell(command, outcome, **known)
        words = named(capsys.readouterr().err).partition("    # ")[0]
        if words == "--help":
            continue
        words = words.replace(" ID", " 1").replace("NAME", "frozen")
        called, *_ = app.parse_args(words, print_error=False, exit_on_error=False)
        assert callable(called), words


async def test_what_is_for_a_program_names_nothing(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/channels/c1", CHANNEL)
    assert (await vidgate("channel", "show", "c1", "--json")).err == ""
    assert (await vidgate("version", "-o", "csv")).err == ""
