"""The counters of the daemon, by Prometheus' conventions. Values that the store has are not counted here.

There is no global registry: each `Metrics` has its own, and other modules receive its methods as callbacks. Label
values are names from the configuration and fixed words, never a text from a service. The label for a job is
`poll_job`: Prometheus uses `job` for its own scrape jobs, and would rename ours.
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

# Upper bounds of histogram buckets in seconds, from usual values to the deadline that ends the measured step.
_POLLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
_TURNS = (0.01, 0.1, 0.5, 1, 5, 15, 30, 60, 120)
_LAGS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)
_DELIVERIES = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_COMMITS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics(Collector):
    """The counters since the start of the process. A reload does not reset them. Any thread may use them."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info(
            "balance_monitor_build",
            "Versions of the program and of Python.",
            registry=registry,
        ).info({"version": __version__, "python": python_version()})
        self._polls = Counter(
            "balance_monitor_polls",
            "Completed polls by outcome: ok or one kind of failure.",
            ["poll_job", "provider", "outcome"],
            registry=registry,
        )
        self._poll_duration = Histogram(
            "balance_monitor_poll_duration_seconds",
            "Duration of polls, with retries and the pauses between them, without the wait for their turn.",
            ["poll_job", "provider"],
            buckets=_POLLS,
            registry=registry,
        )
        self._requests = Counter(
            "balance_monitor_poll_requests",
            "Requests sent to providers: one per poll and one per retry.",
            ["poll_job", "provider"],
            registry=registry,
        )
        self._turn_wait = Histogram(
            "balance_monitor_turn_wait_seconds",
            "Wait of polls for their turn: for rate limits, pauses and free connections.",
            ["provider"],
            buckets=_TURNS,
            registry=registry,
        )
        self._lag = Histogram(
            "balance_monitor_run_lag_seconds",
            "Delay with which scheduled polls started.",
            buckets=_LAGS,
            registry=registry,
        )
        self._missed = Counter(
            "balance_monitor_missed_runs",
            "Scheduled polls that were skipped; the next poll replaces them.",
            ["poll_job"],
            registry=registry,
        )
        self._events = Counter(
            "balance_monitor_alert_events",
            "Events of alerts by kind; each event may lead to several notifications.",
            ["kind"],
            registry=registry,
        )
        self._deliveries = Counter(
            "balance_monitor_deliveries",
            "Attempts to deliver a message, by outcome; an attempt that hangs counts as failed each minute.",
            ["channel", "outcome"],
            registry=registry,
        )
        self._delivery_duration = Histogram(
            "balance_monitor_delivery_duration_seconds",
            "Duration of attempts to deliver a message, failed ones included.",
            ["channel"],
            buckets=_DELIVERIES,
            registry=registry,
        )
        self._given_up = Counter(
            "balance_monitor_notifications_given_up",
            "Notifications given up because every attempt to deliver them failed for too long.",
            ["channel"],
            registry=registry,
        )
        self._commit_duration = Histogram(
            "balance_monitor_store_commit_duration_seconds",
            "Duration of the store's transactions, until they were on disk.",
            buckets=_COMMITS,
            registry=registry,
        )
        self._store_errors = Counter(
            "balance_monitor_store_errors",
            "Polls and chores that were not recorded because the store failed.",
            registry=registry,
        )
        self._reloads = Counter(
            "balance_monitor_config_reloads",
            "Reloads of the configuration by outcome: success or failure.",
            ["outcome"],
            registry=registry,
        )
        self._reload_ok = Gauge(
            "balance_monitor_config_last_reload_successful",
            "1 if the last reload succeeded; 0 if it was refused: the configuration in force is older than the file.",
            registry=registry,
        )
        self._reloaded_at = Gauge(
            "balance_monitor_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded, by a reload or at the start.",
            registry=registry,
        )

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, for a renderer."""
        for metric in self._registry.collect():
            # the library adds the instant of each series' first sample, which would double the number of series
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric

    def expect(self, accounts: Iterable[Account], channels: Iterable[str]) -> None:
        """Create the series of these accounts and channels with the value 0.

        Otherwise the first failure would create its series with the value 1, a rise that rate() does not see."""
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

    # Callbacks of the other modules

    def polled(self, account: Account, result: PollResult) -> None:
        """Count a poll that ended."""
        of = account.job, account.provider
        self._polls.labels(*of, result.outcome.value).inc()
        self._poll_duration.labels(*of).observe(result.took.total_seconds())
        self._requests.labels(*of).inc(result.attempts)
        self._turn_wait.labels(account.provider).observe(result.waited.total_seconds())

    def began(self, late: timedelta) -> None:
        """Count a scheduled poll that began, `late` after its time."""
        self._lag.observe(late.total_seconds())

    def missed(self, account: Account, count: int) -> None:
        """Count runs of an account that were missed."""
        self._missed.labels(account.job).inc(count)

    def notified(self, events: Iterable[Event]) -> None:
        """Count events that were put into the outbox."""
        for event in events:
            self._events.labels(event.kind.value).inc()

    def tried(self, channel: str, took: timedelta, error: str | None) -> None:
        """Count an attempt to deliver that ended, or that hangs. `error` None: the channel accepted the message."""
        self._deliveries.labels(channel, "delivered" if error is None else "failed").inc()
        self._delivery_duration.labels(channel).observe(took.total_seconds())

    def gave_up(self, channel: str, count: int) -> None:
        """Count notifications that were given up."""
        self._given_up.labels(channel).inc(count)

    def committed(self, took: timedelta) -> None:
        """Count a transaction that the store committed."""
        self._commit_duration.observe(took.total_seconds())

    def store_failed(self) -> None:
        """Count a poll or chore that could not be recorded."""
        self._store_errors.inc()

    def started(self, at: datetime) -> None:
        """Note that the configuration of the start is in force."""
        self._reload_ok.set(1)
        self._reloaded_at.set(at.timestamp())

    def reloaded(self, at: datetime) -> None:
        """Count a successful reload."""
        self._reloads.labels("success").inc()
        self.started(at)

    def not_reloaded(self) -> None:
        """Count a refused reload: the configuration before stays in force."""
        self._reloads.labels("failure").inc()
        self._reload_ok.set(0)
