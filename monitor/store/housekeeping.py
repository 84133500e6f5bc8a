"""Housekeeping: delete old rows, and return their pages to the file system."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, TableClause, delete, func, select, tuple_

from monitor.store import sqlite
from monitor.store.tables import (
    accounts,
    alerts,
    attempts,
    calls,
    events,
    notes,
    notifications,
    pauses,
    polls,
    series,
    set_aside,
    silences,
    snapshots,
)


class Housekeeping:
    """The queries that delete, within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to about `limit` rows older than `before` of each table; return how many were deleted.

        Ongoing incidents are kept whole. The last reading of a series is kept in the series' own row."""
        gone = self._prune_clustered(
            snapshots.c.series_id, snapshots.c.observed_at, series.c.id, before, limit
        )
        gone += self._prune_clustered(polls.c.account_id, polls.c.started_at, accounts.c.id, before, limit)
        completed = (notifications.c.settled_at < before) & ~_is_ongoing(notifications.c.incident)
        of_completed = select(notifications.c.id).where(completed)
        # attempts refer to notifications by a foreign key, so they go first
        self._db.execute(delete(attempts).where(attempts.c.notification_id.in_(of_completed)))
        gone += self._prune_some(notifications, (notifications.c.id,), completed, limit)
        notified = select(notifications.c.id).where(notifications.c.incident == events.c.incident).exists()
        over = (events.c.at < before) & ~_is_ongoing(events.c.incident) & ~notified
        gone += self._prune_some(events, (events.c.incident, events.c.seq), over, limit)
        noted = (notes.c.at < before) & ~_is_ongoing(notes.c.incident)
        gone += self._prune_some(notes, (notes.c.id,), noted, limit)
        gone += self._prune_some(
            set_aside,
            (set_aside.c.series_id, set_aside.c.observed_at, set_aside.c.moved_at),
            (set_aside.c.moved_at < before) & ~set_aside.c.returns,
            limit,
        )
        # few rows, and so without a limit
        self._db.execute(delete(pauses).where(pauses.c.until < before))
        self._db.execute(delete(silences).where(silences.c.ends_at < before))
        return gone

    def prune_calls(self, before: datetime) -> None:
        """Delete calls before an instant, which no limit counts any more."""
        self._db.execute(delete(calls).where(calls.c.at < before))

    def prune_all_calls_but(self, newest: int) -> None:
        """Delete the calls of each host except for the newest, by count: the clock may be wrong."""
        number = func.row_number().over(partition_by=calls.c.host, order_by=calls.c.at.desc())
        numbered = select(calls.c.host, calls.c.at, calls.c.caller, number.label("number")).subquery()
        old = select(numbered.c.host, numbered.c.at, numbered.c.caller).where(numbered.c.number > newest)
        self._db.execute(delete(calls).where(tuple_(calls.c.host, calls.c.at, calls.c.caller).in_(old)))

    def release_pages(self, pages: int) -> None:
        """Return up to `pages` free pages at the end of the file to the file system."""
        sqlite.release_pages(self._db, pages)

    def _prune_clustered(
        self, owner: Column[int], at: Column[datetime], owners: Column[int], before: datetime, limit: int
    ) -> int:
        """Delete per owner, along the clustered key: a scan of the whole table takes long even if nothing is old."""
        has_old = select(owner).where(owner == owners, at < before).exists()
        gone = 0
        for (one,) in self._db.execute(select(owners).where(has_old)).all():
            if gone >= limit:
                break
            gone += self._prune_some(owner.table, (owner, at), (owner == one) & (at < before), limit - gone)
        return gone

    def _prune_some(
        self, table: TableClause, key: tuple[Column[Any], ...], old: ColumnElement[bool], limit: int
    ) -> int:
        some = select(*key).where(old).limit(limit)
        return self._db.execute(delete(table).where(tuple_(*key).in_(some))).rowcount


def _is_ongoing(incident: Column[str]) -> ColumnElement[bool]:
    """Return the condition that an incident is ongoing."""
    return select(alerts.c.id).where(alerts.c.id == incident).exists()
