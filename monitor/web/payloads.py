"""What the API says: the pages' values as JSON. `models` describes it, and a test holds the two together."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from monitor.alerting.incidents import chosen, incident_json
from monitor.alerting.status import Status
from monitor.domain.model import Reading
from monitor.domain.money import plain
from monitor.domain.rules import ThresholdLine
from monitor.domain.scale import drawable
from monitor.domain.time import rfc3339
from monitor.store.read.incidents import RESOLVED, Incident
from monitor.store.read.readings import Point
from monitor.web.params import AskedIncidents, AskedReadings
from monitor.web.queries import Band, ChartData
from monitor.web.view import Chosen, Row, RuleState

PAGE = 100
"""Incidents on a page."""
MOST_GAPS = 1000
"""A chart's gaps, the longest ones: more than it has pixels to show."""

Object = dict[str, Any]


def alerts(status: Status) -> Object:
    """What `status` says of alerts."""
    only = replace(status, jobs=(), balances=(), pauses=(), notifications={}, silences=(), undelivered=())
    return {"alerts": only.to_json()["alerts"]}


# Series


def series(page: Chosen) -> Object:
    """A page of series."""
    return {
        "total": page.total,
        "page": page.page,
        "pages": page.pages,
        "series": [_row(row) for row in page.rows],
    }


def _row(row: Row) -> Object:
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
        "observed_at": _time(balance.observed_at),
        "updated_at": _time(balance.updated_at),
        "change_1h": _change(hour),
        "change_24h": _change(day),
        "standing": row.standing,
        "problem": row.problem or None,
        "rules": [_rule(one) for one in row.rules],
        "next_poll_at": _time(row.next_poll),
    }


def _rule(one: RuleState) -> Object:
    alert = None if one.alert is None else one.alert.id
    return {"rule": one.rule, "state": one.state, "expected": one.expected, "alert": alert}


def _change(move: Decimal | None) -> str | None:
    return None if move is None else plain(move)


def _time(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


# Readings


def readings(path: str, asked: AskedReadings, found: Sequence[Reading]) -> Object:
    """A page of readings. `found` has one more than was asked for, where there are more."""
    page = found[: asked.limit]
    return {
        "series": asked.series,
        "readings": [_reading(one) for one in page],
        "next": _next(path, asked, page[-1].observed_at) if len(found) > asked.limit else None,
    }


def _reading(one: Reading) -> Object:
    return {
        "at": rfc3339(one.observed_at),
        "total": plain(one.total),
        "locked": None if one.locked is None else plain(one.locked),
        "available": plain(one.available),
        "updated_at": _time(one.updated_at),
    }


def _next(path: str, asked: AskedReadings, before: datetime) -> str:
    since = {} if asked.since is None else {"since": rfc3339(asked.since)}
    query = {"series": asked.series, **since, "before": rfc3339(before), "limit": asked.limit}
    return f"{path}?{urlencode(query)}"


# Incidents


def incidents(known: Iterable[Incident], asked: AskedIncidents) -> Object:
    """A page of incidents."""
    found = [one for one in chosen(known, asked.state, asked.rule) if _goes_back(one, asked.since)]
    pages = max(1, -(-len(found) // PAGE))
    page = min(asked.page, pages)
    return {
        "total": len(found),
        "page": page,
        "pages": pages,
        "incidents": [incident_json(one) for one in found[(page - 1) * PAGE : page * PAGE]],
    }


def _goes_back(one: Incident, since: datetime | None) -> bool:
    return since is None or one.state != RESOLVED or (one.ended_at or one.since) >= since


# Charts


def chart(of: ChartData) -> Object:
    """What a chart draws. A null stands between two readings where nothing was known."""
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
        "gaps": [[begin.timestamp(), end.timestamp()] for begin, end in _longest(of.gaps)],
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


def _limit(one: ThresholdLine) -> Object:
    return {
        "rule": one.rule,
        "severity": one.severity.word,
        "side": one.side,
        "amount": plain(one.amount),
    }


def _band(one: Band) -> Object:
    return {
        "incident": one.incident,
        "rule": one.rule,
        "severity": one.severity.word,
        "since": one.since.timestamp(),
        "until": None if one.until is None else one.until.timestamp(),
    }
