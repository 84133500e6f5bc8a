"""The status: what `status --json` prints and `/api/v1/status` returns."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from monitor.alerting.status import JobStatus
from monitor.alerting.status import Status as Found
from monitor.domain import model
from monitor.domain.time import rfc3339
from monitor.payloads.incidents import Acknowledgement, acknowledgement
from monitor.payloads.silences import Silence, silence
from monitor.payloads.values import (
    Amount,
    Globs,
    IncidentId,
    Instant,
    OneOf,
    Severity,
    Subject,
    globs,
    instant,
)
from monitor.store.read import state
from monitor.store.read.state import AlertStatus, SeriesStatus


class Job(TypedDict):
    """The state of a job over all its accounts: the latest poll and the worst outcome."""

    name: str
    provider: str
    last_poll: Annotated[Instant | None, Field(description="Null: never polled.")]
    outcome: Annotated[
        str | None,
        Field(
            description="`ok`, or the kind of failure; null: not all polled yet.", examples=["ok", "timeout"]
        ),
    ]
    consecutive_failures: int
    detail: str
    accounts: int
    failing: Annotated[int, Field(description="The number of accounts that fail.")]
    missed_runs: int
    overdue: bool


class Balance(TypedDict):
    """The last reading of a series. An amount is null if it was never read or is not reported by the service."""

    series: Annotated[str, Field(examples=["nami-spot/spot/USDT"])]
    job: str
    account: str
    currency: str
    total: Amount | None
    locked: Amount | None
    available: Amount | None
    observed_at: Annotated[Instant | None, Field(description="When it was last read; null: never.")]
    updated_at: Annotated[
        Instant | None, Field(description="When it last changed, as reported by the service.")
    ]
    missing: Annotated[int, Field(description="Responses since then without this currency.")]


class Alert(TypedDict):
    """An alert that is pending, firing or flapping."""

    id: IncidentId
    rule: str
    series: Subject
    state: Annotated[
        str,
        OneOf("inactive", "pending", "firing"),
        Field(description="`inactive`: flapping, now resolved."),
    ]
    severity: Severity
    since: Instant
    reason: Annotated[str, Field(examples=["available 900.10 < 1000"])]
    muted: Annotated[str | None, Field(description="What mutes it; null: nothing.")]
    acknowledged: Acknowledgement | None
    flapping: bool
    announced: Annotated[bool, Field(description="Whether it was notified.")]


class Notifications(TypedDict):
    """The numbers of notifications by status."""

    pending: int
    failed: Annotated[int, Field(description="Given up.")]
    delivered: int


class Pause(TypedDict):
    """A pause of a host: nothing is sent to it until then."""

    host: str
    until: Instant
    outcome: Annotated[str, Field(examples=["rate_limited", "banned"])]
    detail: str


class Maintenance(TypedDict):
    """A maintenance window that is open."""

    name: str
    match: Globs


class Undelivered(TypedDict):
    """The pending notifications of a channel."""

    channel: str
    count: int
    since: Instant
    attempts: int
    last_error: str | None


class Configuration(TypedDict):
    """The configuration in force, and the problems of its file if a reload was refused."""

    accepted_at: Annotated[
        Instant | None, Field(description="When it came into force; null: none was accepted yet.")
    ]
    refused_at: Annotated[
        Instant | None,
        Field(description="Since when reloads of the file are refused; null: the last one was not."),
    ]
    problems: Annotated[
        list[str],
        Field(
            description="Why the file is refused, without secrets.",
            examples=[["config.yaml:12:5: jobs[0].evry: unknown key; did you mean `every`?"]],
        ),
    ]


class Status(TypedDict):
    """What `status --json` prints."""

    at: Annotated[Instant, Field(description="The instant of this status.")]
    jobs: list[Job]
    balances: list[Balance]
    alerts: list[Alert]
    notifications: Notifications
    pauses: list[Pause]
    silences: list[Silence]
    maintenance: list[Maintenance]
    undelivered: list[Undelivered]
    warnings: Annotated[list[str], Field(description="Warnings about the machine's clock, and what to do.")]
    configuration: Configuration


def status(found: Found) -> Status:
    """Return the status."""
    kept = found.configuration
    return {
        "at": rfc3339(found.at),
        "jobs": [_job(one) for one in found.jobs],
        "balances": [_balance(one) for one in found.balances],
        "alerts": [alert(one) for one in found.alerts],
        "notifications": {
            "pending": found.notifications["pending"],
            "failed": found.notifications["failed"],
            "delivered": found.notifications["delivered"],
        },
        "pauses": [
            {"host": one.host, "until": rfc3339(one.until), "outcome": one.outcome, "detail": one.detail}
            for one in found.pauses
        ],
        "silences": [
            silence(one, found.at, matches_nothing=one.silence.id in found.idle) for one in found.silences
        ],
        "maintenance": [{"name": one.name, "match": globs(one.match)} for one in found.maintenance],
        "undelivered": [_undelivered(one) for one in found.undelivered],
        "warnings": list(found.warnings),
        "configuration": {
            "accepted_at": None if kept is None else rfc3339(kept.accepted_at),
            "refused_at": None if kept is None else instant(kept.refused_at),
            "problems": list(found.problems),
        },
    }


def _job(job: JobStatus) -> Job:
    return {
        "name": job.name,
        "provider": job.provider,
        "last_poll": instant(job.last_poll),
        "outcome": job.outcome,
        "consecutive_failures": job.consecutive_failures,
        "detail": job.detail,
        "accounts": job.accounts,
        "failing": job.failing,
        "missed_runs": job.missed_runs,
        "overdue": job.overdue,
    }


def _balance(one: SeriesStatus) -> Balance:
    return {
        "series": f"{one.job}/{one.account}/{one.currency}",
        "job": one.job,
        "account": one.account,
        "currency": one.currency,
        "total": one.total,
        "locked": one.locked,
        "available": one.available,
        "observed_at": instant(one.observed_at),
        "updated_at": instant(one.updated_at),
        "missing": one.missing,
    }


def alert(one: AlertStatus) -> Alert:
    """Return an alert that is pending, firing or flapping."""
    return {
        "id": one.id,
        "rule": one.rule,
        "series": one.subject,
        "state": one.state,
        "severity": model.Severity(one.severity).word,
        "since": rfc3339(one.since),
        "reason": one.reason,
        "muted": one.muted or None,
        "acknowledged": acknowledgement(one.ack),
        "flapping": one.flapping,
        "announced": one.announced,
    }


def _undelivered(one: state.Undelivered) -> Undelivered:
    return {
        "channel": one.channel,
        "count": one.count,
        "since": rfc3339(one.since),
        "attempts": one.attempts,
        "last_error": one.last_error or None,
    }
