"""The camera inputs of channels that left the register before they were accepted.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Those that left before this step are known by id and code alone."""
    column = sa.Column("inputs", sa.JSON(), nullable=False, server_default="[]")
    op.add_column("departed", column)
