"""Incidents: what `alerts --json` and `alerts show --json` print, and the API's `/incidents`."""

from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import Field
from typing_extensions import TypedDict

from monitor.alerting import incidents
from monitor.domain import model
from monitor.domain.alerts import Ack
from monitor.domain.time import rfc3339
from monitor.payloads.values import Amount, IncidentId, Instant, OneOf, Severity, Subject, instant
from monitor.store.read import incidents as read


class Acknowledgement(TypedDict):
    """An acknowledgement: who, when and why."""

    by: str
    at: Instant
    reason: str


class Incident(TypedDict):
    """An incident, current or past: what `alerts --json` prints."""

    id: IncidentId
    rule: str
    series: Subject
    state: Annotated[str, OneOf("pending", "firing", "resolved")]
    severity: Severity
    since: Instant
    ended_at: Annotated[Instant | None, Field(description="Null: ongoing, or unknown.")]
    reason: str
    messages: Annotated[int, Field(description="The number of messages about it.")]
    announced: bool
    muted: str | None
    acknowledged: Acknowledgement | None
    flapping: bool


class Posting(TypedDict):
    """A message that is not delivered yet."""

    seq: int
    channel: str
    url: Annotated[str, Field(description="An id of the URL; never the URL itself.")]
    since: Instant
    next_attempt_at: Instant
    attempts: int
    last_error: str | None


class ReadingEntry(TypedDict):
    """A balance was read."""

    at: Instant
    type: Literal["reading"]
    phase: Annotated[str, OneOf("before", "during", "after")]
    total: Amount
    locked: Amount | None
    available: Amount


class OmittedEntry(TypedDict):
    """A number of readings that are omitted here."""

    at: Instant
    type: Literal["omitted"]
    count: int


class EventEntry(TypedDict):
    """An event: a change of the alert that is worth a notification."""

    at: Instant
    type: Literal["event"]
    kind: Annotated[str, Field(examples=["fired", "reminder", "worsened", "resolved", "closed"])]
    seq: int
    severity: Severity
    reason: str
    note: str | None


class AttemptEntry(TypedDict):
    """An attempt to deliver a message."""

    at: Instant
    type: Literal["attempt"]
    seq: int
    channel: str
    url: str
    attempt: int
    error: Annotated[str | None, Field(description="Null: delivered.")]
    instead_of: str | None


class HandOverEntry(TypedDict):
    """A message was diverted to a fallback."""

    at: Instant
    type: Literal["hand_over"]
    seq: int
    channel: str
    url: str


class NoteEntry(TypedDict):
    """An acknowledgement, or a mute of the alert."""

    at: Instant
    type: Literal["note"]
    kind: str
    by: str | None
    reason: str


class SilenceEntry(TypedDict):
    """A silence began, or ended."""

    at: Instant
    type: Literal["silence"]
    id: int
    kind: Annotated[str, OneOf("begins", "ends")]
    by: str | None
    reason: str


Entry = Annotated[
    ReadingEntry | OmittedEntry | EventEntry | AttemptEntry | HandOverEntry | NoteEntry | SilenceEntry,
    Field(discriminator="type"),
]


class Story(Incident):
    """An incident with its timeline: what `alerts show --json` prints."""

    began: Instant
    undelivered: list[Posting]
    timeline: list[Entry]


def acknowledgement(ack: Ack | None) -> Acknowledgement | None:
    """Return an acknowledgement; None if there is none."""
    return None if ack is None else {"by": ack.by, "at": rfc3339(ack.at), "reason": ack.reason}


def incident(one: read.Incident) -> Incident:
    """Return an incident, current or past."""
    return {
        "id": one.id,
        "rule": one.rule,
        "series": one.subject,
        "state": one.state,
        "severity": model.Severity(one.severity).word,
        "since": rfc3339(one.since),
        "ended_at": instant(one.ended_at),
        "reason": one.reason,
        "messages": one.messages,
        "announced": one.announced,
        "muted": one.muted or None,
        "acknowledged": acknowledgement(one.ack),
        "flapping": one.flapping,
    }


def timeline(of: read.Timeline, now: datetime) -> Story:
    """Return an incident with its timeline up to an instant."""
    return {
        **incident(of.incident),
        "began": rfc3339(of.incident.began),
        "undelivered": [_posting(one) for one in incidents.waiting(of)],
        "timeline": [_entry(one) for one in incidents.entries(of, now)],
    }


def _posting(one: read.OutboxEntry) -> Posting:
    return {
        "seq": one.seq,
        "channel": one.channel,
        "url": one.url_id,
        "since": rfc3339(one.created_at),
        "next_attempt_at": rfc3339(one.next_attempt_at),
        "attempts": one.attempts,
        "last_error": one.last_error or None,
    }


def _entry(one: incidents.Entry) -> Entry:
    # the keys of an entry depend on its type; a test compares each type with the OpenAPI document
    return cast("Entry", {"at": rfc3339(one.at), "type": one.type, **one.facts})
