"""Clock changes in the store: which readings are provisional, and which are set aside from the history."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    true,
    update,
)

from monitor.domain.clock import ClockMark
from monitor.domain.time import from_micros, to_micros
from monitor.store.memory import Memory
from monitor.store.sqlite import insert_new, later
from monitor.store.tables import (
    Instant,
    accounts,
    clock,
    notifications,
    provisional,
    series,
    set_aside,
    snapshots,
)

_READING = ("total", "available", "locked", "updated_at")
_JUST_BEFORE = timedelta(microseconds=1)
_KEY = ("series_id", "observed_at")

_HERE = (snapshots.c.series_id == bindparam("of")) & (snapshots.c.observed_at == bindparam("at"))
_SET_ASIDE = insert_new(set_aside).from_select(
    [*_KEY, *_READING, "moved_at", "returns"],
    select(
        *(snapshots.c[name] for name in (*_KEY, *_READING)),
        bindparam("now", type_=Instant),
        bindparam("back", type_=Boolean),
    ).where(_HERE),
)
_NOT_IN_HISTORY = delete(snapshots).where(_HERE)
_NOT_PROVISIONAL = delete(provisional).where(
    provisional.c.series_id == bindparam("of"), provisional.c.observed_at == bindparam("at")
)
_ASIDE = (
    (set_aside.c.series_id == bindparam("of"))
    & (set_aside.c.observed_at == bindparam("at"))
    & (set_aside.c.moved_at == bindparam("then"))
)
_RETURN = insert_new(snapshots).from_select(
    [*_KEY, *_READING], select(*(set_aside.c[name] for name in (*_KEY, *_READING))).where(_ASIDE)
)
_NOT_ASIDE = delete(set_aside).where(_ASIDE)


class ClockRecord:
    """The queries about clock changes, within a transaction. Instants are aware UTC datetimes.

    While there are readings ahead of the clock (with later instants), either clock may have been wrong. New readings
    are `provisional` then, and readings ahead whose instants pass are set aside until that is known. Nothing is
    deleted."""

    def __init__(self, connection: Connection, memory: Memory) -> None:
        self._db = connection
        self._memory = memory

    def mark(self) -> ClockMark:
        """Return the clock changes that are noticed and not resolved."""
        row = self._db.execute(select(clock)).one()
        moved = {from_micros(int(now)): from_micros(before) for now, before in row.alerts.items()}
        return ClockMark(
            set_back_at=row.set_back_at,
            ahead_until=row.ahead_until,
            moved=moved,
            jumped_from=row.jumped_from,
            jumped_to=row.jumped_to,
        )

    def save(self, mark: ClockMark) -> None:
        """Store the clock changes that are noticed and not resolved."""
        self._db.execute(
            update(clock).values(
                set_back_at=mark.set_back_at,
                ahead_until=mark.ahead_until,
                alerts={str(to_micros(now)): to_micros(before) for now, before in mark.moved.items()},
                jumped_from=mark.jumped_from,
                jumped_to=mark.jumped_to,
            )
        )

    def note_doubt(self, doubt: str) -> None:
        """Store why the clock is in doubt, which pauses retention, for `status`; empty: it is not."""
        self._db.execute(update(clock).values(doubt=doubt))

    def latest(self) -> datetime | None:
        """Return the latest instant of a reading or a poll; None if there is none."""
        known = [
            self._db.execute(select(func.max(column))).scalar_one()
            for column in (series.c.observed_at, series.c.ahead_until, accounts.c.polled_at)
        ]
        return max((at for at in known if at is not None), default=None)

    def set_back(self, now: datetime, account_id: int | None = None) -> None:
        """Date the last readings of an account, or of all, just before `now`, to which the clock was set back.

        This concerns series whose last reading is ahead of the clock, and series with other readings ahead, some of
        which were passed when the clock was set forward in part."""
        latest = self.latest()
        if latest is not None and latest > now:
            mark = self.mark()
            began, until = mark.set_back_at or now, mark.ahead_until or latest
            self.save(replace(mark, set_back_at=min(began, now), ahead_until=max(until, latest)))
        between = exists().where(
            snapshots.c.series_id == series.c.id,
            snapshots.c.observed_at > series.c.observed_at,
            snapshots.c.observed_at < now,
        )
        which = (series.c.observed_at > now) | ((series.c.ahead_until > now) & between)
        if account_id is not None:
            which &= series.c.account_id == account_id
        just_before = literal(now - _JUST_BEFORE, Instant)
        copies = select(series.c.id, just_before, *(series.c[name] for name in _READING)).where(which)
        keys = select(series.c.id, just_before).where(which)
        self._db.execute(insert_new(snapshots).from_select([*_KEY, *_READING], copies))
        self._db.execute(insert_new(provisional).from_select([*_KEY], keys))
        last_ahead = later(func.coalesce(series.c.ahead_until, series.c.observed_at), series.c.observed_at)
        self._db.execute(
            update(series).where(which).values(ahead_until=last_ahead, observed_at=now - _JUST_BEFORE)
        )

    def pass_over(self, series_id: int, last: datetime, now: datetime) -> None:
        """Set aside readings of a series that were ahead of its last one and whose instants have passed."""
        self._set_aside(
            select(snapshots.c.series_id, snapshots.c.observed_at).where(
                snapshots.c.series_id == series_id,
                snapshots.c.observed_at > last,
                snapshots.c.observed_at <= now,
            ),
            now,
            returns=True,
        )

    def end_of_readings_ahead(self, series_id: int, now: datetime) -> None:
        """Make the readings since the clock was set back the history of a series: none are ahead any more."""
        self._db.execute(update(series).where(series.c.id == series_id).values(ahead_until=None))
        self._db.execute(delete(provisional).where(provisional.c.series_id == series_id))
        self._keep_aside(set_aside.c.series_id == series_id, now)

    def _keep_aside(self, which: ColumnElement[bool], now: datetime) -> None:
        kept = self._db.execute(update(set_aside).where(which, set_aside.c.returns).values(returns=False))
        if kept.rowcount:
            self._db.execute(update(clock).values(set_aside_at=now))

    def add_provisional(self, series_id: int, at: datetime) -> None:
        """Mark a reading that was made while others are ahead of the clock."""
        self._db.execute(insert_new(provisional).values(series_id=series_id, observed_at=at))

    def restore_readings_ahead(self) -> None:
        """Make the reading furthest ahead the last one of each series: the clock was behind and is right again."""
        there = (snapshots.c.series_id == series.c.id) & (snapshots.c.observed_at == series.c.ahead_until)
        reading = {
            name: select(snapshots.c[name]).where(there).scalar_subquery()
            for name in ("observed_at", *_READING)
        }
        marked = series.c.ahead_until.is_not(None)
        self._db.execute(
            update(series).where(marked, exists(select(snapshots).where(there))).values(**reading)
        )
        self._db.execute(update(series).where(marked).values(ahead_until=None))

    def forget(self, now: datetime) -> None:
        """Accept the current clock as right: the readings since it was set back are the history."""
        self._memory.healths.clear()  # instants ahead of the clock are moved below
        self._db.execute(update(series).where(series.c.ahead_until.is_not(None)).values(ahead_until=None))
        self._db.execute(delete(provisional))
        self._keep_aside(true(), now)
        for column in (
            accounts.c.polled_at,
            accounts.c.ok_at,
            accounts.c.failing_since,
            accounts.c.overdue_at,
        ):
            self._db.execute(update(accounts).where(column > now).values({column: now}))
        mark = self.mark()
        self.save(ClockMark(jumped_from=mark.jumped_from, jumped_to=mark.jumped_to))

    def return_some(self, now: datetime, limit: int) -> int:
        """Return up to `limit` readings that were passed over to the history; return how many."""
        keys = (set_aside.c.series_id, set_aside.c.observed_at, set_aside.c.moved_at)
        rows = self._db.execute(select(*keys).where(set_aside.c.returns).limit(limit)).all()
        if rows:
            params = [{"of": row.series_id, "at": row.observed_at, "then": row.moved_at} for row in rows]
            # a reading in its place was made at the same instant by the clock that was behind
            self._db.execute(_SET_ASIDE, [{**one, "now": now, "back": False} for one in params])
            self._db.execute(_NOT_IN_HISTORY, params)
            self._db.execute(_NOT_PROVISIONAL, params)
            self._db.execute(_RETURN, params)
            self._db.execute(_NOT_ASIDE, params)
        return len(rows)

    def set_aside_provisional(self, now: datetime, limit: int) -> int:
        """Set aside up to `limit` readings that were made while the clock was behind; return how many."""
        return self._set_aside(select(provisional.c.series_id, provisional.c.observed_at).limit(limit), now)

    def set_aside_ahead(self, now: datetime, limit: int) -> int:
        """Set aside up to `limit` readings that are ahead of their series' last one; return how many."""
        return self._set_aside(
            select(snapshots.c.series_id, snapshots.c.observed_at)
            .join(series, series.c.id == snapshots.c.series_id)
            .where(series.c.ahead_until.is_not(None), snapshots.c.observed_at > series.c.observed_at)
            .limit(limit),
            now,
        )

    def _set_aside(self, which: Select[tuple[int, datetime]], now: datetime, *, returns: bool = False) -> int:
        rows = self._db.execute(which).all()
        if rows:
            params = [{"of": row.series_id, "at": row.observed_at} for row in rows]
            self._db.execute(_SET_ASIDE, [one | {"now": now, "back": returns} for one in params])
            self._db.execute(_NOT_IN_HISTORY, params)
            if not returns:
                self._db.execute(_NOT_PROVISIONAL, params)
                self._db.execute(update(clock).values(set_aside_at=now))
        return len(rows)

    # What is scheduled

    def move_deliveries_back(self, now: datetime, by: timedelta) -> None:
        """Move deliveries planned ahead of a clock set back, so that they wait no longer than before."""
        planned, failing = notifications.c.next_attempt_at, notifications.c.failing_since
        waits = notifications.c.status == "pending"
        self._db.execute(
            update(notifications).where(waits, planned > now).values(next_attempt_at=planned - _micros(by))
        )
        self._db.execute(update(notifications).where(waits, failing > now).values(failing_since=now))

    def count_failures_from(self, now: datetime, since: datetime) -> None:
        """Count failing deliveries from `now`, if by a clock that jumped they began to fail between `since` and now."""
        failing = notifications.c.failing_since
        which = (notifications.c.status == "pending") & (failing >= since) & (failing < now)
        self._db.execute(update(notifications).where(which).values(failing_since=now))

    def move_forward(self, by: timedelta) -> None:
        """Move all instants by which the daemon waits along with a clock set forward.

        Deliveries and overdue polls wait no less than before, and the last readings keep their age."""
        self._db.execute(update(accounts).values(overdue_at=accounts.c.overdue_at + _micros(by)))
        self._db.execute(update(series).values(observed_at=series.c.observed_at + _micros(by)))
        planned, failing = notifications.c.next_attempt_at, notifications.c.failing_since
        later = {"next_attempt_at": planned + _micros(by), "failing_since": failing + _micros(by)}
        self._db.execute(update(notifications).where(notifications.c.status == "pending").values(**later))


def _micros(by: timedelta) -> BindParameter[int]:
    """Return a span in microseconds, which SQL adds to a stored instant."""
    return literal(by // timedelta(microseconds=1), BigInteger)
