"""The tables. Amounts are TEXT with the digits as they came; instants are integers, microseconds since 1970 UTC.

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
    """An aware datetime, kept as an integer."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """On the way in."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """On the way out."""
        return None if value is None else from_micros(value)


class Money(TypeDecorator[Decimal]):
    """An exact amount, kept as text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """On the way in."""
        return None if value is None else money.plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """On the way out."""
        return None if value is None else Decimal(value)


class Table(SQLModel):
    """The base of our tables, apart from any other program's SQLModel classes in the process."""

    metadata: ClassVar[MetaData] = MetaData()


_CLUSTERED = {"sqlite_with_rowid": False}  # rows lie in the order of the primary key


class AccountRow(Table, table=True):
    """An account that was polled, and how its polls have been going."""

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
    """A currency of an account, with its last reading and the answers since that lacked it.

    `ahead_until`: the clock was set back, and readings up to this instant lie ahead of the last one."""

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
    """One reading. Clustered, so that the value at an instant is found as fast in a large table as in a small."""

    __tablename__ = "snapshots"
    __table_args__ = (_CLUSTERED,)

    series_id: int = Field(primary_key=True, foreign_key="series.id", sa_type=Integer)
    observed_at: datetime = Field(primary_key=True, sa_type=Instant)
    total: Decimal = Field(sa_type=Money)
    available: Decimal = Field(sa_type=Money)
    locked: Decimal | None = Field(default=None, sa_type=Money)
    updated_at: datetime | None = Field(default=None, sa_type=Instant)


class ProvisionalRow(Table, table=True):
    """The key of a reading made while others lie ahead of the clock: one or the other clock was wrong."""

    __tablename__ = "provisional"
    __table_args__ = (_CLUSTERED,)

    series_id: int = Field(primary_key=True, foreign_key="series.id", sa_type=Integer)
    observed_at: datetime = Field(primary_key=True, sa_type=Instant)


class SetAsideRow(Table, table=True):
    """A reading that a wrong clock made, moved out of the history. `returns`: it goes back there if it turns out that
    the later clock was the wrong one."""

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
    """What speaks against this machine's clock: one row.

    `doubt` is the reason why nothing is deleted now. From `set_back_at` on readings up to `ahead_until` lay ahead of
    the clock; `alerts` are the instants of alerts that did. No service has confirmed the clock since it jumped from
    `jumped_from` to `jumped_to`. `set_aside_at`: when a reading was last set aside for good."""

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
    """An alert that is pending or firing, or that was and has to be remembered: its end is not notified yet, it is in
    its cooldown, or its changes are counted. `changes` are instants in microseconds."""

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
    """Somebody's wish for no messages of some alerts. `match` is of globs by attribute."""

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
    """What people did about an incident, and what muted it: the part of its timeline of which nobody was notified."""

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
    """An event of an incident, with its facts as they were."""

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

    What waits in one `group_key` goes out together. `handed_over_at`: the channel's fallback got it in its place;
    `instead_of`, there, says why. `taken` are digests of the parts of its messages that the service took."""

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
    """One try to deliver a notification, and what went wrong; empty where nothing did."""

    __tablename__ = "attempts"
    __table_args__ = (_CLUSTERED,)

    notification_id: int = Field(primary_key=True, foreign_key="notifications.id", sa_type=Integer)
    number: int = Field(primary_key=True, sa_type=Integer)
    at: datetime = Field(sa_type=Instant)
    error: str = ""


class RestRow(Table, table=True):
    """A recipient whose service wants no messages until an instant, after so many refusals in a row."""

    __tablename__ = "rests"

    url_id: str = Field(primary_key=True)
    began_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    refusals: int


class PauseRow(Table, table=True):
    """A host that wants no calls until an instant. `began_at` is None where an older version kept it."""

    __tablename__ = "pauses"

    host: str = Field(primary_key=True)
    until: datetime = Field(sa_type=Instant)
    outcome: str
    detail: str
    began_at: datetime | None = Field(default=None, sa_type=Instant)


class CallRow(Table, table=True):
    """A call to a host with a limit, noted before it is sent: a kill at any instant leaves it on record.

    `caller` is the process. The service has counted the call by `ends_by`."""

    __tablename__ = "calls"
    __table_args__ = (_CLUSTERED,)

    host: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=Instant)
    caller: str = Field(primary_key=True)
    ends_by: datetime = Field(sa_type=Instant)


class ConfigurationRow(Table, table=True):
    """The configuration in force, the only row: its file, and what that says without secrets. The file may have been
    refused since, for `problems`. The `document` comes last: who reads only the rest of the row is spared it."""

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
