from io import BytesIO
from urllib.parse import unquote

import pytest

from tests.web.conftest import Site
from vidgate.model.user import Role
from vidgate.registry.export import Form
from vidgate.web.register import MAX_IMPORT, XLSX

CHANNELS = "/api/v1/channels"


async def test_an_import_is_reported_row_by_row(site: Site) -> None:
    response = await site.call(
        "POST",
        f"{CHANNELS}/import?filename=通道.xlsx&dry_run=true",
        role=Role.ENGINEER,
        data=b"PK...",
        headers={"Content-Type": "application/octet-stream"},
    )
    assert response.status == 200
    assert await response.json() == {
        "change": None,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 1,
        "lifecycles": {},
        "errors": [
            {
                "sheet": "通道",
                "row": 17,
                "column": "端口",
                "value": "５５４",
                "message": "应为 1 到 65535 的整数",
            }
        ],
        "warnings": [],
        "more": [{"column": "点位", "message": "可能是同一点位", "count": 19950}],
    }
    assert site.fakes.registry.calls == [
        ("import", "通道.xlsx", b"PK...", True, False, False, "token 1 test")
    ]


async def test_an_import_without_errors_has_an_empty_list(site: Site) -> None:
    site.fakes.registry.report.errors = []
    path = f"{CHANNELS}/import?filename=a.csv"
    response = await site.call("POST", path, role=Role.ENGINEER, data=b"id")
    assert (await response.json())["errors"] == []


async def test_an_import_that_is_too_large_is_cut(site: Site) -> None:
    path = f"{CHANNELS}/import?filename=a.csv"
    told = await site.call("POST", path, role=Role.ENGINEER, data=BytesIO(bytes(MAX_IMPORT + 1)))
    assert told.status == 413
    assert site.fakes.registry.calls == []


async def test_the_template_is_a_file(site: Site) -> None:
    response = await site.call("GET", f"{CHANNELS}/template", role=Role.VIEWER)
    assert await response.text() == "PK template"
    assert "channels.xlsx" in response.headers["Content-Disposition"]


async def test_pruning_is_asked_for(site: Site) -> None:
    path = f"{CHANNELS}/import?filename=a.csv&prune=true&partial=true"
    await site.call("POST", path, role=Role.ENGINEER, data=b"id")
    assert site.fakes.registry.calls == [
        ("import", "a.csv", b"id", False, True, True, "token 1 test")
    ]


async def test_the_marked_sheet_is_a_file(site: Site) -> None:
    path = f"{CHANNELS}/import/errors?filename=a.csv"
    response = await site.call("POST", path, role=Role.ENGINEER, data=b"id")
    assert await response.text() == "PK marked"
    assert response.content_type == XLSX
    assert unquote(response.headers["Vidgate-Lost"]) == "没有保留格式"
    assert site.fakes.registry.calls == [("mark", "a.csv", b"id")]
    kept = await site.call("POST", path.replace("csv", "xlsx"), role=Role.ENGINEER, data=b"PK")
    assert "Vidgate-Lost" not in kept.headers


@pytest.mark.parametrize(
    ("query", "ids", "form", "kind"),
    [
        ("", ["Camera-1", "camera-2", "camera-3"], Form.XLSX, XLSX),
        ("?format=csv&platform=fire", ["camera-3"], Form.CSV, "text/csv"),
        ("?format=csv&offset=1&limit=1", ["camera-2"], Form.CSV, "text/csv"),
    ],
)
async def test_an_export_has_the_channels_that_match(
    site: Site, query: str, ids: list[str], form: Form, kind: str
) -> None:
    response = await site.call("GET", f"{CHANNELS}/export{query}", role=Role.ENGINEER)
    assert await response.text() == "exported"
    assert response.content_type == kind
    assert f"channels.{form}" in response.headers["Content-Disposition"]
    assert site.fakes.registry.calls == [("export", ids, form)]


async def test_an_export_as_something_else_is_refused(site: Site) -> None:
    response = await site.call("GET", f"{CHANNELS}/export?format=pdf", role=Role.ENGINEER)
    assert response.status == 400


@pytest.mark.parametrize("path", ["export", "Camera-1/history"])
async def test_addresses_are_not_for_viewers(site: Site, path: str) -> None:
    response = await site.call("GET", f"{CHANNELS}/{path}", role=Role.VIEWER)
    assert response.status == 403


async def test_the_history_of_a_channel(site: Site) -> None:
    response = await site.call("GET", f"{CHANNELS}/camera-1/history?limit=1", role=Role.ENGINEER)
    assert await response.json() == {
        "items": [
            {
                "change": 1,
                "cause": "import",
                "time": 1.0,
                "actor": "wang",
                "source": "a.csv",
                "undone_by": None,
                "kind": "channel",
                "id": "Camera-1",
                "action": "updated",
                "before": {"name": "旧"},
                "after": {"name": "新"},
            }
        ]
    }
