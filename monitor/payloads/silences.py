"""Silences: what `silence list --json` and `silence add --json` print, and part of the API's status."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from monitor.alerting.incidents import silence_state
from monitor.domain import alerts, mutes
from monitor.domain.time import rfc3339
from monitor.payloads.values import Globs, IncidentId, Instant, OneOf, Subject, globs
from monitor.store.read.state import SilenceStatus


class Silence(TypedDict):
    """A silence, active or not."""

    id: int
    state: Annotated[str, OneOf("active", "upcoming", "over", "expired")]
    match: Globs
    starts_at: Instant
    ends_at: Instant
    by: str
    reason: str
    created_at: Instant
    expired_by: str | None
    matches_nothing: Annotated[
        bool, Field(description="It matches no possible alert: its rule or account was removed.")
    ]


class Muted(TypedDict):
    """A firing alert that the silence mutes."""

    id: IncidentId
    rule: str
    series: Subject


class NewSilence(Silence):
    """A new silence, with the rules and subjects that it matches and the firing alerts that it mutes."""

    rules: list[str]
    series: list[Subject]
    firing: list[Muted]


def silence(one: SilenceStatus, now: datetime, *, matches_nothing: bool = False) -> Silence:
    """Return a silence with its state at an instant."""
    of = one.silence
    return {
        "id": of.id,
        "state": silence_state(one, now),
        "match": globs(of.match),
        "starts_at": rfc3339(of.starts_at),
        "ends_at": rfc3339(of.ends_at),
        "by": of.by,
        "reason": of.reason,
        "created_at": rfc3339(one.created_at),
        "expired_by": one.expired_by or None,
        "matches_nothing": matches_nothing,
    }


def new_silence(
    added: mutes.Silence,
    rules: Sequence[str],
    subjects: Sequence[str],
    firing: Sequence[alerts.Alert],
    at: datetime,
) -> NewSilence:
    """Return a silence that was added at an instant, with everything that it matches."""
    return {
        **silence(SilenceStatus(silence=added, created_at=at, expired_by=""), at),
        "rules": list(rules),
        "series": list(subjects),
        "firing": [{"id": one.id, "rule": one.rule, "series": one.subject} for one in firing],
    }
