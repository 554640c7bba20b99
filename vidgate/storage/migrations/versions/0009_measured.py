"""What was measured of a channel last.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing is known of it until the next look."""
    op.add_column("health_now", sa.Column("measured", sa.JSON(none_as_null=True), nullable=True))
