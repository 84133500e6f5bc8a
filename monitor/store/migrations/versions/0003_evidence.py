"""Changes found necessary in use. Each function states the reason of its part."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change the schema, part by part."""
    _count_failures_by_outcome()
    _keep_what_a_wrong_clock_touches()
    _let_a_pause_be_no_longer_than_it_was()
    _keep_configuration()
    _tell_callers_apart()


def _count_failures_by_outcome() -> None:
    """Add counts of failures with the same outcome, and of those that no outage of the provider covers.

    Alerts show how often, and since when, the present failure occurred. For failures before this migration only the
    old counts are known."""
    with op.batch_alter_table("accounts") as accounts:
        for name in ("failures_same", "failures_own"):
            accounts.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        accounts.add_column(sa.Column("failing_same_since", sa.BigInteger(), nullable=True))
    op.execute("UPDATE accounts SET failures_own = failures_alike")


def _keep_what_a_wrong_clock_touches() -> None:
    """Add the tables for readings made by a wrong clock, which are marked or set aside and not deleted."""
    with op.batch_alter_table("series") as series:
        series.add_column(sa.Column("ahead_until", sa.BigInteger(), nullable=True))
    op.create_table(
        "provisional",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"]),
        sa.PrimaryKeyConstraint("series_id", "observed_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "set_aside",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.String(), nullable=False),
        sa.Column("available", sa.String(), nullable=False),
        sa.Column("locked", sa.String(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("returns", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"]),
        sa.PrimaryKeyConstraint("series_id", "observed_at", "moved_at"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_set_aside_returns", "set_aside", ["series_id", "observed_at"], sqlite_where=sa.text("returns = 1")
    )
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("doubt", sa.String(), nullable=False),
        sa.Column("set_back_at", sa.BigInteger(), nullable=True),
        sa.Column("ahead_until", sa.BigInteger(), nullable=True),
        sa.Column("alerts", sa.JSON(), nullable=False),
        sa.Column("jumped_from", sa.BigInteger(), nullable=True),
        sa.Column("jumped_to", sa.BigInteger(), nullable=True),
        sa.Column("set_aside_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO clock (id, doubt, alerts) VALUES (1, '', '{}')")


def _let_a_pause_be_no_longer_than_it_was() -> None:
    """Store when a pause began, so that no change of the clock makes it longer than it was."""
    with op.batch_alter_table("pauses") as pauses:
        pauses.add_column(sa.Column("began_at", sa.BigInteger(), nullable=True))


def _keep_configuration() -> None:
    """Create the table of the configuration in force. It is empty until one is accepted."""
    op.create_table(
        "configuration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("refused_at", sa.BigInteger(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _tell_callers_apart() -> None:
    """Add the process to the key of calls: two processes can call a host in the same microsecond.

    Which process made the existing calls, and when they ended, is not known."""
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
