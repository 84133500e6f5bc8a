"""What of routing and muting the configuration relies on."""

from datetime import timedelta

import pytest

from monitor.domain.matching import Match
from monitor.domain.mutes import Inhibition
from monitor.domain.routing import DEFAULT, Route, consider, escalation, routes_of
from monitor.domain.rules import Policy

CRITICAL = Route(
    number=0,
    match=Match({"severity": ("critical",)}),
    channels=("ops",),
    group_by=("provider",),
    group_wait=timedelta(seconds=1),
    escalate_after=timedelta(minutes=15),
    escalate_to=("boss",),
)
ALERT = {"rule": "low", "severity": "critical", "provider": "nami"}


def test_a_rules_notify_replaces_the_channels_and_nothing_else() -> None:
    """How the route groups, waits and escalates stays."""
    (route,) = routes_of([CRITICAL], Policy(notify=("phone",)), ALERT)
    assert route.channels == ("phone",)
    assert (route.group_by, route.group_wait) == (("provider",), timedelta(seconds=1))
    assert escalation([route]) == (timedelta(minutes=15), ("boss",))


def test_a_rules_notify_holds_where_no_route_fits() -> None:
    """With the default grouping."""
    (route,) = routes_of([CRITICAL], Policy(notify=("phone",)), {**ALERT, "severity": "info"})
    assert (route.channels, route.group_by, route.group_wait) == (
        ("phone",),
        DEFAULT.group_by,
        DEFAULT.group_wait,
    )


def test_a_rule_that_notifies_nobody_escalates_to_nobody() -> None:
    """`notify: []` is meant."""
    routes = routes_of([CRITICAL], Policy(notify=()), ALERT)
    assert [route.channels for route in routes] == [()]
    assert escalation(routes) == (None, ())


def test_routes_are_considered_up_to_the_one_that_takes_the_alert() -> None:
    """Each says why it does or does not."""
    routes = [
        Route(number=0, match=Match({"rule": ("high", "x*"), "currency": ("USD",)})),
        Route(number=1, continues=True),
        Route(number=2, match=Match({"provider": ("n*",)})),
        Route(number=3),
    ]
    assert [(one.route.number, one.why(ALERT)) for one in consider(routes, ALERT)] == [
        (0, "does not match: rule is low, not high or x*; it has no currency"),
        (1, "matches, and continues"),
        (2, "matches"),
    ]


@pytest.mark.parametrize(
    ("source", "target", "explains"),
    [
        pytest.param("high", "low", True, id="a-source-keeps-a-target-quiet"),
        pytest.param("low", "high", False, id="not-the-other-way-round"),
        pytest.param("both", "low", True, id="one-that-is-both-keeps-a-target-quiet"),
        pytest.param("high", "both", True, id="and-is-kept-quiet-by-a-source"),
        pytest.param("both", "also-both", False, id="two-that-are-both-tell-of-themselves"),
        pytest.param("both", "both", False, id="none-keeps-itself-quiet"),
    ],
)
def test_no_two_alerts_keep_each_other_quiet(source: str, target: str, explains: bool) -> None:
    """Else nobody would be told of either."""
    inhibition = Inhibition(
        source=Match({"rule": ("high", "*both")}), target=Match({"rule": ("low", "*both")}), equal=("job",)
    )
    alerts = {name: {"rule": name, "subject": "s", "job": "j"} for name in (source, target)}
    assert inhibition.explains(alerts[source], alerts[target]) is explains
