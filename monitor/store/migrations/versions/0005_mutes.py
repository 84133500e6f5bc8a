"""Columns for the kind and the source of an alert's mute, beside its text."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add both, and fill them from the text that older versions wrote.

    Those wrote the same text for inhibitions of the configuration and for built-in ones. The next evaluation of such an
    alert corrects the kind."""
    with op.batch_alter_table("alerts") as alerts:
        for name in ("mute_kind", "mute_source"):
            alerts.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.execute(
        "UPDATE alerts SET mute_kind = CASE"
        " WHEN muted LIKE 'silence %' THEN 'silence'"
        " WHEN muted LIKE 'maintenance %' THEN 'maintenance'"
        " WHEN muted LIKE 'inhibited by %' THEN 'inhibition'"
        " ELSE 'outage' END WHERE muted != ''"
    )
    op.execute(
        "UPDATE alerts SET mute_source = CASE mute_kind"
        " WHEN 'silence' THEN substr(muted, 9, instr(substr(muted, 9), ' ') - 1)"
        " WHEN 'maintenance' THEN substr(muted, 13)"
        " WHEN 'inhibition' THEN substr(muted, 14)"
        " ELSE '' END"
    )
