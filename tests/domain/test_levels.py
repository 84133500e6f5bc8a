"""Several levels in one rule: one incident that worsens and eases. `w` is a reading of a warning, `c` of a critical."""

from dataclasses import replace
from decimal import Decimal

import pytest

from monitor.domain.model import Account, Severity
from monitor.domain.rules import Delta, Failing, Policy, Threshold
from monitor.errors import Outcome

from .support import ACCOUNT, World, kinds, minutes, notified, play, policy, written

SPOT = replace(ACCOUNT, currencies=("USDT",))
SERIES = "nami-spot/spot/USDT"


def story(text: str, expected: str, meaning: str, by: Policy | None = None, quiet: str = "") -> object:
    return pytest.param(text, by or policy(), quiet, expected, id=meaning)


@pytest.mark.parametrize(
    ("text", "by", "quiet", "expected"),
    [
        story("wwc", "F.W", "a-warning-worsens"),
        story("ccw", "F.e", "a-critical-eases"),
        story("wcwc", "FWeW", "each-way-is-told"),
        story("wcw.", "FWeR", "it-ends-as-one-incident"),
        story("c.", "FR", "a-critical-may-end-at-once"),
        story("wcccc", "FW...", "worse-is-told-once"),
        story("cwwww", "Fe...", "and-so-is-relief"),
        story("c?w", "F.e", "unknown-is-no-relief"),
        story("w?c", "F.W", "nor-does-it-hide-that-it-got-worse"),
        story("wwcc", ".F.W", "worsens-after-for", policy(hold=1)),
        story("wwcwcc", ".F...W", "a-milder-reading-starts-that-for-anew", policy(hold=1)),
        story("wwc?c", "..F.W", "an-unknown-one-does-not", policy(hold=2)),
        story("wcc", "..F", "pending-it-waits-as-long-for-the-worse-level", policy(hold=2)),
        story("wccc", "..FW", "which-is-told-when-it-has-held-for-as-long", policy(hold=2)),
        story("ccww", "..F.", "what-eased-while-pending-fires-as-what-it-is", policy(hold=2)),
        story("cwww", "F.e.", "eases-after-keep-firing-for", policy(keep=2)),
        story("cwcww", "F...e", "kept-from-the-last-reading-as-bad", policy(keep=2)),
        story("cw.cw", "F....", "a-value-that-comes-and-goes-is-kept-as-what-it-was", policy(keep=9)),
        story("wcw", "F..", "worse-and-eased-while-muted-is-as-before", policy(), " # "),
        story("wccw", "F.We", "worse-is-told-after-the-mute", policy(), " # "),
        story("cww", "F.e", "so-is-relief", policy(), " # "),
        story("cw..", "F..R", "an-end-takes-the-place-of-a-relief-held-back", policy(), " ##"),
        story("cwwwww", "Fe...r", "reminders-count-from-the-relief", policy(repeat=4)),
    ],
)
def test_levels(text: str, by: Policy, quiet: str, expected: str) -> None:
    assert notified(text, by, quiet=quiet) == expected


def test_the_levels_of_a_rule_are_one_incident() -> None:
    """One id, numbered on."""
    _, told = play("wcwc.", policy())
    events = [event for at in told for event in at]
    assert len({event.alert.id for event in events}) == 1
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]


def test_each_event_has_the_severity_it_is_about() -> None:
    """A relief tells what it is now."""
    _, told = play("wcw", policy())
    assert [event.alert.severity for at in told for event in at] == [
        Severity.WARNING,
        Severity.CRITICAL,
        Severity.WARNING,
    ]


def test_what_eased_while_pending_fires_as_a_warning() -> None:
    """The critical readings before did not hold for `for`."""
    alert, _ = play("ccw", policy(hold=2))
    assert alert.severity is Severity.WARNING


# Levels with limits of their own


def level(name: Severity, below: int, clear: int) -> Threshold:
    return Threshold(name="low", below=Decimal(below), clear=Decimal(clear), policy=policy(severity=name))


LEVELS = (level(Severity.CRITICAL, 1000, 1200), level(Severity.WARNING, 5000, 6000))
LOW = Threshold(name="low", levels=LEVELS, policy=policy())


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        pytest.param("4000 900 1500 7000", "FWeR", id="down-and-up-again"),
        pytest.param("900 7000", "FR", id="down-at-once"),
        pytest.param("900 1100 1199.99 1200", "F..e", id="critical-until-its-own-clear"),
        pytest.param("900 1200 5999.99 6000", "Fe.R", id="a-warning-until-its-own"),
        pytest.param("4000 1100 1000 999.99", "F..W", id="clear-means-nothing-to-a-level-not-reached"),
        pytest.param("5500", ".", id="nor-to-what-does-not-fire"),
        pytest.param("900 4000 1100 999", "Fe.W", id="nor-to-a-level-that-was-left"),
    ],
)
def test_limits_per_level(amounts: str, expected: str) -> None:
    world = World([LOW])
    told = [kinds(world.poll(SPOT, {"USDT": amount})) or "." for amount in amounts.split()]
    assert "".join(told) == expected


def test_a_message_names_the_limit_of_the_level_that_is_breached() -> None:
    """What was expected, and how bad it is."""
    world = World([LOW])
    world.poll(SPOT, {"USDT": "4000"})
    world.poll(SPOT, {"USDT": "900"})
    assert [(report.severity.word, report.reason) for report in world.reports] == [
        ("warning", "available 4000 < 5000"),
        ("critical", "available 900 < 1000"),
    ]


def test_levels_taken_out_of_a_rule_leave_its_incident() -> None:
    """Edited to one limit while it fires: it goes on, as bad as the rule now says."""
    world = World([LOW])
    world.poll(SPOT, {"USDT": "900"})
    world.rules = [Threshold(name="low", below=Decimal(1000), policy=policy())]
    world.poll(SPOT, {"USDT": "900"})
    world.poll(SPOT, {"USDT": "9000"})
    assert world.notified("low", SERIES) == "FeR"
    assert len({event.alert.id for event in world.events}) == 1


def test_a_level_may_look_further_back_than_the_others() -> None:
    """Readings are needed for the longest of the windows."""
    levels = (
        Delta(name="drop", direction="drop", limit=Decimal(50), within=minutes(60)),
        Delta(name="drop", direction="drop", limit=Decimal(10), within=minutes(15)),
    )
    rule = Delta(name="drop", direction="drop", limit=Decimal(0), levels=levels)
    assert rule.window == minutes(60)


def test_an_outage_may_worsen_by_its_length() -> None:
    """Three failed polls warn, six are critical, and one end."""
    by = [
        replace(Failing(name="failing"), polls=polls, policy=policy(severity=bad))
        for polls, bad in ((6, Severity.CRITICAL), (3, Severity.WARNING))
    ]
    world = World([Failing(name="failing", levels=tuple(by), policy=policy())])
    client = Account(provider="wdcf-main", job="clients", name="A", currencies=("VND",))
    for _ in range(7):
        world.poll(client, Outcome.TIMEOUT)
    world.poll(client, {"VND": "5"})
    assert world.notified("failing", "wdcf-main") == "FWR"


# Levels that come and go


def test_a_value_that_flaps_between_two_levels_is_notified_as_flapping() -> None:
    """It is as noisy as one that begins and ends; worse has got through before."""
    assert notified("wcwcwcwcwc", policy(flaps=(4, 60))) == "FWeW~W...."


def test_it_settles_on_a_level() -> None:
    """And says which."""
    _, told = play("wcwcwcccccccc", policy(flaps=(4, 8)))
    assert written(told) == "FWeW~W.....r."
    assert told[11][0].alert.severity is Severity.CRITICAL
