"""What the documents promise is there: commands, settings, both languages, a way to each page."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from vidgate.cli.main import ALONE, NOUNS, application
from vidgate.settings.tree import Section, Settings

ROOT = Path(__file__).parents[2]
GUIDE = sorted((ROOT / "docs").glob("*.md"))
PAGES = [page for page in GUIDE if page.name not in ("index.md", "performance.md")]
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*") if path.is_file())
READ = [ROOT / "README.md", *GUIDE, *CONFIGS]
VERBS = {verb.name for verb in ALONE} | {f"{n.name} {v.name}" for n in NOUNS for v in n.verbs}
FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
# A path, or the name of a container, may stand before it.
COMMAND = re.compile(r"(?:^|[\s/`])vidgate (?!vidgate)(?P<words>[a-z][^#|;\n]*)", re.MULTILINE)
CLAUSE = re.compile(r"&&|\s#|\s[(/]|,\s|\)")
PLACEHOLDERS = {"N": "1", "...": None}


def _code(path: Path) -> str:
    """Fenced blocks without their comments, and `spans`; a settings file as it is."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return text
    fenced = (re.sub(r"(?m)\s#.*$", "", block) for block in FENCE.findall(text))
    return "\n".join([*fenced, *SPAN.findall(FENCE.sub("", text))])


def _commands(path: Path) -> list[str]:
    """`NOUN VERB --option ...` of every command that is named; prose says what vidgate does."""
    found = (match["words"] for match in COMMAND.finditer(_code(path)))
    told = [CLAUSE.split(words)[0].strip() for words in found]
    first = {verb.split()[0] for verb in VERBS}
    return [one for one in told if path.suffix == ".md" or one.split()[0] in first]


def _known(words: list[str]) -> str:
    """The verb that they begin with; nothing where they begin with none."""
    for length in (2, 1):
        if (told := " ".join(words[:length])) in VERBS:
            return told
    return ""


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
def test_every_command_can_be_typed(path: Path) -> None:
    app = application()
    for command in _commands(path):
        words = [PLACEHOLDERS.get(word, word) for word in shlex.split(command)]
        given = [word for word in words if word is not None]
        assert _known(given), f"{path.name}: vidgate {command}"
        if path.suffix == ".md" and len(given) > len(_known(given).split()):
            app.parse_args(given, exit_on_error=False, print_error=False)


def _keys(section: Section, above: str = "") -> set[str]:
    found = set()
    for name in type(section).model_fields:
        value = getattr(section, name)
        found.add(above + name)
        if isinstance(value, Section):
            found |= _keys(value, f"{above}{name}.")
    return found


def test_every_setting_exists() -> None:
    keys = _keys(Settings())
    sections = {key for key in keys if "." not in key}
    name = re.compile(r"^([a-z]+(?:\.[a-z_]+)+)$")
    for path in (ROOT / "README.md", *GUIDE):
        for span in SPAN.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
            found = name.match(span)
            if found and found[1].split(".")[0] in sections:
                assert found[1] in keys, f"{path.name}: {span}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_in_chinese_and_then_in_english(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    chinese, line, english = text.partition("\n---\n")
    assert line, "no line between the two"
    assert re.match(r"# [^\n]*[\u4e00-\u9fff]", chinese)
    assert re.match(r"\s*# [A-Z][^\u4e00-\u9fff\n]*\n", english)
    assert len(english) > 500


def test_the_page_on_monitoring_lists_the_series_that_there_are() -> None:
    source = "".join(file.read_text("utf-8") for file in (ROOT / "vidgate/metrics").glob("*.py"))
    there = set(re.findall(r'"(vidgate_[a-z_]+)"', source))
    told = set(_series((ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")))
    # Families of counters are named without the ending that their samples have.
    assert {name for name in there if not told & {name, f"{name}_total"}} == set()
    assert {name for name in told if not there & {name, name.removesuffix("_total")}} == set()


def _series(text: str) -> Iterator[str]:
    """The names in `spans`; `name_{one,other}_total` is two of them, `name{label}` one."""
    for before, choices, after in re.findall(r"`(vidgate_[a-z_]+)(?:\{([a-z_,.]+)\}(\w*))?`", text):
        yield from (f"{before}{one}{after}" for one in choices.split(",")) if after else (before,)


def test_there_is_a_way_to_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f"({page.name})" not in index] == []
    assert "docs/index.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_anchors_exist() -> None:
    for page in (ROOT / "README.md", *GUIDE):
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)]+)\)", text):
            there = (page.parent / target).read_text(encoding="utf-8") if target else text
            assert anchor in _anchors(there), f"{page.name}: {target}#{anchor}"


def _anchors(text: str) -> set[str]:
    """Those written out, and those that a heading gets by itself."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    slugs = {re.sub(r"[^\w\s-]", "", one.lower()).replace(" ", "-") for one in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))
