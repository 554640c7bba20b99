"""What a soak promises and what was seen: a page in docs/soak, a failure where one was missed."""

from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "soak"

Row = tuple[str, str, str, bool]
"""What, measured, goal, and whether it was met."""


def tell(name: str, head: str, rows: Sequence[Row]) -> None:
    """Print the page; write it as NAME.md where every promise was kept, else fail."""
    table = "\n".join(f"| {what} | {seen} | {goal} |" for what, seen, goal, _ in rows)
    page = f"{head}\n| what | seen | goal |\n|---|---|---|\n{table}\n"
    print(page)
    missed = [what for what, _, _, is_met in rows if not is_met]
    assert not missed, missed
    (FOLDER / f"{name}.md").write_text(page, encoding="utf-8")
