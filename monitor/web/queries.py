"""What all pages share: looks at the store, kept for a moment, so that many visitors cost little more than one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.registry import Collector

from monitor.alerting.incidents import Entry, entries
from monitor.config import Config
from monitor.domain.model import Field, Reading, Severity, Subject
from monitor.domain.rules import ThresholdLine, threshold_lines
from monitor.store.read import readings
from monitor.store.read.incidents import Incident, Timeline, incidents, timeline
from monitor.store.read.readings import Curve, Outline
from monitor.web.cache import Shelf
from monitor.web.view import DAY, Live, Overview, Row, take

SLICES = 600
"""Parts of a chart's width, each with its first and last reading, its lowest and its highest: a pixel or two."""
OUTLINE = 48
"""Parts of a day in the small pictures beside balances."""


TROUBLE_LASTS = 5.0
"""Seconds for which it is not asked again what keeps the daemon from its work: an answer that took long is bad news,
and no probe should hear of it long after it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A time in which an alert fired; `until` None: it still does. Instants are in UTC."""

    incident: str
    rule: str
    severity: Severity
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartData:
    """How one amount of a series went, with what its rules want and what fired. `gaps` are when nothing was known."""

    series: str
    field: Field
    since: datetime
    until: datetime
    curve: Curve
    gaps: Sequence[tuple[datetime, datetime]]
    limits: Sequence[ThresholdLine]
    bands: Sequence[Band]


class Site:
    """The pages' way to what they show. May be asked by many threads at once.

    All of it may raise StoreError."""

    def __init__(
        self,
        *,
        config: Callable[[], Config],
        live: Callable[[], Live],
        hang: Callable[[], str],
        trouble: Callable[[], str],
        clock: Callable[[], datetime],
        metrics: Collector,
    ) -> None:
        self._hang = hang
        self._trouble = trouble
        self._troubles: Shelf[str] = Shelf(2, longest=TROUBLE_LASTS)
        self._config = config
        self._live = live
        self.clock = clock
        self.metrics = metrics
        self._overviews: Shelf[Overview] = Shelf(4)
        self._outlines: Shelf[dict[str, Outline]] = Shelf(64)
        self._incidents: Shelf[list[Incident]] = Shelf(4)
        self._charts: Shelf[ChartData] = Shelf(64)

    @property
    def config(self) -> Config:
        """The configuration, as it is now."""
        return self._config()

    @property
    def live(self) -> Live:
        """The process, as it is now."""
        return self._live()

    def hang(self) -> str:
        """What a restart would mend; empty: nothing."""
        return self._troubles.get("hang", self._hang)

    def trouble(self) -> str:
        """What keeps the daemon from its work; empty: nothing."""
        return self._troubles.get("trouble", self._trouble)

    def overview(self) -> Overview:
        """All there is to see."""
        config = self.config
        return self._overviews.get(config, lambda: take(config, self.live, self.clock()))

    def outlines(self, rows: Sequence[Row]) -> dict[str, Outline]:
        """The last day of these series, in small."""
        config, now = self.config, self.clock()
        gaps_after = {row.name: config.gaps_after.get(row.balance.job, DAY) for row in rows}
        return self._outlines.get(
            (config, *gaps_after),
            lambda: readings.outlines(
                config.store.path, gaps_after, since=now - DAY, until=now, slices=OUTLINE
            ),
        )

    def incidents(self) -> list[Incident]:
        """All incidents that are kept, the newest first."""
        path = self.config.store.path
        return self._incidents.get(path, lambda: incidents(path))

    def incidents_of(self, row: Row) -> list[Incident]:
        """Those of a series: its own, its account's, and its provider's."""
        account = row.series.account
        subjects = {row.name, Subject.of_account(account), Subject.of_provider(account.provider)}
        return [one for one in self.incidents() if one.subject in subjects]

    def timeline(self, incident: str) -> tuple[Timeline, list[Entry]] | None:
        """An incident with all that happened; None where nothing is kept of it."""
        found = timeline(self.config.store.path, incident)
        return None if found is None else (found, entries(found, self.clock()))

    def readings(
        self, series: str, since: datetime | None, before: datetime | None, limit: int
    ) -> list[Reading]:
        """The newest readings of a series in a while, the newest first."""
        return readings.readings(self.config.store.path, series, since=since, before=before, limit=limit)

    def chart(self, row: Row, field: Field, span: timedelta, until: datetime | None = None) -> ChartData:
        """How an amount of a series went over a while, up to an instant; None: now."""
        return self._charts.get(
            (row.name, field, span, until), lambda: self._chart(row, field, span, until or self.clock())
        )

    def _chart(self, row: Row, field: Field, span: timedelta, until: datetime) -> ChartData:
        config, since = self.config, until - span
        gap_after = config.gaps_after.get(row.balance.job, DAY)
        curve = readings.curve(
            config.store.path, row.name, field, since=since, until=until, slices=SLICES, gap_after=gap_after
        )
        gaps = list(curve.gaps)
        known = (curve.points[0].at, curve.points[-1].at) if curve.points else (until, until)
        if known[0] - since > gap_after and not any(begins < since for begins, _ in gaps):
            gaps.insert(0, (since, known[0]))
        if min(until, self.clock()) - known[1] > gap_after:
            gaps.append((known[1], until))
        return ChartData(
            series=row.name,
            field=field,
            since=since,
            until=until,
            curve=curve,
            gaps=gaps,
            limits=threshold_lines(config.rules_of(row.series), row.series, field),
            bands=[_band(one) for one in self.incidents_of(row) if _overlaps(one, since, until)],
        )


def _overlaps(one: Incident, since: datetime, until: datetime) -> bool:
    """Whether it fired in a while. One whose end nobody knows any more was a moment."""
    if one.state == "pending":
        return False
    ended = until if one.state == "firing" else one.ended_at or one.since
    return one.began <= until and ended >= since


def _band(one: Incident) -> Band:
    until = None if one.state == "firing" else one.ended_at or one.since
    return Band(incident=one.id, rule=one.rule, severity=Severity(one.severity), since=one.began, until=until)
