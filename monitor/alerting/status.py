"""The use case: the status of everything configured, as the store has it, and the exit code for a check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from monitor.config import Config, Job
from monitor.domain.clock import AHEAD
from monitor.domain.model import Account, Pause, Severity, State
from monitor.domain.mutes import Maintenance
from monitor.domain.time import moment, span
from monitor.errors import Outcome
from monitor.store.read.state import (
    AccountStatus,
    AlertStatus,
    ClockStatus,
    ConfigurationStatus,
    Known,
    SeriesStatus,
    SilenceStatus,
    Undelivered,
)

_SHOWN_FOR = timedelta(days=1)
"""How long the warning about set-aside readings is shown."""


class Check(IntEnum):
    """Exit codes in the convention of Nagios plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A job with the latest poll and the worst outcome of its accounts. `outcome` None: some were never polled."""

    name: str
    provider: str
    accounts: int
    last_poll: datetime | None
    outcome: str | None
    detail: str
    consecutive_failures: int
    failing: int
    missed_runs: int
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything that `status` shows. Instants are in UTC, amounts have all their digits.

    `silences` and `maintenance` are the active ones. `problems` are the errors of the configuration's file, now or at
    the last reload; `configuration` is then still in force. `idle` are the numbers of silences that match no possible
    alert. `warnings` are about the machine's clock."""

    at: datetime
    jobs: tuple[JobStatus, ...]
    balances: tuple[SeriesStatus, ...]
    alerts: tuple[AlertStatus, ...]
    pauses: tuple[Pause, ...]
    notifications: Mapping[str, int]
    silences: tuple[SilenceStatus, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()
    accounts: tuple[AccountStatus, ...] = ()
    warnings: tuple[str, ...] = ()
    configuration: ConfigurationStatus | None = None
    problems: tuple[str, ...] = ()
    idle: frozenset[int] = frozenset()

    @property
    def check(self) -> Check:
        """Return the exit code of a check: critical before unknown before warning.

        Unknown comes before warning, because anything may be hidden behind it. Acknowledged and muted alerts count as
        well: a check reports the state, and the system that runs it has its own acknowledgements and downtimes."""
        firing = [alert.severity for alert in self.alerts if alert.state == State.FIRING]
        if Severity.CRITICAL in firing:
            return Check.CRITICAL
        something_missing = any(balance.missing for balance in self.balances)
        if any(job.outcome != Outcome.OK or job.overdue for job in self.jobs) or something_missing:
            return Check.UNKNOWN
        return Check.WARNING if Severity.WARNING in firing else Check.OK

    @property
    def headline(self) -> str:
        """Return the status in one line."""
        firing = [alert for alert in self.alerts if alert.state == State.FIRING]
        failing = [job for job in self.jobs if job.outcome != Outcome.OK]
        parts = [f"{len(firing)} firing" if firing else "nothing fires"]
        parts += [f"{job.name}: {job.outcome or 'not polled yet'}" for job in failing]
        parts += [f"{job.name}: overdue" for job in self.jobs if job.overdue]
        missing = sum(bool(balance.missing) for balance in self.balances)
        parts += [f"{missing} missing from the last response"] if missing else []
        return ", ".join(parts)


def assemble(known: Known | None, config: Config, now: datetime, *, job: str | None = None) -> Status:
    """Return the status of all configured jobs, or of one. `known` None: there is no store yet."""
    known = known or Known(notifications={})
    jobs = {one.name: one.provider for one in config.jobs if job in (None, one.name)}
    configured = {key: account for key, account in config.accounts.items() if account.job in jobs}
    polled = {(one.job, one.name): one for one in known.accounts if (one.job, one.name) in configured}
    silences = tuple(one for one in known.silences if one.silence.is_active(now))
    return Status(
        at=now,
        jobs=tuple(_job(one, polled, now) for one in config.jobs if one.name in jobs),
        balances=tuple(one for one in known.series if _is_configured(one, configured)),
        alerts=tuple(alert for alert in known.alerts if _concerns(alert, jobs)),
        pauses=tuple(replace(one, until=now + one.left(now)) for one in known.pauses if one.left(now)),
        notifications={name: known.notifications.get(name, 0) for name in ("pending", "failed", "delivered")},
        silences=silences,
        maintenance=tuple(one for one in config.maintenance if one.window.covers(now)),
        undelivered=known.undelivered,
        accounts=tuple(polled.values()),
        warnings=tuple(_of_clock(known.clock, now)) if known.clock else (),
        configuration=known.configuration,
        idle=config.idle_silences((one.silence for one in silences), known.series_keys),
        problems=config.problems or (known.configuration.problems if known.configuration else ()),
    )


def _of_clock(clock: ClockStatus, now: datetime) -> Iterator[str]:
    """Yield the warnings about this machine's clock, with what to do."""
    if clock.doubt:
        yield f"the clock is in doubt: {clock.doubt}; old data is kept until this is resolved: check the clock"
    if clock.ahead_until is not None and clock.ahead_until - now > AHEAD:
        ahead = span(clock.ahead_until - now)
        yield (
            f"there are readings up to {ahead} ahead of this machine's clock: they are kept, but not evaluated; "
            "if the clock is wrong, correct it"
        )
    if clock.set_aside_at is not None and now - clock.set_aside_at < _SHOWN_FOR:
        count = f"{clock.set_aside} reading{' is' if clock.set_aside == 1 else 's are'}"
        yield (
            f"{count} set aside, the last at {moment(clock.set_aside_at)}: made by a wrong clock, they are in "
            'neither history nor export; see docs/troubleshooting.md, "Clock changes"'
        )


def _concerns(alert: AlertStatus, jobs: Mapping[str, str]) -> bool:
    """Return whether an alert is about one of these jobs, or about a provider of theirs."""
    return alert.subject.job in jobs or alert.subject in jobs.values()


def _is_configured(one: SeriesStatus, configured: Mapping[tuple[str, str], Account]) -> bool:
    account = configured.get((one.job, one.account))
    return account is not None and (not account.currencies or one.currency in account.currencies)


def _job(job: Job, polled: Mapping[tuple[str, str], AccountStatus], now: datetime) -> JobStatus:
    mine = [polled[account.key] for account in job.accounts if account.key in polled]
    known = [one for one in mine if one.polled_at is not None]
    failing = [one for one in known if one.failures]
    worst = max(failing, key=lambda one: one.failures, default=None)
    ok = Outcome.OK.value if len(known) == len(job.accounts) else None
    return JobStatus(
        name=job.name,
        provider=job.provider,
        accounts=len(job.accounts),
        last_poll=max((one.polled_at for one in known if one.polled_at), default=None),
        outcome=worst.outcome if worst else ok,
        detail=worst.detail if worst else "",
        consecutive_failures=worst.failures if worst else 0,
        failing=len(failing),
        missed_runs=sum(one.missed_runs for one in known),
        overdue=any(one.overdue_at is not None and one.overdue_at < now for one in known),
    )
