"""What waits in the outbox, put there by hand."""

from datetime import datetime, timedelta

from monitor.domain.alerts import Alert, Event, EventKind
from monitor.domain.delivery import Addressed, Target
from monitor.domain.messages import Report
from monitor.domain.model import NotedCall, Severity
from monitor.store.outbox import Waiting
from monitor.store.transaction import Transaction

AT_ONCE = timedelta(0)


def tell(
    tx: Transaction,
    incident: str,
    seq: int,
    kind: EventKind,
    at: datetime,
    *targets: Target,
    severity: Severity = Severity.WARNING,
    group: str = "rule=r",
    wait: timedelta = AT_ONCE,
) -> None:
    """Puts an event into the outbox."""
    alert = Alert(rule="r", subject="s", id=incident, seq=seq, since=at, severity=severity)
    facts = Report(
        kind=kind,
        rule="r",
        rule_type="threshold",
        severity=severity.word,
        subject=f"job/account/{incident}",
        incident=incident,
        seq=seq,
        at=at.isoformat(),
        since=at.isoformat(),
        reason="available 1 < 2",
        expected="",
    )
    addressed = [Addressed(target=target, group=group, group_wait=wait) for target in targets]
    tx.alerts.add_event(Event(kind=kind, at=at, alert=alert, reason=""), facts, addressed)


def add_call(tx: Transaction, host: str, at: datetime, *, caller: str = "daemon") -> None:
    """Notes a call that takes no time."""
    tx.hosts.add_call(host, NotedCall(caller=caller, at=at, ends_by=at))


def incidents(waiting: Waiting) -> list[str]:
    """The incidents that are due, in the order in which they would be told."""
    return [of_one[0].report.incident for of_one in waiting.due]
