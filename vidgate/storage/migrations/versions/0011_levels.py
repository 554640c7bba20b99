"""What each level of looking last found of a channel.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Nothing is known of them until the next look."""
    op.add_column("health_now", sa.Column("levels", sa.JSON(), nullable=False, server_default="{}"))
