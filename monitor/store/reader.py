"""Reading beside a running daemon: plain `sqlite3`, read-only, never blocking the writer and quick to import."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.errors import StoreError
from monitor.store.identity import APPLICATION_ID, DAMAGED, FOREIGN, HALF_WRITTEN, NEWER, SCHEMA

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """How one account's polls have been going. Instants are in UTC; None: never, or not known."""

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
    """A series' last reading, amounts as they came; all None where it was never read. `missing`: answers since."""

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
    """An alert that is pending or firing."""

    id: str
    rule: str
    subject: str
    state: str
    severity: int
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseStatus:
    """A host that wants no calls until an instant."""

    host: str
    until: datetime
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that `status` needs, as of one instant of the store."""

    accounts: tuple[AccountStatus, ...] = ()
    series: tuple[SeriesStatus, ...] = ()
    alerts: tuple[AlertStatus, ...] = ()
    pauses: tuple[PauseStatus, ...] = ()
    notifications: Mapping[str, int]


def read(path: Path) -> Known | None:
    """What the store knows; None where there is no store yet. Raises StoreError where it can't be read."""
    with _connected(path) as db:
        if db is None:
            return None
        db.execute("BEGIN")
        return Known(
            accounts=tuple(_accounts(db)),
            series=tuple(_series(db)),
            alerts=tuple(_alerts(db)),
            pauses=tuple(_pauses(db)),
            notifications=dict(db.execute("SELECT status, count(*) FROM notifications GROUP BY status")),
        )


def pauses(path: Path) -> list[PauseStatus]:
    """The hosts' pauses, over or not. Raises StoreError where the store can't be read."""
    with _connected(path) as db:
        return [] if db is None else list(_pauses(db))


def calls(path: Path, since: datetime) -> list[tuple[str, datetime]]:
    """The calls (host, when) to hosts with a limit. Raises StoreError where the store can't be read."""
    with _connected(path) as db:
        if db is None:
            return []
        micros = (since - _EPOCH) // timedelta(microseconds=1)
        rows = db.execute("SELECT host, at FROM calls WHERE at >= ?", (micros,)).fetchall()
        return [(host, _EPOCH + timedelta(microseconds=at)) for host, at in rows]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as exc:
        raise StoreError(
            f"{path}: can't be opened ({exc.strerror}): run this as the daemon's user or as root"
        ) from exc


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection | None]:
    """None where there is no store yet: no file, or one whose making was cut off before anything was in it."""
    if not _exists(path):
        yield None
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            yield db if _is_store(path, db) else None
    except sqlite3.Error as exc:
        raise StoreError(f"{path}: {_explained(exc)}") from exc


def _is_store(path: Path, db: sqlite3.Connection) -> bool:
    """Whether it is a store of this version, or empty. Raises StoreError for anything else."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        return False
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: {FOREIGN}")
    (revision,) = db.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision > SCHEMA:
        raise StoreError(f"{path}: {NEWER.format(revision)}")
    if revision < SCHEMA:
        raise StoreError(f"{path}: of an older version; `balance-monitor run` or `poll` upgrades it")
    return True


def _explained(exc: sqlite3.Error) -> str:
    said = str(exc)
    if getattr(exc, "sqlite_errorname", "") == "SQLITE_READONLY_ROLLBACK":
        return HALF_WRITTEN
    if "unable to open" in said or "readonly" in said:
        return f"can't be opened ({said}): run this as the daemon's user or as root"
    if "malformed" in said or "not a database" in said:
        return DAMAGED.format(said)
    return f"can't be read ({said})"


def _accounts(db: sqlite3.Connection) -> Iterator[AccountStatus]:
    rows = db.execute(
        "SELECT job, name, polled_at, ok_at, outcome, detail, failures, missed_runs, overdue_at FROM accounts"
    )
    for job, name, polled_at, ok_at, outcome, detail, failures, missed_runs, overdue_at in rows:
        yield AccountStatus(
            job=job,
            name=name,
            polled_at=_instant(polled_at),
            ok_at=_instant(ok_at),
            outcome=outcome,
            detail=detail,
            failures=failures,
            missed_runs=missed_runs,
            overdue_at=_instant(overdue_at),
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
            observed_at=_instant(observed_at),
            updated_at=_instant(updated_at),
            missing=missing,
        )


def _alerts(db: sqlite3.Connection) -> Iterator[AlertStatus]:
    rows = db.execute(
        "SELECT id, rule, subject, state, severity, since, reason FROM alerts"
        " ORDER BY state = 'firing' DESC, severity DESC, since"
    )
    for id_, rule, subject, state, severity, since, reason in rows:
        yield AlertStatus(
            id=id_,
            rule=rule,
            subject=subject,
            state=state,
            severity=severity,
            since=_EPOCH + timedelta(microseconds=since),
            reason=reason,
        )


def _pauses(db: sqlite3.Connection) -> Iterator[PauseStatus]:
    for host, until, outcome, detail in db.execute("SELECT host, until, outcome, detail FROM pauses"):
        yield PauseStatus(
            host=host, until=_EPOCH + timedelta(microseconds=until), outcome=outcome, detail=detail
        )


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)
