"""Where an alert is told: the first route that fits, those after it where that says `continue`, or everywhere."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.model import Severity, Subject
from monitor.domain.routing import DEFAULT, Route, escalation, routes_of
from monitor.domain.rules import Failing, Policy, Threshold
from monitor.errors import Outcome

from ..support import configured
from .support import ACCOUNT, World, clients, firing, policy

ALERT = {
    "rule": "usdt-low",
    "type": "threshold",
    "severity": "critical",
    "subject": "nami-spot/spot/USDT",
    "job": "nami-spot",
    "provider": "nami-main",
    "account": "spot",
    "currency": "USDT",
    "team": "treasury",
}


def route(number: int, continues: bool = False, **match: str) -> Route:
    """A route to a channel named as its number; one glob a key."""
    globs = {key: tuple(value.split()) for key, value in match.items()}
    return Route(number=number, match=Match(globs), channels=(str(number),), continues=continues)


def taken(*routes: Route) -> list[int | None]:
    """The numbers of the routes that an alert takes."""
    return [one.number for one in routes_of(routes, Policy(), ALERT)]


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        pytest.param([], [None], id="without-any-everywhere"),
        pytest.param([route(0)], [0], id="one-that-fits-everything"),
        pytest.param([route(0, rule="x")], [None], id="one-that-does-not-fit-leads-everywhere"),
        pytest.param([route(0, rule="x"), route(1)], [1], id="the-first-that-fits"),
        pytest.param([route(0), route(1)], [0], id="and-no-other"),
        pytest.param([route(0, continues=True), route(1), route(2)], [0, 1], id="continue-and-the-next"),
        pytest.param([route(0, continues=True), route(1, rule="x")], [0], id="continue-with-no-other"),
        pytest.param(
            [route(0, continues=True), route(1, rule="x"), route(2)],
            [0, 2],
            id="continue-over-one-that-fits-not",
        ),
        pytest.param(
            [route(0, continues=True, rule="x"), route(1), route(2)],
            [1],
            id="one-that-fits-not-continues-nothing",
        ),
    ],
)
def test_which_routes(routes: list[Route], expected: list[int | None]) -> None:
    assert taken(*routes) == expected


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        pytest.param({"severity": "critical"}, True, id="severity"),
        pytest.param({"severity": "info warning"}, False, id="not-that-severity"),
        pytest.param({"severity": "info critical"}, True, id="one-of-several"),
        pytest.param({"rule": "usdt-*"}, True, id="a-rule-by-glob"),
        pytest.param({"rule": "vndc-*"}, False, id="not-that-rule"),
        pytest.param({"type": "threshold"}, True, id="type"),
        pytest.param({"type": "failing"}, False, id="not-that-type"),
        pytest.param({"job": "nami-spot"}, True, id="job"),
        pytest.param({"job": "clients"}, False, id="not-that-job"),
        pytest.param({"provider": "nami-main"}, True, id="provider"),
        pytest.param({"provider": "wdcf-main"}, False, id="not-that-provider"),
        pytest.param({"account": "spot"}, True, id="account"),
        pytest.param({"account": "futures"}, False, id="not-that-account"),
        pytest.param({"currency": "USD?"}, True, id="currency"),
        pytest.param({"currency": "VND*"}, False, id="not-that-currency"),
        pytest.param({"team": "treasury"}, True, id="a-label"),
        pytest.param({"team": "ops"}, False, id="not-that-label"),
        pytest.param({"region": "*"}, False, id="a-label-it-does-not-have"),
        pytest.param({"severity": "critical", "team": "treasury"}, True, id="all-of-them"),
        pytest.param({"severity": "critical", "team": "ops"}, False, id="not-all-of-them"),
        pytest.param({"severity": "CRITICAL"}, False, id="as-it-is-written"),
    ],
)
def test_by_each_attribute(match: dict[str, str], fits: bool) -> None:
    assert taken(route(0, continues=False, **match)) == ([0] if fits else [None])


# A rule's own `notify`


def channels(by: Policy, *routes: Route) -> list[tuple[str, ...] | None]:
    return [one.channels for one in routes_of(routes, by, ALERT)]


def test_a_rules_notify_takes_the_place_of_the_routes_channels() -> None:
    """The shorter way."""
    assert channels(Policy(notify=("phone",)), route(0)) == [("phone",)]


def test_a_rules_notify_leaves_how_its_route_groups_and_escalates() -> None:
    """That is not the rule's concern."""
    waits = replace(
        route(0), group_wait=timedelta(0), escalate_after=timedelta(hours=1), escalate_to=("boss",)
    )
    [found] = routes_of([waits], Policy(notify=("phone",)), ALERT)
    assert found == replace(waits, channels=("phone",))


def test_a_rule_that_notifies_nobody_does_not_escalate_either() -> None:
    """`notify: []`."""
    waits = replace(route(0), escalate_after=timedelta(hours=1), escalate_to=("boss",))
    found = routes_of([waits], Policy(notify=()), ALERT)
    assert ([one.channels for one in found], escalation(found)) == ([()], (None, ()))


@given(st.lists(st.builds(route, st.integers(0, 9), st.booleans(), rule=st.sampled_from(["x", "*"]))))
def test_there_always_is_a_route(routes: list[Route]) -> None:
    """No alert goes nowhere because nobody thought of it, and none is taken twice."""
    found = routes_of(routes, Policy(), ALERT)
    assert found
    assert all(one.continues for one in found[:-1])
    assert found == (DEFAULT,) or all(one in routes for one in found)


# Groups and escalation


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        pytest.param(("rule", "provider"), "rule=usdt-low\0provider=nami-main", id="rule-and-provider"),
        pytest.param((), "", id="all-in-one"),
        pytest.param(("team",), "team=treasury", id="a-label"),
        pytest.param(("region",), "region=", id="a-label-that-it-does-not-have"),
    ],
)
def test_groups(by: tuple[str, ...], expected: str) -> None:
    assert replace(DEFAULT, group_by=by).group(ALERT) == expected


def test_the_first_route_with_an_escalation_names_who_else_is_notified() -> None:
    """Of those that fit."""
    one = replace(route(0), escalate_after=timedelta(hours=1), escalate_to=("boss",))
    two = replace(route(1), escalate_after=timedelta(hours=2), escalate_to=("chief",))
    assert escalation([DEFAULT, one, two]) == (timedelta(hours=1), ("boss",))


def test_without_any_nobody_else_is_notified() -> None:
    """Never."""
    assert escalation([DEFAULT]) == (None, ())


# What is known of a subject


def described(subject: str) -> dict[str, str]:
    accounts = [
        replace(ACCOUNT, currencies=("USDT",)),
        *(
            replace(client, labels=(("team", "ops"), ("tier", client.name), ("job", "mine")))
            for client in clients(2)
        ),
        replace(ACCOUNT, job="a/b", name="c/d", provider="other"),
    ]
    return dict(configured(accounts=accounts).describe(Subject(subject)))


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param(
            "nami-spot/spot/USDT",
            {
                "job": "nami-spot",
                "provider": "nami-main",
                "account": "spot",
                "currency": "USDT",
                "team": "treasury",
            },
            id="a-series",
        ),
        pytest.param(
            "nami-spot/spot/*",
            {"job": "nami-spot", "provider": "nami-main", "account": "spot", "team": "treasury"},
            id="an-account-has-no-currency",
        ),
        pytest.param(
            "wdcf-main",
            {"job": "clients", "provider": "wdcf-main", "team": "ops"},
            id="a-provider-has-what-all-its-accounts-have",
        ),
        pytest.param("clients/CLIENT_009/VND", {}, id="an-account-that-is-gone"),
        pytest.param("gone", {}, id="a-provider-that-is-gone"),
    ],
)
def test_what_is_known_of_a_subject(subject: str, expected: dict[str, str]) -> None:
    assert described(subject) == expected


def test_an_accounts_name_may_hold_a_slash() -> None:
    """Clients are called as the service calls them."""
    client = replace(ACCOUNT, name="a/b")
    config = configured(accounts=[client])
    assert config.describe(Subject("nami-spot/a/b/USDT"))["account"] == "a/b"


def test_a_providers_alert_is_not_routed_as_one_of_its_accounts() -> None:
    """It is about all of them: the route of accounts does not fit, that of the provider escalates."""
    one, other = clients(2)
    of_accounts, of_provider = route(0, account="*"), route(1, provider="wdcf-*")
    of_provider = replace(of_provider, escalate_after=timedelta(minutes=1), escalate_to=("boss",))
    world = World([Failing(name="failing", policy=policy())], routes=(of_accounts, of_provider))
    world.poll(other, {"VND": "5"})
    world.poll(one, Outcome.AUTH)
    world.tick(one)
    assert world.notified("failing", "wdcf-main") == "FE"


def test_an_alert_without_its_rule_is_routed_by_what_is_known() -> None:
    """Its type is not."""
    world = World([Threshold(name="x")], routes=(route(0, type="*"), route(1, severity="critical")))
    [told] = world.context.end(firing(severity=Severity.CRITICAL), None, "gone", world.now).events
    assert [one.number for one in told.routes] == [1]


def test_everything_fits_everything() -> None:
    """Also what nothing is known of."""
    assert EVERYTHING.alert({})
