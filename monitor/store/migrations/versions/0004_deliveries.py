"""Columns and tables for what a restart must know of deliveries: accepted parts of messages, and recipients' rests.

Columns about the last notification of an alert get the names that the rest of the program uses."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add both, and rename. No part of a pending notification is known to have been accepted."""
    with op.batch_alter_table("alerts") as alerts:
        for name in ("at", "severity", "level", "flapping"):
            alerts.alter_column(f"told_{name}", new_column_name=f"notified_{name}")
    with op.batch_alter_table("notifications") as notifications:
        notifications.add_column(sa.Column("taken", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "rests",
        sa.Column("url_id", sa.String(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("url_id"),
    )
