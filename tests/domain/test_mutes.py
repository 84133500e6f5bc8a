"""What keeps an alert quiet: silences, maintenance windows, and other alerts that explain it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.model import Severity, Subject
from monitor.domain.mutes import Inhibition, Inhibitors, Maintenance, Mute, MuteKind, Mutes, Silence
from monitor.domain.rules import Failing, Stale, Threshold
from monitor.domain.windows import OneOff
from monitor.errors import Outcome

from .support import ACCOUNT, MINUTE, START, World, clients, kinds, minutes, policy

ALERT = {
    "rule": "usdt-low",
    "type": "threshold",
    "severity": "warning",
    "subject": "nami-spot/spot/USDT",
    "job": "nami-spot",
    "provider": "nami-main",
    "account": "spot",
    "currency": "USDT",
    "team": "treasury",
}
DOWN = {
    "rule": "down",
    "type": "failing",
    "severity": "critical",
    "subject": "nami-main",
    "provider": "nami-main",
}
LOW, SPOT = Match({"rule": ("usdt-low",)}), Match({"account": ("spot",)})


def silence(match: Match = LOW, begins: float = 0, lasts: float = 60) -> Silence:
    return Silence(
        id=3,
        match=match,
        starts_at=START + minutes(begins),
        ends_at=START + minutes(begins + lasts),
        by="ann",
        reason="upgrade",
    )


def maintenance(match: Match = LOW, begins: float = 0) -> Maintenance:
    window = OneOff(starts_at=START + minutes(begins), ends_at=START + minutes(begins + 60))
    return Maintenance(name="weekly", match=match, window=window)


def inhibition(
    source: Mapping[str, str], target: Mapping[str, str], equal: tuple[str, ...] = ()
) -> Inhibition:
    return Inhibition(
        source=Match({key: (glob,) for key, glob in source.items()}),
        target=Match({key: (glob,) for key, glob in target.items()}),
        equal=equal,
    )


BY_DOWN = inhibition({"rule": "down"}, {"severity": "warning"})
SILENCE = Mute(kind=MuteKind.SILENCE, source="3", text="silence 3 by ann: upgrade")
MAINTENANCE = Mute(kind=MuteKind.MAINTENANCE, source="weekly", text="maintenance weekly")
INHIBITION = Mute(kind=MuteKind.INHIBITION, source="down nami-main", text="inhibited by down nami-main")


@pytest.mark.parametrize(
    ("mutes", "expected"),
    [
        pytest.param(Mutes(), None, id="nothing"),
        pytest.param(Mutes(silences=(silence(),)), SILENCE, id="a-silence"),
        pytest.param(Mutes(silences=(silence(begins=1),)), None, id="not-one-to-come"),
        pytest.param(Mutes(silences=(silence(begins=-60),)), None, id="nor-one-that-is-over"),
        pytest.param(Mutes(silences=(silence(Match({"rule": ("x",)})),)), None, id="nor-one-of-another-rule"),
        pytest.param(Mutes(silences=(silence(SPOT), silence())), SILENCE, id="the-first-that-fits"),
        pytest.param(Mutes(maintenance=(maintenance(),)), MAINTENANCE, id="maintenance"),
        pytest.param(Mutes(maintenance=(maintenance(begins=-60),)), None, id="not-after-it"),
        pytest.param(Mutes(maintenance=(maintenance(Match({"rule": ("x",)})),)), None, id="not-of-another"),
        pytest.param(Mutes(inhibitions=(BY_DOWN,)), INHIBITION, id="another-alert"),
        pytest.param(
            Mutes(maintenance=(maintenance(),), inhibitions=(BY_DOWN,)),
            MAINTENANCE,
            id="maintenance-is-named-before-an-alert",
        ),
        pytest.param(
            Mutes(silences=(silence(),), maintenance=(maintenance(),), inhibitions=(BY_DOWN,)),
            SILENCE,
            id="a-silence-before-both",
        ),
    ],
)
def test_what_mutes(mutes: Mutes, expected: Mute | None) -> None:
    assert mutes.find(ALERT, Inhibitors(mutes.inhibitions, [DOWN]), START) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(inhibition({"rule": "down"}, {"rule": "usdt-low"}), True, id="both-fit"),
        pytest.param(inhibition({"rule": "up"}, {"rule": "usdt-low"}), False, id="not-its-source"),
        pytest.param(inhibition({"rule": "down"}, {"rule": "vndc-low"}), False, id="not-its-target"),
        pytest.param(
            inhibition({"rule": "down"}, {"rule": "usdt-low"}, ("provider",)), True, id="of-one-provider"
        ),
        pytest.param(
            inhibition({"rule": "down"}, {"rule": "usdt-low"}, ("severity",)), False, id="not-as-bad"
        ),
        pytest.param(
            inhibition({"rule": "down"}, {"rule": "usdt-low"}, ("account",)),
            False,
            id="what-only-one-of-them-has-is-not-equal",
        ),
        pytest.param(
            inhibition({"rule": "down"}, {"rule": "usdt-low"}, ("region",)),
            True,
            id="what-neither-of-them-has-is",
        ),
        pytest.param(inhibition({"type": "*"}, {"type": "*"}), False, id="two-that-fit-both-sides-tell-both"),
    ],
)
def test_what_explains_what(one: Inhibition, expected: bool) -> None:
    assert one.explains(DOWN, ALERT) is expected


def test_an_alert_does_not_explain_itself() -> None:
    """A source that also is a target: it has to be told."""
    assert not inhibition({}, {}).explains(ALERT, ALERT)


@given(st.lists(st.sampled_from(["rule", "severity", "provider", "type"]), max_size=2, unique=True))
def test_no_two_alerts_explain_each_other(keys: list[str]) -> None:
    """Each would wait for the other for ever."""
    one = inhibition(dict.fromkeys(keys, "*"), dict.fromkeys(keys, "*"))
    assert not (one.explains(DOWN, ALERT) and one.explains(ALERT, DOWN))


def test_two_pairs_that_explain_each_other_silence_neither() -> None:
    """One inhibits the other and the other the one: both are told."""
    both = Mutes(
        inhibitions=(
            inhibition({"rule": "down"}, {"rule": "usdt-low"}),
            inhibition({"rule": "usdt-low"}, {"rule": "down"}),
        )
    )
    firing = Inhibitors(both.inhibitions, [DOWN, ALERT])
    assert (both.find(ALERT, firing, START), both.find(DOWN, firing, START)) == (None, None)


# In a world of polls

USDT_LOW = Threshold(name="low", below=Decimal(1000), policy=policy())
FAILING = Failing(name="failing", polls=1, policy=policy())
FROZEN = Stale(name="frozen", after=minutes(10), policy=policy())
ONE = replace(ACCOUNT, currencies=("USDT",))
LOW_USDT, ENOUGH = {"USDT": "5"}, {"USDT": "5000"}


def silenced(*, lasts: float, match: Match = EVERYTHING) -> World:
    return World([USDT_LOW], mutes=Mutes(silences=(silence(match, lasts=lasts),)))


def test_what_outlives_a_silence_is_announced_without_a_poll() -> None:
    """By the passing of time alone."""
    world = silenced(lasts=5)
    world.poll(ONE, LOW_USDT)
    assert (kinds(world.events), kinds(world.tick(ONE, minutes(5)))) == ("", "F")


def test_what_ends_in_a_silence_is_notified_after_it() -> None:
    """Whoever heard of the firing hears of the end, too."""
    world = World([USDT_LOW])
    world.poll(ONE, LOW_USDT)
    world.mutes = Mutes(silences=(silence(EVERYTHING, lasts=10),))
    world.poll(ONE, ENOUGH)
    assert (kinds(world.events), kinds(world.tick(ONE, minutes(10)))) == ("F", "R")


def test_an_alert_that_fires_and_resolves_in_a_silence_is_never_notified() -> None:
    """Nothing differs from before."""
    world = silenced(lasts=10)
    world.poll(ONE, LOW_USDT)
    world.poll(ONE, ENOUGH)
    assert (world.tick(ONE, minutes(20)), world.alert("low", "nami-spot/spot/USDT").is_over) == ([], True)


def test_what_gets_worse_leaves_a_silence_of_warnings() -> None:
    """A silence by severity mutes what is that bad, and no worse."""
    levels = (
        replace(USDT_LOW, below=Decimal(100), policy=policy(severity=Severity.CRITICAL)),
        USDT_LOW,
    )
    world = World(
        [replace(USDT_LOW, levels=levels)],
        mutes=Mutes(silences=(silence(Match({"severity": ("warning",)}), lasts=600),)),
    )
    assert kinds(world.poll(ONE, {"USDT": "500"})) == ""
    assert kinds(world.poll(ONE, {"USDT": "50"})) == "F"
    assert kinds(world.poll(ONE, {"USDT": "500"})) == ""
    assert kinds(world.tick(ONE, minutes(601))) == "e"


def test_a_silence_of_an_account_does_not_mute_its_provider() -> None:
    """The outage concerns others, too."""
    one, other = clients(2)
    world = World([FAILING], mutes=Mutes(silences=(silence(Match({"account": (one.name,)})),)))
    world.poll(other, {"VND": "5"})
    world.poll(one, Outcome.TIMEOUT)
    assert world.notified("failing", Subject.of_provider(one.provider)) == "F"


def test_a_silence_of_a_provider_mutes_all_of_it() -> None:
    """Its accounts and their series."""
    one, _ = clients(2)
    world = World(
        [FAILING, replace(USDT_LOW, name="vnd-low")],
        mutes=Mutes(silences=(silence(Match({"provider": ("wdcf-main",)})),)),
    )
    world.poll(one, {"VND": "5"})
    world.poll(one, Outcome.TIMEOUT)
    assert world.events == []


def test_a_provider_can_be_silenced_by_what_all_its_accounts_have_in_common() -> None:
    """Their label; not by what only some have."""
    one, other = (replace(client, labels=(("team", "ops"), ("tier", client.name))) for client in clients(2))
    for match, expected in ((Match({"team": ("ops",)}), ""), (Match({"tier": ("*",)}), "F")):
        world = World([FAILING], mutes=Mutes(silences=(silence(match),)))
        world.poll(other, {"VND": "5"})
        world.poll(one, Outcome.TIMEOUT)
        assert world.notified("failing", Subject.of_provider(one.provider)) == expected


def inhibited(*, equal: tuple[str, ...] = ()) -> tuple[World, list[object]]:
    """An outage that keeps warnings of low balances quiet."""
    by = inhibition({"type": "failing"}, {"rule": "low"}, equal)
    return World([USDT_LOW, FAILING], mutes=Mutes(inhibitions=(by,))), []


def test_an_alert_elsewhere_can_explain_one_here() -> None:
    """The other service is down; this one's balance is quiet meanwhile, and told when that is over."""
    [client] = clients(1)
    world, _ = inhibited()
    world.poll(client, Outcome.TIMEOUT)
    assert kinds(world.poll(ONE, LOW_USDT)) == ""
    by_outage = Mute.by_alert(MuteKind.INHIBITION, ("failing", Subject("wdcf-main")))
    assert world.alert("low", "nami-spot/spot/USDT").muted == by_outage
    world.poll(client, {"VND": "5000"})
    assert kinds(world.tick(ONE)) == "F"


def test_one_that_is_not_equal_explains_nothing() -> None:
    """Of another provider."""
    [client] = clients(1)
    world, _ = inhibited(equal=("provider",))
    world.poll(client, Outcome.TIMEOUT)
    assert kinds(world.poll(ONE, LOW_USDT)) == "F"


def test_what_fires_with_the_same_poll_explains_already() -> None:
    """Whatever the order of the rules."""
    worst = replace(USDT_LOW, name="gone", below=Decimal(10))
    for rules in ([USDT_LOW, worst], [worst, USDT_LOW]):
        by = inhibition({"rule": "gone"}, {"rule": "low"}, ("subject",))
        world = World(list(rules), mutes=Mutes(inhibitions=(by,)))
        assert [event.alert.rule for event in world.poll(ONE, LOW_USDT)] == ["gone"]


def test_what_ends_with_the_same_poll_explains_no_more() -> None:
    """It is told at once, not a tick later."""
    worst = replace(USDT_LOW, name="gone", below=Decimal(10))
    by = inhibition({"rule": "gone"}, {"rule": "low"}, ("subject",))
    world = World([USDT_LOW, worst], mutes=Mutes(inhibitions=(by,)))
    world.poll(ONE, LOW_USDT)
    assert [(e.alert.rule, e.kind.value) for e in world.poll(ONE, {"USDT": "50"})] == [
        ("low", "fired"),
        ("gone", "resolved"),
    ]


def test_a_muted_alert_explains_as_any_other() -> None:
    """The outage is silenced by somebody who knows; what it explains stays quiet as well."""
    world, _ = inhibited()
    by = inhibition({"type": "failing"}, {"rule": "low"})
    world.mutes = Mutes(silences=(silence(Match({"type": ("failing",)})),), inhibitions=(by,))
    [client] = clients(1)
    world.poll(client, Outcome.TIMEOUT)
    world.poll(ONE, LOW_USDT)
    assert world.events == []


def test_a_pending_alert_explains_nothing() -> None:
    """What has not fired may never."""
    [client] = clients(1)
    by = inhibition({"type": "failing"}, {"rule": "low"})
    world = World([USDT_LOW, replace(FAILING, policy=policy(hold=60))], mutes=Mutes(inhibitions=(by,)))
    world.poll(client, Outcome.TIMEOUT)
    assert kinds(world.poll(ONE, LOW_USDT)) == "F"


def test_a_silence_outlives_the_inhibitor() -> None:
    """Nothing is told before both are over."""
    [client] = clients(1)
    world, _ = inhibited()
    by = inhibition({"type": "failing"}, {"rule": "low"})
    world.mutes = Mutes(silences=(silence(lasts=30, match=Match({"rule": ("low",)})),), inhibitions=(by,))
    world.poll(client, Outcome.TIMEOUT)
    world.poll(ONE, LOW_USDT)
    world.poll(client, {"VND": "5000"})
    assert (kinds(world.tick(ONE, minutes(5))), kinds(world.tick(ONE, minutes(30)))) == ("", "F")


# Alerts about what is not read, while nothing is


def test_a_missing_currency_is_notified_after_a_silence_though_polls_fail_now() -> None:
    """It fired while silenced, and is not taken back by not knowing."""
    world = World([replace(FAILING, polls=2)], mutes=Mutes(silences=(silence(EVERYTHING, lasts=10),)))
    world.poll(ONE, {})
    world.poll(ONE, {})
    world.poll(ONE, Outcome.TIMEOUT)
    world.tick(ONE, minutes(10))
    assert world.notified("failing", "nami-spot/spot/USDT") == "F"


def test_failed_polls_do_not_count_as_answers_that_lack_a_currency() -> None:
    """Nor do they let `for` of such an alert run out."""
    world = World([replace(FAILING, polls=2, policy=policy(hold=3))])
    world.poll(ONE, {})
    world.poll(ONE, {})
    for _ in range(9):
        world.poll(ONE, Outcome.NOT_FOUND)
    assert world.notified("failing", "nami-spot/spot/USDT") == ""


@pytest.mark.parametrize("after", [MINUTE, timedelta(hours=1)])
def test_an_accounts_own_trouble_is_notified_when_its_providers_is_over(after: timedelta) -> None:
    """One of two accounts is refused while the endpoint is down for both; it stays refused."""
    one, other = clients(2)
    world = World([replace(FAILING, polls=3)])
    world.poll(other, {"VND": "5"})
    for _ in range(3):
        world.poll(other, Outcome.TIMEOUT)
    for _ in range(3):
        world.poll(one, Outcome.NOT_FOUND)
    assert kinds(world.events) == "F"
    world.poll(other, {"VND": "5"}, after)
    world.poll(one, Outcome.NOT_FOUND)
    assert world.notified("failing", Subject.of_account(one)) == "F"
