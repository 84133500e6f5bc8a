"""The queries that pages and API share. Results are cached for a moment: many visitors cost little more than one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from monitor.web.cache import Cache
from monitor.web.view import DAY, Live, Overview, Row, read_overview

SLICES = 600
"""Slices of a chart, a pixel or two wide. The first, last, lowest and highest reading of each are drawn."""
OUTLINE = 48
"""Slices of a day in the small charts beside balances."""
PROBLEM_CACHED = 5.0
"""Seconds for which a liveness or readiness problem is cached, at most: a result that took long would otherwise be
cached for so long that probes see the problem after it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A span in which an alert fired; `until` None: it still fires. Instants are in UTC."""

    incident: str
    rule: str
    severity: Severity
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartData:
    """The data of a chart: an amount over time, with gaps, limits and firing alerts. Instants are in UTC."""

    series: str
    field: Field
    since: datetime
    until: datetime
    curve: Curve
    gaps: Sequence[tuple[datetime, datetime]]
    limits: Sequence[ThresholdLine]
    bands: Sequence[Band]


class Site:
    """The data of the web interface. Any number of threads may use it.

    Every method that reads the store raises StoreError if it cannot be read."""

    def __init__(
        self,
        *,
        config: Callable[[], Config],
        live: Callable[[], Live],
        liveness_problem: Callable[[], str],
        readiness_problem: Callable[[], str],
        clock: Callable[[], datetime],
        metrics: Collector,
    ) -> None:
        self._liveness_problem = liveness_problem
        self._readiness_problem = readiness_problem
        self._problems: Cache[str] = Cache(2, longest=PROBLEM_CACHED)
        self._config = config
        self._live = live
        self.clock = clock
        self.metrics = metrics
        self._overviews: Cache[Overview] = Cache(4)
        self._outlines: Cache[dict[str, Outline]] = Cache(64)
        self._incidents: Cache[list[Incident]] = Cache(4)
        self._charts: Cache[ChartData] = Cache(64)

    @property
    def config(self) -> Config:
        """Return the configuration in force."""
        return self._config()

    @property
    def live(self) -> Live:
        """Return the state of the running process."""
        return self._live()

    def liveness_problem(self) -> str:
        """Return the problem that a restart would fix; empty: none."""
        return self._problems.get("liveness", self._liveness_problem)

    def readiness_problem(self) -> str:
        """Return why the daemon does not do its work; empty: it does."""
        return self._problems.get("readiness", self._readiness_problem)

    def overview(self) -> Overview:
        """Return everything that the overview shows."""
        config = self.config
        return self._overviews.get(config, lambda: read_overview(config, self.live, self.clock()))

    def outlines(self, rows: Sequence[Row]) -> dict[str, Outline]:
        """Return the outlines of the last day, by series."""
        config, now = self.config, self.clock()
        gaps_after = {row.name: config.gaps_after.get(row.balance.job, DAY) for row in rows}
        return self._outlines.get(
            (config, *gaps_after),
            lambda: readings.outlines(
                config.store.path, gaps_after, since=now - DAY, until=now, slices=OUTLINE
            ),
        )

    def incidents(self) -> list[Incident]:
        """Return all stored incidents, the newest first."""
        path = self.config.store.path
        return self._incidents.get(path, lambda: incidents(path))

    def incidents_of(self, row: Row) -> list[Incident]:
        """Return the incidents of a series, of its account and of its provider, the newest first."""
        account = row.series.account
        subjects = {row.name, Subject.of_account(account), Subject.of_provider(account.provider)}
        return [one for one in self.incidents() if one.subject in subjects]

    def timeline(self, incident: str) -> tuple[Timeline, list[Entry]] | None:
        """Return an incident with its timeline; None if it is not stored."""
        found = timeline(self.config.store.path, incident)
        return None if found is None else (found, entries(found, self.clock()))

    def readings(
        self, series: str, since: datetime | None, before: datetime | None, limit: int
    ) -> list[Reading]:
        """Return the readings of a series from `since` to before `before`, the newest first; None: no bound."""
        return readings.readings(self.config.store.path, series, since=since, before=before, limit=limit)

    def chart(self, row: Row, field: Field, span: timedelta, until: datetime | None = None) -> ChartData:
        """Return the chart of an amount over a span that ends at `until`; None: now."""
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
            bands=list(_bands(self.incidents_of(row), since, until)),
        )


def _bands(incidents: Iterable[Incident], since: datetime, until: datetime) -> Iterator[Band]:
    """Yield when incidents fired, for those that did between `since` and `until`."""
    for one in incidents:
        # an incident whose end is not known is drawn as an instant
        ended = None if one.state == "firing" else one.ended_at or one.since
        if one.state != "pending" and one.began <= until and (ended is None or ended >= since):
            severity = Severity(one.severity)
            yield Band(incident=one.id, rule=one.rule, severity=severity, since=one.began, until=ended)
