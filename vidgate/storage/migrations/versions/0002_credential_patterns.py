"""Credentials by pattern: which channels without one of their own they are for.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the three patterns; empty says nothing."""
    for name, size in (("platform", 64), ("host", 255), ("vendor", 64)):
        column = sa.Column(name, sa.String(length=size), nullable=False, server_default="")
        op.add_column("credentials", column)
