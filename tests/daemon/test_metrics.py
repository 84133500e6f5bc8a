"""What a daemon counts is what happened: the real one, against the sandbox, in this process."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerting.outbox import Outbox
from monitor.daemon.daemon import Daemon
from monitor.daemon.metrics import Metrics
from monitor.domain.alerts import EventKind
from monitor.domain.delivery import GIVE_UP_AFTER, GIVE_UP_ATTEMPTS
from monitor.domain.model import PollResult
from monitor.errors import Outcome
from monitor.log.lines import Redaction
from monitor.sandbox import Fault
from monitor.store.writer import Store
from tests.alerting.test_outbox import CONFIG, OPS, START, Channel, Clock, put_into_outbox
from tests.process.support import Installation, until
from tests.providers.support import OK, SPOT, Endpoint, Station, http, waits


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    """The sum of a name's samples with these labels."""
    samples = (sample for family in metrics.collect() for sample in family.samples)
    return sum(
        sample.value
        for sample in samples
        if sample.name == f"balance_monitor_{name}" and labels.items() <= sample.labels.items()
    )


@asynccontextmanager
async def running(site: Installation) -> AsyncIterator[Daemon]:
    """A daemon at work on the installation."""
    site.write()
    daemon = Daemon(site.loaded(), environ=site.environ, redact=Redaction())
    at_work = asyncio.create_task(daemon.run())
    try:
        yield daemon
    finally:
        daemon.stop()
        await at_work


async def test_a_daemon_counts_what_happens(tmp_path: Path) -> None:
    """Polls by their outcome, an alert's events, deliveries by theirs, missed runs, lag and commits."""
    async with Installation.on(tmp_path) as site, running(site) as daemon:
        metrics = daemon.metrics
        polls = {"poll_job": "spot", "provider": "nami"}

        def have(name: str, **labels: str) -> Callable[[], bool]:
            return lambda: counted(metrics, name, **labels) >= 1

        await until(have("polls_total", **polls, outcome="ok"), "a poll")
        assert counted(metrics, "alert_events_total") == 0
        assert counted(metrics, "deliveries_total") == 0
        assert counted(metrics, "config_last_reload_successful") == 1
        site.set_balance("1")
        await until(have("deliveries_total", channel="ops", outcome="delivered"), "a delivery")
        assert counted(metrics, "alert_events_total", kind="fired") == 1
        assert counted(metrics, "alert_events_total") == 1
        site.nami.fault = Fault.status(503)
        await until(have("polls_total", **polls, outcome="unavailable"), "a failure")
        site.nami.fault = Fault.latency(timedelta(seconds=5))
        await until(have("missed_runs_total", poll_job="spot"), "a poll that outlasts its interval")
        site.nami.fault = None
        polled = counted(metrics, "polls_total", **polls)
        assert polled == counted(metrics, "poll_duration_seconds_count", **polls)
        assert polled <= len(site.nami.requests)
        assert counted(metrics, "run_lag_seconds_count") >= polled
        assert counted(metrics, "store_commit_duration_seconds_count") >= 1
        assert counted(metrics, "store_errors_total") == 0


async def test_a_daemon_counts_its_reloads(tmp_path: Path) -> None:
    """One that is refused leaves the old configuration in force, and says so until one is taken. Counts go on."""
    async with Installation.on(tmp_path) as site, running(site) as daemon:
        metrics = daemon.metrics
        await until(lambda: counted(metrics, "polls_total"), "a poll")
        taken_at = counted(metrics, "config_last_reload_success_timestamp_seconds")
        whole = site.config.read_text()
        site.config.write_text(whole.replace("below: '1000'", "below: nothing"))
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: counted(metrics, "config_reloads_total", outcome="failure"), "a refusal")
        assert counted(metrics, "config_last_reload_successful") == 0
        assert counted(metrics, "config_last_reload_success_timestamp_seconds") == taken_at
        site.config.write_text(whole)
        polled = counted(metrics, "polls_total")
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: counted(metrics, "config_reloads_total", outcome="success"), "a reload")
        assert counted(metrics, "config_last_reload_successful") == 1
        assert counted(metrics, "config_last_reload_success_timestamp_seconds") > taken_at
        assert counted(metrics, "polls_total") >= polled


async def test_a_poll_distinguishes_waiting_from_working() -> None:
    """A turn that had to be waited for does not make the endpoint look slow."""
    async with Endpoint(waits(0.3, http(200, OK))) as endpoint, Station(endpoint.base_url) as station:
        client = station.client(rate_limit="1/2s")
        first, second = [await station.poll(client) for _ in range(2)]
    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.OK)
    assert first.waited < timedelta(seconds=0.3) <= first.took
    assert second.waited >= timedelta(seconds=1.9)
    assert timedelta(seconds=0.3) <= second.took < second.waited


async def test_waiting_in_vain_counts_as_waiting() -> None:
    """Nothing was sent: all of it was waiting."""
    async with Endpoint(waits(3, http(200, OK))) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        blocking = [asyncio.create_task(station.poll(client)) for _ in range(4)]
        await until(lambda: len(endpoint.requests) == 4, "all places taken")
        result = await station.poll(client, max_wait=0.3)
        assert (result.outcome, result.attempts) == (Outcome.TIMEOUT, 0)
        assert result.waited >= timedelta(seconds=0.29)
        assert result.took < timedelta(seconds=0.29)
        for one in blocking:
            one.cancel()
        await asyncio.gather(*blocking, return_exceptions=True)


def outbox(store: Store, clock: Clock, metrics: Metrics) -> Outbox:
    """An outbox that tells what it does."""
    return Outbox(
        store, CONFIG, clock=clock, jitter=lambda: 0.0, on_attempt=metrics.tried, on_given_up=metrics.gave_up
    )


@pytest.mark.parametrize(
    ("before", "refuses", "counts"),
    [
        (0, False, {"delivered": 1, "failed": 0, "given_up": 0}),
        (0, True, {"delivered": 0, "failed": 1, "given_up": 0}),
        (GIVE_UP_ATTEMPTS - 1, True, {"delivered": 0, "failed": 1, "given_up": 1}),
    ],
    ids=["taken", "refused", "refused-for-a-day"],
)
async def test_deliveries_count_by_their_outcome(
    tmp_path: Path, before: int, refuses: bool, counts: dict[str, int]
) -> None:
    """Attempts, with how long they took, and what will not be tried again."""
    store, clock, metrics, ops = Store(tmp_path / "store.db"), Clock(), Metrics(), Channel(OPS)
    ops.refuse = refuses
    await put_into_outbox(store, "i", 1, EventKind.FIRED, OPS)
    [[waiting]] = (await store.write(lambda tx: tx.outbox.waiting(OPS, START))).due
    for _ in range(before):
        await store.write(lambda tx: tx.outbox.reschedule([waiting.id], at=START, until=START, error="no"))
    clock.now = START + GIVE_UP_AFTER
    box = outbox(store, clock, metrics)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1, "an attempt")
    await box.stop(timedelta(seconds=5))
    await store.close()
    assert counts == {
        "delivered": counted(metrics, "deliveries_total", channel="ops", outcome="delivered"),
        "failed": counted(metrics, "deliveries_total", channel="ops", outcome="failed"),
        "given_up": counted(metrics, "notifications_given_up_total", channel="ops"),
    }
    assert counted(metrics, "delivery_duration_seconds_count", channel="ops") == 1


# The counters themselves


def names(metrics: Metrics) -> Iterable[str]:
    return [sample.name for family in metrics.collect() for sample in family.samples]


def test_what_has_not_happened_yet_is_shown_as_zero() -> None:
    """Every outcome of every job, every channel: a first failure is a rise then."""
    metrics = Metrics()
    metrics.expect([SPOT], ["ops"])
    samples = [one for family in metrics.collect() for one in family.samples]
    outcomes = [one.labels["outcome"] for one in samples if one.name == "balance_monitor_polls_total"]
    assert set(outcomes) == {outcome.value for outcome in Outcome}
    for name in ("deliveries_total", "notifications_given_up_total", "missed_runs_total"):
        assert f"balance_monitor_{name}" in names(metrics)
        assert counted(metrics, name) == 0


def test_expecting_again_resets_nothing() -> None:
    """As after a reload."""
    metrics = Metrics()
    metrics.expect([SPOT], ["ops"])
    metrics.polled(SPOT, PollResult(outcome=Outcome.OK, started_at=START, finished_at=START, attempts=1))
    metrics.expect([SPOT], ["ops"])
    assert counted(metrics, "polls_total") == 1


def test_two_do_not_share_their_counts() -> None:
    """Nothing is kept for the process as a whole."""
    one, other = Metrics(), Metrics()
    one.store_failed()
    assert (counted(one, "store_errors_total"), counted(other, "store_errors_total")) == (1, 0)
