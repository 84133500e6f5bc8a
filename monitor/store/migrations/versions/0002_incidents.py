"""Columns and tables for incidents that are acknowledged, silenced, grouped or diverted to a fallback."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add them. The last notification of an alert is assumed to have shown its present state."""
    with op.batch_alter_table("alerts") as alerts:
        alerts.alter_column("since", existing_type=sa.BigInteger(), nullable=True)
        for name in ("held_at", "worse_since", "ended_at", "announced_at", "escalated_at", "acked_at"):
            alerts.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
        for name in ("clearing", "flapping", "told_flapping"):
            alerts.add_column(_with_default(name, sa.Boolean(), "0"))
        for name in ("again", "told_severity", "told_level"):
            alerts.add_column(_with_default(name, sa.Integer(), "0"))
        for name in ("ending", "acked_by", "ack_reason", "muted"):
            alerts.add_column(_with_default(name, sa.String(), ""))
        alerts.add_column(_with_default("changes", sa.JSON(), "[]"))
    op.execute(
        "UPDATE alerts SET told_severity = severity, told_level = level, held_at = breached_at,"
        " announced_at = CASE WHEN announced THEN fired_at END"
    )
    with op.batch_alter_table("notifications") as notifications:
        notifications.add_column(_with_default("severity", sa.Integer(), "2"))
        notifications.add_column(_with_default("group_key", sa.String(), ""))
        notifications.add_column(_with_default("instead_of", sa.String(), ""))
        for name in ("failing_since", "handed_over_at"):
            notifications.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
    op.execute("UPDATE notifications SET group_key = incident")
    op.create_table(
        "attempts",
        sa.Column("notification_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"]),
        sa.PrimaryKeyConstraint("notification_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("match", sa.JSON(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expired_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notes_incident", "notes", ["incident"])
    op.create_index("ix_notes_at", "notes", ["at"])


def _with_default(name: str, type_: Any, default: str) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, server_default=default)
