"""What only the API answers: series and alerts as they stand, readings, charts, and pages of incidents.

What commands print as well is in `monitor.payloads`."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field
from typing_extensions import TypedDict

from monitor.alerting.incidents import chosen
from monitor.alerting.status import Status
from monitor.domain import model
from monitor.domain.money import plain
from monitor.domain.rules import ThresholdLine
from monitor.domain.scale import drawable
from monitor.domain.time import rfc3339
from monitor.payloads.incidents import Incident, incident
from monitor.payloads.status import Alert, alert
from monitor.payloads.values import Amount, IncidentId, Instant, OneOf, Severity, instant
from monitor.store.read import incidents as read
from monitor.store.read.readings import Point
from monitor.web import queries, view
from monitor.web.params import AskedIncidents, AskedReadings

PAGE = 100
"""Incidents on a page."""
MOST_GAPS = 1000
"""A chart's gaps, the longest ones: more than it has pixels to show."""

UnixTime = Annotated[float, Field(description="Seconds since 1970-01-01T00:00:00Z.", examples=[1769956200.0])]


class Problem(TypedDict):
    """What is wrong, in a sentence."""

    detail: str


class Alerts(TypedDict):
    """What is pending or fires, the worst first."""

    at: Instant
    alerts: list[Alert]


class RuleState(TypedDict):
    """A rule over a series."""

    rule: str
    state: Annotated[
        str,
        OneOf("inactive", "pending", "firing", "unknown"),
        Field(description="`unknown`: a rule over amounts, while none is read."),
    ]
    expected: Annotated[
        str, Field(description="What it wants, in words.", examples=["available at least 1000"])
    ]
    alert: Annotated[IncidentId | None, Field(description="The incident, while it is pending or fires.")]


class Series(TypedDict):
    """A series as it stands."""

    series: Annotated[str, Field(examples=["nami-spot/spot/USDT"])]
    job: str
    account: str
    currency: str
    provider: str
    labels: dict[str, str]
    total: Amount | None
    locked: Amount | None
    available: Amount | None
    observed_at: Instant | None
    updated_at: Instant | None
    change_1h: Annotated[
        Amount | None,
        Field(description="How far the available amount is from where it was an hour ago; null: not known."),
    ]
    change_24h: Annotated[Amount | None, Field(description="The same over a day.")]
    standing: Annotated[
        str, OneOf("firing", "pending", "unknown", "ok"), Field(description="The worst there is to say.")
    ]
    problem: Annotated[
        str | None,
        Field(
            description="Why the balance may not be what it is now; null: nothing speaks against it.",
            examples=["timeout: no answer within 10 s"],
        ),
    ]
    rules: list[RuleState]
    next_poll_at: Instant | None


class Paged(TypedDict):
    """One page of many."""

    total: Annotated[int, Field(description="How many there are on all pages.")]
    page: Annotated[int, Field(description="Which page this is, from 1 on.")]
    pages: int


class SeriesPage(Paged):
    """A page of series."""

    at: Instant
    series: list[Series]


class Reading(TypedDict):
    """A reading."""

    at: Instant
    total: Amount
    locked: Amount | None
    available: Amount
    updated_at: Instant | None


class ReadingsPage(TypedDict):
    """Readings, the newest first."""

    series: str
    readings: list[Reading]
    next: Annotated[
        str | None,
        Field(
            description="Where there are more: the path and query of the next page.",
            examples=[
                "/api/v1/readings?series=nami-spot%2Fspot%2FUSDT&before=2026-02-01T14%3A30%3A00.000000Z&limit=100"
            ],
        ),
    ]


class Limit(TypedDict):
    """An amount that a rule wants the balance to stay above (it fires `below`) or below."""

    rule: str
    severity: Severity
    side: Annotated[str, OneOf("below", "above")]
    amount: Amount


class Band(TypedDict):
    """A time in which an alert fired."""

    incident: IncidentId
    rule: str
    severity: Severity
    since: UnixTime
    until: Annotated[UnixTime | None, Field(description="Null: it still fires.")]


class Chart(TypedDict):
    """How an amount went, thinned for a picture: of every part of it the first and the last reading, the lowest and
    the highest. `times`, `values` and `amounts` are parallel."""

    series: str
    field: Annotated[str, OneOf("available", "total", "locked")]
    since: UnixTime
    until: UnixTime
    times: Annotated[list[UnixTime], Field(description="In order.")]
    values: Annotated[
        list[float | None],
        Field(description="For drawing only: the nearest floats. Null: nothing was known about then."),
    ]
    amounts: Annotated[list[Amount | None], Field(description="The same, exact.")]
    limits: list[Limit]
    bands: list[Band]
    gaps: Annotated[
        list[tuple[UnixTime, UnixTime]],
        Field(
            description="When nothing was known, from the last reading before to the first one after; "
            "the 1,000 longest."
        ),
    ]
    readings: Annotated[int, Field(description="How many readings this stands for.")]


class IncidentsPage(Paged):
    """Incidents, the newest first."""

    at: Instant
    incidents: list[Incident]


def alerts(status: Status) -> Alerts:
    """Return what `status` says of alerts."""
    return {"at": rfc3339(status.at), "alerts": [alert(one) for one in status.alerts]}


# Series


def series(page: view.Chosen, at: datetime) -> SeriesPage:
    """Return a page of series as they stand at an instant."""
    return {
        "at": rfc3339(at),
        "total": page.total,
        "page": page.page,
        "pages": page.pages,
        "series": [_row(row) for row in page.rows],
    }


def _row(row: view.Row) -> Series:
    account, balance = row.series.account, row.balance
    hour, day = row.moves
    return {
        "series": row.name,
        "job": account.job,
        "account": account.name,
        "currency": row.series.currency,
        "provider": account.provider,
        "labels": dict(account.labels),
        "total": balance.total,
        "locked": balance.locked,
        "available": balance.available,
        "observed_at": instant(balance.observed_at),
        "updated_at": instant(balance.updated_at),
        "change_1h": None if hour is None else plain(hour),
        "change_24h": None if day is None else plain(day),
        "standing": row.standing,
        "problem": row.problem or None,
        "rules": [_rule(one) for one in row.rules],
        "next_poll_at": instant(row.next_poll),
    }


def _rule(one: view.RuleState) -> RuleState:
    incident = None if one.alert is None else one.alert.id
    return {"rule": one.rule, "state": one.state, "expected": one.expected, "alert": incident}


# Readings


def readings(path: str, asked: AskedReadings, found: Sequence[model.Reading]) -> ReadingsPage:
    """Return a page of readings. `found` has one more than was asked for, where there are more."""
    page = found[: asked.limit]
    return {
        "series": asked.series,
        "readings": [_reading(one) for one in page],
        "next": _next(path, asked, page[-1].observed_at) if len(found) > asked.limit else None,
    }


def _reading(one: model.Reading) -> Reading:
    return {
        "at": rfc3339(one.observed_at),
        "total": plain(one.total),
        "locked": None if one.locked is None else plain(one.locked),
        "available": plain(one.available),
        "updated_at": instant(one.updated_at),
    }


def _next(path: str, asked: AskedReadings, before: datetime) -> str:
    since = {} if asked.since is None else {"since": rfc3339(asked.since)}
    query = {"series": asked.series, **since, "before": rfc3339(before), "limit": asked.limit}
    return f"{path}?{urlencode(query)}"


# Incidents


def incidents(known: Iterable[read.Incident], asked: AskedIncidents, at: datetime) -> IncidentsPage:
    """Return a page of the incidents that are asked for at an instant."""
    found = [one for one in chosen(known, asked.state, asked.rule) if _goes_back(one, asked.since)]
    pages = max(1, -(-len(found) // PAGE))
    page = min(asked.page, pages)
    return {
        "at": rfc3339(at),
        "total": len(found),
        "page": page,
        "pages": pages,
        "incidents": [incident(one) for one in found[(page - 1) * PAGE : page * PAGE]],
    }


def _goes_back(one: read.Incident, since: datetime | None) -> bool:
    return since is None or one.state != read.RESOLVED or (one.ended_at or one.since) >= since


# Charts


def chart(of: queries.ChartData) -> Chart:
    """Return what a chart draws. A null stands between two readings where nothing was known."""
    points = list(_with_gaps(of.curve.points, of.gaps))
    return {
        "series": of.series,
        "field": of.field,
        "since": of.since.timestamp(),
        "until": of.until.timestamp(),
        "times": [at for at, _ in points],
        "values": [None if amount is None else drawable(amount) for _, amount in points],
        "amounts": [amount for _, amount in points],
        "limits": [_limit(one) for one in of.limits],
        "bands": [_band(one) for one in of.bands],
        "gaps": [(begin.timestamp(), end.timestamp()) for begin, end in _longest(of.gaps)],
        "readings": of.curve.readings,
    }


def _with_gaps(
    points: Sequence[Point], gaps: Iterable[tuple[datetime, datetime]]
) -> Iterator[tuple[float, str | None]]:
    """The points in order, and one unknown between two of them if there is a gap. Thinned, a curve may lack the
    readings right at a gap's edges, but it has none within it."""
    middles = deque(sorted(begin + (end - begin) / 2 for begin, end in gaps))
    before: Point | None = None
    for point in points:
        gap = None
        while middles and middles[0] < point.at:
            gap = middles.popleft()
        if gap is not None and before is not None:
            yield gap.timestamp(), None
        yield point.at.timestamp(), point.amount
        before = point


def _longest(gaps: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    def length(gap: tuple[datetime, datetime]) -> timedelta:
        return gap[1] - gap[0]

    return sorted(heapq.nlargest(MOST_GAPS, gaps, key=length))


def _limit(one: ThresholdLine) -> Limit:
    return {
        "rule": one.rule,
        "severity": one.severity.word,
        "side": one.side,
        "amount": plain(one.amount),
    }


def _band(one: queries.Band) -> Band:
    return {
        "incident": one.incident,
        "rule": one.rule,
        "severity": one.severity.word,
        "since": one.since.timestamp(),
        "until": None if one.until is None else one.until.timestamp(),
    }
