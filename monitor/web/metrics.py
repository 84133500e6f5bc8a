"""The page `/metrics` for Prometheus: gauges of the current state, from the store, and the counters of `Metrics`.

The gauges are written here, line by line, without the library's objects: with 5,000 series that takes less than half
the time. An unknown value has no sample; a balance of zero is a zero that was read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from monitor.alerting.status import Status
from monitor.domain.model import Severity, State
from monitor.domain.rules import Rule
from monitor.errors import Outcome
from monitor.web.api import BEFORE, SECURITY, TOKEN_NEEDED, operation_id
from monitor.web.queries import Site

_LONGEST_EXACT = 300
"""Characters of an amount that is written with its own digits. A longer one may be too large for a float, and
Prometheus would reject the whole page: it is written as the nearest float, or as infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The state that is not in the store: of the running process and its configuration.

    `next_polls` is by job, in UTC; `store_bytes` is the result of `store_bytes()`."""

    started_at: datetime
    next_polls: Mapping[str, datetime] = field(default_factory=dict)
    store_bytes: Mapping[str, int] = field(default_factory=dict)
    channels: Sequence[str] = ()
    rules: Sequence[Rule] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric of the current state: name, help text, and the names of its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


Sample = tuple[tuple[str, ...], str | float]
"""The label values of a gauge, in the order of its labels, and its value. A text is written unchanged."""

_JOB = "poll_job"  # Prometheus uses `job` for its own scrape jobs, and would rename ours
_SERIES = (_JOB, "account", "currency")

BALANCE = Gauge(
    "balance_monitor_balance",
    "Last read balance by field: total, available, locked. A float of about 16 digits; the store keeps every digit."
    " No sample if it was never read.",
    (*_SERIES, "field"),
)
BALANCE_AT = Gauge(
    "balance_monitor_balance_timestamp_seconds",
    "When the balance was last read: time() minus this value is its age.",
    _SERIES,
)
BALANCE_UPDATED = Gauge(
    "balance_monitor_balance_updated_timestamp_seconds",
    "When the balance last changed, as reported by the provider. No sample if it reports none.",
    _SERIES,
)
BALANCE_MISSING = Gauge(
    "balance_monitor_balance_missing_answers",
    "Consecutive responses without this currency; 0: the last response contained it.",
    _SERIES,
)
JOB = Gauge(
    "balance_monitor_job_info",
    "Configured jobs with their providers; always 1.",
    (_JOB, "provider"),
)
JOB_OVERDUE = Gauge(
    "balance_monitor_job_overdue",
    "1 if a poll of one of the job's accounts is overdue, otherwise 0.",
    (_JOB,),
)
JOB_NEXT = Gauge(
    "balance_monitor_job_next_run_timestamp_seconds",
    "When the next poll of one of the job's accounts is due.",
    (_JOB,),
)
ACCOUNTS = Gauge(
    "balance_monitor_accounts",
    "Configured accounts by the outcome of their last poll; never: not polled yet.",
    (_JOB, "outcome"),
)
FAILURES = Gauge(
    "balance_monitor_account_consecutive_failures",
    "Consecutive failed polls of the account; 0: the last poll succeeded.",
    (_JOB, "account"),
)
POLLED_AT = Gauge(
    "balance_monitor_account_last_poll_timestamp_seconds",
    "When the account was last polled, with any outcome.",
    (_JOB, "account"),
)
OK_AT = Gauge(
    "balance_monitor_account_last_success_timestamp_seconds",
    "When the account was last read. No sample if it was never read.",
    (_JOB, "account"),
)
ALERTS = Gauge(
    "balance_monitor_alerts",
    "Alerts by state: pending or firing, muted and acknowledged ones included.",
    ("rule", "severity", "state"),
)
MUTED = Gauge("balance_monitor_alerts_muted", "Firing alerts that are muted.")
ACKNOWLEDGED = Gauge("balance_monitor_alerts_acknowledged", "Firing alerts that are acknowledged.")
FLAPPING = Gauge(
    "balance_monitor_alerts_flapping", "Alerts that are flapping: they fire and resolve again and again."
)
SILENCES = Gauge("balance_monitor_silences", "Active silences.")
PAUSES = Gauge(
    "balance_monitor_pause_until_timestamp_seconds",
    "When the pause of a host ends, and its reason. No sample if the host is not paused.",
    ("host", "reason"),
)
OUTBOX = Gauge(
    "balance_monitor_outbox_pending",
    "Pending notifications: they wait for delivery or for a retry.",
    ("channel",),
)
OLDEST = Gauge(
    "balance_monitor_outbox_oldest_pending_timestamp_seconds",
    "When the oldest pending notification was created. No sample if none is pending.",
    ("channel",),
)
NOTIFICATIONS = Gauge(
    "balance_monitor_outbox_notifications",
    "Notifications in the store by status: pending, delivered, failed (given up).",
    ("status",),
)
STORE_SIZE = Gauge(
    "balance_monitor_store_size_bytes",
    "Size of the store's files: the database and its write-ahead log.",
    ("file",),
)
STARTED = Gauge("balance_monitor_start_time_seconds", "When the daemon started.")


def router(site: Site) -> APIRouter:
    """Return the route `/metrics`."""
    router = APIRouter(tags=["metrics"], dependencies=SECURITY, generate_unique_id_function=operation_id)
    text: dict[str, Any] = {"schema": {"type": "string"}}
    formats = {"text/plain": text, "application/openmetrics-text": text}

    @router.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"content": formats, "description": "All metrics."},
            **TOKEN_NEEDED,
            503: BEFORE[503],
        },
    )
    def metrics(request: Request) -> Response:
        """Return all metrics, as Prometheus text, or as OpenMetrics if `Accept` names it."""
        overview = site.overview()
        running = Running(
            started_at=overview.live.started_at,
            next_polls=overview.next_polls,
            store_bytes=store_bytes(overview.config.store.path),
            channels=tuple(overview.config.channels),
            rules=overview.config.rules,
        )
        accept = request.headers.get("accept", "")
        body, media_type = exposition(overview.status, running, site.metrics, accept)
        return Response(body, media_type=media_type)

    return router


def exposition(status: Status, running: Running, counted: Collector, accept: str) -> tuple[bytes, str]:
    """Return the page and its content type: OpenMetrics if the Accept header names it, otherwise Prometheus text."""
    state = "".join(_lines(status, running)).encode()
    # not the library's choose_encoder: it copies the version from the header, and fails if that is not a number
    ranges = (one.partition(";")[0].strip().lower() for one in accept.split(","))
    if "application/openmetrics-text" in ranges:
        written: bytes = openmetrics.generate_latest(counted)  # type: ignore[no-untyped-call]  # the library does not type it
        return state + written, openmetrics.CONTENT_TYPE_LATEST
    return state + generate_latest(counted), CONTENT_TYPE_PLAIN_0_0_4


def store_bytes(store: Path) -> dict[str, int]:
    """Return the sizes of the store's files that exist: `database` and `wal`."""
    files = {"database": store, "wal": store.with_name(store.name + "-wal")}
    sizes = {}
    for name, path in files.items():
        try:
            sizes[name] = path.stat().st_size
        except OSError:
            continue
    return sizes


def gauges(status: Status, running: Running) -> Iterator[tuple[Gauge, Iterable[Sample]]]:
    """Yield each gauge with its samples."""
    firing = [alert for alert in status.alerts if alert.state == State.FIRING]
    pending = dict.fromkeys(running.channels, 0) | {one.channel: one.count for one in status.undelivered}
    yield BALANCE, _balances(status)
    yield from _of_series(status)
    yield JOB, (((job.name, job.provider), 1) for job in status.jobs)
    yield JOB_OVERDUE, (((job.name,), int(job.overdue)) for job in status.jobs)
    yield JOB_NEXT, (((job,), at.timestamp()) for job, at in running.next_polls.items())
    yield from _of_accounts(status)
    yield ALERTS, _alerts(status, running)
    yield MUTED, [((), sum(bool(alert.muted) for alert in firing))]
    yield ACKNOWLEDGED, [((), sum(alert.ack is not None for alert in firing))]
    yield FLAPPING, [((), sum(alert.flapping for alert in status.alerts))]
    yield SILENCES, [((), len(status.silences))]
    yield PAUSES, (((one.host, one.outcome), one.until.timestamp()) for one in status.pauses)
    yield OUTBOX, (((channel,), count) for channel, count in pending.items())
    yield OLDEST, (((one.channel,), one.since.timestamp()) for one in status.undelivered)
    yield NOTIFICATIONS, (((name,), count) for name, count in status.notifications.items())
    yield STORE_SIZE, (((name,), size) for name, size in running.store_bytes.items())
    yield STARTED, [((), running.started_at.timestamp())]


def _balances(status: Status) -> Iterator[Sample]:
    for one in status.balances:
        series = one.job, one.account, one.currency
        fields = ("total", one.total), ("available", one.available), ("locked", one.locked)
        for name, amount in fields:
            if amount is not None:
                yield (*series, name), amount if len(amount) <= _LONGEST_EXACT else float(amount)


def _of_series(status: Status) -> Iterator[tuple[Gauge, Iterable[Sample]]]:
    keyed = [((one.job, one.account, one.currency), one) for one in status.balances]
    yield BALANCE_AT, _instants((key, one.observed_at) for key, one in keyed)
    yield BALANCE_UPDATED, _instants((key, one.updated_at) for key, one in keyed)
    yield BALANCE_MISSING, ((key, one.missing) for key, one in keyed)


def _of_accounts(status: Status) -> Iterator[tuple[Gauge, Iterable[Sample]]]:
    keyed = [((one.job, one.name), one) for one in status.accounts]
    yield ACCOUNTS, _outcomes(status)
    yield FAILURES, ((key, one.failures) for key, one in keyed)
    yield POLLED_AT, _instants((key, one.polled_at) for key, one in keyed)
    yield OK_AT, _instants((key, one.ok_at) for key, one in keyed)


def _outcomes(status: Status) -> Iterator[Sample]:
    counts = Counter((one.job, one.outcome) for one in status.accounts if one.polled_at is not None)
    polled = Counter(job for job, _ in counts.elements())
    for job in status.jobs:
        for outcome in Outcome:
            yield (job.name, outcome.value), counts[job.name, outcome.value]
        yield (job.name, "never"), job.accounts - polled[job.name]


def _alerts(status: Status, running: Running) -> Iterator[Sample]:
    """Yield the number of alerts of every rule, severity and state. It is zero, not unknown, if there is none."""
    possible = {
        (rule.name, level.policy.severity) for rule in running.rules for level in rule.levels or (rule,)
    }
    counts = Counter((one.rule, Severity(one.severity), one.state) for one in status.alerts)
    possible.update((rule, severity) for rule, severity, _ in counts)
    for rule, severity in sorted(possible):
        for state in (State.PENDING, State.FIRING):
            yield (rule, severity.word, state.value), counts[rule, severity, state.value]


def _instants(of: Iterable[tuple[tuple[str, ...], datetime | None]]) -> Iterator[Sample]:
    return ((labels, at.timestamp()) for labels, at in of if at is not None)


# The text format

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def _lines(status: Status, running: Running) -> Iterator[str]:
    for gauge, samples in gauges(status, running):
        yield f"# HELP {gauge.name} {gauge.help}\n# TYPE {gauge.name} gauge\n"
        named = ",".join(f'{label}="%s"' for label in gauge.labels)
        line = f"{gauge.name}{{{named}}} %s\n" if named else f"{gauge.name} %s\n"
        for labels, value in samples:
            yield line % (*(label.translate(_ESCAPES) for label in labels), _number(value))


def _number(value: str | float) -> str:
    match value:
        case str():
            return value
        case float() if value in (float("inf"), float("-inf")):
            return "+Inf" if value > 0 else "-Inf"
        case _:
            return repr(value)
