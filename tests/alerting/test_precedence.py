"""Precedence: each row of the table in docs/alerting.md, on a real store, from the poll to what is sent.

A row's name is the table's first column, its docstring the second; a test holds the two together. Minutes are counted
from START; nothing sleeps, and there is no process."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.outbox import divert_to_fallback
from monitor.alerting.reconcile import reconcile
from monitor.alerting.recording import record
from monitor.alerting.status import Check, assemble
from monitor.config import Config
from monitor.domain.alerts import Ack, Alert, Event, acknowledge
from monitor.domain.delivery import Delivery, Target, plan
from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.messages import headline
from monitor.domain.model import Account, Balance, PollResult, Severity, State
from monitor.domain.mutes import Inhibition, Maintenance
from monitor.domain.routing import Route
from monitor.domain.rules import Failing, Flapping, Policy, Stale, Threshold
from monitor.domain.windows import OneOff, QuietHours
from monitor.errors import Outcome
from monitor.notify.templates import VARIABLES
from monitor.store.read.state import read
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from ..support import configured

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "alerting.md"
START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

SPOT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",))
FUTURES = Account(provider="nami-main", job="nami-futures", name="futures", currencies=("USDT",))
TARGETS = {name: Target(channel=name, url_id=f"{name}0000") for name in ("ops", "boss", "phone")}
OPS_ONLY = (Route(channels=("ops",)),)
ESCALATES = (Route(channels=("ops",), escalate_after=15 * MINUTE, escalate_to=("boss",)),)
QUIET_FOR_AN_HOUR = QuietHours(begins=time(14, 30), ends=time(15, 30), timezone=ZoneInfo("UTC"))

ONCE = Policy(repeat_every=None)
ON_IT = Ack(by="ann", reason="on it", at=START + 2 * MINUTE)


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def low(**policy: object) -> Threshold:
    """A warning below 1000; reminders only where they are asked for."""
    by = Policy(**{"repeat_every": None, **policy})  # type: ignore[arg-type]
    return Threshold(name="low", below=Decimal(1000), policy=by)


def levels(**policy: object) -> Threshold:
    """A warning below 1000, critical below 100."""
    limits = ((100, Severity.CRITICAL), (1000, Severity.WARNING))
    each = tuple(
        Threshold(name="low", below=Decimal(limit), policy=Policy(severity=one)) for limit, one in limits
    )
    by = Policy(**{"repeat_every": None, **policy})  # type: ignore[arg-type]
    return Threshold(name="low", levels=each, policy=by)


@dataclass(slots=True)
class Duty:
    """A store, a configuration, and what somebody on call does. What is told is given as kinds of events, what is sent
    as the headlines of messages."""

    tx: Transaction
    config: Config = field(default_factory=lambda: watching(low()))
    quiet: Mapping[str, QuietHours] = field(default_factory=dict)

    def poll(self, minute: float, usdt: str | Outcome, account: Account = SPOT) -> list[str]:
        """What is told at a poll that read this amount, or failed so."""
        read = not isinstance(usdt, Outcome)
        amount = Decimal(usdt) if read else Decimal(0)
        result = PollResult(
            outcome=Outcome.OK if read else Outcome(usdt),
            started_at=at(minute),
            finished_at=at(minute),
            attempts=1,
            balances=(Balance(currency="USDT", total=amount, available=amount),) if read else (),
            detail="" if read else "no answer",
        )
        return kinds(record(self.tx, account, result, self.config).events)

    def check(self, minute: float) -> list[str]:
        """What time alone brings."""
        return kinds(check_time_based(self.tx, self.config, at(minute), set(self.config.accounts)))

    def reload(self, minute: float, config: Config) -> list[str]:
        """What another configuration brings; with the same, a restart."""
        self.config = config
        return kinds(reconcile(self.tx, config, at(minute)))

    def silence(self, begins: float, ends: float, match: Match = EVERYTHING) -> int:
        """Somebody wants quiet."""
        return self.tx.alerts.add_silence(
            match, starts_at=at(begins), ends_at=at(ends), by="ann", reason="upgrade", now=at(begins)
        ).id

    def acknowledge(self, minute: float) -> None:
        """Somebody knows of all that fires."""
        for alert in self.firing():
            self.tx.alerts.save(acknowledge(alert, replace(ON_IT, at=at(minute))))

    def firing(self) -> list[Alert]:
        return [alert for alert in self.tx.alerts.all().values() if alert.state is State.FIRING]

    def sent(self, channel: str, minute: float) -> list[str]:
        """What a channel gets, and takes, at this instant: message by message."""
        return [
            ", ".join(headline(item) for item in one.items)
            for one in self.deliveries(channel, minute, taken=True)
        ]

    def refused(self, channel: str, minute: float) -> int:
        """How many messages a channel does not take at this instant."""
        return len(self.deliveries(channel, minute, taken=False))

    def deliveries(
        self, channel: str, minute: float, *, taken: bool, wait_for_group: bool = True
    ) -> list[Delivery]:
        """What goes out to a channel at this instant; it takes it, or it does not and is tried again in a minute."""
        made: list[Delivery] = []
        target, now = TARGETS[channel], at(minute)
        while due := self.tx.outbox.waiting(
            target, now, self.quiet.get(channel), wait_for_group=wait_for_group
        ).due:
            made.append(plan(due))
            ids = [one.id for one in made[-1].covers]
            if taken:
                self.tx.outbox.complete(ids, delivered=True, at=now)
            else:
                self.tx.outbox.reschedule(ids, at=now, until=now + MINUTE, error="refused")
        return made

    def divert_to_fallback(self, minute: float, channel: str = "ops", fallback: str = "phone") -> int:
        """How much a fallback is given at this instant, after five minutes of failing."""
        channels = dict(self.config.channels)
        channels[channel] = replace(channels[channel], fallback=fallback, fallback_after=5 * MINUTE)
        config = replace(self.config, channels=channels)
        return sum(done.count for done in divert_to_fallback(self.tx, config, at(minute)))


def watching(
    *rules: Threshold | Failing | Stale,
    accounts: Sequence[Account] = (SPOT, FUTURES),
    routes: Sequence[Route] = OPS_ONLY,
    maintenance: Sequence[Maintenance] = (),
    inhibitions: Sequence[Inhibition] = (),
) -> Config:
    return configured(
        *rules,
        accounts=accounts,
        targets=TARGETS.values(),
        routes=tuple(routes),
        maintenance=tuple(maintenance),
        inhibitions=tuple(inhibitions),
    )


def kinds(events: Sequence[Event]) -> list[str]:
    return [str(event.kind) for event in events]


AfterCommit = Callable[[Path], None]
Row = Callable[[Duty], AfterCommit | None]
ROWS: dict[str, Row] = {}


def row(check: Row) -> Row:
    """A row of the table."""
    ROWS[check.__name__.replace("_", " ")] = check
    return check


# Silences, maintenance windows, inhibition


@row
def silence_and_firing(on: Duty) -> None:
    """An alert that fires during a silence is notified when the silence ends, if it still fires then. An
    alert that fires and resolves entirely during the silence is not reported."""
    on.silence(0, 10)
    assert on.poll(1, "5") == on.poll(2, "5", FUTURES) == on.poll(3, "5000", FUTURES) == []
    assert [on.check(9), on.check(10), on.check(11)] == [[], ["fired"], []]


@row
def silence_and_resolve(on: Duty) -> None:
    """A resolution during a silence is sent when the silence ends, to every recipient of the firing."""
    on.poll(0, "5")
    on.silence(1, 10)
    assert [on.poll(2, "5000"), on.check(10)] == [[], ["resolved"]]
    assert on.sent("ops", 11) == ["FIRED AND RESOLVED"]


@row
def silence_and_reminder(on: Duty) -> None:
    """A reminder that comes due during a silence is skipped; the next one is due `repeat_every` after it."""
    on.config = watching(low(repeat_every=4 * MINUTE))
    on.poll(0, "5")
    on.silence(1, 6)
    assert [on.check(minute) for minute in (4, 6, 7, 8)] == [[], [], [], ["reminder"]]


@row
def silence_and_worsening(on: Duty) -> None:
    """A silence mutes an alert that worsens, as long as it still matches. A silence with `severity=warning`
    does not match an alert that has become critical."""
    on.config = watching(levels())
    on.poll(0, "500")
    on.poll(0, "500", FUTURES)
    on.silence(1, 10, Match({"job": ("nami-spot",)}))
    on.silence(1, 10, Match({"severity": ("warning",)}))
    assert [on.poll(2, "50"), on.poll(2, "50", FUTURES), on.check(10)] == [[], ["worsened"], ["worsened"]]


@row
def silence_and_acknowledgement(on: Duty) -> None:
    """A silenced alert can be acknowledged. When the silence ends, its firing is still sent once, and no
    reminder or escalation follows."""
    on.config = watching(low(repeat_every=4 * MINUTE), routes=ESCALATES)
    on.silence(0, 10)
    on.poll(1, "5")
    on.acknowledge(2)
    assert [on.check(minute) for minute in (10, 14, 25, 60)] == [["fired"], [], [], []]


@row
def silence_and_escalation(on: Duty) -> None:
    """No alert is escalated during a silence, but `escalate_after` continues to count: an escalation that is
    due by then is sent when the silence ends."""
    on.config = watching(low(), routes=ESCALATES)
    on.poll(0, "5")
    on.silence(1, 60)
    assert [on.check(15), on.check(59), on.check(60), on.check(61)] == [[], [], ["escalated"], []]


@row
def silence_and_closing(on: Duty) -> None:
    """If a rule or an account is removed from the configuration during a silence, its alert is reported as
    closed at once: later that would not be possible."""
    on.poll(0, "5")
    on.silence(1, 10)
    assert on.reload(2, watching()) == ["closed"]


@row
def silence_and_outbox(on: Duty) -> None:
    """Notifications that are in the outbox when a silence begins are still delivered, whether they wait for
    their group, for quiet hours or for a channel."""
    on.poll(0, "5")
    on.silence(0.1, 10)
    assert on.sent("ops", 1) == ["WARNING"]


@row
def silence_and_check(on: Duty) -> AfterCommit:
    """A silenced or acknowledged alert keeps firing: `status` and `poll` show it as such, and it counts for
    their exit code."""
    on.config = watching(low(severity=Severity.CRITICAL))
    on.silence(0, 10)
    on.poll(1, "5")
    on.acknowledge(2)

    def seen(store: Path) -> None:
        status = assemble(read(store), configured(accounts=[SPOT]), at(3))
        [alert] = status.alerts
        assert (alert.muted, alert.ack, status.check) == ("silence 1 by ann: upgrade", ON_IT, Check.CRITICAL)

    return seen


@row
def maintenance_and_firing(on: Duty) -> None:
    """A maintenance window mutes an alert as a silence does. If both match, the alert is muted until the
    later end."""
    window = OneOff(starts_at=at(0), ends_at=at(20))
    on.config = watching(low(), maintenance=[Maintenance(name="upgrade", match=EVERYTHING, window=window)])
    on.silence(0, 10)
    assert [on.poll(1, "5"), on.check(10), on.check(19), on.check(20)] == [[], [], [], ["fired"]]


BY_FUTURES = Inhibition(source=Match({"job": ("nami-futures",)}), target=Match({"job": ("nami-spot",)}))


@row
def inhibition_and_firing(on: Duty) -> None:
    """An inhibited alert is notified when the alert that inhibits it is over, if it still fires then."""
    on.config = watching(low(), inhibitions=[BY_FUTURES])
    on.poll(0, "5", FUTURES)
    assert [on.poll(1, "5"), on.poll(2, "5000", FUTURES), on.check(3)] == [[], ["resolved"], ["fired"]]


@row
def inhibition_and_silence(on: Duty) -> None:
    """An alert inhibits others even if it is silenced or acknowledged. A pending alert inhibits none."""
    on.config = watching(low(), inhibitions=[BY_FUTURES])
    on.silence(0, 10, Match({"job": ("nami-futures",)}))
    assert on.poll(0, "5", FUTURES) == []
    on.acknowledge(1)
    assert on.poll(2, "5") == []
    on.reload(3, watching(low(for_=99 * MINUTE), inhibitions=[BY_FUTURES]))
    assert [on.poll(4, "5000", FUTURES), on.poll(5, "5", FUTURES), on.check(6)] == [[], [], ["fired"]]


@row
def inhibition_and_inhibition(on: Duty) -> None:
    """If two alerts would inhibit each other, neither is inhibited: both are notified."""
    back = Inhibition(source=BY_FUTURES.target, target=BY_FUTURES.source)
    on.config = watching(low(), inhibitions=[BY_FUTURES, back])
    assert [on.poll(0, "5", FUTURES), on.poll(1, "5")] == [["fired"], ["fired"]]


@row
def failing_and_stale(on: Duty) -> None:
    """A `failing` alert about an account inhibits the `stale` alerts of that account, and one about a
    provider those of all its accounts, without any configuration."""
    stale = Stale(name="stale", after=5 * MINUTE, policy=ONCE)
    on.config = watching(stale, Failing(name="failing", polls=3, policy=ONCE))
    told = [on.poll(0, "5", one) for one in (SPOT, FUTURES)]
    told += [on.poll(minute, Outcome.TIMEOUT, one) for minute in (2, 3, 4, 9) for one in (SPOT, FUTURES)]
    assert [*chain(*told), *on.check(10)] == ["fired"]


# Acknowledgements and escalation


@row
def acknowledgement_and_reminder(on: Duty) -> None:
    """An acknowledged alert sends no reminders until it worsens or the acknowledgement is removed."""
    on.config = watching(low(repeat_every=4 * MINUTE))
    on.poll(0, "5")
    on.acknowledge(1)
    assert [on.check(4), on.check(60)] == [[], []]
    [alert] = on.firing()
    on.tx.alerts.save(replace(alert, ack=None))
    assert on.check(61) == ["reminder"]


@row
def acknowledgement_and_escalation(on: Duty) -> None:
    """An acknowledged alert is not escalated. An unacknowledged one is escalated once until it resolves."""
    on.config = watching(low(), routes=ESCALATES)
    on.poll(0, "5")
    on.acknowledge(1)
    on.poll(2, "5", FUTURES)
    assert [on.check(15), on.check(17), on.check(60)] == [[], ["escalated"], []]


@row
def acknowledgement_and_worsening(on: Duty) -> None:
    """An alert that worsens is notified even if acknowledged; this ends the acknowledgement and restarts
    `escalate_after`."""
    on.config = watching(levels(), routes=ESCALATES)
    on.poll(0, "500")
    on.acknowledge(1)
    assert [on.poll(20, "50"), on.check(34), on.check(35)] == [["worsened"], [], ["escalated"]]


@row
def acknowledgement_and_easing(on: Duty) -> None:
    """An alert that eases is notified even if acknowledged, and stays acknowledged."""
    on.config = watching(levels(repeat_every=4 * MINUTE))
    on.poll(0, "50")
    on.acknowledge(1)
    assert [on.poll(2, "500"), on.check(60)] == [["eased"], []]


@row
def acknowledgement_and_resolve(on: Duty) -> None:
    """The resolution of an acknowledged alert is sent, and ends the acknowledgement: if the alert fires
    again, it is unacknowledged."""
    on.config = watching(low(repeat_every=4 * MINUTE, cooldown=60 * MINUTE))
    on.poll(0, "5")
    on.acknowledge(1)
    assert [on.poll(2, "5000"), on.poll(3, "5"), on.check(7)] == [["resolved"], ["fired"], ["reminder"]]


@row
def acknowledgement_and_outbox(on: Duty) -> None:
    """Notifications that are in the outbox when an alert is acknowledged are still delivered."""
    on.poll(0, "5")
    on.acknowledge(0.1)
    assert on.sent("ops", 1) == ["WARNING"]


@row
def acknowledgement_and_restart(on: Duty) -> None:
    """Acknowledgements, silences and pending notifications survive a restart and a reload."""
    on.config = watching(low(repeat_every=4 * MINUTE), routes=ESCALATES)
    on.poll(0, "5")
    on.silence(0, 90)
    on.poll(1, "5", FUTURES)
    on.acknowledge(1)
    assert [on.reload(2, on.config), on.check(60), on.sent("ops", 60)] == [[], [], ["WARNING"]]


@row
def escalation_and_what_follows(on: Duty) -> None:
    """The recipients of an escalation also receive what follows: reminders, worsening, the resolution."""
    on.config = watching(levels(repeat_every=20 * MINUTE), routes=ESCALATES)
    on.poll(0, "500")
    on.check(15)
    on.check(35)
    on.poll(36, "50")
    on.poll(37, "5000")
    assert on.sent("boss", 60) == ["WARNING not acknowledged", "CRITICAL worse", "RESOLVED"]
    assert on.sent("ops", 60) == ["FIRED AND RESOLVED"]


@row
def escalation_and_reminder(on: Duty) -> None:
    """If both are due at once, the escalation is sent, and the next reminder is due `repeat_every` after
    it."""
    on.config = watching(low(repeat_every=15 * MINUTE), routes=ESCALATES)
    on.poll(0, "5")
    assert [on.check(15), on.check(16), on.check(30)] == [["escalated"], [], ["reminder"]]


@row
def reminder_and_restart(on: Duty) -> None:
    """A restart or a reload makes no reminder come sooner: it counts from the last message."""
    on.config = watching(low(repeat_every=4 * MINUTE))
    on.poll(0, "5")
    told = [on.reload(1, on.config), on.poll(2, "5"), on.reload(3, on.config), on.check(3.9), on.check(4)]
    assert told == [[], [], [], [], ["reminder"]]


# Cooldown and flapping


@row
def cooldown_and_firing(on: Duty) -> None:
    """An alert that fires again within its `cooldown` is notified at once, as the same incident, with a note
    that it fires again."""
    on.config = watching(low(cooldown=10 * MINUTE))
    on.poll(0, "5")
    on.poll(1, "5000")
    [before] = on.tx.alerts.all().values()
    assert on.poll(2, "5") == ["fired"]
    [alert] = on.firing()
    assert (alert.id, alert.seq) == (before.id, 3)


@row
def cooldown_and_silence(on: Duty) -> None:
    """An alert that resolves and fires again during a silence remains the same incident. Nothing has changed
    since the last notification, so nothing is sent."""
    on.poll(0, "5")
    on.silence(1, 10)
    assert [on.poll(2, "5000"), on.poll(3, "5"), on.check(10)] == [[], [], []]


FLAPS = Flapping(changes=3, within=60 * MINUTE)
TO_AND_FRO = ("5", "5000", "5", "5000", "5", "5000")


@row
def flapping_and_firing(on: Duty) -> None:
    """A flapping alert is reported as flapping once. Its firings and resolutions are not sent until it
    no longer flaps; then its current state is sent."""
    on.config = watching(low(flapping=FLAPS))
    told = [on.poll(minute, usdt) for minute, usdt in enumerate(TO_AND_FRO)]
    assert told == [["fired"], ["resolved"], ["fired"], ["flapping"], [], []]
    assert [on.check(60), on.check(64)] == [[], ["resolved"]]


@row
def flapping_and_worsening(on: Duty) -> None:
    """An alert that becomes worse than last notified is notified even while it flaps."""
    on.config = watching(levels(flapping=FLAPS))
    for minute, usdt in enumerate(("500", "5000", "500", "5000", "500")):
        on.poll(minute, usdt)
    assert [on.poll(6, "50"), on.poll(7, "500"), on.poll(8, "50")] == [["worsened"], [], []]


@row
def flapping_and_acknowledgement(on: Duty) -> None:
    """That an alert flaps is reported even if it is acknowledged. While it flaps it sends no reminders and is
    not escalated, acknowledged or not."""
    on.config = watching(low(flapping=FLAPS, repeat_every=4 * MINUTE), routes=ESCALATES)
    for minute, usdt in enumerate(TO_AND_FRO[:3]):
        on.poll(minute, usdt)
    on.acknowledge(2)
    assert on.poll(3, "5000") == ["flapping"]
    assert [on.poll(4, "5"), on.check(30), on.check(50)] == [[], [], []]


@row
def flapping_and_silence(on: Duty) -> None:
    """Changes during a silence count towards flapping: an alert that flaps when the silence ends is reported
    as flapping."""
    on.config = watching(low(flapping=FLAPS))
    on.silence(0, 10)
    told = [on.poll(minute, usdt) for minute, usdt in enumerate(TO_AND_FRO)]
    assert [*chain(*told), *on.check(10), *on.check(11)] == ["flapping"]


# The outbox: groups, quiet hours, fallbacks


@row
def grouping_and_firing(on: Duty) -> None:
    """Alerts that fire within `group_wait` of the first one and are equal in `group_by` are one message, the
    worst first."""
    on.config = watching(levels())
    on.poll(0, "500")
    on.poll(0.1, "50", FUTURES)
    assert on.sent("ops", 0.16) == []
    [message] = on.deliveries("ops", 0.17, taken=True)
    assert message.message.title.startswith("1 CRITICAL, 1 WARNING: low: nami-futures/futures/USDT")


@row
def grouping_and_critical(on: Duty) -> None:
    """A critical alert waits for its group too, but never longer than the `group_wait` of its own route. What
    waits in the same group is sent with it."""
    at_once = Route(match=Match({"severity": ("critical",)}), channels=("ops",), group_wait=timedelta(0))
    on.config = watching(levels(), routes=[at_once, *OPS_ONLY])
    on.poll(0, "500")
    assert on.sent("ops", 0) == []
    on.poll(0.05, "50", FUTURES)
    assert on.sent("ops", 0.05) == ["WARNING, CRITICAL"]


@row
def grouping_and_worsening(on: Duty) -> None:
    """If an alert becomes critical while its firing waits for its group, both are one critical message, sent
    after at most the `group_wait` of its new route."""
    at_once = Route(match=Match({"severity": ("critical",)}), channels=("ops",), group_wait=timedelta(0))
    on.config = watching(levels(), routes=[at_once, Route(channels=("ops",), group_wait=5 * MINUTE)])
    on.poll(0, "500")
    on.poll(1, "50")
    assert on.sent("ops", 1) == ["CRITICAL"]


@row
def grouping_and_resolve(on: Duty) -> None:
    """If an alert resolves before its firing was sent, one message reports both."""
    on.poll(0, "5")
    on.poll(0.1, "5000")
    assert on.sent("ops", 1) == ["FIRED AND RESOLVED"]


@row
def grouping_and_failure(on: Duty) -> None:
    """A message that a channel does not accept delays the later messages of its incident, and of no other."""
    on.poll(0, "5")
    assert on.refused("ops", 0.2) == 1
    on.poll(0.3, "5", FUTURES)
    on.poll(0.4, "5000")
    assert on.sent("ops", 0.5) == ["WARNING"]
    assert on.sent("ops", 1.5) == ["FIRED AND RESOLVED"]


@row
def grouping_and_poll(on: Duty) -> None:
    """The command `poll` does not wait for groups: the notifications of its polls are sent, grouped, before
    it ends."""
    on.poll(0, "5")
    on.poll(0, "5", FUTURES)
    [message] = on.deliveries("ops", 0, taken=True, wait_for_group=False)
    assert len(message.items) == 2


@row
def quiet_hours_and_warning(on: Duty) -> None:
    """During the quiet hours of a channel everything waits that is not critical, including reminders and
    resolutions. It is sent, grouped, when they end."""
    on.quiet = {"ops": QUIET_FOR_AN_HOUR}
    on.poll(0, "5")
    on.poll(5, "5", FUTURES)
    on.poll(9, "5000", FUTURES)
    assert [on.sent("ops", 59), on.sent("ops", 60)] == [[], ["WARNING, FIRED AND RESOLVED"]]


@row
def quiet_hours_and_critical(on: Duty) -> None:
    """Critical notifications are sent during quiet hours, together with what waits of the same incident. So
    is the resolution of a critical alert."""
    on.config, on.quiet = watching(levels()), {"ops": QUIET_FOR_AN_HOUR}
    on.poll(0, "500")
    on.poll(0, "500", FUTURES)
    on.poll(5, "50")
    assert on.sent("ops", 6) == ["CRITICAL"]
    on.poll(7, "5000")
    assert on.sent("ops", 8) == ["RESOLVED"]


@row
def quiet_hours_and_escalation(on: Duty) -> None:
    """Quiet hours also apply to the channels of an escalation: one that is not critical waits."""
    on.config, on.quiet = watching(low(), routes=ESCALATES), {"boss": QUIET_FOR_AN_HOUR}
    on.poll(0, "5")
    assert on.check(15) == ["escalated"]
    assert [on.sent("boss", 59), on.sent("boss", 60)] == [[], ["WARNING not acknowledged"]]


@row
def quiet_hours_and_fallback(on: Duty) -> None:
    """A notification that waits for quiet hours has not failed, so no fallback takes over. The fallback
    channel's own quiet hours apply to it."""
    on.quiet = {"ops": QUIET_FOR_AN_HOUR, "phone": QUIET_FOR_AN_HOUR}
    on.poll(0, "5")
    assert [on.sent("ops", 30), on.divert_to_fallback(30)] == [[], 0]
    on.quiet = {"phone": QUIET_FOR_AN_HOUR}
    assert [on.refused("ops", 31), on.divert_to_fallback(36)] == [1, 1]
    assert [on.sent("phone", 59), on.sent("phone", 60)] == [[], ["WARNING"]]


@row
def fallback_and_channel(on: Duty) -> None:
    """A fallback sends what its channel could not deliver, with the reason. The channel receives it too, once it
    can be reached."""
    on.poll(0, "5")
    on.refused("ops", 1)
    assert [on.divert_to_fallback(5.9), on.divert_to_fallback(6), on.divert_to_fallback(7)] == [0, 1, 0]
    [message] = on.deliveries("phone", 6, taken=True)
    assert message.instead_of == "channel ops, which can't be reached (refused)"
    assert on.sent("ops", 7) == ["WARNING"]


@row
def fallback_and_routes(on: Duty) -> None:
    """A fallback channel that the routes notify anyway is not notified twice."""
    on.config = watching(low(), routes=[Route(channels=("ops", "phone"))])
    on.poll(0, "5")
    on.refused("ops", 1)
    assert [on.sent("phone", 1), on.divert_to_fallback(6), on.sent("phone", 7)] == [["WARNING"], 1, []]


@row
def fallback_and_resolve(on: Duty) -> None:
    """A fallback that sent the firing of an alert also sends its resolution."""
    on.poll(0, "5")
    on.refused("ops", 1)
    on.divert_to_fallback(6)
    assert on.sent("phone", 6) == ["WARNING"]
    on.poll(7, "5000")
    assert [on.sent("phone", 8), on.sent("ops", 8)] == [["RESOLVED"], ["FIRED AND RESOLVED"]]


@row
def fallback_and_acknowledgement(on: Duty) -> None:
    """A fallback also takes over notifications of an acknowledged alert: they may have failed before the
    acknowledgement, or despite it."""
    on.poll(0, "5")
    on.refused("ops", 1)
    on.acknowledge(2)
    assert [on.divert_to_fallback(6), on.sent("phone", 6)] == [1, ["WARNING"]]


@row
def fallback_and_fallback(on: Duty) -> None:
    """If a fallback channel fails too, its own fallback takes over."""
    on.poll(0, "5")
    on.refused("ops", 1)
    on.divert_to_fallback(6)
    on.refused("phone", 6)
    assert [on.divert_to_fallback(11, "phone", "boss"), on.sent("boss", 11)] == [1, ["WARNING"]]


# Who is told


@row
def notify_and_routes(on: Duty) -> None:
    """A rule's `notify` replaces the channels of the matching routes, and nothing else: their grouping and
    escalation still apply."""
    on.config = watching(low(notify=("phone",)), routes=ESCALATES)
    on.poll(0, "5")
    assert on.check(15) == ["escalated"]
    assert [on.sent(name, 20) for name in ("ops", "phone", "boss")] == [
        [],
        ["WARNING"],
        ["WARNING not acknowledged"],
    ]


@row
def notify_and_nobody(on: Duty) -> None:
    """With `notify: []` a rule notifies nobody, not even by escalation. `status` and `alerts` still show the
    alert."""
    on.config = watching(low(notify=()), routes=ESCALATES)
    on.poll(0, "5")
    assert [on.check(15), [on.sent(name, 20) for name in TARGETS], len(on.firing())] == [[], [[], [], []], 1]


@row
def routes_and_no_match(on: Duty) -> None:
    """An alert that no route matches goes to every channel."""
    on.config = watching(low(), routes=[Route(match=Match({"severity": ("critical",)}), channels=("ops",))])
    on.poll(0, "5")
    assert [on.sent(name, 1) for name in TARGETS] == [["WARNING"], ["WARNING"], ["WARNING"]]


@row
def worsening_and_routes(on: Duty) -> None:
    """An alert that worsens is sent to the routes of its new severity and to every earlier recipient. Easing
    and resolution are sent to every recipient of the incident."""
    critical = Route(match=Match({"severity": ("critical",)}), channels=("boss",))
    on.config = watching(levels(), routes=[critical, *OPS_ONLY])
    for minute, usdt in enumerate(("500", "50", "500", "5000")):
        on.poll(minute, usdt)
        on.sent("ops", minute + 0.5)
    assert on.sent("boss", 9) == ["CRITICAL worse", "WARNING eased", "RESOLVED"]


@row
def worsening_and_escalation(on: Duty) -> None:
    """Worsening does not postpone an escalation: `escalate_after` counts from the first unacknowledged
    notification, even if that was milder."""
    critical = Route(
        match=Match({"severity": ("critical",)}), escalate_after=15 * MINUTE, escalate_to=("boss",)
    )
    on.config = watching(levels(), routes=[critical, *OPS_ONLY])
    on.poll(0, "500")
    assert [on.check(19), on.poll(20, "50"), on.check(20.1)] == [[], ["worsened"], ["escalated"]]


@row
def worsening_and_for(on: Duty) -> None:
    """Worsening is notified once it has held for the rule's `for`; easing, once the worse level has been over
    for `keep_firing_for`."""
    on.config = watching(levels(for_=2 * MINUTE, keep_firing_for=3 * MINUTE))
    for minute in (0, 1, 2):
        on.poll(minute, "500")
    told = [on.poll(minute, "50") for minute in (3, 4, 5)] + [on.poll(minute, "500") for minute in (6, 7, 8)]
    assert told == [[], [], ["worsened"], [], [], ["eased"]]


@row
def send_resolved_and_resolve(on: Duty) -> None:
    """With `send_resolved: false` no resolution is sent, not even after a silence."""
    on.config = watching(low(send_resolved=False))
    on.poll(0, "5")
    on.silence(1, 10)
    on.poll(2, "5000")
    on.check(10)
    assert on.sent("ops", 11) == ["WARNING"]


@row
def send_resolved_and_closing(on: Duty) -> None:
    """If a rule or an account is removed from the configuration, its alert is reported as closed even with
    `send_resolved: false`."""
    rule = low(send_resolved=False)
    on.config = watching(rule)
    on.poll(0, "5")
    on.sent("ops", 1)
    on.reload(2, watching(rule, accounts=[FUTURES]))
    assert on.sent("ops", 3) == ["CLOSED"]


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=name.replace(" ", "-")) for name, check in ROWS.items()]
)
async def test_what_wins(check: Row, store: Store) -> None:
    """A row of the table holds."""
    after = await store.write(lambda tx: check(Duty(tx)))
    if after is not None:
        after(store.path)


# The document itself


def _table() -> dict[str, str]:
    """The document's table: its rows' names, and what each says."""
    _, _, after = DOCUMENT.read_text().partition("\n## Precedence\n")
    section, _, _ = after.partition("\n## ")
    _, _, rows = section.partition("\n|---|---|\n")
    return dict(re.findall(r"^\| (.+?) \| (.+) \|$", rows, re.MULTILINE))


def test_every_row_of_the_table_is_held_by_a_test() -> None:
    """By one that says the same, in the same order; and no test holds what the table does not say."""
    said = {name: " ".join((check.__doc__ or "").split()) for name, check in ROWS.items()}
    assert list(_table().items()) == list(said.items())


def test_every_variable_of_a_template_is_in_the_document() -> None:
    """With what the program itself says of it."""
    _, _, rows = DOCUMENT.read_text().partition("\n| variable | value |\n|---|---|\n")
    table, _, _ = rows.partition("\n\n")
    assert re.findall(r"^\| `(.+?)` \| (.+) \|$", table, re.MULTILINE) == list(VARIABLES.items())
