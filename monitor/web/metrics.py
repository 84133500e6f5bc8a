"""What Prometheus reads: how things stand, from the store's picture at that moment, and what `Metrics` has counted.

How things stand is written here, line by line, and not by way of the library's objects: with 5,000 series that takes
less than half the time. What is not known has no sample; a balance of zero is a zero that somebody read.
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

_AS_IT_CAME = 300
"""Characters of an amount that are written as they came. Longer ones may be beyond what a float can be, which
would cost Prometheus the whole page: they are written as the nearest float, or as infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What the store does not know: of the running process and of its configuration.

    `next_polls` is by job; `store_bytes` by file, as `store_bytes()` finds them. Instants are in
    UTC."""

    started_at: datetime
    next_polls: Mapping[str, datetime] = field(default_factory=dict)
    store_bytes: Mapping[str, int] = field(default_factory=dict)
    channels: Sequence[str] = ()
    rules: Sequence[Rule] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric of how things stand: its name, what it means, and the labels that tell its samples apart."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


Sample = tuple[tuple[str, ...], str | float]
"""A gauge's label values, in its order, and its value; one as text is written as it is."""

_JOB = "poll_job"  # `job` is Prometheus' own for what it scrapes: it would rename ours
_SERIES = (_JOB, "account", "currency")

BALANCE = Gauge(
    "balance_monitor_balance",
    "Balance as last read, by field: total, available, locked. Inexact: Prometheus keeps a float of some 16 digits,"
    " the store every digit. No sample where it was never read.",
    (*_SERIES, "field"),
)
BALANCE_AT = Gauge(
    "balance_monitor_balance_timestamp_seconds",
    "When the balance was last read: time() minus this is its age.",
    _SERIES,
)
BALANCE_UPDATED = Gauge(
    "balance_monitor_balance_updated_timestamp_seconds",
    "When the balance last changed, by the provider's own account, where it gives one.",
    _SERIES,
)
BALANCE_MISSING = Gauge(
    "balance_monitor_balance_missing_answers",
    "Answers in a row that lacked this currency; 0: the last one held it.",
    _SERIES,
)
JOB = Gauge("balance_monitor_job_info", "The configured jobs, each with its provider.", (_JOB, "provider"))
JOB_OVERDUE = Gauge(
    "balance_monitor_job_overdue", "Whether a poll of the job's accounts has not come in its time.", (_JOB,)
)
JOB_NEXT = Gauge(
    "balance_monitor_job_next_run_timestamp_seconds",
    "When the first of the job's accounts is polled next.",
    (_JOB,),
)
ACCOUNTS = Gauge(
    "balance_monitor_accounts",
    "Configured accounts by how their last polls ended; never: not polled yet.",
    (_JOB, "outcome"),
)
FAILURES = Gauge(
    "balance_monitor_account_consecutive_failures",
    "Polls of the account in a row that failed; 0: the last one did not.",
    (_JOB, "account"),
)
POLLED_AT = Gauge(
    "balance_monitor_account_last_poll_timestamp_seconds",
    "When the account was last polled, however that ended.",
    (_JOB, "account"),
)
OK_AT = Gauge(
    "balance_monitor_account_last_success_timestamp_seconds",
    "When the account was last read. No sample where it never was.",
    (_JOB, "account"),
)
ALERTS = Gauge(
    "balance_monitor_alerts",
    "Alerts by where they stand: pending or firing, muted and acknowledged ones included.",
    ("rule", "severity", "state"),
)
MUTED = Gauge("balance_monitor_alerts_muted", "Firing alerts that something keeps quiet.")
ACKNOWLEDGED = Gauge("balance_monitor_alerts_acknowledged", "Firing alerts that somebody has acknowledged.")
FLAPPING = Gauge("balance_monitor_alerts_flapping", "Alerts that keep coming and going, and were told so.")
SILENCES = Gauge("balance_monitor_silences", "Silences that hold now.")
PAUSES = Gauge(
    "balance_monitor_pause_until_timestamp_seconds",
    "Until when a host wants no calls, and why. No sample where it is not paused.",
    ("host", "reason"),
)
OUTBOX = Gauge(
    "balance_monitor_outbox_pending", "Notifications that wait to be delivered, or for a retry.", ("channel",)
)
OLDEST = Gauge(
    "balance_monitor_outbox_oldest_pending_timestamp_seconds",
    "When the oldest notification that waits was made. No sample where none waits.",
    ("channel",),
)
NOTIFICATIONS = Gauge(
    "balance_monitor_outbox_notifications",
    "Notifications that the store holds, by status: pending, delivered, failed (given up).",
    ("status",),
)
STORE_SIZE = Gauge(
    "balance_monitor_store_size_bytes",
    "Size of the store's files: the database, and the write-ahead log beside it.",
    ("file",),
)
STARTED = Gauge("balance_monitor_start_time_seconds", "When the daemon started.")


def router(site: Site) -> APIRouter:
    """`/metrics`."""
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
        """How things stand and what was counted, as Prometheus reads it, or OpenMetrics where that is asked for."""
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
    """The page and its content type: OpenMetrics where the Accept header names it, the older text otherwise.

    The library's own choice echoes the header's version and trips over one that is not a number."""
    standing = "".join(_lines(status, running)).encode()
    if _wants_openmetrics(accept):
        written: bytes = openmetrics.generate_latest(counted)  # type: ignore[no-untyped-call]  # the library does not type it
        return standing + written, openmetrics.CONTENT_TYPE_LATEST
    return standing + generate_latest(counted), CONTENT_TYPE_PLAIN_0_0_4


def store_bytes(store: Path) -> dict[str, int]:
    """The sizes of the store's files, as far as they are there."""
    files = {"database": store, "wal": store.with_name(store.name + "-wal")}
    sizes = {}
    for name, path in files.items():
        try:
            sizes[name] = path.stat().st_size
        except OSError:
            continue
    return sizes


def gauges(status: Status, running: Running) -> Iterator[tuple[Gauge, Iterable[Sample]]]:
    """How things stand, gauge by gauge."""
    firing = [alert for alert in status.alerts if alert.state == State.FIRING]
    yield BALANCE, _balances(status)
    yield from _of_series(status)
    yield JOB, (((job.name, job.provider), 1) for job in status.jobs)
    yield JOB_OVERDUE, (((job.name,), int(job.overdue)) for job in status.jobs)
    yield JOB_NEXT, _next_runs(running)
    yield from _of_accounts(status)
    yield ALERTS, _alerts(status, running)
    yield MUTED, [((), sum(bool(alert.muted) for alert in firing))]
    yield ACKNOWLEDGED, [((), sum(alert.ack is not None for alert in firing))]
    yield FLAPPING, [((), sum(alert.flapping for alert in status.alerts))]
    yield SILENCES, [((), len(status.silences))]
    yield PAUSES, (((one.host, one.outcome), one.until.timestamp()) for one in status.pauses)
    yield OUTBOX, _pending(status, running)
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
                yield (*series, name), amount if len(amount) <= _AS_IT_CAME else float(amount)


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
    """Also the rules that have nothing to say: their zero is known."""
    possible = {
        (rule.name, level.policy.severity) for rule in running.rules for level in rule.levels or (rule,)
    }
    counts = Counter((one.rule, Severity(one.severity), one.state) for one in status.alerts)
    possible.update((rule, severity) for rule, severity, _ in counts)
    for rule, severity in sorted(possible):
        for state in (State.PENDING, State.FIRING):
            yield (rule, severity.word, state.value), counts[rule, severity, state.value]


def _next_runs(running: Running) -> Iterator[Sample]:
    return (((job,), at.timestamp()) for job, at in running.next_polls.items())


def _pending(status: Status, running: Running) -> Iterator[Sample]:
    counts = dict.fromkeys(running.channels, 0) | {one.channel: one.count for one in status.undelivered}
    return (((channel,), count) for channel, count in counts.items())


def _instants(of: Iterable[tuple[tuple[str, ...], datetime | None]]) -> Iterator[Sample]:
    return ((labels, at.timestamp()) for labels, at in of if at is not None)


# Writing


def _wants_openmetrics(accept: str) -> bool:
    ranges = (one.partition(";")[0].strip().lower() for one in accept.split(","))
    return "application/openmetrics-text" in ranges


def _lines(status: Status, running: Running) -> Iterator[str]:
    for gauge, samples in gauges(status, running):
        yield f"# HELP {gauge.name} {gauge.help}\n# TYPE {gauge.name} gauge\n"
        named = ",".join(f'{label}="%s"' for label in gauge.labels)
        line = f"{gauge.name}{{{named}}} %s\n" if named else f"{gauge.name} %s\n"
        for labels, value in samples:
            yield line % (*map(_escaped, labels), _number(value))


_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def _escaped(value: str) -> str:
    return value.translate(_ESCAPES)


def _number(value: str | float) -> str:
    match value:
        case str():
            return value
        case float() if value in (float("inf"), float("-inf")):
            return "+Inf" if value > 0 else "-Inf"
        case _:
            return repr(value)
