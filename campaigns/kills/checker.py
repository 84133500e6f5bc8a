"""What was wrong. Pure: it knows what should have been told, what arrived, when a process was killed, and the end.

It may assume little. It does not know what the program recorded, logged or meant to do. It trusts the receiver's
record, the story's, and the instants of the kills, and holds against them what the program promises:

- a message names its incident and its number within it, in its last line;
- a process sends no message twice that was accepted. Only one that is killed within `NEAR` seconds of an answer
  may have failed to record it; a later process then sends the very same again;
- a firing that waited until its resolve was due comes as one message with both numbers. Where the firing alone
  had been accepted just before a kill, that message may still follow it: it repeats it with other words;
- several incidents of one alert that wait at the same time come as one message, with a line for each. What such a
  line can't say, for a reason does not hold it, follows from the order in which the story told of them;
- no message comes before the service has told of its cause, as often and for as long as its rule asks for.
"""

import math
import re
from collections import Counter, defaultdict
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

_KIND = r"(?:INFO|WARNING|CRITICAL|RESOLVED|FIRED AND RESOLVED)"
_TITLE = re.compile(rf"(?P<kind>{_KIND}) (?P<rule>\S+): (?P<subject>\S+) (?P<reason>.*)")
_GROUP = re.compile(rf"(?P<counts>\d+ {_KIND}(?:, \d+ {_KIND})*): (?P<rule>[^\s,]+): \S+ .*")
_LINE = re.compile(
    rf"(?P<kind>{_KIND}) (?P<subject>\S+): (?P<reason>.*), "
    r"incident (?P<id>[0-9A-Z]{10}), message (?P<numbers>1|2|1-2)"
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
    """What an accepted delivery says of an incident. `line`: what a group's message says of it, "" in one of its own.

    `severity` is "" where the message does not name it: in a group's line of an end."""

    delivery: Delivery
    numbers: str
    incident: str
    rule: str
    subject: str
    severity: str
    gist: str
    line: str = ""

    @property
    def text(self) -> str:
        """All of it but the trend, which reaches back into earlier cycles."""
        if self.line:
            return self.line
        body = self.delivery.body.splitlines()
        return "\n".join([self.delivery.title, *(line for line in body if not line.startswith("Trend: "))])

    def names(self, mark: Mark) -> bool | None:
        """Whether it holds the mark's text; None: it could not."""
        return None if self.line and not mark.in_reason else _holds(self.text, mark)

    def says_as(self, other: "Message") -> bool:
        """Whether the words are the same: all of them, or what a line has of them, where just one is a line."""
        return self.gist == other.gist if bool(self.line) != bool(other.line) else self.text == other.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was wrong, and what was seen that is allowed. `again`: the processes whose message came once more.

    `grouped`: how many of the messages told of several incidents."""

    violations: tuple[str, ...]
    messages: int
    grouped: int
    refused: int
    again: tuple[int, ...]
    overtaken: int
    collapsed: int


def judge(evidence: Evidence) -> Verdict:
    """Holds what arrived against what should have."""
    violations: list[str] = []
    messages: list[Message] = []
    accepted = [delivery for delivery in evidence.deliveries if delivery.accepted]
    for delivery in accepted:
        read = _read(delivery)
        if isinstance(read, str):
            violations.append(read)
        else:
            messages += read
    identified = _identified(messages, evidence.expected)
    for url in evidence.urls:
        mine = [message for message in messages if message.delivery.url == url]
        violations += [f"{url}: {what}" for what in _at_url(mine, evidence, identified)]
    groups = list(_groups(messages))
    return Verdict(
        violations=tuple(violations),
        messages=len(accepted),
        grouped=len({id(message.delivery) for message in messages if message.line}),
        refused=len(evidence.deliveries) - len(accepted),
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


def _read(delivery: Delivery) -> list[Message] | str:
    """What the delivery says of each incident it tells of, or what is wrong with it."""
    group = _GROUP.fullmatch(delivery.title)
    return _single(delivery) if group is None else _lines(delivery, group)


def _single(delivery: Delivery) -> list[Message] | str:
    title, name = _TITLE.fullmatch(delivery.title), _NAME.fullmatch(delivery.body.splitlines()[-1])
    severity = _SEVERITY.search(delivery.body)
    if title is None or name is None or severity is None:
        return f"{delivery.url}: not a message of this story: {delivery.title!r} … {delivery.body[-60:]!r}"
    if _KINDS.get(title["kind"], FIRED) != name["numbers"]:
        return f"{delivery.url}: says {title['kind']} as message {name['numbers']}: {delivery.title!r}"
    return [
        Message(
            delivery=delivery,
            numbers=name["numbers"],
            incident=name["id"],
            rule=title["rule"],
            subject=title["subject"],
            severity=severity[1],
            gist=_gist(title),
        )
    ]


def _lines(delivery: Delivery, group: re.Match[str]) -> list[Message] | str:
    """The lines of a group's message, what came first in the story first: ends are told after what fires."""
    lines = [_LINE.fullmatch(line) for line in delivery.body.splitlines()[1:]]
    read = [line for line in lines if line is not None]
    counts = Counter(line["kind"] for line in read)
    counted = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    if len(read) < len(lines) or counted != group["counts"]:
        return f"{delivery.url}: not a group of this story: {delivery.title!r} … {delivery.body!r}"
    if wrong := [line[0] for line in read if _KINDS.get(line["kind"], FIRED) != line["numbers"]]:
        return f"{delivery.url}: another kind than its number's: {wrong[0]!r}"
    messages = [
        Message(
            delivery=delivery,
            numbers=line["numbers"],
            incident=line["id"],
            rule=group["rule"],
            subject=line["subject"],
            severity="" if line["kind"] in _KINDS else line["kind"].lower(),
            gist=_gist(line),
            line=line[0],
        )
        for line in read
    ]
    return sorted(messages, key=lambda message: message.numbers == FIRED)


def _gist(words: re.Match[str]) -> str:
    return f"{words['kind']} {words['subject']} {words['reason']}"


def _groups(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """The messages of each incident at each URL, as they arrived."""
    groups: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in messages:
        groups[message.delivery.url, message.incident].append(message)
    return iter(groups.values())


def _at_url(messages: Sequence[Message], evidence: Evidence, identified: Mapping[str, int]) -> Iterator[str]:
    taken: dict[int, str] = {}
    for group in _groups(messages):
        yield from _sequence(group, evidence.kills)
        found = identified.get(group[0].incident)
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


def _identified(messages: Sequence[Message], expected: Sequence[Incident]) -> dict[str, int]:
    """Which incident each id stands for, as far as there is one, by the text that marks its firing.

    An id whose firing came in lines alone that can't hold such a text stands for the first that is left."""
    firings: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        if message.numbers != RESOLVED:
            firings[message.incident].append(message)
    found = {name: index for name, told in firings.items() if (index := _found(told, expected)) is not None}
    for name, told in firings.items():
        if name not in found and all(message.line for message in told):
            left = (
                i for i, one in enumerate(expected) if _is_about(told[0], one) and i not in found.values()
            )
            index = next(left, None)
            if index is not None and not _marked(told, expected[index]):
                found[name] = index
    return found


def _found(told: Sequence[Message], expected: Sequence[Incident]) -> int | None:
    for index, incident in enumerate(expected):
        for message in told:
            # the line of a firing that goes out with its end has the end's reason
            mark = incident.resolved if message.line and message.numbers == BOTH else incident.fired
            if mark and mark.text and _is_about(message, incident) and message.names(mark):
                return index
    return None


def _marked(told: Sequence[Message], incident: Incident) -> bool:
    """Whether a line of these would hold a text that marks the incident."""
    marks = [incident.resolved if message.numbers == BOTH else incident.fired for message in told]
    return any(mark and mark.text and mark.in_reason for mark in marks)


def _is_about(message: Message, incident: Incident) -> bool:
    return (message.rule, message.subject) == (incident.rule, incident.subject)


def _holds(text: str, mark: Mark) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(mark.text)}(?![\d.]*\d)", text) is not None


def _content(
    group: Sequence[Message], incident: Incident, told: Mapping[Moment, Sequence[float]]
) -> Iterator[str]:
    """Whether each message says what it has to, and not before its cause; and whether the last one ends it."""
    for message in group:
        if (message.rule, message.subject) != (incident.rule, incident.subject):
            yield f"one id for two subjects: {_shown(message)}"
        if message.severity not in ("", incident.severity):
            yield f"severity {message.severity}, and {incident.severity} was expected: {_shown(message)}"
        cause = incident.fired if message.numbers == FIRED else incident.resolved
        if cause is None:
            yield f"resolved, though it lasts: {_shown(message)}"
        elif message.delivery.arrived < _earliest(cause, told.get(cause.moment, ())):
            yield f"told before its cause {cause.moment}: {_shown(message)}"
        elif message.names(cause) is False:
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
        if before.numbers == after.numbers and not before.says_as(after):
            yield f"told again in other words: {before.text!r} and {after.text!r}"


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
