"""What a platform or a register declares of a channel.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nothing is declared until a register says so."""
    for column in (
        sa.Column("declared_status", sa.String(16)),
        sa.Column("declared_codec", sa.String(16)),
        sa.Column("declared_resolution", sa.String(16), nullable=False, server_default=""),
        sa.Column("declared_fps", sa.Float()),
    ):
        op.add_column("channels", column)
