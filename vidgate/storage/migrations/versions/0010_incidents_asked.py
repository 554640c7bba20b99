"""Since when an incident asks for a person anew.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; what was said of older incidents stands."""
    op.add_column("incidents", sa.Column("asked", sa.Float(), nullable=True))
