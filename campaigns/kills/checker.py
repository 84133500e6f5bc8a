"""What was wrong. Pure: it knows what should have been told, what arrived, when a process was killed, and the end.

It may assume little. It does not know what the program recorded, logged or meant to do. It trusts the receiver's
record, the story's, and the instants of the kills, and holds against them what the program promises:

- a message names its incident and its number within it, in its last line;
- a process sends no message twice that was accepted. Only one that is killed within `NEAR` seconds of an answer
  may have failed to record it; a later process then sends the very same again;
- a firing that waited until its resolve was due comes as one message with both numbers. Where the firing alone
  had been accepted just before a kill, that message may still follow it: it repeats it with other words;
- no message comes before the service has told of its cause, as often and for as long as its rule asks for.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from campaigns.kills.aims import Kill
from campaigns.kills.plot import Incident, Json, Mark
from campaigns.kills.receiver import Delivery
from campaigns.kills.story import Moment

NEAR = 0.5
"""Seconds between an answer and its record at most; on two busy cores it was eleven milliseconds."""

FIRED, RESOLVED, BOTH = "1", "2", "1-2"

_TITLE = re.compile(
    r"(?P<kind>INFO|WARNING|CRITICAL|RESOLVED|FIRED AND RESOLVED) (?P<rule>\S+): (?P<subject>\S+) .*"
)
_NAME = re.compile(r"Incident: (?P<id>[0-9A-Z]{10}), message (?P<numbers>1|2|1-2)")
_KINDS = {"RESOLVED": RESOLVED, "FIRED AND RESOLVED": BOTH}
_SEVERITY = re.compile(r"^Rule: \S+ \(\w+, (\w+)\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All there is to judge a run by."""

    expected: Sequence[Incident]
    told: Mapping[Moment, Sequence[float]]
    deliveries: Sequence[Delivery]
    kills: Sequence[Kill]
    urls: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An accepted delivery, read."""

    delivery: Delivery
    numbers: str
    incident: str
    rule: str
    subject: str
    severity: str

    @property
    def text(self) -> str:
        """All of it but the trend, which reaches back into earlier cycles."""
        body = self.delivery.body.splitlines()
        return "\n".join([self.delivery.title, *(line for line in body if not line.startswith("Trend: "))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was wrong, and what was seen that is allowed. `again`: the processes whose message came once more."""

    violations: tuple[str, ...]
    messages: int
    refused: int
    again: tuple[int, ...]
    overtaken: int
    collapsed: int


def judge(evidence: Evidence) -> Verdict:
    """Holds what arrived against what should have."""
    violations: list[str] = []
    messages = []
    for delivery in evidence.deliveries:
        if not delivery.accepted:
            continue
        read = _read(delivery)
        if isinstance(read, Message):
            messages.append(read)
        else:
            violations.append(read)
    for url in evidence.urls:
        mine = [message for message in messages if message.delivery.url == url]
        violations += [f"{url}: {what}" for what in _at_url(mine, evidence)]
    groups = list(_groups(messages))
    return Verdict(
        violations=tuple(violations),
        messages=len(messages),
        refused=sum(not delivery.accepted for delivery in evidence.deliveries),
        again=tuple(
            a.delivery.process for group in groups for a, b in pairwise(group) if a.numbers == b.numbers
        ),
        overtaken=sum(
            (a.numbers, b.numbers) == (FIRED, BOTH) for group in groups for a, b in pairwise(group)
        ),
        collapsed=sum(any(one.numbers == BOTH for one in group) for group in groups),
    )


def differences(name: str, got: object, wanted: object) -> list[str]:
    """Where two values, nested as JSON, are not the same."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        return [
            text
            for key in sorted(got.keys() | wanted.keys(), key=str)
            for text in differences(f"{name}.{key}", got.get(key), wanted.get(key))
        ]
    return [] if got == wanted else [f"{name}: {got!r}, and {wanted!r} was expected"]


def end_state(status: Json) -> Json:
    """What `status --json` says, without what depends on when it was asked, or on how often was tried."""
    return {
        "alerts": {
            f"{one['rule']} {one['series']}": [one["state"], one["severity"], _timeless(one["reason"])]
            for one in status["alerts"]
        },
        "balances": {
            one["series"]: [one["total"], one["locked"], one["available"], one["updated_at"]]
            for one in status["balances"]
        },
        "jobs": {one["name"]: one["outcome"] for one in status["jobs"]},
        "notifications": dict(status["notifications"]),
    }


def _timeless(reason: str) -> str:
    return re.sub(r", \d+ polls failed in a row since .*", "", reason)


# Messages


def _read(delivery: Delivery) -> Message | str:
    """The message, or what is wrong with it."""
    title, name = _TITLE.fullmatch(delivery.title), _NAME.fullmatch(delivery.body.splitlines()[-1])
    severity = _SEVERITY.search(delivery.body)
    if title is None or name is None or severity is None:
        return f"{delivery.url}: not a message of this story: {delivery.title!r} … {delivery.body[-60:]!r}"
    if _KINDS.get(title["kind"], FIRED) != name["numbers"]:
        return f"{delivery.url}: says {title['kind']} as message {name['numbers']}: {delivery.title!r}"
    return Message(
        delivery=delivery,
        numbers=name["numbers"],
        incident=name["id"],
        rule=title["rule"],
        subject=title["subject"],
        severity=severity[1],
    )


def _groups(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """The messages of each incident at each URL, as they arrived."""
    groups: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in messages:
        groups[message.delivery.url, message.incident].append(message)
    return iter(groups.values())


def _at_url(messages: Sequence[Message], evidence: Evidence) -> Iterator[str]:
    taken: dict[int, str] = {}
    for group in _groups(messages):
        yield from _sequence(group, evidence.kills)
        found = _found(group, evidence.expected)
        if found is None:
            yield f"invented: {_shown(group[0])}"
            continue
        if found in taken:
            yield f"told as two incidents, {taken[found]} and {group[0].incident}: {_shown(group[0])}"
        taken[found] = group[0].incident
        yield from _content(group, evidence.expected[found], evidence.told)
    for index, incident in enumerate(evidence.expected):
        if index not in taken:
            yield f"lost: {incident.rule} {incident.subject} never fired for {incident.fired.moment}"


def _found(group: Sequence[Message], expected: Sequence[Incident]) -> int | None:
    """Which incident a group tells of, by the text that marks its firing."""
    first = group[0]
    for index, incident in enumerate(expected):
        same = (incident.rule, incident.subject) == (first.rule, first.subject)
        if same and _holds(first.text, incident.fired):
            return index
    return None


def _holds(text: str, mark: Mark) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(mark.text)}(?![\d.]*\d)", text) is not None


def _content(
    group: Sequence[Message], incident: Incident, told: Mapping[Moment, Sequence[float]]
) -> Iterator[str]:
    """Whether each message says what it has to, and not before its cause; and whether the last one ends it."""
    for message in group:
        if (message.rule, message.subject) != (incident.rule, incident.subject):
            yield f"one id for two subjects: {_shown(message)}"
        if message.severity != incident.severity:
            yield f"severity {message.severity}, and {incident.severity} was expected: {_shown(message)}"
        cause = incident.fired if message.numbers == FIRED else incident.resolved
        if cause is None:
            yield f"resolved, though it lasts: {_shown(message)}"
        elif message.delivery.arrived < _earliest(cause, told.get(cause.moment, ())):
            yield f"told before its cause {cause.moment}: {_shown(message)}"
        elif not _holds(message.text, cause):
            yield f"does not name {cause.text!r}: {_shown(message)}"
    if incident.resolved is not None and group[-1].numbers == FIRED:
        yield f"lost: never resolved: {_shown(group[0])}"


def _earliest(cause: Mark, answers: Sequence[float]) -> float:
    """When a message may come at the earliest, by when the service gave the answers that it takes."""
    if len(answers) < cause.answers:
        return math.inf
    return max(answers[cause.answers - 1], answers[0] + cause.later)


def _sequence(group: Sequence[Message], kills: Sequence[Kill]) -> Iterator[str]:
    """Whether the numbers come in order, and whatever comes again may do so."""
    numbers = [message.numbers for message, *_ in (list(same) for _, same in groupby(group, key=_numbers))]
    if numbers not in ([FIRED], [FIRED, RESOLVED], [BOTH], [FIRED, BOTH]):
        yield f"messages {', '.join(message.numbers for message in group)} in this order: {_shown(group[0])}"
    for before, after in pairwise(group):
        if (before.numbers, after.numbers) == (FIRED, RESOLVED):
            continue
        if not _unrecorded(before, after, kills):
            yield f"told again, and not next to a kill: {_shown(after)}"
        if before.numbers == after.numbers and before.text != after.text:
            yield f"told again in other words: {before.delivery.body!r} and {after.delivery.body!r}"


def _numbers(message: Message) -> str:
    return message.numbers


def _unrecorded(before: Message, after: Message, kills: Sequence[Kill]) -> bool:
    """Whether the process that sent a message may have been killed before it recorded that, and not the other's."""
    sent = before.delivery
    return sent.process < after.delivery.process and any(
        kill.process == sent.process and kill.at - (sent.answered or sent.arrived) <= NEAR for kill in kills
    )


def _shown(message: Message) -> str:
    sent = message.delivery
    return f"{message.incident}, message {message.numbers}, process {sent.process}: {sent.title}"
