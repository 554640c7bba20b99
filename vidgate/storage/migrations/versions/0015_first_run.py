"""vidgate was at work while the changes of before 0005 were written: nothing said so.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"

# What no run covers is told as a downtime of vidgate itself. Before 0005 only changes were kept,
# and somebody was looking when each was written; that nobody was between two of them is nowhere
# written. So one run, from the first to the last of them, is the best that is known. What a fast
# clock wrote of times to come is no proof. Once it is there, no change is older than the first run.
FIRST_RUN = """
INSERT INTO runs (began, seen)
SELECT first, last FROM (
    SELECT MIN(time) AS first, MAX(time) AS last FROM transitions
    WHERE time < COALESCE(
        (SELECT MIN(began) FROM runs), CAST(strftime('%s', 'now') AS INTEGER) * 1000
    )
) WHERE first < last
"""


def upgrade() -> None:
    """Add the run, where there are changes before the first one."""
    op.execute(FIRST_RUN)
