"""Every nasty file and its exact report; after a refusal the register is as it was."""

import json
from pathlib import Path

import pytest

from tests.registry.conftest import in_thread
from tests.registry.corpus import CASES, HUNAN, told_of
from vidgate.aio.bus import Bus
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

REPORTS = json.loads(Path(__file__).with_name("reports.json").read_text(encoding="utf-8"))


def test_there_are_many_files_and_a_report_of_each() -> None:
    assert len(CASES) >= 60
    assert list(REPORTS) == list(CASES)


@pytest.mark.parametrize("file", CASES)
async def test_the_report_is_exact(db: Database, box: SecretBox, bus: Bus, file: str) -> None:
    async with Registry(db, box, bus, in_thread, place=HUNAN) as registry:
        assert await told_of(registry, file) == REPORTS[file]


def test_no_report_quotes_a_password() -> None:
    assert "CANARY" not in json.dumps(REPORTS)
