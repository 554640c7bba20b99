"""A doubt does not outlive the service: how many bad looks there were is not kept.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Drop what was written and never read."""
    op.drop_column("health_now", "bad")
