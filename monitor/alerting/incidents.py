"""Incidents, current and past, and the timeline of one. This only reads; nothing is decided here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from monitor.domain.matching import Attributes, Match
from monitor.domain.messages import Report
from monitor.domain.model import FIELDS, Field, Reading, value_text
from monitor.domain.money import plain
from monitor.errors import Refused
from monitor.store.read.incidents import Incident, OutboxEntry, Timeline
from monitor.store.read.state import SilenceStatus

ANY_STATE = "all"
_LISTED = 5


def chosen(incidents: Iterable[Incident], state: str, rule: str) -> list[Incident]:
    """Return the incidents in a state (or `all`) whose rule matches a glob."""
    return [
        one for one in incidents if state in (ANY_STATE, one.state) and fnmatchcase(one.rule, rule or "*")
    ]


def resolve_prefix(wanted: str, known: Mapping[str, str], state: str) -> str:
    """Return the id that equals `wanted`, or the only one that begins with it; case does not matter.

    `known` are the incidents in this state: by id, what each is about. Raises Refused, listing the candidates."""
    beginning = wanted.upper()
    found = [one for one in known if beginning and one.startswith(beginning)]
    if beginning in known:
        return beginning
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"{wanted!r} is ambiguous: it may be {_listed({one: known[one] for one in found})}")
    there = f"{state}: {_listed(known)}" if known else f"none is {state}"
    raise Refused(f"no {state} incident {wanted!r}; {there}")


def _listed(known: Mapping[str, str]) -> str:
    shown = [f"{one} ({about})" for one, about in list(known.items())[:_LISTED]]
    more = len(known) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


# The timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the timeline: text for people, and `facts` for programs. `who` is a person, a message or a target."""

    at: datetime
    type: str
    what: str
    who: str = ""
    text: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


_ORDER = ("reading", "omitted", "silence", "note", "event", "attempt", "hand_over")
"""The order of entries with the same instant: a cause before its effects."""


def entries(timeline: Timeline, now: datetime) -> list[Entry]:
    """Return everything that happened in an incident, in order."""
    entries = [
        *_readings(timeline),
        *(_event(report) for report in timeline.reports),
        *_attempts(timeline),
        *_diversions(timeline),
        *_notes(timeline),
        *_silences(timeline, now),
    ]
    return sorted(entries, key=lambda entry: (entry.at, _ORDER.index(entry.type)))


def match_text(match: Match) -> str:
    """Return a match as the command line writes it."""
    return " ".join(f"{key}={','.join(globs)}" for key, globs in match.globs.items())


def silence_state(one: SilenceStatus, now: datetime) -> str:
    """Return the state of a silence: `active`, `upcoming`, `over`, or `expired` if a person ended it early."""
    if one.expired_by:
        return "expired"
    if one.silence.is_active(now):
        return "active"
    return "upcoming" if now < one.silence.starts_at else "over"


def waiting(timeline: Timeline) -> list[OutboxEntry]:
    """Return the notifications of an incident that are not delivered yet."""
    return [one for one in timeline.outbox if one.status == "pending"]


def _readings(timeline: Timeline) -> Iterator[Entry]:
    fields = (name for report in reversed(timeline.reports) for name in FIELDS if name == report.field)
    which: Field = next(fields, "available")
    around = timeline.readings
    phases = {"before": around.before, "during": (*around.first, *around.last), "after": around.after}
    for phase, readings in phases.items():
        for reading in readings:
            yield _reading(reading, phase, which)
    if around.omitted:
        text = f"{around.omitted} more readings"
        facts = {"count": around.omitted}
        yield Entry(at=around.first[-1].observed_at, type="omitted", what="…", text=text, facts=facts)


def _reading(one: Reading, phase: str, which: Field) -> Entry:
    facts = {
        "phase": phase,
        "total": plain(one.total),
        "locked": None if one.locked is None else plain(one.locked),
        "available": plain(one.available),
    }
    return Entry(
        at=one.observed_at,
        type="reading",
        what="reading",
        text=f"{which} {value_text(one, which)}",
        facts=facts,
    )


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
    instead = {(one.seq, one.channel, one.url_id): one.instead_of for one in timeline.outbox}
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


def _diversions(timeline: Timeline) -> Iterator[Entry]:
    for one in timeline.outbox:
        if one.handed_over_at is not None:
            yield Entry(
                at=one.handed_over_at,
                type="hand_over",
                what="diverted",
                who=f"{one.channel}/{one.url_id}",
                text=f"message {one.seq} to the channel's fallback: {one.last_error or 'not accepted so far'}",
                facts={"seq": one.seq, "channel": one.channel, "url": one.url_id},
            )


def _notes(timeline: Timeline) -> Iterator[Entry]:
    for one in timeline.notes:
        facts = {"kind": one.kind, "by": one.by or None, "reason": one.text}
        yield Entry(at=one.at, type="note", what=one.kind, who=one.by, text=one.text, facts=facts)


def _silences(timeline: Timeline, now: datetime) -> Iterator[Entry]:
    """Yield begin and end of the silences that matched the incident while it lasted."""
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
