"""The results of rule tests: what `test --json` prints."""

from typing_extensions import TypedDict

from monitor.domain.time import exact
from monitor.payloads.values import Severity, Subject
from monitor.ruletests.report import Tested
from monitor.ruletests.runner import ObservedEvent, Verdict


class Event(TypedDict):
    """An event that occurred in a test, `at` that long after its start; `to` names the channels."""

    at: str
    event: str
    rule: str
    series: Subject
    severity: Severity
    reason: str
    to: list[str]


class Test(TypedDict):
    """The result of a test: the line where it begins, and the differences between expected and actual events."""

    name: str
    line: int | None
    passed: bool
    differences: list[str]
    events: list[Event]


class File(TypedDict):
    """The results of a file of tests, and the configuration that contains its rules."""

    file: str
    config: str
    tests: list[Test]


def file(of: Tested) -> File:
    """Return the results of a file of tests."""
    return {"file": str(of.path), "config": str(of.config), "tests": [_test(one) for one in of.verdicts]}


def _test(verdict: Verdict) -> Test:
    return {
        "name": verdict.test.name,
        "line": verdict.test.place.line,
        "passed": verdict.passed,
        "differences": [line for line in verdict.lines if line[0] in "+-"],
        "events": [_event(one) for one in verdict.seen],
    }


def _event(observed: ObservedEvent) -> Event:
    alert = observed.event.alert
    return {
        "at": exact(observed.at),
        "event": observed.event.kind.value,
        "rule": alert.rule,
        "series": alert.subject,
        "severity": alert.severity.word,
        "reason": observed.event.reason,
        "to": list(observed.channels),
    }
