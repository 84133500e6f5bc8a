"""Series: the last reading of each, and its history."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, func, select

from monitor.domain.model import (
    NO_STREAK,
    Account,
    Reading,
    Series,
    SeriesView,
    Severity,
    State,
    Streak,
)
from monitor.store.accounts import Accounts
from monitor.store.clock import ClockRecord
from monitor.store.sqlite import insert_or_update
from monitor.store.tables import accounts, alerts, provisional, series, snapshots

_SERIES = select(series).where(series.c.account_id == bindparam("account_id"))

_READING = ("total", "available", "locked", "updated_at")

_SAVE_SERIES = insert_or_update(
    series,
    ("account_id", "currency"),
    ("observed_at", *_READING, "missing", "missing_since", "missing_detail"),
)

_SAVE_SNAPSHOT = insert_or_update(snapshots, ("series_id", "observed_at"), _READING)
"""A clock set back may give two readings of a series the same instant: the later one replaces the other."""

_UP_TO_NEWEST = (snapshots.c.series_id == bindparam("series_id")) & (
    snapshots.c.observed_at <= bindparam("newest")
)

_SNAPSHOTS_SINCE = (
    select(snapshots)
    .where(_UP_TO_NEWEST, snapshots.c.observed_at > bindparam("since"))
    .order_by(snapshots.c.observed_at.desc())
)

_SNAPSHOTS_BEFORE = (
    select(snapshots)
    .where(_UP_TO_NEWEST, snapshots.c.observed_at <= bindparam("since"))
    .order_by(snapshots.c.observed_at.desc())
    .limit(bindparam("count"))
)

_PROVISIONAL = exists().where(
    provisional.c.series_id == snapshots.c.series_id, provisional.c.observed_at == snapshots.c.observed_at
)

_PROVISIONAL_SINCE = _SNAPSHOTS_SINCE.where(_PROVISIONAL)

_PROVISIONAL_BEFORE = _SNAPSHOTS_BEFORE.where(_PROVISIONAL)


class Readings:
    """The queries about series and their readings, within a transaction."""

    def __init__(self, connection: Connection, accounts: Accounts, clock: ClockRecord) -> None:
        self._db = connection
        self._accounts = accounts
        self._clock = clock
        self._series_ids: dict[tuple[str, str, str], int] = {}

    def views(self, account: Account, now: datetime) -> dict[str, SeriesView]:
        """Return the account's series by currency: those it names, or if it names none, all that were ever read."""
        rows = self._db.execute(_SERIES, {"account_id": self._accounts.row_id(account)}).all()
        self._series_ids.update({(*account.key, row.currency): row.id for row in rows})
        known = {row.currency: _view(account, row) for row in rows}
        wanted = account.currencies or known
        return {
            currency: known.get(currency) or SeriesView(series=account.series(currency), watched_since=now)
            for currency in wanted
        }

    def save_views(self, views: Sequence[SeriesView]) -> None:
        """Store the views of the series of one account."""
        if not views:
            return
        account_id = self._accounts.row_id(views[0].series.account)
        self._db.execute(_SAVE_SERIES, [_view_values(account_id, view) for view in views])

    def add(self, views: Sequence[SeriesView]) -> None:
        """Add the last reading of each view to the history. Requires that `save_views` has stored the series before."""
        rows = [_reading_values(self._series_id(view.series), view.last) for view in views if view.last]
        if rows:
            self._db.execute(_SAVE_SNAPSHOT, rows)
        for view in views:
            if view.last is not None and view.ahead_until is not None:
                self._clock.add_provisional(self._series_id(view.series), view.last.observed_at)

    def views_by_this_clock(self, account: Account, now: datetime) -> dict[str, SeriesView]:
        """Return the account's series for a poll at `now`. No last reading in them is later than that.

        After the clock was set back, the last reading counts as made just before `now`. Readings ahead of the clock
        stay in the history. Those whose instants have passed since the last poll are set aside, so that they do not
        come between the readings that are made now."""
        known = self.views(account, now)
        if any(view.last is not None and view.last.observed_at > now for view in known.values()):
            self._clock.set_back(now, self._accounts.row_id(account))
            known = self.views(account, now)
        for currency, view in known.items():
            if view.last is None or view.ahead_until is None:
                continue
            number = self._series_id(view.series)
            self._clock.pass_over(number, view.last.observed_at, now)
            if now > view.ahead_until:
                self._clock.end_of_readings_ahead(number, now)
                known[currency] = replace(view, ahead_until=None)
        return known

    def history(
        self, series_: Series, newest: datetime, since: datetime, at_least: int, *, provisional: bool = False
    ) -> tuple[Reading, ...]:
        """Return the readings of a series up to the instant `newest`, oldest first.

        They are all after `since` and the last one before it, and `at_least` so many if there are. With `provisional`,
        only those made since the clock was set back."""
        readings = _SNAPSHOTS_SINCE, _SNAPSHOTS_BEFORE
        if provisional:
            readings = _PROVISIONAL_SINCE, _PROVISIONAL_BEFORE
        which = {"series_id": self._series_id(series_), "newest": newest, "since": since}
        within = self._db.execute(readings[0], which).all()
        count = max(at_least - len(within), 1)
        older = self._db.execute(readings[1], {**which, "count": count}).all()
        return tuple(_reading(row) for row in reversed([*within, *older]))

    def newest(self) -> datetime | None:
        """Return the instant of the newest reading, which may be ahead of the clock; None if there is none."""
        known = [
            self._db.execute(select(func.max(column))).scalar_one()
            for column in (series.c.observed_at, series.c.ahead_until)
        ]
        return max((at for at in known if at is not None), default=None)

    def not_read_since(
        self, at: datetime, rule: str, severity: Severity
    ) -> list[tuple[str, str, str, datetime]]:
        """Return the series (job, account, currency, instant of the last reading) that were not read after `at`.

        For a series never read, the instant is that at which it was added. Series for which the rule already fires
        with this severity or a higher one are left out."""
        name = accounts.c.job + "/" + accounts.c.name + "/" + series.c.currency
        fires = (
            (alerts.c.rule == rule)
            & (alerts.c.subject == name)
            & (alerts.c.state == State.FIRING)
            & (alerts.c.severity >= severity)
        )
        last = func.coalesce(series.c.observed_at, series.c.added_at)
        rows = self._db.execute(
            select(accounts.c.job, accounts.c.name, series.c.currency, last.label("last"))
            .join(series, series.c.account_id == accounts.c.id)
            .where(
                last <= at,
                ~select(alerts.c.rule).where(fires).exists(),
            )
        )
        return [(row.job, row.name, row.currency, row.last) for row in rows]

    def _series_id(self, series_: Series) -> int:
        if series_.key not in self._series_ids:
            rows = self._db.execute(_SERIES, {"account_id": self._accounts.row_id(series_.account)})
            self._series_ids.update({(*series_.account.key, row.currency): row.id for row in rows})
        return self._series_ids[series_.key]


def _view(account: Account, row: Row[Any]) -> SeriesView:
    missing = NO_STREAK
    if row.missing:
        missing = Streak(count=row.missing, since=row.missing_since, detail=row.missing_detail)
    return SeriesView(
        series=account.series(row.currency),
        watched_since=row.added_at,
        last=None if row.observed_at is None else _reading(row),
        missing=missing,
        ahead_until=row.ahead_until,
    )


def _reading(row: Row[Any]) -> Reading:
    return Reading(
        observed_at=row.observed_at,
        total=row.total,
        available=row.available,
        locked=row.locked,
        updated_at=row.updated_at,
    )


def _view_values(account_id: int | None, view: SeriesView) -> dict[str, Any]:
    last, missing = view.last, view.missing
    return {
        "account_id": account_id,
        "currency": view.series.currency,
        "added_at": view.watched_since,
        "observed_at": last.observed_at if last else None,
        "total": last.total if last else None,
        "available": last.available if last else None,
        "locked": last.locked if last else None,
        "updated_at": last.updated_at if last else None,
        "missing": missing.count,
        "missing_since": missing.since,
        "missing_detail": missing.detail,
    }


def _reading_values(series_id: int, reading: Reading) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "observed_at": reading.observed_at,
        "total": reading.total,
        "available": reading.available,
        "locked": reading.locked,
        "updated_at": reading.updated_at,
    }
