from tests.registry.files import xlsx
from vidgate.registry.fields import FIELDS
from vidgate.registry.registry import Registry
from vidgate.registry.sheet import parse_file
from vidgate.registry.template import make_template


async def test_an_untouched_template_imports_as_nothing(registry: Registry) -> None:
    report = await registry.import_file("t.xlsx", await registry.template(), actor="me")
    assert report.as_json() == {
        "change": None,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 0,
        "lifecycles": {},
        "errors": [],
        "warnings": [],
        "more": [],
    }


def test_every_field_has_its_column_in_the_template() -> None:
    parsed = parse_file("t.xlsx", make_template())
    assert list(parsed.titles[0]) == [field.name for field in FIELDS]
    assert parsed.sheets == ["通道"]


def test_a_row_under_the_templates_titles_is_read() -> None:
    titles = [field.title for field in FIELDS]
    cells = ["cam-1", "名称", *[""] * (len(titles) - 2)]
    assert len(parse_file("t.xlsx", xlsx(titles, cells)).chunks) == 1
