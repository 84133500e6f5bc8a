"""An account, an alert, and functions that put readings and events into the store by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.domain.alerts import Ack, Alert, Event, EventKind
from monitor.domain.delivery import Addressed, Target
from monitor.domain.messages import Report
from monitor.domain.model import Account, NotedCall, Reading, SeriesView, Severity, State, Subject
from monitor.domain.mutes import Mute, MuteKind
from monitor.store.outbox import Waiting
from monitor.store.transaction import Transaction

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
ACCOUNT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",))
USDT = ACCOUNT.series("USDT")
OPS = Target(channel="ops", url_id="abcd1234")
ALERT = Alert(
    rule="usdt-low",
    subject=Subject("nami-spot/spot/USDT"),
    state=State.FIRING,
    id="ABCDEFGHJK",
    since=NOW,
    fired_at=NOW + timedelta(minutes=2),
    breached_at=NOW + timedelta(minutes=3),
    held_at=NOW + timedelta(minutes=4),
    worse_since=NOW + timedelta(minutes=5),
    ended_at=NOW - timedelta(minutes=6),
    clearing=True,
    severity=Severity.CRITICAL,
    level=1,
    reason="available 4.10 < 5.00",
    expected="at least 5.00",
    ending="available 6.00, expected at least 5.00",
    again=2,
    changes=(NOW - timedelta(minutes=6), NOW + timedelta(minutes=2, microseconds=1)),
    flapping=True,
    seq=7,
    announced=True,
    announced_at=NOW + timedelta(minutes=7),
    notified_at=NOW + timedelta(minutes=8),
    notified_severity=Severity.INFO,
    notified_level=2,
    notified_flapping=True,
    escalated_at=NOW + timedelta(minutes=9),
    ack=Ack(by="ann", reason="on it", at=NOW + timedelta(minutes=10)),
    muted=Mute(kind=MuteKind.SILENCE, source="3", text="silence 3 by bob: upgrade"),
)
IMMEDIATE = timedelta(0)


def add_event(
    tx: Transaction,
    incident: str,
    seq: int,
    kind: EventKind,
    at: datetime,
    *targets: Target,
    severity: Severity = Severity.WARNING,
    group: str = "rule=r",
    wait: timedelta = IMMEDIATE,
) -> None:
    """Put an event into the outbox."""
    alert = Alert(rule="r", subject=Subject("s"), id=incident, seq=seq, since=at, severity=severity)
    facts = Report(
        kind=kind,
        rule="r",
        rule_type="threshold",
        severity=severity,
        subject=f"job/account/{incident}",
        incident=incident,
        seq=seq,
        at=at,
        since=at,
        reason="available 1 < 2",
        expected="",
    )
    addressed = [Addressed(target=target, group=group, group_wait=wait) for target in targets]
    tx.alerts.add_event(Event(kind=kind, at=at, alert=alert, reason=""), facts, addressed)


def add_call(tx: Transaction, host: str, at: datetime, *, caller: str = "daemon") -> None:
    """Record a call that takes no time."""
    tx.hosts.add_call(host, NotedCall(caller=caller, at=at, ends_by=at))


def incidents(waiting: Waiting) -> list[str]:
    """Return the incidents that are due, in the order of their delivery."""
    return [of_one[0].report.incident for of_one in waiting.due]


def snapshot(total: str, at: datetime = NOW) -> Reading:
    """Return a reading whose total is all available."""
    return Reading(observed_at=at, total=Decimal(total), available=Decimal(total))


def keep(tx: Transaction, *readings: Reading) -> None:
    """Store readings of the one series, oldest first."""
    tx.accounts.health(ACCOUNT, NOW)
    for reading in readings:
        view = SeriesView(series=USDT, watched_since=NOW, last=reading)
        tx.readings.save_views([view])
        tx.readings.add([view])


def history(tx: Transaction, since: datetime, at_least: int) -> list[str]:
    """Return the totals of the stored readings, as text."""
    newest = NOW + timedelta(days=1)
    return [format(one.total, "f") for one in tx.readings.history(USDT, newest, since, at_least)]
