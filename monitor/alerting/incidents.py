"""The use case: incidents, current and past, and one incident's timeline. Reads, never decides."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from monitor.domain.alerts import Ack
from monitor.domain.matching import Attributes, Match
from monitor.domain.messages import Report
from monitor.domain.model import Severity
from monitor.domain.units import rfc3339
from monitor.errors import Refused
from monitor.store.read.incidents import Incident, OutboxEntry, Timeline
from monitor.store.read.readings import Reading
from monitor.store.read.state import SilenceStatus

ANY_STATE = "all"
_LISTED = 5


def chosen(incidents: Iterable[Incident], state: str, rule: str) -> list[Incident]:
    """Those in a state (or `all`) whose rule a glob fits."""
    return [
        one for one in incidents if state in (ANY_STATE, one.state) and fnmatchcase(one.rule, rule or "*")
    ]


def resolve_prefix(wanted: str, known: Mapping[str, str], state: str) -> str:
    """Return the incident id that a text is, or the only one that begins with it. `known` are those in this state, and
    what each is about. Raises Refused, naming the candidates."""
    beginning = wanted.upper()
    found = [one for one in known if beginning and one.startswith(beginning)]
    if beginning in known:
        return beginning
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"{wanted!r} may be any of {_listed({one: known[one] for one in found})}")
    there = f"{state}: {_listed(known)}" if known else f"none is {state}"
    raise Refused(f"no {state} incident {wanted!r}; {there}")


def _listed(known: Mapping[str, str]) -> str:
    shown = [f"{one} ({about})" for one, about in list(known.items())[:_LISTED]]
    more = len(known) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


# The timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened: in words for people, in `facts` for programs. `who`: a person or a channel's URL."""

    at: datetime
    type: str
    what: str
    who: str = ""
    text: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Its instant, its type, and what that type has."""
        return {"at": rfc3339(self.at), "type": self.type, **self.facts}


_ORDER = ("reading", "omitted", "silence", "note", "event", "attempt", "hand_over")
"""What stands first of what happened at the same instant: a cause before what came of it."""


def entries(timeline: Timeline, now: datetime) -> list[Entry]:
    """Return all that happened, in order."""
    entries = [
        *_readings(timeline),
        *(_event(report) for report in timeline.reports),
        *_attempts(timeline),
        *_hand_overs(timeline),
        *_notes(timeline),
        *_silences(timeline, now),
    ]
    return sorted(entries, key=lambda entry: (entry.at, _ORDER.index(entry.type)))


def timeline_json(timeline: Timeline, now: datetime) -> dict[str, Any]:
    """The contract of `alerts show --json`: keys are added, never renamed."""
    return {
        **incident_json(timeline.incident),
        "began": rfc3339(timeline.incident.began),
        "undelivered": [_posting_json(one) for one in waiting(timeline)],
        "timeline": [entry.to_json() for entry in entries(timeline, now)],
    }


def incident_json(one: Incident) -> dict[str, Any]:
    """The contract of `alerts --json`: keys are added, never renamed."""
    return {
        "id": one.id,
        "rule": one.rule,
        "series": one.subject,
        "state": one.state,
        "severity": Severity(one.severity).word,
        "since": rfc3339(one.since),
        "ended_at": None if one.ended_at is None else rfc3339(one.ended_at),
        "reason": one.reason,
        "messages": one.messages,
        "announced": one.announced,
        "muted": one.muted or None,
        "acknowledged": ack_json(one.ack),
        "flapping": one.flapping,
    }


def ack_json(ack: Ack | None) -> dict[str, str] | None:
    """Who acknowledged, when and why."""
    return None if ack is None else {"by": ack.by, "at": rfc3339(ack.at), "reason": ack.reason}


def match_text(match: Match) -> str:
    """A match as the command line writes it."""
    return " ".join(f"{key}={','.join(globs)}" for key, globs in match.globs.items())


def silence_json(one: SilenceStatus, now: datetime, *, matches_nothing: bool = False) -> dict[str, Any]:
    """The contract of `silence list --json`: keys are added, never renamed."""
    silence = one.silence
    return {
        "id": silence.id,
        "state": silence_state(one, now),
        "match": {key: list(globs) for key, globs in silence.match.globs.items()},
        "starts_at": rfc3339(silence.starts_at),
        "ends_at": rfc3339(silence.ends_at),
        "by": silence.by,
        "reason": silence.reason,
        "created_at": rfc3339(one.created_at),
        "expired_by": one.expired_by or None,
        "matches_nothing": matches_nothing,
    }


def silence_state(one: SilenceStatus, now: datetime) -> str:
    """`active`, `upcoming`, `over`, or `expired` where somebody ended it before its time."""
    if one.expired_by:
        return "expired"
    if one.silence.is_active(now):
        return "active"
    return "upcoming" if now < one.silence.starts_at else "over"


def waiting(timeline: Timeline) -> list[OutboxEntry]:
    """What of it is not delivered yet."""
    return [one for one in timeline.postings if one.status == "pending"]


def _posting_json(one: OutboxEntry) -> dict[str, Any]:
    return {
        "seq": one.seq,
        "channel": one.channel,
        "url": one.url_id,
        "since": rfc3339(one.created_at),
        "next_attempt_at": rfc3339(one.next_attempt_at),
        "attempts": one.attempts,
        "last_error": one.last_error or None,
    }


def _readings(timeline: Timeline) -> Iterator[Entry]:
    which = next((report.field for report in reversed(timeline.reports) if report.field), "available")
    around = timeline.readings
    phases = {"before": around.before, "during": (*around.first, *around.last), "after": around.after}
    for phase, readings in phases.items():
        for reading in readings:
            yield _reading(reading, phase, which)
    if around.omitted:
        text = f"{around.omitted} readings more"
        facts = {"count": around.omitted}
        yield Entry(at=around.first[-1].at, type="omitted", what="…", text=text, facts=facts)


def _reading(one: Reading, phase: str, which: str) -> Entry:
    facts = {"phase": phase, "total": one.total, "locked": one.locked, "available": one.available}
    return Entry(at=one.at, type="reading", what="reading", text=f"{which} {one.amount(which)}", facts=facts)


def _event(report: Report) -> Entry:
    note = f" ({report.note})" if report.note else ""
    return Entry(
        at=report.at,
        type="event",
        what=f"{report.kind} ({report.severity.word})",
        who=f"message {report.seq}",
        text=f"{report.reason}{note}",
        facts={
            "kind": report.kind.value,
            "seq": report.seq,
            "severity": report.severity.word,
            "reason": report.reason,
            "note": report.note or None,
        },
    )


def _attempts(timeline: Timeline) -> Iterator[Entry]:
    instead = {(one.seq, one.channel, one.url_id): one.instead_of for one in timeline.postings}
    for one in timeline.attempts:
        instead_of = instead.get((one.seq, one.channel, one.url_id), "")
        tries = f", attempt {one.number}" if one.number > 1 or one.error else ""
        error = f": {one.error}" if one.error else ""
        why = f", instead of {instead_of}" if instead_of else ""
        yield Entry(
            at=one.at,
            type="attempt",
            what="not delivered" if one.error else "delivered",
            who=f"{one.channel}/{one.url_id}",
            text=f"message {one.seq}{tries}{why}{error}",
            facts={
                "seq": one.seq,
                "channel": one.channel,
                "url": one.url_id,
                "attempt": one.number,
                "error": one.error or None,
                "instead_of": instead_of or None,
            },
        )


def _hand_overs(timeline: Timeline) -> Iterator[Entry]:
    for one in timeline.postings:
        if one.handed_over_at is not None:
            yield Entry(
                at=one.handed_over_at,
                type="hand_over",
                what="handed over",
                who=f"{one.channel}/{one.url_id}",
                text=f"message {one.seq} to the channel's fallback: {one.last_error or 'not taken so far'}",
                facts={"seq": one.seq, "channel": one.channel, "url": one.url_id},
            )


def _notes(timeline: Timeline) -> Iterator[Entry]:
    for one in timeline.notes:
        facts = {"kind": one.kind, "by": one.by or None, "reason": one.text}
        yield Entry(at=one.at, type="note", what=one.kind, who=one.by, text=one.text, facts=facts)


def _silences(timeline: Timeline, now: datetime) -> Iterator[Entry]:
    """Those that fitted it while it went on."""
    incident, attributes = timeline.incident, [_attributes(report) for report in timeline.reports]
    until = incident.ended_at or now
    for one in timeline.silences:
        silence = one.silence
        if silence.ends_at <= incident.began or silence.starts_at >= until:
            continue
        if any(silence.match.alert(known) for known in attributes):
            text = f"{match_text(silence.match)}: {silence.reason}"
            yield _silence(one, "begins", silence.starts_at, silence.by, text)
            if silence.ends_at <= now:
                yield _silence(one, "ends", silence.ends_at, one.expired_by, text)


def _silence(one: SilenceStatus, what: str, at: datetime, who: str, text: str) -> Entry:
    facts = {"id": one.silence.id, "kind": what, "by": who or None, "reason": one.silence.reason}
    what = f"silence {one.silence.id} {what}"
    return Entry(at=at, type="silence", what=what, who=who, text=text, facts=facts)


def _attributes(report: Report) -> Attributes:
    own = {"rule": report.rule, "type": report.rule_type, "severity": report.severity.word}
    return {**dict(report.labels), **dict(report.names), **own, "subject": report.subject}
