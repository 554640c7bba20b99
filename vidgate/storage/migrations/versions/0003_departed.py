"""Channels that left the register before they were accepted.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Who left before this step is not looked for: nothing was released that could have them."""
    op.create_table(
        "departed",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("lifecycle", sa.String(length=16), nullable=False),
        sa.Column("gb_code", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_departed")),
    )
