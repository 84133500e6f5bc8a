"""What Prometheus reads: every sample true, every name in its conventions, whatever accounts are called."""

import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_parsed
from prometheus_client.parser import text_string_to_metric_families as text_parsed

from monitor.alerting.status import Status, assemble
from monitor.daemon.metrics import Metrics
from monitor.domain.alerts import Ack
from monitor.domain.model import Account, Pause, PollResult, Severity, State, Subject
from monitor.domain.rules import Policy, Threshold
from monitor.errors import Outcome
from monitor.store.read.state import AccountStatus, AlertStatus, Known, SeriesStatus, Undelivered
from monitor.web.metrics import Running, exposition, gauges, store_bytes
from tests.support import configured

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPOT = Account(provider="nami-main", job="nami-spot", name="spot")
HOSTILE = '<script>alert("1")</script>\n\\"} 1\n# EOF {ü 漢'
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
TEXT, OPENMETRICS = "text/plain; version=0.0.4; charset=utf-8", "application/openmetrics-text; version=1.0.0"


def series(currency: str = "USDT", amount: str | None = "1009.85", **changes: Any) -> SeriesStatus:
    """A series of the spot wallet, read just now, or never where there is no amount."""
    return SeriesStatus(
        **{
            "job": SPOT.job,
            "account": SPOT.name,
            "currency": currency,
            "total": amount,
            "available": amount,
            "locked": None,
            "observed_at": None if amount is None else NOW,
            "updated_at": None,
            "missing": 0,
            **changes,
        }
    )


def account(outcome: Outcome = Outcome.OK, failures: int = 0, **changes: Any) -> AccountStatus:
    """How the spot wallet's polls have been going."""
    return AccountStatus(
        **{
            "job": SPOT.job,
            "name": SPOT.name,
            "polled_at": NOW,
            "ok_at": NOW - failures * MINUTE,
            "outcome": outcome.value,
            "detail": "",
            "failures": failures,
            "missed_runs": 0,
            "overdue_at": NOW + MINUTE,
            **changes,
        }
    )


def alert(rule: str = "low", state: State = State.FIRING, **changes: Any) -> AlertStatus:
    """An alert about the wallet."""
    return AlertStatus(
        **{
            "id": "i",
            "rule": rule,
            "subject": Subject("nami-spot/spot/USDT"),
            "state": state.value,
            "severity": Severity.CRITICAL.value,
            "since": NOW,
            "reason": "available 1 < 2",
            **changes,
        }
    )


def status(accounts: Sequence[Account] = (SPOT,), /, **known: Any) -> Status:
    """What the store knows, fitted to the accounts that are configured."""
    return assemble(Known(**{"notifications": {}, **known}), configured(accounts=accounts), NOW)


def page(shown: Status, running: Running | None = None, metrics: Metrics | None = None) -> str:
    """The page as text."""
    body, _ = exposition(shown, running or Running(started_at=NOW), metrics or Metrics(), "")
    return body.decode()


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of one name by the values of their labels, these in the order of their names."""
    found = [one for family in text_parsed(text) for one in family.samples if one.name == name]
    return {tuple(value for _, value in sorted(one.labels.items())): float(one.value) for one in found}


def full(name: str = "spot", job: str = "nami-spot", word: str = "ops") -> tuple[Status, Running, Metrics]:
    """Something of everything, failures included; accounts, jobs, rules and channels called as is asked for."""
    mine = replace(SPOT, job=job, name=name)
    shown = status(
        [mine],
        accounts=(account(Outcome.BANNED, 3, job=job, name=name),),
        series=(
            series(job=job, account=name, locked="0.10001", updated_at=NOW - MINUTE),
            series(word, None, job=job, account=name),
        ),
        alerts=(alert(word, subject=Subject(f"{job}/{name}/USDT")),),
        pauses=(
            Pause(host="https://nami.example:443", until=NOW + MINUTE, outcome=Outcome.BANNED, detail="418"),
        ),
        undelivered=(Undelivered(channel=word, count=2, since=NOW, attempts=1, last_error="refused"),),
        notifications={"pending": 2, "failed": 1, "delivered": 7},
    )
    running = Running(
        started_at=NOW,
        next_polls={job: NOW + MINUTE},
        store_bytes={"database": 4096, "wal": 0},
        channels=[word, "log"],
        rules=[Threshold(name=word, below=Decimal(1))],
    )
    metrics = Metrics()
    metrics.expect([mine], [word])
    for outcome in Outcome:
        metrics.polled(mine, PollResult(outcome=outcome, started_at=NOW, finished_at=NOW, attempts=2))
    metrics.tried(word, MINUTE, "refused")
    metrics.tried(word, MINUTE, None)
    metrics.gave_up(word, 2)
    metrics.missed(mine, 3)
    metrics.began(MINUTE)
    metrics.committed(timedelta(milliseconds=3))
    metrics.store_failed()
    metrics.started(NOW)
    metrics.not_reloaded()
    return shown, running, metrics


# How things stand


def test_a_balance_has_the_digits_that_were_read() -> None:
    """As the store keeps them; Prometheus makes floats of them."""
    shown = status(series=(series(amount="1009.8500524310101234567890", locked="0.10001"),))
    lines = [line for line in page(shown).splitlines() if line.startswith("balance_monitor_balance{")]
    of = 'poll_job="nami-spot",account="spot",currency="USDT"'
    assert lines == [
        f'balance_monitor_balance{{{of},field="total"}} 1009.8500524310101234567890',
        f'balance_monitor_balance{{{of},field="available"}} 1009.8500524310101234567890',
        f'balance_monitor_balance{{{of},field="locked"}} 0.10001',
    ]


def test_a_balance_that_was_never_read_is_not_zero() -> None:
    """It has no sample, and no instant; that it is missing is told otherwise."""
    text = page(status(series=(series("USDT", "0"), series("VNDC", None, missing=4))))
    assert samples(text, "balance_monitor_balance") == {
        ("spot", "USDT", "available", "nami-spot"): 0.0,
        ("spot", "USDT", "total", "nami-spot"): 0.0,
    }
    assert list(samples(text, "balance_monitor_balance_timestamp_seconds")) == [("spot", "USDT", "nami-spot")]
    assert samples(text, "balance_monitor_balance_missing_answers")["spot", "VNDC", "nami-spot"] == 4.0


def test_a_stale_balance_goes_on_with_the_instant_of_its_reading() -> None:
    """Its age is what changes, not its value."""
    old = NOW - 60 * MINUTE
    text = page(status(series=(series(observed_at=old),), accounts=(account(Outcome.TIMEOUT, 60),)))
    assert samples(text, "balance_monitor_balance")["spot", "USDT", "total", "nami-spot"] == 1009.85
    assert samples(text, "balance_monitor_balance_timestamp_seconds") == {
        ("spot", "USDT", "nami-spot"): old.timestamp()
    }


def test_a_value_that_the_service_does_not_send_has_no_sample() -> None:
    """Neither the locked part nor the time of the last change."""
    text = page(status(series=(series(),)))
    assert {key[2] for key in samples(text, "balance_monitor_balance")} == {"total", "available"}
    assert samples(text, "balance_monitor_balance_updated_timestamp_seconds") == {}


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("9" * 300, float("9" * 300)),
        ("9" * 400, math.inf),
        ("-" + "9" * 400, -math.inf),
        ("0." + "0" * 400 + "1", 0.0),
    ],
    ids=[
        "what-fits-a-float-by-its-digits",
        "what-is-beyond-any-float-as-infinity",
        "below-zero-too",
        "what-is-nearer-to-nothing-than-any-float-as-zero",
    ],
)
def test_no_amount_costs_the_whole_page(amount: str, expected: float) -> None:
    """A number that no float can hold is an error to Prometheus, which then drops everything."""
    text = page(status(series=(series(amount=amount),)))
    assert set(samples(text, "balance_monitor_balance").values()) == {expected}


def test_accounts_are_counted_by_how_their_last_poll_ended() -> None:
    """Every outcome of every job has a sample, so that a first failure is a rise from zero."""
    accounts = [replace(SPOT, name=name) for name in ("a", "b", "c", "d")]
    known = (account(name="a"), account(Outcome.AUTH, 2, name="b"), account(name="c", polled_at=None))
    counts = samples(page(status(accounts, accounts=known)), "balance_monitor_accounts")
    assert {outcome: count for (outcome, _), count in counts.items() if count} == {
        "ok": 1.0,
        "auth": 1.0,
        "never": 2.0,
    }
    assert len(counts) == len(Outcome) + 1


def test_an_account_has_the_duration_of_its_failures() -> None:
    """How many polls in a row, the last one's instant, and the last good one's."""
    text = page(status(accounts=(account(Outcome.CONNECT, 3),)))
    of = ("spot", "nami-spot")
    assert samples(text, "balance_monitor_account_consecutive_failures") == {of: 3.0}
    assert samples(text, "balance_monitor_account_last_poll_timestamp_seconds") == {of: NOW.timestamp()}
    assert samples(text, "balance_monitor_account_last_success_timestamp_seconds") == {
        of: (NOW - 3 * MINUTE).timestamp()
    }


def test_an_account_that_was_never_read_has_no_last_success() -> None:
    """Not one in 1970 either."""
    text = page(status(accounts=(account(Outcome.CONNECT, 3, ok_at=None),)))
    assert samples(text, "balance_monitor_account_last_success_timestamp_seconds") == {}


def test_alerts_are_counted_by_rule_severity_and_state() -> None:
    """Rules that have nothing to say have a zero for each severity that they know."""
    warning, critical = Policy(severity=Severity.WARNING), Policy(severity=Severity.CRITICAL)
    levels = tuple(Threshold(name="quiet", below=Decimal(1), policy=one) for one in (warning, critical))
    quiet = Threshold(name="quiet", levels=levels)
    shown = status(
        alerts=(alert(), alert(subject=Subject("nami-spot/spot/VNDC")), alert(state=State.PENDING))
    )
    counts = samples(page(shown, Running(started_at=NOW, rules=[quiet])), "balance_monitor_alerts")
    assert counts == {
        ("low", "critical", "firing"): 2.0,
        ("low", "critical", "pending"): 1.0,
        ("quiet", "critical", "firing"): 0.0,
        ("quiet", "critical", "pending"): 0.0,
        ("quiet", "warning", "firing"): 0.0,
        ("quiet", "warning", "pending"): 0.0,
    }


def test_what_nobody_hears_of_is_counted_apart() -> None:
    """Muted, acknowledged and flapping alerts; one that flaps and is inactive just now is not firing."""
    ack = Ack(by="ann", reason="", at=NOW)
    shown = status(
        alerts=(alert(muted="silence 1"), alert(ack=ack), alert(state=State.INACTIVE, flapping=True))
    )
    text = page(shown)
    for name, count in {"muted": 1.0, "acknowledged": 1.0, "flapping": 1.0}.items():
        assert samples(text, f"balance_monitor_alerts_{name}") == {(): count}
    assert samples(text, "balance_monitor_alerts")["low", "critical", "firing"] == 2.0


def test_the_outbox_is_counted_by_channel() -> None:
    """A channel for which nothing waits has a zero, and no oldest."""
    shown = status(
        undelivered=(Undelivered(channel="ops", count=2, since=NOW, attempts=3, last_error="refused"),),
        notifications={"pending": 2, "delivered": 5},
    )
    text = page(shown, Running(started_at=NOW, channels=["ops", "log"]))
    assert samples(text, "balance_monitor_outbox_pending") == {("ops",): 2.0, ("log",): 0.0}
    assert samples(text, "balance_monitor_outbox_oldest_pending_timestamp_seconds") == {
        ("ops",): NOW.timestamp()
    }
    assert samples(text, "balance_monitor_outbox_notifications") == {
        ("delivered",): 5.0,
        ("failed",): 0.0,
        ("pending",): 2.0,
    }


def test_a_pause_is_reported_while_it_holds() -> None:
    """With its reason; one that is over is not."""
    over = Pause(host="http://b:80", until=NOW - MINUTE, outcome=Outcome.BANNED, detail="")
    holds = Pause(host="http://a:80", until=NOW + MINUTE, outcome=Outcome.RATE_LIMITED, detail="")
    assert samples(page(status(pauses=(over, holds))), "balance_monitor_pause_until_timestamp_seconds") == {
        ("http://a:80", "rate_limited"): (NOW + MINUTE).timestamp()
    }


def test_a_job_has_its_next_run_and_whether_it_is_overdue() -> None:
    """Both by the job's name."""
    running = Running(started_at=NOW, next_polls={"nami-spot": NOW + MINUTE})
    text = page(status(accounts=(account(overdue_at=NOW - MINUTE),)), running)
    assert samples(text, "balance_monitor_job_overdue") == {("nami-spot",): 1.0}
    assert samples(text, "balance_monitor_job_next_run_timestamp_seconds") == {
        ("nami-spot",): (NOW + MINUTE).timestamp()
    }


def test_the_stores_files_are_measured_as_far_as_they_are_there(tmp_path: Path) -> None:
    """The write-ahead log is gone after an orderly end."""
    store = tmp_path / "balances.db"
    assert store_bytes(store) == {}
    store.write_bytes(b"1234")
    assert store_bytes(store) == {"database": 4}
    (tmp_path / "balances.db-wal").write_bytes(b"12")
    assert store_bytes(store) == {"database": 4, "wal": 2}


# The page


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html, text/plain;version=0.0.4", TEXT),
        (PROMETHEUS, OPENMETRICS),
        ("Application/OpenMetrics-Text", OPENMETRICS),
        ("application/openmetrics-text;version=abc", OPENMETRICS),
        ("application/openmetrics-text;version=9.9\r\nSet-Cookie: a=b", OPENMETRICS),
    ],
    ids=[
        "the-older-text-by-default",
        "and-for-whoever-takes-anything",
        "and-for-browsers",
        "openmetrics-for-prometheus",
        "however-it-is-written",
        "whatever-its-version-is-said-to-be",
        "and-nothing-of-the-header-comes-back",
    ],
)
def test_the_format_is_what_the_visitor_reads(accept: str, content_type: str) -> None:
    """By the Accept header."""
    body, told = exposition(*full(), accept)
    assert told.removesuffix("; charset=utf-8") == content_type.removesuffix("; charset=utf-8")
    assert body.endswith(b"# EOF\n") == (content_type is OPENMETRICS)


PARSERS: dict[str, Callable[[str], Iterable[Metric]]] = {"": text_parsed, PROMETHEUS: openmetrics_parsed}


@pytest.mark.parametrize("accept", PARSERS, ids=["text", "openmetrics"])
@pytest.mark.parametrize("name", ["spot", HOSTILE], ids=["plain-names", "hostile-names"])
def test_a_parser_reads_what_was_written(accept: str, name: str) -> None:
    """The library's own, in both formats, whatever accounts, jobs, rules, currencies and channels are called."""
    body, _ = exposition(*full(name, name.replace("/", "|"), name), accept)
    families = {family.name: family for family in PARSERS[accept](body.decode())}
    assert {one.labels["account"] for one in families["balance_monitor_balance"].samples} == {name}
    assert {one.labels["channel"] for one in families["balance_monitor_deliveries"].samples} == {name}
    assert {one.labels["rule"] for one in families["balance_monitor_alerts"].samples} == {name}
    assert all(family.documentation for family in families.values())


@pytest.mark.parametrize("name", ["spot", HOSTILE], ids=["plain-names", "hostile-names"])
@pytest.mark.parametrize("filled", [True, False], ids=["after-failures", "at-the-start"])
def test_promtool_has_nothing_to_say(name: str, *, filled: bool) -> None:
    """Prometheus' own check of names, units, HELP and syntax."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    shown = full(name, name, name) if filled else (status(), Running(started_at=NOW), Metrics())
    body, _ = exposition(*shown, "")
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_names_say_whose_they_are_and_their_unit() -> None:
    """`balance_monitor_` or the convention for processes; instants and spans are in seconds, sizes in bytes."""
    for family in text_parsed(page(*full())):
        assert re.fullmatch(r"(balance_monitor|process)_[a-z_]+", family.name)
        if "timestamp" in family.name or family.type == "histogram":
            assert family.name.endswith("_seconds")


def test_no_sample_comes_twice() -> None:
    """A second one with the same labels would cost Prometheus the whole page."""
    lines = [line.rpartition(" ")[0] for line in page(*full()).splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines))


def test_every_gauge_gives_its_labels() -> None:
    """As many values as it has names for them."""
    shown, running, _ = full()
    for gauge, given in gauges(shown, running):
        listed = list(given)
        assert listed, gauge.name
        assert {len(labels) for labels, _ in listed} == {len(gauge.labels)}
