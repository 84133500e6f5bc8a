"""What the daemon counts as it happens, in Prometheus' conventions. What the store can tell is not counted here.

Nothing is kept for the process as a whole: a `Metrics` has a registry of its own, and whoever counts is handed a
method of it. Labels are names of the configuration and fixed words, never a text that a service sent. A job's name
is in `poll_job`: `job` is Prometheus' own for what it scrapes, and it would rename ours.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from platform import python_version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Metric, ProcessCollector
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.domain.alerts import Event, EventKind
from monitor.domain.model import Account, PollResult
from monitor.errors import Outcome

# Seconds. Each reaches from what is usual to the deadline that ends it.
_POLLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
_TURNS = (0.01, 0.1, 0.5, 1, 5, 15, 30, 60, 120)
_LAGS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)
_DELIVERIES = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_COMMITS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics(Collector):
    """The counters, for as long as the process lives: a reload resets none. To be used from any thread."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info(
            "balance_monitor_build",
            "What runs: the versions of the program and of Python.",
            registry=registry,
        ).info({"version": __version__, "python": python_version()})
        self._polls = Counter(
            "balance_monitor_polls",
            "Polls that ended, by how they ended: ok, or one kind of failure.",
            ["poll_job", "provider", "outcome"],
            registry=registry,
        )
        self._poll_duration = Histogram(
            "balance_monitor_poll_duration_seconds",
            "How long polls took, retries and the pauses between them included, waiting for turns not.",
            ["poll_job", "provider"],
            buckets=_POLLS,
            registry=registry,
        )
        self._requests = Counter(
            "balance_monitor_poll_requests",
            "Requests sent to providers: one per poll, and one more per retry.",
            ["poll_job", "provider"],
            registry=registry,
        )
        self._turn_wait = Histogram(
            "balance_monitor_turn_wait_seconds",
            "How long polls waited for their turns: for rate limits, pauses and places among the requests under way.",
            ["provider"],
            buckets=_TURNS,
            registry=registry,
        )
        self._lag = Histogram(
            "balance_monitor_run_lag_seconds",
            "How long after their time scheduled polls began.",
            buckets=_LAGS,
            registry=registry,
        )
        self._missed = Counter(
            "balance_monitor_missed_runs",
            "Scheduled polls that were made up for by a later one.",
            ["poll_job"],
            registry=registry,
        )
        self._events = Counter(
            "balance_monitor_alert_events",
            "What was told of alerts, by what happened to them; each event may make several notifications.",
            ["kind"],
            registry=registry,
        )
        self._deliveries = Counter(
            "balance_monitor_deliveries",
            "Attempts to deliver a message; one that hangs counts as failed each minute.",
            ["channel", "outcome"],
            registry=registry,
        )
        self._delivery_duration = Histogram(
            "balance_monitor_delivery_duration_seconds",
            "How long attempts to deliver a message took, failed ones included.",
            ["channel"],
            buckets=_DELIVERIES,
            registry=registry,
        )
        self._given_up = Counter(
            "balance_monitor_notifications_given_up",
            "Notifications given up, since no attempt to deliver them succeeded for too long.",
            ["channel"],
            registry=registry,
        )
        self._commit_duration = Histogram(
            "balance_monitor_store_commit_duration_seconds",
            "How long transactions of the store took, until they were on the disk.",
            buckets=_COMMITS,
            registry=registry,
        )
        self._store_errors = Counter(
            "balance_monitor_store_errors",
            "Polls and chores of which nothing could be recorded, since the store failed.",
            registry=registry,
        )
        self._reloads = Counter(
            "balance_monitor_config_reloads",
            "Reloads of the configuration, by whether it was taken.",
            ["outcome"],
            registry=registry,
        )
        self._reload_ok = Gauge(
            "balance_monitor_config_last_reload_successful",
            "Whether the last reload was taken (1), or the configuration in force is older than the file (0).",
            registry=registry,
        )
        self._reloaded_at = Gauge(
            "balance_monitor_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was taken, by a reload or at the start.",
            registry=registry,
        )

    def collect(self) -> Iterator[Metric]:
        """All of it, for a renderer.

        Without the instants at which each series was first counted: twice the series, and nobody asks."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric

    def expect(self, accounts: Iterable[Account], channels: Iterable[str]) -> None:
        """Shows as zero what has not happened yet: a first failure is a rise from 0 to 1 then, which rate() sees."""
        for job, provider in {(account.job, account.provider) for account in accounts}:
            self._missed.labels(job)
            self._requests.labels(job, provider)
            self._poll_duration.labels(job, provider)
            self._turn_wait.labels(provider)
            for outcome in Outcome:
                self._polls.labels(job, provider, outcome.value)
        for channel in channels:
            self._given_up.labels(channel)
            self._delivery_duration.labels(channel)
            for word in ("delivered", "failed"):
                self._deliveries.labels(channel, word)
        for kind in set(EventKind) - {EventKind.SUMMARY}:
            self._events.labels(kind.value)
        for word in ("success", "failure"):
            self._reloads.labels(word)

    # What happens, told by those to whom it happens

    def polled(self, account: Account, result: PollResult) -> None:
        """A poll ended."""
        of = account.job, account.provider
        self._polls.labels(*of, result.outcome.value).inc()
        self._poll_duration.labels(*of).observe(result.took.total_seconds())
        self._requests.labels(*of).inc(result.attempts)
        self._turn_wait.labels(account.provider).observe(result.waited.total_seconds())

    def began(self, late: timedelta) -> None:
        """A scheduled poll began, so long after its time."""
        self._lag.observe(late.total_seconds())

    def missed(self, account: Account, count: int) -> None:
        """So many runs were missed before the one that begins."""
        self._missed.labels(account.job).inc(count)

    def notified(self, events: Iterable[Event]) -> None:
        """Events were put into the outbox."""
        for event in events:
            self._events.labels(event.kind.value).inc()

    def tried(self, channel: str, took: timedelta, error: str | None) -> None:
        """An attempt to deliver ended, or counts as failed. `error` None: the channel took the message."""
        self._deliveries.labels(channel, "delivered" if error is None else "failed").inc()
        self._delivery_duration.labels(channel).observe(took.total_seconds())

    def gave_up(self, channel: str, count: int) -> None:
        """So many notifications will not be tried again."""
        self._given_up.labels(channel).inc(count)

    def committed(self, took: timedelta) -> None:
        """The store committed a transaction."""
        self._commit_duration.observe(took.total_seconds())

    def store_failed(self) -> None:
        """Something could not be recorded."""
        self._store_errors.inc()

    def started(self, at: datetime) -> None:
        """The configuration of the start is in force."""
        self._reload_ok.set(1)
        self._reloaded_at.set(at.timestamp())

    def reloaded(self, at: datetime) -> None:
        """Another configuration is in force."""
        self._reloads.labels("success").inc()
        self.started(at)

    def not_reloaded(self) -> None:
        """The file could not be taken: the old configuration stays in force."""
        self._reloads.labels("failure").inc()
        self._reload_ok.set(0)
