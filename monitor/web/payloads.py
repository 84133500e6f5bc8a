"""The JSON objects that only the API returns: series, alerts, readings, charts, and pages of incidents.

Objects that commands print, too, are in `monitor.payloads`."""

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
from monitor.web.params import IncidentsParams, ReadingsParams

PAGE = 100
"""Incidents per page."""
MOST_GAPS = 1000
"""Gaps of a chart, the longest ones: more than a chart has pixels for."""

UnixTime = Annotated[float, Field(description="Seconds since 1970-01-01T00:00:00Z.", examples=[1769956200.0])]


class Problem(TypedDict):
    """An error, in one sentence."""

    detail: str


class Alerts(TypedDict):
    """The pending and firing alerts, the worst first."""

    at: Instant
    alerts: list[Alert]


class RuleState(TypedDict):
    """The state of a rule for one series."""

    rule: str
    state: Annotated[
        str,
        OneOf("inactive", "pending", "firing", "unknown"),
        Field(description="`unknown`: a rule about amounts, while none can be read."),
    ]
    expected: Annotated[
        str, Field(description="What the rule expects.", examples=["available at least 1000"])
    ]
    alert: Annotated[IncidentId | None, Field(description="The incident, if pending or firing.")]


class Series(TypedDict):
    """The current state of a series."""

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
        Field(description="The change of the available amount over an hour; null: unknown."),
    ]
    change_24h: Annotated[Amount | None, Field(description="The change over a day; null: unknown.")]
    standing: Annotated[
        str,
        OneOf("firing", "pending", "unknown", "ok"),
        Field(description="The state of the series: the worst of its rules, or `unknown`."),
    ]
    problem: Annotated[
        str | None,
        Field(
            description="Why the balance may be outdated; null: it is current.",
            examples=["timeout: no complete response within 10s"],
        ),
    ]
    rules: list[RuleState]
    next_poll_at: Instant | None


class Paged(TypedDict):
    """One of several pages."""

    total: Annotated[int, Field(description="The number of items on all pages.")]
    page: Annotated[int, Field(description="The number of this page, from 1.")]
    pages: int


class SeriesPage(Paged):
    """A page of series."""

    at: Instant
    series: list[Series]


class Reading(TypedDict):
    """A reading: the balance of a series at one instant."""

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
            description="Path and query of the next page; null: this is the last one.",
            examples=[
                "/api/v1/readings?series=nami-spot%2Fspot%2FUSDT&before=2026-02-01T14%3A30%3A00.000000Z&limit=100"
            ],
        ),
    ]


class Limit(TypedDict):
    """A limit of a rule, which fires if the amount is on this side of it."""

    rule: str
    severity: Severity
    side: Annotated[str, OneOf("below", "above")]
    amount: Amount


class Band(TypedDict):
    """A span in which an alert fired."""

    incident: IncidentId
    rule: str
    severity: Severity
    since: UnixTime
    until: Annotated[UnixTime | None, Field(description="Null: still firing.")]


class Chart(TypedDict):
    """One amount of a series over a time range, thinned for drawing.

    Of each slice of the range there are the first, last, lowest and highest reading. `times`, `values` and `amounts`
    are parallel."""

    series: str
    field: Annotated[str, OneOf("available", "total", "locked")]
    since: UnixTime
    until: UnixTime
    times: Annotated[list[UnixTime], Field(description="In ascending order.")]
    values: Annotated[
        list[float | None],
        Field(description="For drawing only: the nearest floats. Null: a gap."),
    ]
    amounts: Annotated[list[Amount | None], Field(description="The exact amounts.")]
    limits: list[Limit]
    bands: list[Band]
    gaps: Annotated[
        list[tuple[UnixTime, UnixTime]],
        Field(
            description="The 1,000 longest gaps, each from the last reading before it to the first one after it."
        ),
    ]
    readings: Annotated[int, Field(description="The number of readings in the range, before thinning.")]


class IncidentsPage(Paged):
    """Incidents, the newest first."""

    at: Instant
    incidents: list[Incident]


def alerts(status: Status) -> Alerts:
    """Return the pending and firing alerts of a status."""
    return {"at": rfc3339(status.at), "alerts": [alert(one) for one in status.alerts]}


# Series


def series(page: view.Chosen, at: datetime) -> SeriesPage:
    """Return a page of series with their state at an instant."""
    return {
        "at": rfc3339(at),
        "total": page.total,
        "page": page.page,
        "pages": page.pages,
        "series": [_row(row) for row in page.rows],
    }


def _row(row: view.Row) -> Series:
    account, balance = row.series.account, row.balance
    hour, day = row.changes
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
        "standing": row.state,
        "problem": row.problem or None,
        "rules": [
            {
                "rule": one.rule,
                "state": one.state,
                "expected": one.expected,
                "alert": None if one.alert is None else one.alert.id,
            }
            for one in row.rules
        ],
        "next_poll_at": instant(row.next_poll),
    }


# Readings


def readings(path: str, params: ReadingsParams, found: Sequence[model.Reading]) -> ReadingsPage:
    """Return a page of readings. `found` has one more reading than `limit` if there is a next page."""
    page = found[: params.limit]
    return {
        "series": params.series,
        "readings": [_reading(one) for one in page],
        "next": _next(path, params, page[-1].observed_at) if len(found) > params.limit else None,
    }


def _reading(one: model.Reading) -> Reading:
    return {
        "at": rfc3339(one.observed_at),
        "total": plain(one.total),
        "locked": None if one.locked is None else plain(one.locked),
        "available": plain(one.available),
        "updated_at": instant(one.updated_at),
    }


def _next(path: str, params: ReadingsParams, before: datetime) -> str:
    since = {} if params.since is None else {"since": rfc3339(params.since)}
    query = {"series": params.series, **since, "before": rfc3339(before), "limit": params.limit}
    return f"{path}?{urlencode(query)}"


# Incidents


def incidents(known: Iterable[read.Incident], params: IncidentsParams, at: datetime) -> IncidentsPage:
    """Return a page of the incidents that match a query at an instant."""
    since = params.since
    found = [
        one
        for one in chosen(known, params.state, params.rule)
        if since is None or one.state != read.RESOLVED or (one.ended_at or one.since) >= since
    ]
    pages = max(1, -(-len(found) // PAGE))
    page = min(params.page, pages)
    return {
        "at": rfc3339(at),
        "total": len(found),
        "page": page,
        "pages": pages,
        "incidents": [incident(one) for one in found[(page - 1) * PAGE : page * PAGE]],
    }


# Charts


def chart(of: queries.ChartData) -> Chart:
    """Return the data of a chart. Each gap is one null between two readings."""
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
    """Yield the points in order, with one unknown amount in each gap between two of them."""
    # by their middles: a thinned curve may lack the readings at the edges of a gap, but has none within it
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
