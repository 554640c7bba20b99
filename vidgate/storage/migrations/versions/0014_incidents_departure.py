"""Why a channel belongs to an incident no more.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the column; of those that left before it is not known."""
    op.add_column("incident_members", sa.Column("departure", sa.String(16), nullable=True))
