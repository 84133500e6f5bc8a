"""Find violations in what the receiver got. Pure.

The checker knows the scenario, the receiver's record, the instants of the kills and the final status. It knows nothing
that the program recorded or logged. It verifies these promises:

- A message contains the id of its incident and its number within it, in its last line.
- A process sends no accepted message twice. Only a process that is killed within `NEAR` seconds of an answer may have
  failed to record it; a later process then sends the same message again.
- A firing that waits until its resolution is due comes as one message with both numbers. If the firing alone was
  accepted just before a kill, that message may follow it: it repeats the firing with another text.
- Several incidents of one alert that wait at the same time come as one message, with a line for each. If a line
  contains no amount, because its reason has none, it belongs to the oldest remaining incident.
- No message comes before the service has sent its cause, as often and for as long as the rule demands, nor before a
  silence or quiet hours end.
- Every recipient of an incident gets its end. The scenario names the recipients; if a route changes
  meanwhile, it is one of two recipients, or both.
- If a token is rotated while a message is being sent with the old one, the message may come again with the new one.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from campaigns.kills.receiver import Delivery
from campaigns.kills.scenario import Incident, Json, Mark
from campaigns.kills.script import Moment

NEAR = 1.5
"""Seconds between an answer and its record at most: 11 ms were measured on two busy cores, 0.5 s with a load of 22."""
ROTATED = "rotated"
"""The moment at which a token was replaced by the one with this number."""
_ACKNOWLEDGED_LATE = timedelta(seconds=1)
"""The time in a message is exact to the second."""

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
    """A kill. Instants are monotonic seconds; `running`: the process had logged that it is running;
    `code`: its exit code, -9 if this kill ended it."""

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
    """Everything that a run is judged by. `moments` has the instants of each moment of scripts and acts.

    `epoch` (UTC) is when the clock of all instants showed 0."""

    expected: Sequence[Incident]
    moments: Mapping[Moment, Sequence[float]]
    deliveries: Sequence[Delivery]
    kills: Sequence[Kill]
    urls: Sequence[str]
    epoch: datetime = _EPOCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The part of an accepted delivery that is about one incident. `line`: its line in a group's message, else "".

    `kind` is the beginning of its headline. `first` and `last` are its numbers, which differ if a firing and its end
    are one message. `severity` is "" where it has none: in a group's line of an end. `at` is the time that it gives
    (UTC), to the second; None: none."""

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
        """Return whether it reports the end."""
        return self.kind.endswith(("RESOLVED", "CLOSED"))

    @property
    def fires(self) -> bool:
        """Return whether it reports the firing."""
        return self.first == 1

    @property
    def numbers(self) -> str:
        """Return its numbers as they are written in it."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def text(self) -> str:
        """Return its text without the trend, which includes earlier cycles."""
        if self.line:
            return self.line
        body = self.delivery.body.splitlines()
        return "\n".join([self.delivery.title, *(line for line in body if not line.startswith("Trend: "))])

    def names(self, mark: Mark) -> bool | None:
        """Return whether it contains the mark's text; None: a line never contains such a text."""
        return None if self.line and not mark.in_reason else _contains(self.text, mark)

    def has_same_text(self, other: "Message") -> bool:
        """Return whether the texts are equal, apart from the number of failed polls, which grows while a message waits.

        If just one of them is a line, the parts that a line has are compared."""
        by_gist = bool(self.line) != bool(other.line)
        mine, others = (self.gist, other.gist) if by_gist else (self.text, other.text)
        return _timeless(mine) == _timeless(others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The violations, and counts of what is allowed. `again`: the processes whose message was sent again.

    `grouped`: the number of messages about several incidents. `collapsed`: incidents with a firing and its end in one
    message. `overtaken`: firings that were repeated in such a message."""

    violations: tuple[str, ...]
    messages: int
    grouped: int
    refused: int
    again: tuple[int, ...]
    overtaken: int
    collapsed: int
    reminded: int


def judge(evidence: Evidence) -> Verdict:
    """Compare what arrived with what had to arrive."""
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
    """Return the differences between two values, nested as JSON."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        return [
            text
            for key in sorted(got.keys() | wanted.keys(), key=str)
            for text in differences(f"{name}.{key}", got.get(key), wanted.get(key))
        ]
    return [] if got == wanted else [f"{name}: {got!r}, and {wanted!r} was expected"]


def end_state(status: Json) -> Json:
    """Return the parts of `status --json` that do not depend on the time, or on when a reload happened."""
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
    """Return a text without the counts that grow with time."""
    return _COUNTED.sub("", text)


# Messages


def read(delivery: Delivery) -> list[Message] | str:
    """Return the messages in a delivery, one for each incident, or the violation in it."""
    group = _GROUP.fullmatch(delivery.title)
    return _single(delivery) if group is None else _lines(delivery, group)


def _single(delivery: Delivery) -> list[Message] | str:
    title, name = _TITLE.fullmatch(delivery.title), _NAME.search(delivery.body)
    severity, at = _SEVERITY.search(delivery.body), _AT.search(delivery.body)
    if title is None or name is None or severity is None:
        return f"{delivery.url}: not a message of this scenario: {delivery.title!r} … {delivery.body[-60:]!r}"
    if not _fits(title["kind"], name):
        return f"{delivery.url}: {title['kind']} as message {_numbers(name)}: {delivery.title!r}"
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
    """Return a group's messages in the order of the script: ends first, though the delivery has them last."""
    wanted = [line for line in delivery.body.splitlines()[1:] if not line.startswith(_INSTEAD)]
    lines = [_LINE.fullmatch(line) for line in wanted]
    found = [line for line in lines if line is not None]
    counts = Counter(line["kind"] for line in found)
    counted = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    if len(found) < len(lines) or counted != group["counts"]:
        return f"{delivery.url}: not a group of this scenario: {delivery.title!r} … {delivery.body!r}"
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
    """Return whether a message of this kind may have these numbers: a firing has 1, only both in one have several."""
    if kind.startswith("FIRED AND "):
        return numbers["first"] == "1" and numbers["last"] is not None
    return numbers["last"] is None and (numbers["first"] == "1") == (kind in ("INFO", "WARNING", "CRITICAL"))


def _numbers(numbers: re.Match[str]) -> str:
    return numbers["first"] + (f"-{numbers['last']}" if numbers["last"] else "")


def _gist(words: re.Match[str]) -> str:
    return f"{words['kind']} {words['subject']} {words['reason']}"


def _groups(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Return the messages of each incident at each URL, as they arrived."""
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
            yield f"notified as two incidents, {taken[found]} and {group[0].incident}: {_shown(group[0])}"
        taken[found] = group[0].incident
        yield from _content(group, incident, evidence.moments)
        if incident.repeats is not None:
            yield from _reminders(group, incident, evidence)
    for index, incident in enumerate(evidence.expected):
        if index not in taken and url in (*incident.to, *incident.later):
            yield f"lost: {incident.rule} {incident.subject} never fired for {incident.fired.moment}"


def _reminders(group: Sequence[Message], incident: Incident, evidence: Evidence) -> Iterator[str]:
    """Yield reminders that came too soon after another message, or after the incident was acknowledged.

    This compares the times in the messages, because a message may wait for long until it is sent."""
    known = min(evidence.moments.get(incident.known, ()), default=None) if incident.known else None
    known_at = None if known is None else evidence.epoch + timedelta(seconds=known)
    for before, after in pairwise(group):
        if not after.kind.endswith("still firing") or after.at is None or before.numbers == after.numbers:
            continue
        apart = None if before.at is None else (after.at - before.at).total_seconds()
        if apart is not None and incident.repeats is not None and apart <= incident.repeats - 1:
            yield f"a reminder {apart:.0f} s after the message before it: {_shown(after)}"
        if known_at is not None and after.at > known_at + _ACKNOWLEDGED_LATE:
            yield f"a reminder of an incident that was acknowledged at {known_at:%H:%M:%S}: {_shown(after)}"


def _identified(messages: Sequence[Message], expected: Sequence[Incident]) -> dict[str, int]:
    """Return the index of the expected incident for each id, by the text that marks its firing.

    An id whose firing came only in lines that cannot contain such a text gets the first incident that is left."""
    firings: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        if message.fires or not message.ends:
            firings[message.incident].append(message)
    found = {name: index for name, its in firings.items() if (index := _found(its, expected)) is not None}
    for name, its in firings.items():
        if name not in found and all(message.line for message in its):
            left = (i for i, one in enumerate(expected) if _is_about(its[0], one) and i not in found.values())
            index = next(left, None)
            if index is not None and not _marked(its, expected[index]):
                found[name] = index
    return found


def _found(messages: Sequence[Message], expected: Sequence[Incident]) -> int | None:
    for index, incident in enumerate(expected):
        for message in messages:
            # the line of a firing that is sent together with its end has the reason of the end
            mark = incident.resolved if message.line and message.ends else incident.fired
            if mark and mark.text and _is_about(message, incident) and message.names(mark):
                return index
    return None


def _marked(messages: Sequence[Message], incident: Incident) -> bool:
    """Return whether a line among these would contain a text that marks the incident."""
    marks = [incident.resolved if message.ends else incident.fired for message in messages]
    return any(mark and mark.text and mark.in_reason for mark in marks)


def _is_about(message: Message, incident: Incident) -> bool:
    return (message.rule, message.subject) == (incident.rule, incident.subject)


def _contains(text: str, mark: Mark) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(mark.text)}(?![\d.]*\d)", text) is not None


def _content(
    group: Sequence[Message], incident: Incident, moments: Mapping[Moment, Sequence[float]]
) -> Iterator[str]:
    """Yield messages with a wrong content, messages before their cause, and a missing end."""
    for message in group:
        if (message.rule, message.subject) != (incident.rule, incident.subject):
            yield f"one id for two subjects: {_shown(message)}"
        if message.severity not in ("", incident.severity):
            yield f"severity {message.severity}, and {incident.severity} was expected: {_shown(message)}"
        cause = incident.resolved if message.ends else incident.fired
        if cause is None:
            yield f"resolved, though it is open at the end: {_shown(message)}"
        elif (early := _earliest(cause, moments) - message.delivery.arrived) > 0:
            yield f"sent {early:.3f} s before its cause {cause.moment}: {_shown(message)}"
        elif message.names(cause) is False:
            yield f"does not name {cause.text!r}: {_shown(message)}"
        if message.kind.endswith("still firing") and incident.repeats is None:
            yield f"a reminder, and none was wanted: {_shown(message)}"
        if message.kind.endswith("not acknowledged") and message.delivery.url not in incident.later:
            yield f"escalated to a recipient of the firing: {_shown(message)}"
    if len({message.last for message in group if message.kind.endswith("not acknowledged")}) > 1:
        yield f"escalated more than once: {_shown(group[-1])}"
    if incident.resolved is not None and not group[-1].ends:
        yield f"lost: never resolved: {_shown(group[0])}"


def _earliest(cause: Mark, moments: Mapping[Moment, Sequence[float]]) -> float:
    """Return the earliest instant at which a message may come, by the responses that cause it."""
    sent = moments.get(cause.moment, ())
    if len(sent) < cause.responses:
        return math.inf
    muted_until = min(moments.get(cause.not_before, ()), default=math.inf) if cause.not_before else 0.0
    return max(sent[cause.responses - 1], sent[0] + cause.later, muted_until)


def _sequence(group: Sequence[Message], incident: Incident | None, evidence: Evidence) -> Iterator[str]:
    """Yield messages in a wrong order, and repetitions that are not allowed."""
    first = group[0]
    from_the_firing = incident is None or first.delivery.url in incident.to
    after_the_end = any(one.ends and two.last != one.last for one, two in pairwise(group))
    last = [message.last for message in group]
    wanted = 2 if incident is None or (incident.repeats is None and not incident.later) else None
    in_order = last == sorted(last) and not after_the_end and (first.fires or not from_the_firing)
    # after a change of the route, a reminder and the end may come as one message: the end
    end_alone = first.ends and not first.fires and not (incident and incident.either)
    if not in_order or end_alone or (wanted and last[-1] > wanted):
        numbers = ", ".join(message.numbers for message in group)
        yield f"messages {numbers} in this order: {_shown(first)}"
    for before, after in pairwise(group):
        if after.first > before.last:
            continue
        if not _unrecorded(before, after, evidence):
            yield f"sent again, and not next to a kill: {_shown(after)}"
        if before.numbers == after.numbers and not before.has_same_text(after):
            yield f"sent again with another text: {before.text!r} and {after.text!r}"


def _unrecorded(before: Message, after: Message, evidence: Evidence) -> bool:
    """Return whether the first message may not have been recorded, so that the second was allowed.

    Its process was killed shortly after the answer, or before it, or the token was rotated then."""
    sent, again = before.delivery, after.delivery
    if again.token > sent.token:
        [rotated] = evidence.moments["token", sent.token + 1, ROTATED]
        if sent.answered is None or rotated - sent.answered <= NEAR:
            return True
    return sent.process < again.process and any(
        kill.process == sent.process and (sent.answered is None or kill.at - sent.answered <= NEAR)
        for kill in evidence.kills
    )


def _shown(message: Message) -> str:
    sent = message.delivery
    return f"{message.incident}, message {message.numbers}, process {sent.process}: {sent.title}"
