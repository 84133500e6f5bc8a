"""What holds for every alert, whatever is read, edited, muted, acknowledged or restarted in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from operator import xor
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import Ack, Alert, Event, EventKind, acknowledge, close, due_times, step
from monitor.domain.model import Severity, State
from monitor.domain.rules import Flapping, Policy, Unknown, Verdict
from monitor.store.connection import open_engine
from monitor.store.transaction import Transaction

from .support import MINUTE, QUIET, START, VERDICTS, Restart, minutes, new_alert

T = TypeVar("T")

ENDS = (EventKind.RESOLVED, EventKind.CLOSED)


class Moment(NamedTuple):
    """One call of the state machine; `verdict` None: the rule is gone from the configuration. `acks`: somebody
    acknowledges it after that."""

    verdict: Verdict | None
    policy: Policy
    later: timedelta
    muted: bool = False
    acks: bool = False
    escalate_after: timedelta | None = None


class Lived(NamedTuple):
    """The alert before and after a moment, and what was told at it."""

    moment: Moment
    before: Alert
    alert: Alert
    events: tuple[Event, ...]


spans = st.sampled_from([timedelta(0), timedelta(0), MINUTE, 3 * MINUTE])
flaps = st.builds(Flapping, changes=st.integers(1, 4), within=st.sampled_from([minutes(8), minutes(30)]))
policies = st.builds(
    Policy,
    severity=st.sampled_from(Severity),
    for_=spans,
    keep_firing_for=spans,
    cooldown=st.sampled_from([timedelta(0), minutes(4), minutes(30)]),
    flapping=st.none() | flaps,
    repeat_every=st.sampled_from([None, MINUTE, 5 * MINUTE]),
)
READINGS = "xxxwwccX......???" * 2 + "!"
"""What is read, as likely as it is there; `!`: the rule is gone."""
FORWARD = [MINUTE] * 6 + [2 * MINUTE, minutes(20)]
ANYHOW = [*FORWARD, timedelta(0), -MINUTE, timedelta(days=1), -timedelta(days=1)]


@st.composite
def stories(draw: st.DrawFn, later: list[list[timedelta]], most_policies: int) -> list[Moment]:
    """Long enough that much happens in it, and muted for a while at a time."""
    length = draw(st.integers(1, 40))

    def row(of: Sequence[T]) -> list[T]:
        return draw(st.lists(st.sampled_from(of), min_size=length, max_size=length))

    by = draw(st.lists(policies, min_size=1, max_size=most_policies))
    after = draw(st.sampled_from([None, MINUTE, minutes(4)]))
    muted = list(accumulate(row([False, False, False, True]), xor))
    rows = zip(row(READINGS), row(by), row(draw(st.sampled_from(later))), muted, row("    a"), strict=True)
    return [
        Moment(VERDICTS.get(read), policy, wait, quiet, ack == "a", after)
        for read, policy, wait, quiet, ack in rows
    ]


edited = stories([FORWARD, ANYHOW], 3)
"""The clock may go as it likes, and the rule may be edited at any moment: between a few ways to have it."""

steady = stories([FORWARD], 1)
"""One rule, and a clock that goes forward."""

moderate = settings(max_examples=100, deadline=None)


def lived(story: list[Moment], restart: Restart = lambda alert: alert) -> list[Lived]:
    alert, now, result = new_alert(), START, []
    for moment in story:
        now += moment.later
        before = alert = restart(alert)
        if moment.verdict is None:
            alert, events = close(alert, "gone", now)
        else:
            mute = QUIET if moment.muted else None
            alert, events = step(
                alert, moment.verdict, moment.policy, now, mute=mute, escalate_after=moment.escalate_after
            )
        if moment.acks and alert.state is State.FIRING:
            alert = acknowledge(alert, Ack(by="ann", reason="on it", at=now))
        result.append(Lived(moment, before, alert, events))
    return result


def notified(story: list[Moment]) -> list[Event]:
    return [event for one in lived(story) for event in one.events]


@dataclass(slots=True)
class Reader:
    """What somebody knows who reads all messages, and nothing else."""

    knows: bool = False
    flaps: bool = False
    severity: Severity = Severity.INFO

    def reads(self, event: Event) -> None:
        self.knows = event.kind not in ENDS
        settled = event.note or event.kind in (EventKind.FIRED, *ENDS)
        self.flaps = event.kind is EventKind.FLAPPING or (self.flaps and not settled)
        self.severity = event.alert.severity


# The order of what is told


@given(edited)
@moderate
def test_notifications_begin_with_a_firing_and_end_at_most_once(story: list[Moment]) -> None:
    """Never two firings without an end between, nothing before the firing, nothing between an end and the next."""
    known = False
    for event in notified(story):
        if event.kind is EventKind.FIRED:
            assert not known
        elif event.kind is not EventKind.FLAPPING:
            assert known
        known = event.kind not in ENDS


@given(edited)
@moderate
def test_at_most_one_event_a_moment(story: list[Moment]) -> None:
    """Nothing is told twice over."""
    assert all(len(one.events) <= 1 for one in lived(story))


@given(steady)
@moderate
def test_numbers_have_no_gaps(story: list[Moment]) -> None:
    """Of each incident: 1, 2, 3, whatever it goes through; and no two have one id."""
    by_incident: dict[str, list[int]] = {}
    for event in notified(story):
        assert event.alert.id
        by_incident.setdefault(event.alert.id, []).append(event.seq)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_incident.values())


@given(edited)
@moderate
def test_an_incident_keeps_its_id_until_its_end(story: list[Moment]) -> None:
    """Whatever is edited; after the end another one may begin."""
    for before, after in pairwise(notified(story)):
        if before.kind not in ENDS:
            assert before.alert.id == after.alert.id
            assert after.seq == before.seq + 1


@given(edited)
@moderate
def test_each_event_is_true(story: list[Moment]) -> None:
    """A firing fires, an end is over, what got worse is worse than what was told last, relief is milder."""
    severity = Severity.INFO
    for one in lived(story):
        for event in one.events:
            match event.kind:
                case EventKind.RESOLVED:  # told late, at the end of a mute, it may be pending again
                    assert event.alert.state is State.INACTIVE
                    assert one.alert.state is not State.FIRING
                case EventKind.CLOSED:
                    assert one.alert == new_alert()
                case EventKind.FLAPPING:
                    assert one.alert.flapping
                case EventKind.EASED:
                    assert event.alert.severity < severity
                case EventKind.WORSENED:
                    assert event.alert.severity > severity or event.alert.level > one.before.notified_level
                case _:
                    assert one.alert.state is State.FIRING
            severity = event.alert.severity


# What was told and how it stands


@given(edited)
@moderate
def test_whoever_reads_everything_knows_how_it_stands(story: list[Moment]) -> None:
    """Whenever nothing mutes it: that it fires and how badly, that it is over, or that it flaps. What nobody heard of,
    and of which the last reading was fine, is nobody's business yet."""
    reader = Reader()
    for one in lived(story):
        for event in one.events:
            reader.reads(event)
        if one.moment.muted:
            continue
        if one.alert.flapping:
            assert reader.knows
            assert reader.flaps
            assert one.alert.state is not State.FIRING or reader.severity >= one.alert.severity
        elif one.alert.clearing and not one.alert.announced:
            assert not reader.knows
        elif one.alert.state is State.FIRING:
            assert (reader.knows, reader.severity, reader.flaps) == (True, one.alert.severity, False)
        elif one.alert.state is State.INACTIVE:
            assert not reader.knows


@given(edited)
@moderate
def test_while_muted_nothing_is_notified_but_the_end_of_a_rule(story: list[Moment]) -> None:
    """Which nobody could tell later."""
    for one in lived(story):
        if one.moment.muted and one.moment.verdict is not None:
            assert one.events == ()


@given(edited)
@moderate
def test_a_mute_changes_notifications_and_never_the_state(story: list[Moment]) -> None:
    """Whether and how badly it fires is the same as it would be without any."""

    def stands(lives: list[Lived]) -> list[tuple[bool, Severity | None]]:
        return [
            (fires, one.alert.severity if fires else None)
            for one in lives
            for fires in (one.alert.state is State.FIRING,)
        ]

    assert stands(lived(story)) == stands(lived([moment._replace(muted=False) for moment in story]))


@given(steady)
@moderate
def test_when_all_is_well_for_long_enough_nothing_is_remembered(story: list[Moment]) -> None:
    """Whoever was told hears the end, once; then it is as if nothing had ever been."""
    by = story[-1].policy if story else Policy()
    well = [Moment(VERDICTS["."], by, minutes(20)) for _ in range(8)]
    after = lived([*story, *well])[len(story) :]
    assert after[-1].alert == new_alert()
    last = [event.kind for one in after for event in one.events]
    assert last in ([], [EventKind.RESOLVED], [EventKind.FLAPPING, EventKind.RESOLVED])


@given(edited)
@moderate
def test_nothing_is_noted_in_the_future(story: list[Moment]) -> None:
    """However the clock goes, no instant of an alert just stepped lies after it."""
    now = START
    for one in lived(story):
        now += one.moment.later
        noted = [getattr(one.alert, field.name) for field in fields(Alert) if field.name != "escalated_at"]
        instants = [*(at for at in noted if isinstance(at, datetime)), *one.alert.changes]
        assert all(at <= now for at in instants)


@given(steady)
@moderate
def test_an_alert_does_not_grow(story: list[Moment]) -> None:
    """However often it changes, it remembers no more of it than decides whether it flaps."""
    for one in lived(story):
        by = one.moment.policy.flapping
        assert len(one.alert.changes) <= (0 if by is None else by.changes + 1)


# Quiet


@given(edited)
@moderate
def test_what_flaps_is_quiet_until_it_settles_or_gets_worse(story: list[Moment]) -> None:
    """After the message that says so."""
    for one in lived(story):
        if one.before.notified_flapping and one.alert.flapping:
            assert all(event.kind is EventKind.WORSENED for event in one.events)


@given(edited)
@moderate
def test_what_is_acknowledged_neither_reminds_nor_escalates(story: list[Moment]) -> None:
    """But it is told that it no longer flaps."""
    for one in lived(story):
        if one.before.ack is not None:
            assert all(event.kind is not EventKind.ESCALATED for event in one.events)
            assert all(event.note for event in one.events if event.kind is EventKind.REMINDER)


@given(edited)
@moderate
def test_an_acknowledgement_ends_with_a_message(story: list[Moment]) -> None:
    """That it got worse, flaps worse, or is over; or without one where nobody had heard of it."""
    for one in lived(story):
        if one.before.ack is not None and one.alert.ack is None and one.before.announced:
            assert next(event.kind for event in one.events) in (*ENDS, EventKind.WORSENED, EventKind.FLAPPING)


@given(edited)
@moderate
def test_no_acknowledgement_outlives_what_it_was_of(story: list[Moment]) -> None:
    """After a message that it got worse or is over, nobody has acknowledged it, unless since then."""
    for one in lived(story):
        if any(event.kind in (EventKind.WORSENED, *ENDS) for event in one.events):
            assert one.alert.ack is None or one.moment.acks


@given(edited)
@moderate
def test_a_firing_escalates_at_most_once(story: list[Moment]) -> None:
    """Until it is over."""
    escalated = False
    for event in notified(story):
        assert not (escalated and event.kind is EventKind.ESCALATED)
        escalated = (escalated or event.kind is EventKind.ESCALATED) and event.kind not in ENDS


@given(steady)
@moderate
def test_reminders_never_come_sooner_than_asked_for(story: list[Moment]) -> None:
    """Counted from whatever was told last."""
    events = [(event, one.moment.policy) for one in lived(story) for event in one.events]
    for (before, _), (after, by) in pairwise(events):
        if after.kind is EventKind.REMINDER and not after.note:
            assert by.repeat_every is not None
            assert after.at - before.at >= by.repeat_every


@given(edited)
@moderate
def test_unknown_moments_move_nothing(story: list[Moment]) -> None:
    """Not knowing fires, worsens and resolves nothing: it tells what was held back, and what only time brings."""
    for one in lived(story):
        if isinstance(one.moment.verdict, Unknown):
            assert one.alert.state is one.before.state
            assert one.alert.state is State.INACTIVE or one.alert.severity is one.before.severity


@given(edited)
@moderate
def test_without_readings_nothing_is_notified(story: list[Moment]) -> None:
    """A service that never answers fires and resolves nothing but what stands for that."""
    assert notified([moment._replace(verdict=VERDICTS["?"]) for moment in story]) == []


@given(st.text("xX.?wc", max_size=25), policies)
@moderate
def test_a_firing_stands_on_broken_readings_for_long_enough(text: str, by: Policy) -> None:
    """At a firing the reading is broken, and no fine reading lies within `for` before it."""
    for number, one in enumerate(lived([Moment(VERDICTS[char], by, MINUTE) for char in text])):
        if [event.kind for event in one.events] == [EventKind.FIRED]:
            run = text[: number + 1].rsplit(".", 1)[-1].lstrip("?")
            if not one.before.flapping:
                assert run[-1] != "?"
            assert (len(run) - 1) * MINUTE >= by.for_


@given(st.text("xX.?wc", max_size=25), policies)
@moderate
def test_a_resolve_stands_on_a_fine_reading(text: str, by: Policy) -> None:
    """Never on an unknown one, unless it flapped before and only time has settled it."""
    for number, one in enumerate(lived([Moment(VERDICTS[char], by, MINUTE) for char in text])):
        if any(event.kind is EventKind.RESOLVED for event in one.events):
            assert text[number] == "." or one.before.flapping
            assert text[: number + 1].rstrip("?xXwc")[-1:] == "."


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
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_restart_between_any_two_steps_changes_nothing(store: Transaction, story: list[Moment]) -> None:
    """Kept in the store and read back before each step, an alert tells the very same."""

    def restart(alert: Alert) -> Alert:
        store.alerts.save(alert)
        return store.alerts.about([alert.subject]).get((alert.rule, alert.subject)) or new_alert()

    assert lived(story, restart) == lived(story)


@given(edited)
@moderate
def test_an_alert_is_no_more_than_its_fields(story: list[Moment]) -> None:
    """A copy made field by field goes on like the original: nothing is remembered elsewhere."""
    assert lived(story, lambda alert: replace(alert)) == lived(story)


# What only time brings


@given(steady, st.data())
@moderate
def test_between_two_due_times_nothing_changes(story: list[Moment], data: st.DataObject) -> None:
    """Whoever waits for the next of them misses nothing, whether something mutes the alert or not."""
    alert, last = lived(story)[-1].alert, story[-1]
    now = START + sum((moment.later for moment in story), timedelta(0))

    def looked(alert: Alert, at: datetime) -> tuple[Alert, tuple[Event, ...]]:
        mute = QUIET if last.muted else None
        return step(alert, Unknown("?"), last.policy, at, mute=mute, escalate_after=last.escalate_after)

    for _ in range(20):
        events: tuple[Event, ...] = (None,)  # type: ignore[assignment]  # not looked yet
        while events:
            alert, events = looked(alert, now)
        due = [at for at in due_times(alert, last.policy, last.escalate_after) if at > now]
        until = min(due, default=now + timedelta(days=1))
        between = data.draw(st.timedeltas(timedelta(microseconds=1), until - now))
        if between < until - now:
            assert looked(alert, now + between) == (alert, ())
        now = until
