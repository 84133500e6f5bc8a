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
- no message comes before the service has told of its cause, as often and for as long as its rule asks for, nor before
  a silence or quiet hours are over;
- whoever was notified of an incident gets its end. Who that is follows from the story; where a route leads elsewhere
  meanwhile, it is one of two or both;
- a token may be exchanged while a message is sent with the old one: then it may come once more with the new one.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from campaigns.kills.plot import Incident, Json, Mark
from campaigns.kills.receiver import Delivery
from campaigns.kills.story import Moment

NEAR = 1.5
"""Seconds between an answer and its record at most. It was 11 ms on two busy cores; half a second with a load of 22."""
EXCHANGED = "exchanged"
"""The moment at which a token was exchanged for one of this number."""
_ACKNOWLEDGED_LATE = timedelta(seconds=1)
"""A message says to the second when it happened."""

_STATE = r"(?:INFO|WARNING|CRITICAL)"
_KIND = rf"(?:{_STATE}(?: still firing| not acknowledged)?|(?:FIRED AND )?(?:RESOLVED|CLOSED))"
_NUMBERS = r"(?P<first>\d+)(?:-(?P<last>\d+))?"
_TITLE = re.compile(rf"(?P<kind>{_KIND}) (?P<rule>\S+): (?P<subject>\S+) (?P<reason>.*)")
_GROUP = re.compile(rf"(?P<counts>\d+ {_KIND}(?:, \d+ {_KIND})*): (?P<rule>[^\s,]+): \S+ .*")
_LINE = re.compile(
    rf"(?P<kind>{_KIND}) (?P<subject>\S+): (?P<reason>.*), incident (?P<id>[0-9A-Z]{{10}}), message {_NUMBERS}"
)
_NAME = re.compile(rf"^Incident: (?P<id>[0-9A-Z]{{10}}), message {_NUMBERS}$", re.MULTILINE)
_SEVERITY = re.compile(r"^Rule: \S+ \((?:\w+, )?(\w+)\)$", re.MULTILINE)
_AT = re.compile(r"^At: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC$", re.MULTILINE)
_COUNTED = re.compile(
    r", (?:(?:the last of )?\d+ polls (?:that )?failed (?:so )?in a row since [^\n,]*|\d+ times in a row)"
)
_INSTEAD = "Instead of: "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A kill. Instants are monotonic seconds; `running`: whether the process had said that it runs;
    `code`: what it ended with, -9 where it was this kill."""

    number: int
    aim: str
    saw: str
    process: int
    launched: float
    at: float
    running: bool
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All there is to judge a run by. `told` has the story's moments and those of acts. `epoch` (UTC) is when the clock
    showed 0 by which all instants here are."""

    expected: Sequence[Incident]
    told: Mapping[Moment, Sequence[float]]
    deliveries: Sequence[Delivery]
    kills: Sequence[Kill]
    urls: Sequence[str]
    epoch: datetime = _EPOCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What an accepted delivery says of an incident. `line`: what a group's message says of it, "" in one of its own.

    `kind` is how its headline begins; `first` and `last` are its numbers, which differ where a firing and its end are
    one. `severity` is "" where the message does not name it: in a group's line of an end. `at` is when it says that
    it happened (UTC), to the second; None: it does not say."""

    delivery: Delivery
    kind: str
    first: int
    last: int
    incident: str
    rule: str
    subject: str
    severity: str
    gist: str
    at: datetime | None = None
    line: str = ""

    @property
    def ends(self) -> bool:
        """Whether it tells of the end."""
        return self.kind.endswith(("RESOLVED", "CLOSED"))

    @property
    def fires(self) -> bool:
        """Whether it tells of the firing."""
        return self.first == 1

    @property
    def numbers(self) -> str:
        """Its numbers as it shows them."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

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
        """Whether the words are the same: all of them, or what a line has of them, where just one is a line. How often
        polls have failed is counted on while a message waits."""
        by_gist = bool(self.line) != bool(other.line)
        mine, others = (self.gist, other.gist) if by_gist else (self.text, other.text)
        return _timeless(mine) == _timeless(others)


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
    reminded: int


def judge(evidence: Evidence) -> Verdict:
    """Holds what arrived against what should have."""
    violations: list[str] = []
    messages: list[Message] = []
    accepted = [delivery for delivery in evidence.deliveries if delivery.accepted]
    for delivery in accepted:
        found = read(delivery)
        if isinstance(found, str):
            violations.append(found)
        else:
            messages += found
    identified = _identified(messages, evidence.expected)
    for url in evidence.urls:
        mine = [message for message in messages if message.delivery.url == url]
        violations += [f"{url}: {what}" for what in _at_url(url, mine, evidence, identified)]
    notified = {(message.delivery.url, identified.get(message.incident)) for message in messages}
    violations += [
        f"lost: {one.rule} {one.subject} never fired for {one.fired.moment} at any of {', '.join(one.either)}"
        for index, one in enumerate(evidence.expected)
        if one.either and not any((url, index) in notified for url in one.either)
    ]
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
            a.fires and b.fires and a.last < b.last for group in groups for a, b in pairwise(group)
        ),
        collapsed=sum(any(one.first < one.last for one in group) for group in groups),
        reminded=sum(one.kind.endswith("still firing") for one in messages),
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
    """What `status --json` says, without what depends on when it was asked, or on what a reload met."""
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
    }


def _timeless(text: str) -> str:
    """Return it without the counts that go on while a message waits, or until somebody looks."""
    return _COUNTED.sub("", text)


# Messages


def read(delivery: Delivery) -> list[Message] | str:
    """What the delivery says of each incident it tells of, or what is wrong with it."""
    group = _GROUP.fullmatch(delivery.title)
    return _single(delivery) if group is None else _lines(delivery, group)


def _single(delivery: Delivery) -> list[Message] | str:
    title, name = _TITLE.fullmatch(delivery.title), _NAME.search(delivery.body)
    severity, at = _SEVERITY.search(delivery.body), _AT.search(delivery.body)
    if title is None or name is None or severity is None:
        return f"{delivery.url}: not a message of this story: {delivery.title!r} … {delivery.body[-60:]!r}"
    if not _fits(title["kind"], name):
        return f"{delivery.url}: says {title['kind']} as message {_numbers(name)}: {delivery.title!r}"
    return [
        Message(
            delivery=delivery,
            kind=title["kind"],
            first=int(name["first"]),
            last=int(name["last"] or name["first"]),
            incident=name["id"],
            rule=title["rule"],
            subject=title["subject"],
            severity=severity[1],
            gist=_gist(title),
            at=datetime.strptime(f"{at[1]} +0000", "%Y-%m-%d %H:%M:%S %z") if at else None,
        )
    ]


def _lines(delivery: Delivery, group: re.Match[str]) -> list[Message] | str:
    """The lines of a group's message, what came first in the story first: ends are told after what fires."""
    wanted = [line for line in delivery.body.splitlines()[1:] if not line.startswith(_INSTEAD)]
    lines = [_LINE.fullmatch(line) for line in wanted]
    found = [line for line in lines if line is not None]
    counts = Counter(line["kind"] for line in found)
    counted = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    if len(found) < len(lines) or counted != group["counts"]:
        return f"{delivery.url}: not a group of this story: {delivery.title!r} … {delivery.body!r}"
    if wrong := [line[0] for line in found if not _fits(line["kind"], line)]:
        return f"{delivery.url}: another kind than its number's: {wrong[0]!r}"
    messages = [
        Message(
            delivery=delivery,
            kind=line["kind"],
            first=int(line["first"]),
            last=int(line["last"] or line["first"]),
            incident=line["id"],
            rule=group["rule"],
            subject=line["subject"],
            severity="" if line["kind"].endswith(("RESOLVED", "CLOSED")) else line["kind"].split()[0].lower(),
            gist=_gist(line),
            line=line[0],
        )
        for line in found
    ]
    return sorted(messages, key=lambda message: not message.ends)


def _fits(kind: str, numbers: re.Match[str]) -> bool:
    """Whether a message of this kind may have these numbers: a firing has the first, both have several."""
    if kind.startswith("FIRED AND "):
        return numbers["first"] == "1" and numbers["last"] is not None
    return numbers["last"] is None and (numbers["first"] == "1") == (kind in ("INFO", "WARNING", "CRITICAL"))


def _numbers(numbers: re.Match[str]) -> str:
    return numbers["first"] + (f"-{numbers['last']}" if numbers["last"] else "")


def _gist(words: re.Match[str]) -> str:
    return f"{words['kind']} {words['subject']} {words['reason']}"


def _groups(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """The messages of each incident at each URL, as they arrived."""
    groups: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in messages:
        groups[message.delivery.url, message.incident].append(message)
    return iter(groups.values())


def _at_url(
    url: str, messages: Sequence[Message], evidence: Evidence, identified: Mapping[str, int]
) -> Iterator[str]:
    taken: dict[int, str] = {}
    for group in _groups(messages):
        found = identified.get(group[0].incident)
        incident = None if found is None else evidence.expected[found]
        yield from _sequence(group, incident, evidence)
        if found is None or incident is None or url not in incident.recipients:
            yield f"invented: {_shown(group[0])}"
            continue
        if found in taken:
            yield f"told as two incidents, {taken[found]} and {group[0].incident}: {_shown(group[0])}"
        taken[found] = group[0].incident
        yield from _content(group, incident, evidence.told)
        if incident.repeats is not None:
            yield from _reminders(group, incident, evidence)
    for index, incident in enumerate(evidence.expected):
        if index not in taken and url in (*incident.to, *incident.later):
            yield f"lost: {incident.rule} {incident.subject} never fired for {incident.fired.moment}"


def _reminders(group: Sequence[Message], incident: Incident, evidence: Evidence) -> Iterator[str]:
    """Whether reminders come as far apart as the rule says, and none once somebody has acknowledged the incident.

    By when each message says that it happened: it may wait long until it is sent."""
    known = min(evidence.told.get(incident.known, ()), default=None) if incident.known else None
    known_at = None if known is None else evidence.epoch + timedelta(seconds=known)
    for before, after in pairwise(group):
        if not after.kind.endswith("still firing") or after.at is None or before.numbers == after.numbers:
            continue
        apart = None if before.at is None else (after.at - before.at).total_seconds()
        if apart is not None and incident.repeats is not None and apart <= incident.repeats - 1:
            yield f"a reminder {apart:.0f} s after the message before it: {_shown(after)}"
        if known_at is not None and after.at > known_at + _ACKNOWLEDGED_LATE:
            yield f"a reminder of what was acknowledged at {known_at:%H:%M:%S}: {_shown(after)}"


def _identified(messages: Sequence[Message], expected: Sequence[Incident]) -> dict[str, int]:
    """Which incident each id stands for, as far as there is one, by the text that marks its firing.

    An id whose firing came in lines alone that can't hold such a text stands for the first that is left."""
    firings: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        if message.fires or not message.ends:
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
            mark = incident.resolved if message.line and message.ends else incident.fired
            if mark and mark.text and _is_about(message, incident) and message.names(mark):
                return index
    return None


def _marked(told: Sequence[Message], incident: Incident) -> bool:
    """Whether a line of these would hold a text that marks the incident."""
    marks = [incident.resolved if message.ends else incident.fired for message in told]
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
        cause = incident.resolved if message.ends else incident.fired
        if cause is None:
            yield f"resolved, though it lasts: {_shown(message)}"
        elif (early := _earliest(cause, told) - message.delivery.arrived) > 0:
            yield f"told {early:.3f} s before its cause {cause.moment}: {_shown(message)}"
        elif message.names(cause) is False:
            yield f"does not name {cause.text!r}: {_shown(message)}"
        if message.kind.endswith("still firing") and incident.repeats is None:
            yield f"a reminder, and none was wanted: {_shown(message)}"
        if message.kind.endswith("not acknowledged") and message.delivery.url not in incident.later:
            yield f"escalated to whoever knew: {_shown(message)}"
    if len({message.last for message in group if message.kind.endswith("not acknowledged")}) > 1:
        yield f"escalated more than once: {_shown(group[-1])}"
    if incident.resolved is not None and not group[-1].ends:
        yield f"lost: never resolved: {_shown(group[0])}"


def _earliest(cause: Mark, told: Mapping[Moment, Sequence[float]]) -> float:
    """When a message may come at the earliest, by when the service gave the answers that it takes."""
    answers = told.get(cause.moment, ())
    if len(answers) < cause.answers:
        return math.inf
    held_back = min(told.get(cause.not_before, ()), default=math.inf) if cause.not_before else 0.0
    return max(answers[cause.answers - 1], answers[0] + cause.later, held_back)


def _sequence(group: Sequence[Message], incident: Incident | None, evidence: Evidence) -> Iterator[str]:
    """Whether the numbers come in order, the firing first, and whatever comes again may do so."""
    first = group[0]
    from_the_firing = incident is None or first.delivery.url in incident.to
    after_the_end = any(one.ends and two.last != one.last for one, two in pairwise(group))
    last = [message.last for message in group]
    wanted = 2 if incident is None or (incident.repeats is None and not incident.later) else None
    in_order = last == sorted(last) and not after_the_end and (first.fires or not from_the_firing)
    # where the route leads elsewhere meanwhile, a reminder and the end may come as one message: the end
    end_alone = first.ends and not first.fires and not (incident and incident.either)
    if not in_order or end_alone or (wanted and last[-1] > wanted):
        numbers = ", ".join(message.numbers for message in group)
        yield f"messages {numbers} in this order: {_shown(first)}"
    for before, after in pairwise(group):
        if after.first > before.last:
            continue
        if not _unrecorded(before, after, evidence):
            yield f"told again, and not next to a kill: {_shown(after)}"
        if before.numbers == after.numbers and not before.says_as(after):
            yield f"told again in other words: {before.text!r} and {after.text!r}"


def _unrecorded(before: Message, after: Message, evidence: Evidence) -> bool:
    """Whether the process that sent a message may have been killed before it recorded that, and not the other's; or
    the token was exchanged before it did."""
    sent, again = before.delivery, after.delivery
    if again.token > sent.token:
        [exchanged] = evidence.told["token", sent.token + 1, EXCHANGED]
        if sent.answered is None or exchanged - sent.answered <= NEAR:
            return True
    return sent.process < again.process and any(
        kill.process == sent.process and (sent.answered is None or kill.at - sent.answered <= NEAR)
        for kill in evidence.kills
    )


def _shown(message: Message) -> str:
    sent = message.delivery
    return f"{message.incident}, message {message.numbers}, process {sent.process}: {sent.title}"
