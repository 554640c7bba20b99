"""Until when the past was forgotten: a longer time to keep it brings nothing back.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the table; what was forgotten so far is what the settings say."""
    op.create_table(
        "forgotten",
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_forgotten")),
    )
