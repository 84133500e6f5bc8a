"""What real use asked for: each part says which promise needs it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change the schema, part by part."""
    _count_failures_by_outcome()


def _count_failures_by_outcome() -> None:
    """An alert says how often and since when what fails now has failed; what an outage covers is not an account's own.

    Of a row of failures that is there already only the old counts are known."""
    with op.batch_alter_table("accounts") as accounts:
        for name in ("failures_same", "failures_own"):
            accounts.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        accounts.add_column(sa.Column("failing_same_since", sa.BigInteger(), nullable=True))
    op.execute("UPDATE accounts SET failures_own = failures_alike")
