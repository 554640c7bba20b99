import csv
import io

import pytest

from tests.registry.files import HEADER, row, text
from vidgate.errors import NotFoundError
from vidgate.registry.export import COLUMNS, Form
from vidgate.registry.registry import Registry


async def test_an_export_has_titles_and_no_password(registry: Registry) -> None:
    await registry.import_file("r.csv", text(HEADER, row(1), row(2)), actor="me")
    data = await registry.export(registry.channels.values(), Form.CSV)
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0] == [column.title for column in COLUMNS]
    assert [cells[:2] for cells in rows[1:]] == [
        ["cam-0001", "城关镇第1路"],
        ["cam-0002", "城关镇第2路"],
    ]
    for form in Form:
        exported = await registry.export(registry.channels.values(), form)
        assert b"secret1" not in exported
        report = await registry.import_file(f"x.{form}", exported, actor="me")
        assert (report.change, report.unchanged, report.warnings) == (None, 2, [])


async def test_part_of_the_register_may_be_exported(registry: Registry) -> None:
    await registry.import_file("r.csv", text(HEADER, row(1), row(2)), actor="me")
    data = await registry.export([registry.get("cam-0002")], Form.CSV)
    assert len(data.splitlines()) == 2


async def test_the_history_of_a_channel_outlives_it(registry: Registry) -> None:
    await registry.import_file("r.csv", text(HEADER, row(1), row(2)), actor="me")
    await registry.set("cam-0001", {"area": "城关镇"}, "me")
    await registry.remove("cam-0001", "you")
    found = await registry.history("cam-0001")
    assert [(change.id, change.action, row.as_json()["action"]) for change, row in found] == [
        (3, "remove", "removed"),
        (2, "set", "updated"),
        (1, "import", "created"),
    ]
    assert len(await registry.history("CAM-0002", limit=1)) == 1
    with pytest.raises(NotFoundError):
        await registry.history("never")
