"""The tables. Amounts are TEXT with the digits of the response; instants are integers, microseconds since 1970 UTC.

A change here needs a migration beside it in `migrations/versions`; a test compares the two.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from monitor.domain import money
from monitor.domain.time import from_micros, to_micros


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as an integer: microseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the integer to store."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the instant of a stored integer, in UTC."""
        return None if value is None else from_micros(value)


class Money(TypeDecorator[Decimal]):
    """An exact amount, stored as text: SQLite's numbers are floats."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Return the text to store."""
        return None if value is None else money.plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the amount of a stored text."""
        return None if value is None else Decimal(value)


class Table(SQLModel):
    """The base of our tables, apart from any other program's SQLModel classes in the process."""

    metadata: ClassVar[MetaData] = MetaData()


_CLUSTERED = {"sqlite_with_rowid": False}  # rows are stored in the order of the primary key


class AccountRow(Table, table=True):
    """An account that was polled, with its last outcome and its failures in a row.

    `failures` counts all of them, `failures_alike` those of the same kind, `failures_same` those with the same outcome,
    and `failures_own` those that no outage of the provider covers."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("job", "name"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    provider: str
    job: str
    name: str
    added_at: datetime = Field(sa_type=Instant)
    polled_at: datetime | None = Field(default=None, sa_type=Instant)
    ok_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str = "ok"
    detail: str = ""
    failures: int = 0
    failures_alike: int = 0
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    failures_same: int = 0
    failing_same_since: datetime | None = Field(default=None, sa_type=Instant)
    failures_own: int = 0
    missed_runs: int = 0
    overdue_at: datetime | None = Field(default=None, sa_type=Instant)


class SeriesRow(Table, table=True):
    """A currency of an account, with its last reading and the number of responses since that lacked it (`missing`).

    `ahead_until`: the clock was set back, and the history has readings up to this instant, later than the last one."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("account_id", "currency"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    account_id: int = Field(foreign_key="accounts.id")
    currency: str
    added_at: datetime = Field(sa_type=Instant)
    observed_at: datetime | None = Field(default=None, sa_type=Instant)
    total: Decimal | None = Field(default=None, sa_type=Money)
    available: Decimal | None = Field(default=None, sa_type=Money)
    locked: Decimal | None = Field(default=None, sa_type=Money)
    updated_at: datetime | None = Field(default=None, sa_type=Instant)
    missing: int = 0
    missing_since: datetime | None = Field(default=None, sa_type=Instant)
    missing_detail: str = ""
    ahead_until: datetime | None = Field(default=None, sa_type=Instant)


class SnapshotRow(Table, table=True):
    """One reading. Clustered, so that finding the value at an instant is as fast in a large table as in a small one."""

    __tablename__ = "snapshots"
    __table_args__ = (_CLUSTERED,)

    series_id: int = Field(primary_key=True, foreign_key="series.id", sa_type=Integer)
    observed_at: datetime = Field(primary_key=True, sa_type=Instant)
    total: Decimal = Field(sa_type=Money)
    available: Decimal = Field(sa_type=Money)
    locked: Decimal | None = Field(default=None, sa_type=Money)
    updated_at: datetime | None = Field(default=None, sa_type=Instant)


class ProvisionalRow(Table, table=True):
    """The key of a reading made while others are ahead of the clock: it is not known yet which clock was wrong."""

    __tablename__ = "provisional"
    __table_args__ = (_CLUSTERED,)

    series_id: int = Field(primary_key=True, foreign_key="series.id", sa_type=Integer)
    observed_at: datetime = Field(primary_key=True, sa_type=Instant)


class SetAsideRow(Table, table=True):
    """A reading of a wrong clock, moved out of the history.

    `returns`: it is moved back if the clock that was set back turns out to be the wrong one."""

    __tablename__ = "set_aside"
    __table_args__ = (
        Index("ix_set_aside_returns", "series_id", "observed_at", sqlite_where=text("returns = 1")),
        _CLUSTERED,
    )

    series_id: int = Field(primary_key=True, foreign_key="series.id", sa_type=Integer)
    observed_at: datetime = Field(primary_key=True, sa_type=Instant)
    moved_at: datetime = Field(primary_key=True, sa_type=Instant)
    total: Decimal = Field(sa_type=Money)
    available: Decimal = Field(sa_type=Money)
    locked: Decimal | None = Field(default=None, sa_type=Money)
    updated_at: datetime | None = Field(default=None, sa_type=Instant)
    returns: bool = False


class ClockRow(Table, table=True):
    """The changes of this machine's clock that are not resolved: one row.

    - `doubt`: why the clock is in doubt, so that nothing is deleted; empty if it is not.
    - `set_back_at`: when the clock was set back. Readings up to `ahead_until` were ahead of it then.
    - `alerts`: instants of alerts that were ahead of it, by the instants that replaced them (microseconds).
    - `jumped_from`, `jumped_to`: a jump forward that no service has confirmed yet.
    - `set_aside_at`: when a reading was last set aside for good."""

    __tablename__ = "clock"

    id: int = Field(default=1, primary_key=True, sa_type=Integer)
    doubt: str = ""
    set_back_at: datetime | None = Field(default=None, sa_type=Instant)
    ahead_until: datetime | None = Field(default=None, sa_type=Instant)
    alerts: dict[str, int] = Field(default={}, sa_type=JSON)
    jumped_from: datetime | None = Field(default=None, sa_type=Instant)
    jumped_to: datetime | None = Field(default=None, sa_type=Instant)
    set_aside_at: datetime | None = Field(default=None, sa_type=Instant)


class PollRow(Table, table=True):
    """One attempt to read an account."""

    __tablename__ = "polls"
    __table_args__ = (_CLUSTERED,)

    account_id: int = Field(primary_key=True, foreign_key="accounts.id", sa_type=Integer)
    started_at: datetime = Field(primary_key=True, sa_type=Instant)
    finished_at: datetime = Field(sa_type=Instant)
    outcome: str
    detail: str
    attempts: int


class AlertRow(Table, table=True):
    """An alert that is pending or firing, or that is remembered: its end is not notified yet, it is in its cooldown, or
    its changes count for flapping. The fields are those of `domain.alerts.Alert`; `changes` are microseconds."""

    __tablename__ = "alerts"

    rule: str = Field(primary_key=True)
    subject: str = Field(primary_key=True, index=True)
    state: str
    id: str
    since: datetime | None = Field(default=None, sa_type=Instant)
    fired_at: datetime | None = Field(default=None, sa_type=Instant)
    breached_at: datetime | None = Field(default=None, sa_type=Instant)
    held_at: datetime | None = Field(default=None, sa_type=Instant)
    worse_since: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    clearing: bool = False
    severity: int
    level: int
    reason: str
    expected: str
    ending: str = ""
    again: int = 0
    changes: list[int] = Field(default=[], sa_type=JSON)
    flapping: bool = False
    seq: int
    announced: bool
    announced_at: datetime | None = Field(default=None, sa_type=Instant)
    notified_at: datetime | None = Field(default=None, sa_type=Instant)
    notified_severity: int
    notified_level: int = 0
    notified_flapping: bool = False
    escalated_at: datetime | None = Field(default=None, sa_type=Instant)
    acked_at: datetime | None = Field(default=None, sa_type=Instant)
    acked_by: str = ""
    ack_reason: str = ""
    mute_kind: str = ""
    mute_source: str = ""
    muted: str = ""


class SilenceRow(Table, table=True):
    """A silence. `match` has globs by attribute; `expired_by` is who ended it before its time."""

    __tablename__ = "silences"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    match: dict[str, list[str]] = Field(sa_type=JSON)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    by: str
    reason: str
    created_at: datetime = Field(sa_type=Instant)
    expired_by: str = ""


class NoteRow(Table, table=True):
    """A part of an incident's timeline that is not notified: what people did about it, or what muted it."""

    __tablename__ = "notes"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    incident: str = Field(index=True)
    rule: str
    subject: str
    severity: int
    at: datetime = Field(sa_type=Instant, index=True)
    kind: str
    by: str
    text: str


class EventRow(Table, table=True):
    """An event of an incident, with the facts at that instant (`report`)."""

    __tablename__ = "events"

    incident: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=Integer)
    rule: str
    subject: str
    kind: str
    at: datetime = Field(sa_type=Instant, index=True)
    report: dict[str, Any] = Field(sa_type=JSON)


class NotificationRow(Table, table=True):
    """The outbox: one event for one URL of one channel. `status` is pending, delivered or failed (given up).

    Notifications of one `group_key` are sent together. `handed_over_at`: when it was diverted to the fallback of its
    channel, whose own notification has the reason in `instead_of`. `settled_at`: when it was delivered or given up.
    `taken` are digests of the parts of its message that the service has accepted."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("incident", "seq", "channel", "url_id"),
        Index(
            "ix_notifications_pending",
            "channel",
            "url_id",
            "incident",
            "seq",
            sqlite_where=text("status = 'pending'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    incident: str
    seq: int
    channel: str
    url_id: str
    created_at: datetime = Field(sa_type=Instant)
    status: str = "pending"
    severity: int
    group_key: str = ""
    attempts: int = 0
    next_attempt_at: datetime = Field(sa_type=Instant)
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    handed_over_at: datetime | None = Field(default=None, sa_type=Instant)
    instead_of: str = ""
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
    last_error: str = ""
    taken: list[str] = Field(default=[], sa_type=JSON)


class AttemptRow(Table, table=True):
    """One attempt to deliver a notification. `error` is empty if it succeeded."""

    __tablename__ = "attempts"
    __table_args__ = (_CLUSTERED,)

    notification_id: int = Field(primary_key=True, foreign_key="notifications.id", sa_type=Integer)
    number: int = Field(primary_key=True, sa_type=Integer)
    at: datetime = Field(sa_type=Instant)
    error: str = ""


class RestRow(Table, table=True):
    """A recipient whose service accepts no messages until an instant, after so many refusals in a row."""

    __tablename__ = "rests"

    url_id: str = Field(primary_key=True)
    began_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    refusals: int


class PauseRow(Table, table=True):
    """A host that is not called until an instant. `began_at` is None if an older version stored it."""

    __tablename__ = "pauses"

    host: str = Field(primary_key=True)
    until: datetime = Field(sa_type=Instant)
    outcome: str
    detail: str
    began_at: datetime | None = Field(default=None, sa_type=Instant)


class CallRow(Table, table=True):
    """A call to a host with a limit, stored before it is sent, so that it is known even if the process is killed.

    `caller` is the process. By `ends_by` at the latest the service has counted the call."""

    __tablename__ = "calls"
    __table_args__ = (_CLUSTERED,)

    host: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=Instant)
    caller: str = Field(primary_key=True)
    ends_by: datetime = Field(sa_type=Instant)


class ConfigurationRow(Table, table=True):
    """The configuration in force: one row. `document` is its content without secrets.

    The file may have been refused since, because of `problems`. `document` is the last column, because SQLite does not
    read a large value for a query of the columns before it."""

    __tablename__ = "configuration"

    id: int = Field(default=1, primary_key=True, sa_type=Integer)
    file: str
    version: str
    accepted_at: datetime = Field(sa_type=Instant)
    refused_at: datetime | None = Field(default=None, sa_type=Instant)
    problems: list[str] = Field(default=[], sa_type=JSON)
    document: Any = Field(sa_type=JSON)


accounts = Table.metadata.tables["accounts"]
series = Table.metadata.tables["series"]
snapshots = Table.metadata.tables["snapshots"]
provisional = Table.metadata.tables["provisional"]
set_aside = Table.metadata.tables["set_aside"]
clock = Table.metadata.tables["clock"]
polls = Table.metadata.tables["polls"]
alerts = Table.metadata.tables["alerts"]
events = Table.metadata.tables["events"]
notifications = Table.metadata.tables["notifications"]
attempts = Table.metadata.tables["attempts"]
silences = Table.metadata.tables["silences"]
notes = Table.metadata.tables["notes"]
rests = Table.metadata.tables["rests"]
pauses = Table.metadata.tables["pauses"]
calls = Table.metadata.tables["calls"]
configuration = Table.metadata.tables["configuration"]
