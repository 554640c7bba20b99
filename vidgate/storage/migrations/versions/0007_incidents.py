"""Incidents with their members, and what people said of them.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("opened", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("merged", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_ended", "incidents", ["ended"], unique=False)
    op.create_table(
        "incident_members",
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=True),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        _of_incident("incident_members"),
        sa.PrimaryKeyConstraint("incident", "channel", name=op.f("pk_incident_members")),
    )
    op.create_table(
        "incident_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        _of_incident("incident_notes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_notes")),
    )
    op.create_index(op.f("ix_incident_notes_incident"), "incident_notes", ["incident"])


def _of_incident(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_incident")
    return sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name=name, ondelete="CASCADE")
