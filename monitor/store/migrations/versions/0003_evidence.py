"""What real use asked for: each part says which promise needs it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Tell apart who made a call."""
    _tell_callers_apart()


def _tell_callers_apart() -> None:
    """Key the calls by their process as well: two processes can call a host in one microsecond.

    Which process made those that are there, and when they ended, is not known."""
    op.create_table(
        "calls_by_caller",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("ends_by", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host", "at", "caller"),
        sqlite_with_rowid=False,
    )
    # microseconds: a minute is longer than the timeout of most
    op.execute("INSERT INTO calls_by_caller SELECT host, at, 'unknown', at + 60000000 FROM calls")
    op.drop_table("calls")
    op.rename_table("calls_by_caller", "calls")
