"""The checker of the kill campaign, held against what it has to refuse and what it has to allow."""

from dataclasses import replace
from typing import Any

import pytest

from campaigns.kills.aims import Kill
from campaigns.kills.checker import Evidence, differences, judge
from campaigns.kills.plot import Incident, Mark
from campaigns.kills.receiver import Delivery

LOW, CLEAR = ("spot", 7, "low"), ("spot", 7, "clear")
INCIDENT = Incident(
    rule="usdt-low",
    subject="spot/spot/USDT",
    severity="critical",
    fired=Mark(moment=LOW, text="500.0007"),
    resolved=Mark(moment=CLEAR, text="1300.0007"),
)
OPEN = replace(INCIDENT, resolved=None)
TITLES = {
    "1": "CRITICAL usdt-low: spot/spot/USDT available 500.0007 < 1000",
    "2": "RESOLVED usdt-low: spot/spot/USDT available 1300.0007, expected at least 1000",
    "1-2": "FIRED AND RESOLVED usdt-low: spot/spot/USDT available 1300.0007, expected at least 1000",
}
FIRING = "Fired: available 500.0007 < 1000, not known to have been delivered before\n"


def message(numbers: str, at: float, process: int = 1, **changes: object) -> Delivery:
    """A message as the program words it; the service told of its causes at 1 s and 5 s."""
    incident = changes.pop("incident", "ABCDEFGH12")
    body = (
        f"{FIRING if numbers == '1-2' else ''}Reading: available 1\n"
        f"Rule: usdt-low (threshold, critical)\nIncident: {incident}, message {numbers}"
    )
    delivery = Delivery(
        url="/first",
        process=process,
        arrived=at,
        answered=at,
        accepted=True,
        title=TITLES[numbers],
        body=body,
    )
    return replace(delivery, **changes)  # type: ignore[arg-type]


def kill(process: int, at: float) -> Kill:
    """A kill of a process."""
    return Kill(number=1, aim="anywhere", saw="", process=process, launched=0, at=at, running=True, code=-9)


def violations(*deliveries: Delivery, kills: tuple[Kill, ...] = (), incident: Incident = INCIDENT) -> str:
    """What the checker says against these messages, as one text."""
    evidence = Evidence(
        expected=[incident],
        told={LOW: [1.0, 1.5], CLEAR: [5.0]},
        deliveries=deliveries,
        kills=kills,
        urls=["/first"],
    )
    return "\n".join(judge(evidence).violations)


@pytest.mark.parametrize(
    ("deliveries", "kills"),
    [
        pytest.param([message("1", 2), message("2", 6)], [], id="fired, then resolved"),
        pytest.param([message("1-2", 6)], [], id="both in one message"),
        pytest.param(
            [message("1", 2), message("1", 3, 2), message("2", 6, 2)],
            [kill(1, 2.01)],
            id="the firing again after a kill",
        ),
        pytest.param(
            [message("1", 2), message("2", 6), message("2", 8, 2), message("2", 9, 3)],
            [kill(1, 6.3), kill(2, 8.3)],
            id="the resolve twice more after two kills",
        ),
        pytest.param(
            [message("1", 4.9), message("1-2", 6, 2)],
            [kill(1, 5.1)],
            id="the firing, unrecorded, again with its resolve",
        ),
        pytest.param(
            [message("1", 2, answered=None), message("1", 4, 2), message("2", 6, 2)],
            [kill(1, 2.3)],
            id="killed before the answer",
        ),
        pytest.param(
            [message("1", 2, accepted=False), message("1", 4), message("2", 6)], [], id="refused, then taken"
        ),
    ],
)
def test_allows(deliveries: list[Delivery], kills: list[Kill]) -> None:
    """What the design promises, in every form that it may take."""
    assert violations(*deliveries, kills=tuple(kills)) == ""


@pytest.mark.parametrize(
    ("deliveries", "kills", "said"),
    [
        pytest.param([], [], "never fired", id="nothing"),
        pytest.param([message("1", 2)], [], "never resolved", id="no resolve"),
        pytest.param([message("2", 6)], [], "invented", id="a resolve without a firing"),
        pytest.param([message("2", 6), message("1", 7)], [], "in this order", id="the wrong order"),
        pytest.param(
            [message("1", 2), message("1", 3, 2), message("2", 6, 2)],
            [],
            "not next to a kill",
            id="again without a kill",
        ),
        pytest.param(
            [message("1", 2), message("1", 5, 2), message("2", 6, 2)],
            [kill(1, 4)],
            "not next to a kill",
            id="again long after the kill should have found it recorded",
        ),
        pytest.param(
            [message("1", 2), message("1", 2.5), message("2", 6)],
            [kill(1, 2.1)],
            "not next to a kill",
            id="again by the same process",
        ),
        pytest.param(
            [message("1", 2), message("1", 3, 2), message("2", 6, 2)],
            [kill(2, 2.1)],
            "not next to a kill",
            id="again after a kill of another process",
        ),
        pytest.param(
            [message("1", 2), message("1", 3, 2, title=TITLES["1"] + "!"), message("2", 6, 2)],
            [kill(1, 2.01)],
            "in other words",
            id="again in other words",
        ),
        pytest.param(
            [message("1", 2), message("1-2", 6)],
            [],
            "not next to a kill",
            id="both, after the firing was taken",
        ),
        pytest.param(
            [message("1", 2), message("2", 6), message("1", 7, incident="ABCDEFGH99")],
            [],
            "as two incidents",
            id="the same incident under a second id",
        ),
        pytest.param(
            [message("1", 0.5), message("2", 6)], [], "before its cause", id="fired before it was low"
        ),
        pytest.param(
            [message("1", 2), message("2", 4)], [], "before its cause", id="resolved before it was clear"
        ),
        pytest.param(
            [message("1", 2, title=TITLES["1"].replace("500.0007", "500.0008")), message("2", 6)],
            [],
            "invented",
            id="another cycle's amount",
        ),
        pytest.param(
            [message("1", 2), message("2", 6, title=TITLES["2"].replace("1300.0007", "1300.00071"))],
            [],
            "does not name",
            id="another amount in the resolve",
        ),
        pytest.param(
            [message("1", 2), message("2", 6), message("1", 2, body="hello")],
            [],
            "not a message of this story",
            id="something else",
        ),
        pytest.param(
            [message("1", 2), message("2", 6, title=TITLES["1"])], [], "says CRITICAL", id="a wrong number"
        ),
        pytest.param(
            [message("1", 2), message("2", 6, url="/second")], [], "never resolved", id="told elsewhere"
        ),
    ],
)
def test_refuses(deliveries: list[Delivery], kills: list[Kill], said: str) -> None:
    """Whatever breaks a promise, with words that say which."""
    assert said in violations(*deliveries, kills=tuple(kills))


def test_an_incident_that_lasts_may_not_be_resolved() -> None:
    """At the story's end some are still firing."""
    assert violations(message("1", 2), incident=OPEN) == ""
    assert "though it lasts" in violations(message("1", 2), message("2", 6), incident=OPEN)


@pytest.mark.parametrize(
    ("mark", "at", "allowed"),
    [
        pytest.param({"answers": 2}, 1.6, True, id="after the second answer"),
        pytest.param({"answers": 2}, 1.4, False, id="between the first and the second"),
        pytest.param({"answers": 3}, 4.0, False, id="there was no third"),
        pytest.param({"later": 2.0}, 3.1, True, id="so long after the first"),
        pytest.param({"later": 2.0}, 2.9, False, id="too soon after the first"),
    ],
)
def test_a_cause_may_take_several_answers_and_some_time(
    mark: dict[str, Any], at: float, *, allowed: bool
) -> None:
    """`polls: 2` does not fire at the first, nor `for: 2s` after one."""
    slow = replace(INCIDENT, fired=replace(INCIDENT.fired, **mark))
    assert (violations(message("1", at), message("2", 6), incident=slow) == "") is allowed


def test_differences_name_the_place() -> None:
    """Nested values are compared key by key."""
    got, wanted = {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3, "d": 4}}
    assert differences("end", got, wanted) == [
        "end.a.c: 2, and 3 was expected",
        "end.a.d: None, and 4 was expected",
    ]
