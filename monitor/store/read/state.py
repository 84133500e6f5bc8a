"""Read the state of the store beside a running daemon.

Plain `sqlite3`, which is quick to import, and read-only: it never blocks the writer.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.domain.alerts import Ack
from monitor.domain.matching import Match
from monitor.domain.model import Pause, Subject
from monitor.domain.mutes import Silence
from monitor.domain.time import from_micros
from monitor.errors import Outcome, StoreError
from monitor.store.identity import DAMAGED, HALF_WRITTEN, check_identity, is_empty

_COUNTED = 100_000
"""The largest number of set-aside readings that is counted: counting more would delay every page and command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """An account with its last outcome and its failures in a row. Instants are in UTC; None: never, or not known."""

    job: str
    name: str
    polled_at: datetime | None
    ok_at: datetime | None
    outcome: str
    detail: str
    failures: int
    missed_runs: int
    overdue_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesStatus:
    """The last reading of a series, with the digits of the response; all None if it was never read.

    `missing` is the number of responses since that lacked it."""

    job: str
    account: str
    currency: str
    total: str | None
    available: str | None
    locked: str | None
    observed_at: datetime | None
    updated_at: datetime | None
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStatus:
    """An alert that is pending or firing, or that flaps and was notified as flapping.

    `muted`: what mutes it, in words; `announced`: it was notified."""

    id: str
    rule: str
    subject: Subject
    state: str
    severity: int
    since: datetime
    reason: str
    muted: str = ""
    ack: Ack | None = None
    flapping: bool = False
    announced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceStatus:
    """A silence, over or not, with the instant at which it was set. `expired_by`: who ended it before its time."""

    silence: Silence
    created_at: datetime
    expired_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """The pending notifications of a channel: their number, the oldest one's instant, and the last error, if any."""

    channel: str
    count: int
    since: datetime
    attempts: int
    last_error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStatus:
    """What the daemon noticed about this machine's clock.

    - `doubt`: why the clock is in doubt, so that nothing is deleted; empty if it is not.
    - `ahead_until`: up to when there are readings later than the clock; None if there are none.
    - `set_aside`, `set_aside_at`: how many readings are set aside, and when the last one was."""

    doubt: str
    ahead_until: datetime | None
    set_aside: int
    set_aside_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationStatus:
    """The configuration in force. If its file was refused since: since when (`refused_at`) and why (`problems`)."""

    file: Path
    version: str
    accepted_at: datetime
    refused_at: datetime | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The state of the store at one instant, as `status` and the status page need it."""

    accounts: tuple[AccountStatus, ...] = ()
    series: tuple[SeriesStatus, ...] = ()
    alerts: tuple[AlertStatus, ...] = ()
    pauses: tuple[Pause, ...] = ()
    silences: tuple[SilenceStatus, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()
    clock: ClockStatus | None = None
    configuration: ConfigurationStatus | None = None
    notifications: Mapping[str, int]

    @property
    def series_keys(self) -> frozenset[tuple[str, str, str]]:
        """Return the keys (job, account, currency) of the series in the store."""
        return frozenset((one.job, one.account, one.currency) for one in self.series)


def read(path: Path) -> Known | None:
    """Return the state of the store; None if there is none yet. Raises StoreError if it can't be read."""
    with connected(path) as db:
        if db is None:
            return None
        db.execute("BEGIN")
        return Known(
            accounts=tuple(_accounts(db)),
            series=tuple(_series(db)),
            alerts=tuple(_alerts(db)),
            pauses=tuple(_pauses(db)),
            silences=tuple(silences_of(db)),
            undelivered=tuple(_undelivered(db)),
            clock=_clock(db),
            configuration=_configuration(db),
            notifications=dict(db.execute("SELECT status, count(*) FROM notifications GROUP BY status")),
        )


def pauses(path: Path) -> list[Pause]:
    """Return the hosts' pauses, over or not. Raises StoreError if the store can't be read."""
    with connected(path) as db:
        return [] if db is None else list(_pauses(db))


def silences(path: Path) -> list[SilenceStatus]:
    """Return all stored silences, over or not, the newest first. Raises StoreError if the store can't be read."""
    with connected(path) as db:
        if db is None:
            return []
        return list(silences_of(db))


def kept_configuration(path: Path) -> tuple[ConfigurationStatus, Any] | None:
    """Return the configuration in force with its document; None if none is stored, or there is no store.

    Raises StoreError if the store can't be read."""
    with connected(path) as db:
        kept = None if db is None else _configuration(db)
        if db is None or kept is None:
            return None
        (document,) = db.execute("SELECT document FROM configuration").fetchone()
        return kept, json.loads(document)


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open the store for reading; None if there is none yet: no file, or one whose creation was interrupted.

    Raises StoreError if it can't be read, or is of another version."""
    try:
        exists = path.exists()
    except OSError as exc:
        raise StoreError(
            f"{path}: can't be opened ({exc.strerror}): run this as the daemon's user or as root"
        ) from exc
    if not exists:
        yield None
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            if is_empty(db):
                yield None
                return
            check_identity(path, db)
            yield db
    except sqlite3.Error as exc:
        raise StoreError(f"{path}: {_explained(exc)}") from exc


def _explained(exc: sqlite3.Error) -> str:
    error = str(exc)
    # the process that wrote was killed, and rolling its transaction back needs write access
    if getattr(exc, "sqlite_errorname", "") == "SQLITE_READONLY_ROLLBACK":
        return HALF_WRITTEN
    if "unable to open" in error or "readonly" in error:
        return f"can't be opened ({error}): run this as the daemon's user or as root"
    if "malformed" in error or "not a database" in error:
        return DAMAGED.format(error)
    return f"can't be read ({error})"


def _accounts(db: sqlite3.Connection) -> Iterator[AccountStatus]:
    rows = db.execute(
        "SELECT job, name, polled_at, ok_at, outcome, detail, failures, missed_runs, overdue_at FROM accounts"
    )
    for job, name, polled_at, ok_at, outcome, detail, failures, missed_runs, overdue_at in rows:
        yield AccountStatus(
            job=job,
            name=name,
            polled_at=instant_or_none(polled_at),
            ok_at=instant_or_none(ok_at),
            outcome=outcome,
            detail=detail,
            failures=failures,
            missed_runs=missed_runs,
            overdue_at=instant_or_none(overdue_at),
        )


def _series(db: sqlite3.Connection) -> Iterator[SeriesStatus]:
    rows = db.execute(
        "SELECT a.job, a.name, s.currency, s.total, s.available, s.locked, s.observed_at, s.updated_at, s.missing"
        " FROM series s JOIN accounts a ON a.id = s.account_id ORDER BY a.job, a.name, s.currency"
    )
    for job, account, currency, total, available, locked, observed_at, updated_at, missing in rows:
        yield SeriesStatus(
            job=job,
            account=account,
            currency=currency,
            total=total,
            available=available,
            locked=locked,
            observed_at=instant_or_none(observed_at),
            updated_at=instant_or_none(updated_at),
            missing=missing,
        )


def _alerts(db: sqlite3.Connection) -> Iterator[AlertStatus]:
    rows = db.execute(
        "SELECT id, rule, subject, state, severity, since, reason, muted, flapping, announced,"
        " acked_at, acked_by, ack_reason"
        " FROM alerts WHERE state != 'inactive' OR (flapping AND announced)"
        " ORDER BY state = 'firing' DESC, severity DESC, since"
    )
    for id_, rule, subject, state, severity, since, reason, muted, flapping, announced, *acked in rows:
        yield AlertStatus(
            id=id_,
            rule=rule,
            subject=Subject(subject),
            state=state,
            severity=severity,
            since=from_micros(since),
            reason=reason,
            muted=muted,
            ack=ack(*acked),
            flapping=bool(flapping),
            announced=bool(announced),
        )


def ack(at: int | None, by: str, reason: str) -> Ack | None:
    """Return the acknowledgement that these columns hold; None if there is none."""
    return None if at is None else Ack(by=by, reason=reason, at=from_micros(at))


def silences_of(db: sqlite3.Connection) -> Iterator[SilenceStatus]:
    """Yield all stored silences, the newest first."""
    rows = db.execute(
        "SELECT id, match, starts_at, ends_at, by, reason, created_at, expired_by FROM silences ORDER BY id DESC"
    )
    for number, match, starts_at, ends_at, by, reason, created_at, expired_by in rows:
        silence = Silence(
            id=number,
            match=Match({key: tuple(globs) for key, globs in json.loads(match).items()}),
            starts_at=from_micros(starts_at),
            ends_at=from_micros(ends_at),
            by=by,
            reason=reason,
        )
        yield SilenceStatus(silence=silence, created_at=from_micros(created_at), expired_by=expired_by)


def _undelivered(db: sqlite3.Connection) -> Iterator[Undelivered]:
    failed = "SELECT channel, last_error FROM notifications WHERE status = 'pending' AND last_error != '' ORDER BY id"
    errors = dict(db.execute(failed))
    rows = db.execute(
        "SELECT channel, count(*), min(created_at), max(attempts) FROM notifications"
        " WHERE status = 'pending' GROUP BY channel ORDER BY channel"
    )
    for channel, count, since, attempts in rows:
        error = errors.get(channel, "")
        yield Undelivered(
            channel=channel, count=count, since=from_micros(since), attempts=attempts, last_error=error
        )


def _pauses(db: sqlite3.Connection) -> Iterator[Pause]:
    rows = db.execute("SELECT host, until, outcome, detail, began_at FROM pauses")
    for host, until, outcome, detail, began_at in rows:
        yield Pause(
            host=host,
            until=from_micros(until),
            outcome=Outcome(outcome),
            detail=detail,
            began_at=instant_or_none(began_at),
        )


def _clock(db: sqlite3.Connection) -> ClockStatus:
    doubt, ahead_until, at = db.execute("SELECT doubt, ahead_until, set_aside_at FROM clock").fetchone()
    some = f"SELECT 1 FROM set_aside WHERE NOT returns LIMIT {_COUNTED}"  # noqa: S608 -- our own text
    (count,) = db.execute(f"SELECT count(*) FROM ({some})").fetchone() if at is not None else (0,)  # noqa: S608
    return ClockStatus(
        doubt=doubt,
        ahead_until=instant_or_none(ahead_until),
        set_aside=count,
        set_aside_at=instant_or_none(at),
    )


def _configuration(db: sqlite3.Connection) -> ConfigurationStatus | None:
    row = db.execute("SELECT file, version, accepted_at, refused_at, problems FROM configuration").fetchone()
    if row is None:
        return None
    file, version, accepted_at, refused_at, problems = row
    return ConfigurationStatus(
        file=Path(file),
        version=version,
        accepted_at=from_micros(accepted_at),
        refused_at=instant_or_none(refused_at),
        problems=tuple(json.loads(problems)),
    )


def instant_or_none(since_epoch: int | None) -> datetime | None:
    """Return the instant of microseconds since 1970 UTC; None for None."""
    return None if since_epoch is None else from_micros(since_epoch)
