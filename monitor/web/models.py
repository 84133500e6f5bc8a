"""The API as its OpenAPI description tells it. What is sent is made by `contents`, and not looked over again on the
way: with 5,000 series that would take as long as all the rest. Tests hold the two together."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, WithJsonSchema

Instant = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-02-01T14:30:00.000000Z"]}),
]
"""RFC 3339, in UTC, to the microsecond."""
Amount = Annotated[
    str,
    Field(
        description="Exact: the digits as they came, no exponent.",
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        examples=["1009.8500524310101"],
    ),
]
UnixTime = Annotated[float, Field(description="Seconds since 1970-01-01T00:00:00Z.", examples=[1769956200.0])]
Severity = Literal["info", "warning", "critical"]
Subject = Annotated[
    str,
    Field(
        description="What it is about: a series, an account (`job/account/*`), or a provider.",
        examples=["nami-spot/spot/USDT"],
    ),
]
IncidentId = Annotated[str, Field(examples=["X3CVKKPVA0"])]
Globs = dict[str, list[str]]


class Problem(BaseModel):
    """What is wrong, in a sentence."""

    detail: str


# Status: the contract of `status --json`


class Job(BaseModel):
    """A job over all its accounts: the latest poll, the worst outcome."""

    name: str
    provider: str
    last_poll: Instant | None = Field(description="Null: never polled.")
    outcome: str | None = Field(
        description="`ok`, or the kind of failure; null: not all polled yet.", examples=["ok", "timeout"]
    )
    consecutive_failures: int
    detail: str
    accounts: int
    failing: int = Field(description="How many of the accounts fail.")
    missed_runs: int
    overdue: bool


class Balance(BaseModel):
    """A series' last reading; its amounts are null where it was never read, and where the service does not tell."""

    series: str = Field(examples=["nami-spot/spot/USDT"])
    job: str
    account: str
    currency: str
    total: Amount | None
    locked: Amount | None
    available: Amount | None
    observed_at: Instant | None = Field(description="When it was read; null: never.")
    updated_at: Instant | None = Field(description="When the service says it last changed.")
    missing: int = Field(description="Answers since that lacked this currency.")


class Acknowledgement(BaseModel):
    """Who acknowledged it, when and why."""

    by: str
    at: Instant
    reason: str


class Alert(BaseModel):
    """A rule that is broken, or may be about to be."""

    id: IncidentId
    rule: str
    series: Subject
    state: Literal["inactive", "pending", "firing"] = Field(description="`inactive`: it comes and goes.")
    severity: Severity
    since: Instant
    reason: str = Field(examples=["available 900.10 < 1000"])
    muted: str | None = Field(description="What keeps it quiet.")
    acknowledged: Acknowledgement | None
    flapping: bool
    announced: bool = Field(description="Whether somebody was told of it.")


class Notifications(BaseModel):
    """How many notifications the outbox holds."""

    pending: int
    failed: int = Field(description="Given up.")
    delivered: int


class Pause(BaseModel):
    """A host that wants no calls for a while."""

    host: str
    until: Instant
    outcome: str = Field(examples=["rate_limited", "banned"])
    detail: str


class Silence(BaseModel):
    """A silence that holds."""

    id: int
    state: Literal["active", "upcoming", "over", "expired"]
    match: Globs
    starts_at: Instant
    ends_at: Instant
    by: str
    reason: str
    created_at: Instant
    expired_by: str | None
    matches_nothing: bool = Field(
        description="No alert that there can be fits it: its rule or account is gone."
    )


class Maintenance(BaseModel):
    """A maintenance window that is open."""

    name: str
    match: Globs


class Undelivered(BaseModel):
    """What waits for a channel."""

    channel: str
    count: int
    since: Instant
    attempts: int
    last_error: str | None


class Configuration(BaseModel):
    """The configuration in force, and what is wrong with its file since."""

    accepted_at: Instant | None = Field(description="Since when it is in force; null: none was accepted yet.")
    refused_at: Instant | None = Field(
        description="Since when a reload of the file is refused; null: none was."
    )
    problems: list[str] = Field(
        description="Why the file is refused, without secrets.",
        examples=[["config.yaml:12:5: jobs[0].evry: unknown key; did you mean `every`?"]],
    )


class Status(BaseModel):
    """What `status --json` prints."""

    at: Instant = Field(description="When it was looked.")
    jobs: list[Job]
    balances: list[Balance]
    alerts: list[Alert]
    notifications: Notifications
    pauses: list[Pause]
    silences: list[Silence]
    maintenance: list[Maintenance]
    undelivered: list[Undelivered]
    warnings: list[str] = Field(description="What is to be known, and done, about the machine's clock.")
    configuration: Configuration


class Alerts(BaseModel):
    """What is pending or fires, the worst first."""

    at: Instant
    alerts: list[Alert]


# Series and readings


class RuleState(BaseModel):
    """A rule over a series."""

    rule: str
    state: Literal["inactive", "pending", "firing", "unknown"] = Field(
        description="`unknown`: a rule over amounts, while none is read."
    )
    expected: str = Field(description="What it wants, in words.", examples=["available at least 1000"])
    alert: IncidentId | None = Field(description="The incident, while it is pending or fires.")


class Series(BaseModel):
    """A series as it stands."""

    series: str = Field(examples=["nami-spot/spot/USDT"])
    job: str
    account: str
    currency: str
    provider: str
    labels: dict[str, str]
    total: Amount | None
    locked: Amount | None
    available: Amount | None
    observed_at: Instant | None
    updated_at: Instant | None
    change_1h: Amount | None = Field(
        description="How far the available amount is from where it was an hour ago; null: not known."
    )
    change_24h: Amount | None = Field(description="The same over a day.")
    standing: Literal["firing", "pending", "unknown", "ok"] = Field(description="The worst there is to say.")
    problem: str | None = Field(
        description="Why the balance may not be what it is now; null: nothing speaks against it.",
        examples=["timeout: no answer within 10 s"],
    )
    rules: list[RuleState]
    next_poll_at: Instant | None


class Paged(BaseModel):
    """One page of many."""

    total: int = Field(description="How many there are on all pages.")
    page: int = Field(description="Which page this is, from 1 on.")
    pages: int


class SeriesPage(Paged):
    """A page of series."""

    at: Instant
    series: list[Series]


class Reading(BaseModel):
    """A reading."""

    at: Instant
    total: Amount
    locked: Amount | None
    available: Amount
    updated_at: Instant | None


class ReadingsPage(BaseModel):
    """Readings, the newest first."""

    series: str
    readings: list[Reading]
    next: str | None = Field(
        description="Where there are more: the path and query of the next page.",
        examples=[
            "/api/v1/readings?series=nami-spot%2Fspot%2FUSDT&before=2026-02-01T14%3A30%3A00.000000Z&limit=100"
        ],
    )


class Limit(BaseModel):
    """An amount that a rule wants the balance to stay above (it fires `below`) or below."""

    rule: str
    severity: Severity
    side: Literal["below", "above"]
    amount: Amount


class Band(BaseModel):
    """A time in which an alert fired."""

    incident: IncidentId
    rule: str
    severity: Severity
    since: UnixTime
    until: UnixTime | None = Field(description="Null: it still fires.")


class Chart(BaseModel):
    """How an amount went, thinned for a picture: of every part of it the first and the last reading, the lowest and
    the highest. `times`, `values` and `amounts` are parallel."""

    series: str
    field: Literal["available", "total", "locked"]
    since: UnixTime
    until: UnixTime
    times: list[UnixTime] = Field(description="In order.")
    values: list[float | None] = Field(
        description="For drawing only: the nearest floats. Null: nothing was known about then."
    )
    amounts: list[Amount | None] = Field(description="The same, exact.")
    limits: list[Limit]
    bands: list[Band]
    gaps: list[tuple[UnixTime, UnixTime]] = Field(
        description="When nothing was known, from the last reading before to the first one after; the 1,000 longest."
    )
    readings: int = Field(description="How many readings this stands for.")


# Incidents


class Incident(BaseModel):
    """An incident as it stands, or as it ended: what `alerts --json` prints."""

    id: IncidentId
    rule: str
    series: Subject
    state: Literal["pending", "firing", "resolved"]
    severity: Severity
    since: Instant
    ended_at: Instant | None = Field(description="Null: it goes on, or nobody knows.")
    reason: str
    messages: int = Field(description="How many messages were made of it.")
    announced: bool
    muted: str | None
    acknowledged: Acknowledgement | None
    flapping: bool


class IncidentsPage(Paged):
    """Incidents, the newest first."""

    at: Instant
    incidents: list[Incident]


class Posting(BaseModel):
    """A message that waits for delivery."""

    seq: int
    channel: str
    url: str = Field(description="What apprise calls the URL; never the URL.")
    since: Instant
    next_attempt_at: Instant
    attempts: int
    last_error: str | None


class ReadingEntry(BaseModel):
    """A balance was read."""

    at: Instant
    type: Literal["reading"]
    phase: Literal["before", "during", "after"]
    total: Amount
    locked: Amount | None
    available: Amount


class OmittedEntry(BaseModel):
    """Readings that are left out here."""

    at: Instant
    type: Literal["omitted"]
    count: int


class EventEntry(BaseModel):
    """Something that people were to be told."""

    at: Instant
    type: Literal["event"]
    kind: str = Field(examples=["fired", "reminder", "worsened", "resolved", "closed"])
    seq: int
    severity: Severity
    reason: str
    note: str | None


class AttemptEntry(BaseModel):
    """An attempt to deliver a message."""

    at: Instant
    type: Literal["attempt"]
    seq: int
    channel: str
    url: str
    attempt: int
    error: str | None = Field(description="Null: it was taken.")
    instead_of: str | None


class HandOverEntry(BaseModel):
    """A message was handed over to a fallback."""

    at: Instant
    type: Literal["hand_over"]
    seq: int
    channel: str
    url: str


class NoteEntry(BaseModel):
    """What was done about it, or kept it quiet."""

    at: Instant
    type: Literal["note"]
    kind: str
    by: str | None
    reason: str


class SilenceEntry(BaseModel):
    """A silence began, or ended."""

    at: Instant
    type: Literal["silence"]
    id: int
    kind: Literal["begins", "ends"]
    by: str | None
    reason: str


Entry = Annotated[
    ReadingEntry | OmittedEntry | EventEntry | AttemptEntry | HandOverEntry | NoteEntry | SilenceEntry,
    Field(discriminator="type"),
]


class Story(Incident):
    """An incident with all that happened: what `alerts show --json` prints."""

    began: Instant
    undelivered: list[Posting]
    timeline: list[Entry]
