"""One alert's life as stories: a character a reading, a minute apart; below it what is told at each."""

from datetime import timedelta

import pytest

from monitor.domain.alerts import Alert, EventKind, close, incident_id, step
from monitor.domain.model import Severity, State, Subject
from monitor.domain.rules import Breached, Ok, Policy, Unknown

from .support import HOUR, MINUTE, QUIET, START, firing, kinds, new_alert, notified, play, policy, written

BROKEN = Breached("is broken", "not broken")
WORSE = Breached("is more broken", "not broken", 1)
FINE = Ok("is fine")
UNKNOWN = Unknown("who knows")


def story(text: str, expected: str, meaning: str, by: Policy | None = None, quiet: str = "") -> object:
    return pytest.param(text, by or policy(), quiet, expected, id=meaning)


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("....", "....", "fine-readings-tell-nothing"),
        story("x", "F", "the-very-first-reading-is-judged"),
        story("xxxx", "F...", "fires-once"),
        story("x.", "FR", "resolves-with-the-first-reading-that-is-fine"),
        story("x.x.", "FRFR", "fires-anew-after-a-resolve"),
        story("xxXXx", "F.W..", "a-higher-level-is-told-once"),
        story("xXXXX", "FW...", "a-level-once-told-is-not-told-again"),
        story("Xxx.", "F..R", "a-lower-level-is-not-told"),
        story("XxX", "F.W", "a-level-reached-anew-is-told-anew"),
        story("?X?x??X", ".F....W", "whatever-is-unknown-between"),
        story("xX.x", "FWRF", "a-new-incident-starts-at-its-own-level"),
    ],
)
def test_without_anything_set(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("xxxx", "..F.", "fires-after-hold", policy(hold=2)),
        story("xx.xx.", "......", "a-fine-reading-starts-the-hold-anew", policy(hold=2)),
        story("x.xxx", "....F", "hold-counts-from-the-first-of-the-last-run", policy(hold=2)),
        story("x", ".", "the-first-reading-waits-for-hold-too", policy(hold=1)),
        story("x??x", "...F", "unknown-does-not-start-the-hold-anew", policy(hold=2)),
        story("xx??", "....", "unknown-does-not-fire-when-hold-is-over", policy(hold=2)),
        story("xxx", ".F.", "hold-of-one-interval-needs-two-readings", policy(hold=1)),
        story("xX", "..", "a-level-that-rises-while-pending-is-not-told", policy(hold=2)),
        story("xXXX", "..F.", "the-firing-tells-the-level-that-rose-while-pending", policy(hold=2)),
    ],
)
def test_for(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("x....", "F..R.", "resolves-when-kept-for-long-enough", policy(keep=3)),
        story("x.x...", "F....R", "kept-from-the-last-broken-reading", policy(keep=3)),
        story("x..x..x", "F......", "a-flapping-value-is-one-incident", policy(keep=3)),
        story("x????.", "F....R", "unknown-does-not-resolve-though-kept-long-enough", policy(keep=3)),
        story("x...", "....", "what-nobody-heard-of-is-not-told-at-a-fine-reading", policy(keep=3), "#"),
        story("x.x.", "..F.", "but-if-it-is-broken-again", policy(keep=3), "#"),
        story("x.??.", "F...R", "time-passes-while-unknown", policy(keep=3)),
        story("x.", "FR", "nothing-kept-resolves-at-once", policy(keep=0)),
        story("xx.", "...", "a-pending-alert-is-not-kept", policy(hold=5, keep=5)),
    ],
)
def test_keep_firing_for(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("xxxxxxx", "F..r..r", "reminds-every-three-minutes", policy(repeat=3)),
        story("xxxxxxx", "F......", "never-reminds", policy()),
        story("x??????", "F..r..r", "reminds-while-unknown", policy(repeat=3)),
        story("xxXxxxx", "F.W..r.", "counts-from-what-was-told-last", policy(repeat=3)),
        story("xxxXxxx", "F..W..r", "worse-is-told-instead-of-a-reminder", policy(repeat=3)),
        story("xxxx.", "F..rR", "resolves-after-a-reminder", policy(repeat=3)),
        story("x....", "F..R.", "does-not-remind-of-what-is-fine-but-kept", policy(repeat=1, keep=3)),
        story("xxxxx", "...F.", "pending-reminds-of-nothing", policy(hold=3, repeat=2)),
        story("?????", ".....", "unknown-alone-reminds-of-nothing", policy(repeat=1)),
    ],
)
def test_repeat_every(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("????", "....", "tells-nothing"),
        story("?x", ".F", "does-not-delay-a-firing"),
        story("x???", "F...", "does-not-resolve"),
        story("x??x", "F...", "does-not-fire-anew"),
        story("x??X", "F..W", "does-not-hide-that-it-got-worse"),
        story("x?.", "F.R", "the-first-known-reading-resolves"),
    ],
)
def test_unknown(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("xxx", "...", "a-firing-stays-quiet", policy(), "###"),
        story("xxx", "..F", "is-announced-when-it-outlives-the-mute", policy(), "##"),
        story("xx.", "...", "what-was-never-announced-is-not-resolved", policy(), "##"),
        story("x..", "F.R", "an-end-waits-for-the-end-of-the-mute", policy(), " #"),
        story("x.?", "F.R", "and-is-told-then-without-a-reading", policy(), " #"),
        story("x.xx", "F...", "what-is-as-it-was-before-is-not-told", policy(), " ##"),
        story("x.x..", "F..R.", "an-end-between-is-not-told-either", policy(), " ##"),
        story("xxxxxxxx", "F.....r.", "a-reminder-due-meanwhile-is-skipped", policy(repeat=3), " ####"),
        story("xxxx", "..F.", "hold-runs-on-meanwhile", policy(hold=1), "##"),
        story("xx??", "..F.", "is-announced-though-nothing-is-known-by-then", policy(), "##"),
        story("xx??.", ".....", "and-not-if-it-ends-meanwhile", policy(), "#####"),
        story("xXX", "..F", "is-announced-once-at-its-level", policy(), "##"),
        story("xXX", "F.W", "does-not-tell-worse-while-muted", policy(), " # "),
        story("xXx", "F..", "does-not-tell-worse-that-is-over-when-the-mute-ends", policy(), " # "),
        story("XxX", "F..", "nor-a-level-left-meanwhile-and-reached-again", policy(), " # "),
    ],
)
def test_muted(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


# What an alert remembers


def test_pending_has_an_id_and_a_beginning() -> None:
    """The incident is named at its first broken reading, not at its firing."""
    alert, _ = play("xx", policy(hold=5))
    assert (alert.state, alert.since, alert.id) == (
        State.PENDING,
        START,
        incident_id(alert.rule, alert.subject, START),
    )


@pytest.mark.parametrize(
    ("by", "quiet", "state"),
    [
        pytest.param(policy(hold=5, severity=Severity.CRITICAL), "", State.PENDING, id="pending"),
        pytest.param(policy(severity=Severity.CRITICAL), "#", State.FIRING, id="firing-quietly"),
    ],
)
def test_an_alert_has_its_rules_severity_before_it_is_notified(by: Policy, quiet: str, state: State) -> None:
    """The page and the exit codes tell it from then on."""
    alert, _ = play("x", by, quiet=quiet)
    assert (alert.state, alert.severity) == (state, Severity.CRITICAL)


def test_a_firing_keeps_the_id_it_had_while_pending() -> None:
    """One incident has one name, from pending to resolved."""
    pending, _ = play("x", policy(hold=2))
    _, told = play("xxx.", policy(hold=2))
    assert [event.alert.id for events in told for event in events] == [pending.id, pending.id]


def test_two_incidents_have_two_ids() -> None:
    """The same rule and series, broken twice, are two incidents."""
    _, told = play("x.x.", policy())
    first, _, second, _ = (event.alert.id for events in told for event in events)
    assert first != second


def test_other_subjects_have_other_ids() -> None:
    """Two series that break at once are two incidents."""
    assert incident_id("low", Subject("a/b/USDT"), START) != incident_id("low", Subject("a/b/VNDC"), START)


def test_events_are_numbered_from_one() -> None:
    """Firing, reminder, worsened and resolve count on within the incident, and the next one starts anew."""
    _, told = play("xx?X.x", policy(repeat=1))
    assert [event.seq for events in told for event in events] == [1, 2, 3, 4, 5, 1]


def test_since_is_the_first_broken_reading() -> None:
    """Not the firing: `for` is counted before it."""
    _, told = play("xxx", policy(hold=2))
    assert [event.alert.since for events in told for event in events] == [START]


def test_the_reason_is_the_newest_broken_readings() -> None:
    """A reminder says what is the matter now, not what it was at the firing."""
    alert, _ = play("xX", policy())
    assert alert.reason == WORSE.reason


def test_unknown_keeps_the_last_known_reason() -> None:
    """Not knowing says nothing about the number."""
    alert, _ = play("x?", policy())
    assert alert.reason == BROKEN.reason


def test_a_reminder_while_unknown_repeats_the_last_known_reason() -> None:
    """The reminder says what was last known of it."""
    _, told = play("x?", policy(repeat=1))
    assert [event.reason for event in told[-1]] == [BROKEN.reason]


def test_a_resolve_gives_the_reason_of_the_reading_that_is_fine() -> None:
    """What resolved it, and what it had been expected to be."""
    _, told = play("x.", policy())
    [event] = told[-1]
    assert (event.reason, event.alert.expected) == (FINE.reason, BROKEN.expected)


def test_a_resolved_alert_is_as_if_it_had_never_been() -> None:
    """Nothing of an incident leaks into the next one."""
    alert, _ = play("xX.", policy(repeat=1))
    assert alert == new_alert()


def test_a_pending_alert_that_is_fine_again_is_as_if_it_had_never_been() -> None:
    """Nor does anything of what never fired."""
    alert, _ = play("xX.", policy(hold=9))
    assert alert == new_alert()


def test_unknown_changes_nothing() -> None:
    """Firing or pending, the alert is the same after it."""
    for alert in (firing(), play("x", policy(hold=5))[0]):
        assert step(alert, UNKNOWN, policy(), START + MINUTE) == (alert, ())


# The end of a rule or an account


def test_closing_a_firing_alert_is_notified() -> None:
    """People who were told of it are told that nobody looks any more."""
    over, events = close(firing(), "the rule is gone", START + HOUR)
    assert (over, kinds(events), events[0].reason, events[0].seq) == (new_alert(), "C", "the rule is gone", 2)


@pytest.mark.parametrize(
    "alert",
    [
        pytest.param(new_alert(), id="inactive"),
        pytest.param(play("x", policy(hold=5))[0], id="pending"),
        pytest.param(firing(announced=False), id="firing-quietly"),
    ],
)
def test_closing_an_alert_that_was_not_notified_is_not_notified(alert: Alert) -> None:
    assert close(alert, "the rule is gone", START + HOUR) == (new_alert(), ())


# Rules edited while their alerts live


def test_a_higher_severity_is_notified() -> None:
    """The rule was edited from warning to critical: the next broken reading says so."""
    alert, events = step(firing(), BROKEN, policy(severity=Severity.CRITICAL), START + MINUTE)
    assert (kinds(events), alert.severity) == ("W", Severity.CRITICAL)


def test_a_higher_severity_is_notified_once() -> None:
    """It is not told at every reading from then on."""
    critical = policy(severity=Severity.CRITICAL)
    alert, _ = step(firing(), BROKEN, critical, START + MINUTE)
    assert step(alert, BROKEN, critical, START + 2 * MINUTE)[1] == ()


def test_a_higher_severity_waits_for_a_broken_reading() -> None:
    """Unknown fires nothing, however severe it would be."""
    assert step(firing(), UNKNOWN, policy(severity=Severity.CRITICAL), START + MINUTE)[1] == ()


def test_a_lower_severity_is_notified_as_relief() -> None:
    """Nobody is told that it got worse when it was made less."""
    assert kinds(step(firing(severity=Severity.CRITICAL), BROKEN, policy(), START + MINUTE)[1]) == "e"


def test_a_lower_severity_holds_from_the_next_broken_reading() -> None:
    """What was made less is less, in reminders, on the page and for exit codes."""
    alert, _ = step(firing(severity=Severity.CRITICAL), BROKEN, policy(), START + MINUTE)
    assert alert.severity is Severity.WARNING


def test_a_higher_level_is_notified_though_the_severity_was_lowered() -> None:
    """A partial outage becomes a total one after the rule went from critical to warning."""
    alert = firing(severity=Severity.CRITICAL)
    _, events = step(alert, WORSE, policy(severity=Severity.WARNING), START + MINUTE)
    assert kinds(events) == "W"


def test_a_higher_severity_is_notified_though_the_level_fell() -> None:
    """Severity and level get worse each by itself."""
    _, events = step(firing(level=1), BROKEN, policy(severity=Severity.CRITICAL), START + MINUTE)
    assert kinds(events) == "W"


def test_a_higher_severity_waits_for_the_inhibitor() -> None:
    """An inhibited alert is quiet, also about its severity; it is told when the inhibitor is over."""
    critical = policy(severity=Severity.CRITICAL)
    alert, during = step(firing(), BROKEN, critical, START + MINUTE, mute=QUIET)
    _, after = step(alert, BROKEN, critical, START + 2 * MINUTE)
    assert (kinds(during), kinds(after)) == ("", "W")


def test_a_longer_hold_does_not_take_a_firing_back() -> None:
    """`for` was edited while the alert fires: it goes on firing."""
    alert, events = step(firing(), BROKEN, policy(hold=60), START + MINUTE)
    assert (alert.state, events) == (State.FIRING, ())


def test_a_shorter_hold_counts_from_the_first_broken_reading() -> None:
    """`for` was edited while the alert is pending: what it waited so far counts."""
    pending, _ = play("xx", policy(hold=60))
    _, events = step(pending, BROKEN, policy(hold=2), START + 2 * MINUTE)
    assert kinds(events) == "F"


def test_a_shorter_repeat_reminds_with_the_next_reading() -> None:
    """`repeat_every` was edited from never to a minute."""
    assert kinds(step(firing(), BROKEN, policy(repeat=1), START + MINUTE)[1]) == "r"


# A clock set back


def test_hold_does_not_wait_for_the_old_clock() -> None:
    """The clock goes back by a day: `for` counts from the first reading after that."""
    pending, _ = play("xx", policy(hold=2))
    _, told = play("xxx", policy(hold=2), alert=pending, start=START - 24 * HOUR)
    assert written(told) == "..F"


def test_reminders_do_not_wait_for_the_old_clock() -> None:
    """The clock goes back by a day: the next reminder comes a period later, not a day and a period."""
    _, told = play("xxxx", policy(repeat=2), alert=firing(), start=START - 24 * HOUR)
    assert written(told) == "..r."


def test_an_alert_is_not_kept_until_the_old_clock() -> None:
    """The clock goes back by a day: `keep_firing_for` ends a period later."""
    _, told = play("....", policy(keep=2), alert=firing(), start=START - 24 * HOUR)
    assert written(told) == "..R."


def test_no_notification_lies_in_the_future() -> None:
    """The message's `since` is never later than the message."""
    _, told = play("xx", policy(repeat=1), alert=firing(), start=START - 24 * HOUR)
    [reminder] = told[-1]
    assert reminder.alert.since == START - 24 * HOUR


def test_a_clock_set_back_keeps_the_incident() -> None:
    """Its id and its numbers go on, whatever the clock says."""
    before = firing()
    _, told = play(".", policy(), alert=before, start=START - 24 * HOUR)
    [event] = told[0]
    assert (event.kind, event.alert.id, event.seq) == (EventKind.RESOLVED, before.id, 2)


def test_a_clock_set_forward_does_not_fire_by_itself() -> None:
    """A jump over `for` needs a broken reading after it."""
    pending, _ = play("x", policy(hold=30))
    _, told = play("?.", policy(hold=30), alert=pending, start=START + timedelta(days=1))
    assert written(told) == ".."
