"""Accounts: the health of their polls, and which polls are overdue.

Statements that run with every poll are built once, here as in the other aggregates: building one costs as much as
running it. Parameters are named after their values; `row_` marks those that a column of the same name would hide.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from monitor.domain.model import NO_STREAK, Account, Health, PollResult, Streak
from monitor.errors import Outcome
from monitor.store.memory import Healths, Memory
from monitor.store.sqlite import insert_new
from monitor.store.tables import accounts, polls

_ACCOUNT = select(accounts).where(accounts.c.job == bindparam("job"), accounts.c.name == bindparam("name"))

_HEALTH_COLUMNS = (
    "polled_at",
    "ok_at",
    "outcome",
    "detail",
    "failures",
    "failures_alike",
    "failures_same",
    "failures_own",
    "failing_since",
    "failing_same_since",
)

_HEALTHS = select(*(accounts.c[name] for name in ("job", "name", *_HEALTH_COLUMNS))).where(
    accounts.c.polled_at.is_not(None), accounts.c.job.in_(bindparam("jobs", expanding=True))
)
"""Runs for all accounts of a provider at every poll during an outage, so it selects only the columns of `Health`."""

_ADD_ACCOUNT = insert(accounts)

_SET_PROVIDER = update(accounts).where(accounts.c.id == bindparam("row_id")).values(provider=bindparam("to"))

_SET_HEALTH = (
    update(accounts)
    .where(accounts.c.id == bindparam("row_id"))
    .values({name: bindparam(f"row_{name}") for name in (*_HEALTH_COLUMNS, "overdue_at")})
)

_SET_OWN_FAILURES = (
    update(accounts)
    .where(accounts.c.job == bindparam("of_job"), accounts.c.name == bindparam("of_name"))
    .values(failures_own=bindparam("own"))
)

_ADD_POLL = insert_new(polls)  # a clock set back may give two polls the same microsecond

_NEW_ACCOUNT = {
    "outcome": Outcome.OK,
    "detail": "",
    "missed_runs": 0,
    **dict.fromkeys(("failures", "failures_alike", "failures_same", "failures_own"), 0),
}


class Accounts:
    """The queries about accounts, within a transaction."""

    def __init__(self, connection: Connection, memory: Memory) -> None:
        self._db = connection
        self._memory = memory
        self._ids: dict[tuple[str, str], int | None] = {}

    def health(self, account: Account, now: datetime) -> Health:
        """Return the health of an account's polls. Adds the account if it is new."""
        key = {"job": account.job, "name": account.name}
        row = self._db.execute(_ACCOUNT, key).one_or_none()
        if row is None:
            new = {**key, **_NEW_ACCOUNT, "provider": account.provider, "added_at": now}
            self._db.execute(_ADD_ACCOUNT, new)
            row = self._db.execute(_ACCOUNT, key).one()
        elif row.provider != account.provider:
            self._db.execute(_SET_PROVIDER, {"row_id": row.id, "to": account.provider})
        self._ids[account.key] = row.id
        return _health(account, row)

    def healths(self, of: Mapping[tuple[str, str], Account]) -> Collection[Health]:
        """Return the healths of accounts, except those never polled. Valid until the next poll is recorded."""
        if not of:
            return ()
        known = next((one for one in self._memory.healths if one.of is of), None)
        if known is None:
            rows = self._db.execute(_HEALTHS, {"jobs": sorted({job for job, _ in of})})
            found = {
                account.key: _health(account, row) for row in rows if (account := of.get((row.job, row.name)))
            }
            known = Healths(of=of, by_account=found)
            self._memory.healths.append(known)
        return known.by_account.values()

    def add_poll(self, health: Health, result: PollResult, overdue_at: datetime | None) -> None:
        """Store a poll's outcome, the account's health after it, and when the next poll is overdue."""
        streak, account_id = health.streak, self.row_id(health.account)
        self._memory.note_health(health)
        self._db.execute(
            _SET_HEALTH,
            {
                "row_id": account_id,
                "row_polled_at": health.last_poll_at,
                "row_ok_at": health.last_ok_at,
                "row_outcome": streak.outcome,
                "row_detail": streak.detail,
                "row_failures": streak.count,
                "row_failures_alike": streak.same_kind,
                "row_failures_same": streak.same,
                "row_failures_own": streak.own,
                "row_failing_since": streak.since,
                "row_failing_same_since": streak.same_since,
                "row_overdue_at": overdue_at,
            },
        )
        self._db.execute(
            _ADD_POLL,
            {
                "account_id": account_id,
                "started_at": result.started_at,
                "finished_at": result.finished_at,
                "outcome": result.outcome,
                "detail": result.detail,
                "attempts": result.attempts,
            },
        )

    def save_own_failures(self, healths: Iterable[Health]) -> None:
        """Store how many failures in a row are the accounts' own, not covered by an outage of the provider."""
        rows = [
            {"of_job": one.account.job, "of_name": one.account.name, "own": one.streak.own} for one in healths
        ]
        if rows:
            self._memory.healths.clear()
            self._db.execute(_SET_OWN_FAILURES, rows)

    def add_missed_runs(self, account: Account, count: int) -> None:
        """Add to the number of scheduled runs that were missed, or replaced by one later run."""
        self._db.execute(
            update(accounts)
            .where(accounts.c.job == account.job, accounts.c.name == account.name)
            .values(missed_runs=accounts.c.missed_runs + count)
        )

    def count_overdue(self, of: Collection[tuple[str, str]], now: datetime) -> int:
        """Return how many of these accounts (job, name) are overdue."""
        rows = self._db.execute(select(accounts.c.job, accounts.c.name).where(accounts.c.overdue_at < now))
        return sum((row.job, row.name) in of for row in rows)

    def row_id(self, account: Account) -> int | None:
        """Return the id of the account's row; None if it has none yet."""
        if account.key not in self._ids:
            row = self._db.execute(_ACCOUNT, {"job": account.job, "name": account.name}).one_or_none()
            self._ids[account.key] = None if row is None else row.id
        return self._ids[account.key]


def _health(account: Account, row: Row[Any]) -> Health:
    streak = NO_STREAK
    if row.failures:
        streak = Streak(
            count=row.failures,
            same_kind=row.failures_alike,
            same=row.failures_same,
            own=row.failures_own,
            since=row.failing_since,
            same_since=row.failing_same_since,
            outcome=Outcome(row.outcome),
            detail=row.detail,
        )
    return Health(account=account, streak=streak, last_poll_at=row.polled_at, last_ok_at=row.ok_at)
