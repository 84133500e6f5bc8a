"""What fires anew within its cooldown is the incident it was, and says so."""

import pytest

from monitor.domain.alerts import Alert
from monitor.domain.model import State
from monitor.domain.rules import Policy

from .support import MINUTE, START, new_alert, notified, play, policy, written


def incidents(text: str, by: Policy, quiet: str = "") -> str:
    """Which incident each event is of: `a`, then `b`, and so on."""
    _, told = play(text, by, quiet=quiet)
    ids = [event.alert.id for at in told for event in at]
    return "".join("abcdef"[list(dict.fromkeys(ids)).index(one)] for one in ids)


@pytest.mark.parametrize(
    ("text", "by", "expected"),
    [
        pytest.param("x.x.", policy(), "aabb", id="without-one-each-firing-is-an-incident"),
        pytest.param("x.x.", policy(cooldown=5), "aaaa", id="within-it-the-incident-goes-on"),
        pytest.param("x....x", policy(cooldown=5), "aaa", id="until-just-before-its-end"),
        pytest.param("x.....x", policy(cooldown=5), "aab", id="and-not-at-its-end"),
        pytest.param("x..x..x..x", policy(cooldown=3), "aaaaaaa", id="it-counts-from-the-last-end"),
        pytest.param("x.????x", policy(cooldown=3), "aab", id="it-ends-while-nothing-is-known-too"),
        pytest.param("xx.xx", policy(cooldown=2, hold=1), "aaa", id="its-first-broken-reading-counts"),
        pytest.param("xx.x..xx", policy(cooldown=5, hold=1), "aaa", id="what-did-not-fire-ends-no-cooldown"),
        pytest.param("xx.x...xx", policy(cooldown=5, hold=1), "aab", id="nor-does-it-make-it-longer"),
    ],
)
def test_which_incident(text: str, by: Policy, expected: str) -> None:
    assert incidents(text, by) == expected


@pytest.mark.parametrize(
    ("text", "quiet", "expected"),
    [
        pytest.param("x.x.", "", "FRFR", id="each-firing-and-each-end-is-told"),
        pytest.param("x.xx", "  #", "FR.F", id="a-firing-while-muted-is-told-after-it"),
        pytest.param("x.x..", "  ##", "FR...", id="one-that-came-and-went-while-muted-is-not"),
        pytest.param("x.xx", " ##", "F...", id="nor-an-end-and-a-firing"),
        pytest.param("x.x..", " ###", "F...R", id="an-end-is-told-once"),
        pytest.param("x.x.x", " ## ", "F..RF", id="and-then-the-next-firing"),
        pytest.param("x..x", "###", "...F", id="what-nobody-heard-of-fires-for-them"),
    ],
)
def test_what_is_notified(text: str, quiet: str, expected: str) -> None:
    assert notified(text, policy(cooldown=5), quiet=quiet) == expected


@pytest.mark.parametrize(
    ("text", "quiet", "by", "expected"),
    [
        pytest.param(
            "xxx.xxx.", " ###", policy(hold=5), "F...R...", id="its-end-is-told-while-it-is-pending"
        ),
        pytest.param("x.xxxx", " ##", policy(hold=2), "F..RF.", id="and-what-is-pending-fires-in-time"),
        pytest.param("x.x?x", " ##", policy(hold=2), "F..RF", id="also-where-nothing-is-known-at-the-end"),
        pytest.param("xx..x", " #", policy(), "F.R.F", id="nothing-pending-changes-nothing"),
    ],
)
def test_an_end_in_a_mute_is_notified_though_the_alert_is_pending_again(
    text: str, quiet: str, by: Policy, expected: str
) -> None:
    first, _ = play("x", policy())
    _, told = play(text, by, quiet=quiet, alert=first)
    assert "F" + written(told)[1:] == expected


@pytest.mark.parametrize(
    ("cooldown", "expected"), [(0, "ab"), (5, "aa")], ids=["a-new-incident", "within-the-cooldown-the-same"]
)
def test_what_was_pending_when_an_end_was_notified_late(cooldown: int, expected: str) -> None:
    first, _ = play("x", policy())
    _, told = play("x.xxx", policy(hold=2, cooldown=cooldown), quiet=" ##", alert=first)
    ids = [event.alert.id for at in told for event in at]
    assert "".join("ab"[one != first.id] for one in ids) == expected


def notes(text: str, by: Policy, quiet: str = "") -> list[str]:
    _, told = play(text, by, quiet=quiet)
    return [event.note for at in told for event in at]


def test_it_says_that_it_fires_again() -> None:
    """How long after its end, and how often by now."""
    assert notes("x..x.x", policy(cooldown=5)) == [
        "",
        "",
        "again 2m after its end, firing 2 of this incident",
        "",
        "again 1m after its end, firing 3 of this incident",
    ]


def test_a_firing_notified_late_says_how_soon_it_came() -> None:
    """It fired a minute after the end, and was muted for three more."""
    assert notes("x.xxxx", policy(cooldown=5), "  ###")[-1].startswith("again 1m after its end")


def test_an_alert_that_was_not_notified_does_not_fire_again() -> None:
    """For its readers it is the first."""
    assert notes("x..x", policy(cooldown=5), "###") == [""]


def test_the_numbers_go_on() -> None:
    """So that the four messages lie in order."""
    _, told = play("x.x.", policy(cooldown=5))
    assert [event.seq for at in told for event in at] == [1, 2, 3, 4]


def test_in_its_cooldown_an_alert_is_inactive() -> None:
    """It is remembered, and neither pending nor firing."""
    alert, _ = play("x.", policy(cooldown=5))
    assert (alert.state, alert.announced, alert.is_over) == (State.INACTIVE, False, False)


def test_after_its_cooldown_nothing_is_remembered() -> None:
    """It takes no reading to forget."""
    alert, _ = play("x.?????", policy(cooldown=5))
    assert alert == new_alert()


def test_in_its_cooldown_it_reminds_of_nothing() -> None:
    """It is over."""
    assert notified("x.....", policy(cooldown=9, repeat=1)) == "FR...."


def in_cooldown() -> Alert:
    alert, _ = play("x.", policy(cooldown=60))
    return alert


def test_a_cooldown_taken_out_of_the_rule_ends_at_once() -> None:
    """The next firing is a new incident."""
    _, told = play("x", policy(), alert=in_cooldown(), start=START + 2 * MINUTE)
    [[event]] = told
    assert (event.alert.id != in_cooldown().id, event.seq, event.note) == (True, 1, "")


def test_a_clock_set_back_does_not_make_it_longer_than_it_is() -> None:
    """A day back: it counts from then."""
    start = START - 24 * 60 * MINUTE
    alert, told = play("." * 61, policy(cooldown=60), alert=in_cooldown(), start=start)
    assert (alert, written(told).strip(".")) == (new_alert(), "")


def test_a_delayed_end_is_about_the_firing_that_ended() -> None:
    """Not of a reading since then, that broke it for too short a while."""
    _, told = play("xxx.x..", policy(hold=2, cooldown=9), quiet="   ###")
    end = told[-1][0]
    assert (end.alert.id, end.alert.since) == (told[2][0].alert.id, START + 2 * MINUTE)


def test_the_end_has_the_severity_that_was_notified() -> None:
    """What was pending since then, as a critical, never fired."""
    _, told = play("www.c..", policy(hold=2, cooldown=9), quiet="   ###")
    assert told[-1][0].alert.severity is told[2][0].alert.severity
