"""What holds for every alert, whatever is read, edited, inhibited or restarted in between."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import Alert, Event, EventKind, close, step
from monitor.domain.model import Severity, State
from monitor.domain.rules import Policy, Unknown, Verdict
from monitor.store.database import open_engine
from monitor.store.transaction import Transaction

from .support import MINUTE, START, VERDICTS, Restart, new_alert

ENDS = (EventKind.RESOLVED, EventKind.CLOSED)


class Moment(NamedTuple):
    """One call of the state machine; `verdict` None: the rule is gone from the configuration."""

    verdict: Verdict | None
    policy: Policy
    later: timedelta
    inhibited: bool


spans = st.sampled_from([timedelta(0), MINUTE, 3 * MINUTE])
policies = st.builds(
    Policy,
    severity=st.sampled_from(Severity),
    hold=spans,
    keep_firing_for=spans,
    repeat_every=st.sampled_from([None, MINUTE, 5 * MINUTE]),
)
verdicts = st.sampled_from([*VERDICTS.values(), VERDICTS["x"], None])
later = st.sampled_from([MINUTE, 2 * MINUTE, timedelta(days=1), timedelta(0), -MINUTE, -timedelta(days=1)])
moments = st.builds(Moment, verdicts, policies, later, st.booleans())
edited = st.lists(moments, max_size=30)
moderate = settings(max_examples=50, deadline=None)


def lived(
    story: list[Moment], restart: Restart = lambda alert: alert
) -> list[tuple[Alert, tuple[Event, ...]]]:
    """The alert after each moment, and what was told at it."""
    alert, now, result = new_alert(), START, []
    for moment in story:
        now += moment.later
        alert = restart(alert)
        if moment.verdict is None:
            alert, events = close(alert, "gone", now)
        else:
            alert, events = step(
                alert, moment.verdict, moment.policy, now, mute="quiet" if moment.inhibited else ""
            )
        result.append((alert, events))
    return result


def told(story: list[Moment]) -> list[Event]:
    return [event for _, events in lived(story) for event in events]


@given(edited)
@moderate
def test_nothing_ends_that_was_not_fired(story: list[Moment]) -> None:
    """Every end has a firing before it, with no other end between them."""
    open_incident = False
    for event in told(story):
        if event.kind in ENDS:
            assert open_incident
        open_incident = event.kind not in ENDS


@given(edited)
@moderate
def test_an_incident_begins_with_a_firing_and_fires_once(story: list[Moment]) -> None:
    """Never two firings in a row, and no reminder or worsening before the firing."""
    open_incident = False
    for event in told(story):
        assert (event.kind is EventKind.FIRED) is not open_incident
        open_incident = event.kind not in ENDS


@given(edited)
@moderate
def test_numbers_have_no_gaps(story: list[Moment]) -> None:
    """Each event is the next of its incident; a firing is its first."""
    seq = 0
    for event in told(story):
        seq = 1 if event.kind is EventKind.FIRED else seq + 1
        assert event.seq == seq


@given(edited)
@moderate
def test_an_incident_keeps_its_id(story: list[Moment]) -> None:
    """All events from a firing to its end have one id, which is not empty."""
    for before, after in pairwise(told(story)):
        if after.kind is not EventKind.FIRED:
            assert before.alert.id == after.alert.id != ""


@given(edited)
@moderate
def test_at_most_one_event_a_moment(story: list[Moment]) -> None:
    """Nothing is told twice over."""
    assert all(len(events) <= 1 for _, events in lived(story))


@given(edited)
@moderate
def test_nothing_is_noted_in_the_future(story: list[Moment]) -> None:
    """However the clock goes, no instant of an alert just stepped lies after it."""
    now = START
    for moment, (alert, _) in zip(story, lived(story), strict=True):
        now += moment.later
        instants = (alert.since, alert.fired_at, alert.breached_at, alert.told_at)
        assert all(at is None or at <= now for at in instants)


@given(edited)
@moderate
def test_an_inhibited_moment_tells_only_ends(story: list[Moment]) -> None:
    """Firings, reminders and worsenings wait for the inhibitor."""
    for moment, (_, events) in zip(story, lived(story), strict=True):
        if moment.inhibited:
            assert all(event.kind in ENDS for event in events)


@given(edited)
@moderate
def test_unknown_moments_tell_only_reminders(story: list[Moment]) -> None:
    """Not knowing fires, worsens and resolves nothing, and moves no alert to another state."""
    state = State.INACTIVE
    for moment, (alert, events) in zip(story, lived(story), strict=True):
        if isinstance(moment.verdict, Unknown):
            assert alert.state is state
            assert all(event.kind is EventKind.REMINDER for event in events)
        state = alert.state


@given(edited)
@moderate
def test_without_readings_nothing_is_told(story: list[Moment]) -> None:
    """A service that never answers fires and resolves nothing but what stands for that."""
    assert told([moment._replace(verdict=VERDICTS["?"]) for moment in story]) == []


@given(st.text("xX.?", max_size=25), policies)
@moderate
def test_a_firing_stands_on_broken_readings_for_long_enough(text: str, by: Policy) -> None:
    """At a firing the reading is broken, and no fine reading lies within `for` before it."""
    story = [Moment(VERDICTS[char], by, MINUTE, inhibited=False) for char in text]
    for number, (_, events) in enumerate(lived(story)):
        if [event.kind for event in events] == [EventKind.FIRED]:
            run = text[: number + 1].rsplit(".", 1)[-1].lstrip("?")
            assert run[-1] in "xX"
            assert (len(run) - 1) * MINUTE >= by.hold


@given(st.text("xX.?", max_size=25), policies)
@moderate
def test_a_resolve_stands_on_a_fine_reading(text: str, by: Policy) -> None:
    """Never on an unknown one."""
    story = [Moment(VERDICTS[char], by, MINUTE, inhibited=False) for char in text]
    for number, (_, events) in enumerate(lived(story)):
        if any(event.kind is EventKind.RESOLVED for event in events):
            assert text[number] == "."


# Restarts


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transaction]:
    """A transaction on a real database, in which alerts are kept and found again."""
    path: Path = tmp_path_factory.mktemp("store") / "balances.db"
    engine = open_engine(path)
    with engine.connect() as connection:
        yield Transaction(connection)
    engine.dispose()


@given(edited)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_restart_between_any_two_steps_changes_nothing(store: Transaction, story: list[Moment]) -> None:
    """Kept in the store and read back before each step, an alert tells the very same."""

    def restart(alert: Alert) -> Alert:
        store.save_alert(alert)
        return store.alerts([alert.subject]).get((alert.rule, alert.subject)) or new_alert()

    assert lived(story, restart) == lived(story)


@given(edited)
@moderate
def test_an_alert_is_no_more_than_its_fields(story: list[Moment]) -> None:
    """A copy made field by field goes on like the original: nothing is remembered elsewhere."""

    def restart(alert: Alert) -> Alert:
        return Alert(**{one.name: getattr(alert, one.name) for one in fields(Alert)})

    assert lived(story, restart) == lived(story)
