"""What changes too often is told once as flapping, then not until it settles or gets worse."""

from dataclasses import replace

import pytest

from monitor.domain.alerts import Alert, close
from monitor.domain.rules import Policy

from .support import HOUR, START, minutes, new_alert, notified, play, policy, written

FLAPS = policy(flaps=(2, 60))
"""More than two changes within an hour."""
SETTLES = policy(flaps=(2, 4))
"""More than two changes within four minutes; one or none of them left, and it has settled."""


def story(text: str, expected: str, meaning: str, by: Policy = FLAPS, quiet: str = "") -> object:
    return pytest.param(text, by, quiet, expected, id=meaning)


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("x.x.x.", "FRFRFR", "without-it-each-change-is-told", policy()),
        story("x.xxxx", "FR~...", "one-change-too-many-is-told-as-flapping"),
        story("x.x.x.x.", "FR~.....", "then-it-is-quiet"),
        story("x.x.", "FR~.", "as-many-as-allowed-are-not-flapping", policy(flaps=(2, 60))),
        story("x.x.", "FRFR", "nor-if-they-lie-far-enough-apart", policy(flaps=(2, 2))),
        story("x.x.x", "FRF~.", "an-end-may-be-the-change-too-many", policy(flaps=(3, 60))),
        story("xx.xx.", ".FR.~.", "what-only-was-pending-is-no-change", policy(hold=1, flaps=(2, 60))),
        story("x?.?x", "F.R.~", "unknown-is-no-change"),
        story("w.wc", "FR~W", "worse-gets-through"),
        story("w.wcwcwc", "FR~W....", "once"),
        story("w.w.c", "FR~.W", "whatever-it-did-between"),
        story("x.xX", "FR~W", "so-does-a-higher-level"),
        story("w.c.w.c", "FR~....", "what-was-told-as-bad-is-not-worse"),
        story("x.xxxx", "FR~...", "no-reminders", policy(flaps=(2, 60), repeat=1)),
        story("x.xxxx", "FR~..r", "settles-to-firing", SETTLES),
        story("x.x....", "FR~...R", "settles-to-resolved", SETTLES),
        story("x.x.???", "FR~...R", "which-needs-no-reading", SETTLES),
        story("x.x???", "FR~..r", "nor-does-that-it-fires-as-before", SETTLES),
        story("x.x....x", "FR~...RF", "after-that-it-fires-anew", SETTLES),
        story("x.xxxx.", "FR~..rR", "or-is-resolved-as-any-other", SETTLES),
        story("x.xxx.x", "FR~....", "a-change-before-it-settled-keeps-it-flapping", SETTLES),
        story("w.cwwww", "FR~...r", "it-settles-milder", SETTLES),
        story("x.xxxx", "FR.~.r", "flapping-that-began-while-muted-is-told-after", SETTLES, "  #"),
        story("x.xxxxx", "FR....F", "one-that-settled-firing-while-muted-is-a-firing", SETTLES, "  ####"),
        story("x.x.....", "FR......", "one-that-came-and-went-while-muted-is-nothing", SETTLES, "  #####"),
        story("x.x.....", "FR~....R", "an-end-that-was-muted-is-told-after", SETTLES, "   ####"),
        story("x.xxxxx", "FR~...r", "and-so-is-that-it-fires-as-before", SETTLES, "   ###"),
        story("x.xxx.xxxxx", "FR~......r.", "muted-while-it-flaps-on", SETTLES, "   ###"),
        story("w.wcc", "FR~.W", "worse-waits-for-the-end-of-the-mute", FLAPS, "   #"),
        story("w.wcw", "FR~..", "and-is-not-told-when-that-is-over-by-then", FLAPS, "   #"),
    ],
)
def test_flapping(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


def test_it_says_how_often_is_too_often() -> None:
    """And what to expect of it now."""
    _, told = play("x.x", FLAPS)
    assert (
        told[2][0].note
        == "changed more than 2 times within 1h; no notifications until it stops flapping or worsens"
    )


@pytest.mark.parametrize(
    ("text", "quiet", "note"),
    [
        pytest.param("x.xxxx", "", "it no longer flaps, and is firing", id="firing"),
        pytest.param("x.x....", "", "it no longer flaps", id="resolved"),
        pytest.param("w.wwwwwwc", "   #####", "it no longer flaps", id="as-something-worse"),
    ],
)
def test_it_says_that_it_settled(text: str, quiet: str, note: str) -> None:
    _, told = play(text, SETTLES, quiet=quiet)
    assert told[-1][0].note == note


def test_while_it_flaps_it_is_one_incident() -> None:
    """From the message that says so to its end."""
    _, told = play("x.x.x.x......", SETTLES)
    flapping, end = [event for at in told for event in at][2:]
    assert (flapping.alert.id, flapping.seq, end.seq) == (end.alert.id, 1, 2)


def test_with_a_cooldown_it_is_the_incident_it_was_before() -> None:
    """Number three of it, after the firing and the end."""
    _, told = play("x.x", replace(FLAPS, cooldown=minutes(5)))
    assert [event.seq for at in told for event in at] == [1, 2, 3]
    assert len({event.alert.id for at in told for event in at}) == 1


@pytest.mark.parametrize("text", ["x.x.x", "x.x.xx", "x.xxxx", "x.x....", "x.xX..", "w.wcw"])
@pytest.mark.parametrize("quiet", ["", "  #", "   ###"])
def test_a_copy_of_its_fields_goes_on_the_same(text: str, quiet: str) -> None:
    """A restart between any two readings tells neither more nor less."""
    _, through = play(text, SETTLES, quiet=quiet, restart=lambda alert: replace(alert))
    assert written(through) == notified(text, SETTLES, quiet=quiet)


def test_a_resolved_alert_remembers_its_changes_only_as_long_as_they_count() -> None:
    """Then it is as if it had never been."""
    alert, _ = play("x.?????", SETTLES)
    assert alert == new_alert()


def flapping() -> Alert:
    alert, _ = play("x.x", FLAPS)
    return alert


def test_taken_out_of_the_rule_it_has_settled() -> None:
    """What is told next is how it stands."""
    _, told = play("x.", policy(), alert=flapping(), start=START + minutes(3))
    assert written(told) == "rR"


def test_its_rule_gone_is_notified() -> None:
    """Whoever heard that it flaps hears that nobody looks any more."""
    over, [event] = close(flapping(), "the rule is gone", START + HOUR)
    assert (over, event.kind) == (new_alert(), "closed")


def test_a_clock_set_back_settles_it_a_window_later() -> None:
    """Not when the old clock is reached again."""
    _, told = play("x????", SETTLES, alert=flapping(), start=START - 24 * HOUR)
    assert written(told) == "....r"
