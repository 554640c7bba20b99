"""The past of every channel, small enough for four hundred days of a fleet.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

REASONS = (
    "ok", "unreachable", "timeout", "protocol_error", "unauthorized", "no_credential", "busy",
    "not_found", "refused", "no_media", "no_key_frame", "frozen", "unsupported", "denied_address",
    "no_address", "not_tested", "error",
)  # fmt: skip
STEPS = ("planned", "commissioning", "accepted", "suspended", "retired")

# Of two changes of one channel within a millisecond the later one counts.
CARRY_OVER = """
INSERT OR REPLACE INTO transitions (subject, time, before, after, reason, level, step)
SELECT subjects.key, CAST(ROUND(old.time * 1000) AS INTEGER), old.before, old.after,
       CASE old.reason {reasons} ELSE 17 END, old.level,
       CASE channels.lifecycle {steps} ELSE 3 END
FROM old_transitions AS old
JOIN subjects ON subjects.id = old.channel
LEFT JOIN channels ON channels.key = lower(old.channel)
ORDER BY old.id
"""


def upgrade() -> None:
    """Make the tables; what was kept of changes of state goes on."""
    op.rename_table("transitions", "old_transitions")
    _table("subjects", sa.Column("id", sa.String(length=64), nullable=False), keys=("key",))
    with op.batch_alter_table("subjects") as table:
        table.create_unique_constraint("uq_subjects_id", ["id"])
    numbers = ("before", "after", "reason", "level", "step")
    _table("transitions", *map(_number, numbers), keys=("subject", "time"), rowid=False)
    _table("runs", _number("seen"), keys=("began",))
    _table("days", _number("end"), keys=("start",))
    _table("day_tallies", _bytes("tally"), keys=("start", "subject"), rowid=False)
    _table("results", _bytes("data"), keys=("subject", "start"), rowid=False)
    op.execute("INSERT INTO subjects (id) SELECT DISTINCT channel FROM old_transitions")
    op.execute(CARRY_OVER.format(reasons=_cases(REASONS), steps=_cases(STEPS)))
    op.drop_table("old_transitions")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _table(name: str, *columns: sa.Column, keys: tuple[str, ...], rowid: bool = True) -> None:
    primary = sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}"))
    op.create_table(name, *map(_number, keys), *columns, primary, sqlite_with_rowid=rowid)


def _cases(words: tuple[str, ...]) -> str:
    return " ".join(f"WHEN '{word}' THEN {code}" for code, word in enumerate(words, 1))
