"""The statements that run with every poll, built once: building one costs as much as running it.

Parameters are named as the values they stand for; `row_` marks those that a column of the same name would hide.
"""

from sqlalchemy import Insert, Table, bindparam, exists, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.store.tables import (
    accounts,
    alerts,
    calls,
    pauses,
    polls,
    provisional,
    series,
    silences,
    snapshots,
)

ACCOUNT = select(accounts).where(accounts.c.job == bindparam("job"), accounts.c.name == bindparam("name"))

HEALTHS = select(
    *(
        accounts.c[name]
        for name in (
            *("job", "name", "polled_at", "ok_at", "outcome", "detail"),
            *(
                "failures",
                "failures_alike",
                "failures_same",
                "failures_own",
                "failing_since",
                "failing_same_since",
            ),
        )
    )
).where(accounts.c.polled_at.is_not(None), accounts.c.job.in_(bindparam("jobs", expanding=True)))
"""Of all a provider's accounts, with every poll during an outage: no column more than a health is made of."""

ADD_ACCOUNT = insert(accounts)

SET_PROVIDER = update(accounts).where(accounts.c.id == bindparam("row_id")).values(provider=bindparam("to"))

SET_HEALTH = (
    update(accounts)
    .where(accounts.c.id == bindparam("row_id"))
    .values(
        {
            name: bindparam(f"row_{name}")
            for name in (
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
                "overdue_at",
            )
        }
    )
)

SET_OWN_FAILURES = (
    update(accounts)
    .where(accounts.c.job == bindparam("of_job"), accounts.c.name == bindparam("of_name"))
    .values(failures_own=bindparam("own"))
)

ADD_POLL = upsert(polls).on_conflict_do_nothing()  # two polls in one microsecond: a clock set back

ADD_CALL = upsert(calls).on_conflict_do_nothing()  # of one process in one microsecond: a clock set back

END_CALL = (
    update(calls)
    .where(
        calls.c.host == bindparam("of_host"),
        calls.c.at == bindparam("noted_at"),
        calls.c.caller == bindparam("of_caller"),
    )
    .values(ends_by=bindparam("ended_at"))
)

CALLS = select(calls.c.caller, calls.c.at, calls.c.ends_by).where(
    calls.c.host == bindparam("host"),
    calls.c.at >= bindparam("since"),
    calls.c.caller != bindparam("besides"),
)

PAUSES = select(pauses).where(pauses.c.until > bindparam("now"))

SERIES = select(series).where(series.c.account_id == bindparam("account_id"))

_READING = ("total", "available", "locked", "updated_at")


def _replacing(table: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> Insert:
    """An insert, or where the key is there already, an update of these columns."""
    new = upsert(table)
    return new.on_conflict_do_update(index_elements=key, set_={name: new.excluded[name] for name in columns})


SAVE_SERIES = _replacing(
    series,
    ("account_id", "currency"),
    ("observed_at", *_READING, "missing", "missing_since", "missing_detail"),
)

SAVE_SNAPSHOT = _replacing(snapshots, ("series_id", "observed_at"), _READING)
"""The same instant twice: a clock set back."""

_UP_TO_NEWEST = (snapshots.c.series_id == bindparam("series_id")) & (
    snapshots.c.observed_at <= bindparam("newest")
)

SNAPSHOTS_SINCE = (
    select(snapshots)
    .where(_UP_TO_NEWEST, snapshots.c.observed_at > bindparam("since"))
    .order_by(snapshots.c.observed_at.desc())
)

SNAPSHOTS_BEFORE = (
    select(snapshots)
    .where(_UP_TO_NEWEST, snapshots.c.observed_at <= bindparam("since"))
    .order_by(snapshots.c.observed_at.desc())
    .limit(bindparam("count"))
)

_PROVISIONAL = exists().where(
    provisional.c.series_id == snapshots.c.series_id, provisional.c.observed_at == snapshots.c.observed_at
)
PROVISIONAL_SINCE = SNAPSHOTS_SINCE.where(_PROVISIONAL)
PROVISIONAL_BEFORE = SNAPSHOTS_BEFORE.where(_PROVISIONAL)

ALERTS_ABOUT = select(alerts).where(alerts.c.subject.in_(bindparam("subjects", expanding=True)))

SAVE_ALERT = _replacing(
    alerts,
    ("rule", "subject"),
    tuple(column.name for column in alerts.c if not column.primary_key),
)

SILENCES = select(silences).where(silences.c.ends_at > bindparam("now"))

FIRING = (
    select(alerts.c.rule, alerts.c.subject, alerts.c.severity)
    .where(alerts.c.state == "firing")
    .order_by(alerts.c.fired_at)
)

MUTABLE = select(alerts.c.rule, alerts.c.subject, alerts.c.state, alerts.c.severity, alerts.c.muted).where(
    (alerts.c.state == "firing") | (alerts.c.muted != "")
)
