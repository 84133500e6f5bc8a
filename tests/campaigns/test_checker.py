"""The checker of the kill campaign: tables of what it has to accept and to refuse."""

from dataclasses import replace
from typing import Any

import pytest

from campaigns.kills.checker import ROTATED, Evidence, Kill, differences, judge
from campaigns.kills.receiver import Delivery
from campaigns.kills.scenario import Incident, Mark

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
    """Return a message as the program writes it; the service sent its causes at 1 s and 5 s."""
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
    """Return a kill of a process."""
    return Kill(number=1, aim="anywhere", saw="", process=process, launched=0, at=at, running=True, code=-9)


def violations(*deliveries: Delivery, kills: tuple[Kill, ...] = (), incident: Incident = INCIDENT) -> str:
    """Return the violations in these messages, as one text."""
    evidence = Evidence(
        expected=[incident],
        moments={LOW: [1.0, 1.5], CLEAR: [5.0]},
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
            [message("1", 2, accepted=False), message("1", 4), message("2", 6)],
            [],
            id="refused, then accepted",
        ),
    ],
)
def test_accepts(deliveries: list[Delivery], kills: list[Kill]) -> None:
    """Every form of what the design promises is accepted."""
    assert violations(*deliveries, kills=tuple(kills)) == ""


@pytest.mark.parametrize(
    ("deliveries", "kills", "violation"),
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
            "with another text",
            id="again with another text",
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
            "not a message of this scenario",
            id="something else",
        ),
        pytest.param(
            [message("1", 2), message("2", 6, title=TITLES["1"])],
            [],
            "CRITICAL as message 2",
            id="a wrong number",
        ),
        pytest.param(
            [message("1", 2), message("2", 6, url="/second")],
            [],
            "never resolved",
            id="sent to another recipient",
        ),
    ],
)
def test_refuses(deliveries: list[Delivery], kills: list[Kill], violation: str) -> None:
    """Broken promises are refused, with a text that names the promise."""
    assert violation in violations(*deliveries, kills=tuple(kills))


def test_an_incident_that_lasts_may_not_be_resolved() -> None:
    """At the end of the scenario some are still firing."""
    assert violations(message("1", 2), incident=OPEN) == ""
    assert "though it is open at the end" in violations(message("1", 2), message("2", 6), incident=OPEN)


@pytest.mark.parametrize(
    ("mark", "at", "allowed"),
    [
        pytest.param({"responses": 2}, 1.6, True, id="after the second answer"),
        pytest.param({"responses": 2}, 1.4, False, id="between the first and the second"),
        pytest.param({"responses": 3}, 4.0, False, id="there was no third"),
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


# Several incidents of one alert in one message

NEXT_LOW, NEXT_CLEAR = ("spot", 8, "low"), ("spot", 8, "clear")
NEXT = replace(
    INCIDENT,
    fired=Mark(moment=NEXT_LOW, text="500.0008"),
    resolved=Mark(moment=NEXT_CLEAR, text="1300.0008"),
)
LINES = {
    "1": "CRITICAL spot/spot/USDT: available 500.000{n} < 1000, incident ABCDEFGH1{n}, message 1",
    "2": "RESOLVED spot/spot/USDT: available 1300.000{n}, expected at least 1000, incident ABCDEFGH1{n}, message 2",
    "1-2": "FIRED AND RESOLVED spot/spot/USDT: available 1300.000{n}, expected at least 1000, "
    "incident ABCDEFGH1{n}, message 1-2",
}


def line(numbers: str, n: int) -> str:
    """Return the line of a group's message about the incident of the n-th cycle."""
    return LINES[numbers].format(n=n)


def group(counts: str, at: float, *lines: str, process: int = 1) -> Delivery:
    """Return a message about several incidents of one alert."""
    title = f"{counts}: usdt-low: spot/spot/USDT available 500.0008 < 1000"
    body = "\n".join([f"{counts}: usdt-low", *lines])
    return message("1", at, process, title=title, body=body)


def first(numbers: str, at: float, process: int = 1) -> Delivery:
    """Return a message about the first of the two incidents only."""
    return message(numbers, at, process, incident="ABCDEFGH17")


def second(numbers: str, at: float, process: int = 1) -> Delivery:
    """Return a message about the second only."""
    alone = message(numbers, at, process, incident="ABCDEFGH18")
    return replace(
        alone, title=alone.title.replace(".0007", ".0008"), body=alone.body.replace(".0007", ".0008")
    )


def of_two(
    *deliveries: Delivery, kills: tuple[Kill, ...] = (), expected: tuple[Incident, ...] = (INCIDENT, NEXT)
) -> str:
    """Return the violations for two incidents of one alert; the second fires from 7 s on and is over at 9 s."""
    evidence = Evidence(
        expected=expected,
        moments={LOW: [1.0], CLEAR: [5.0], NEXT_LOW: [7.0], NEXT_CLEAR: [9.0]},
        deliveries=deliveries,
        kills=kills,
        urls=["/first"],
    )
    return "\n".join(judge(evidence).violations)


BOTH_CHANGE = group("1 CRITICAL, 1 RESOLVED", 8, line("1", 8), line("2", 7))


@pytest.mark.parametrize(
    ("deliveries", "kills"),
    [
        pytest.param([first("1", 2), BOTH_CHANGE, second("2", 10)], [], id="an end with the next firing"),
        pytest.param(
            [group("2 FIRED AND RESOLVED", 10, line("1-2", 7), line("1-2", 8))], [], id="both came and went"
        ),
        pytest.param(
            [
                first("1", 2),
                first("2", 6),
                group("1 CRITICAL, 1 RESOLVED", 8, line("1", 8), line("2", 7), process=2),
                second("2", 10, 2),
            ],
            [kill(1, 6.1)],
            id="the end, unrecorded, again with the next firing",
        ),
        pytest.param(
            [
                first("1", 2),
                BOTH_CHANGE,
                replace(BOTH_CHANGE, arrived=8.5, answered=8.5, process=2),
                second("2", 10, 2),
            ],
            [kill(1, 8.1)],
            id="the group again after a kill",
        ),
    ],
)
def test_accepts_groups(deliveries: list[Delivery], kills: list[Kill]) -> None:
    """Incidents that wait at the same time come as one message, each in a line of its own."""
    assert of_two(*deliveries, kills=tuple(kills)) == ""


@pytest.mark.parametrize(
    ("deliveries", "violation"),
    [
        pytest.param(
            [first("1", 2), group("1 CRITICAL, 1 RESOLVED", 8, line("1", 8)), second("2", 10)],
            "not a group of this scenario",
            id="a line too few",
        ),
        pytest.param(
            [first("1", 2), group("1 CRITICAL, 1 RESOLVED", 8, line("1", 8), "hello"), second("2", 10)],
            "not a group of this scenario",
            id="a line of another form",
        ),
        pytest.param(
            [first("1", 2), first("2", 6), BOTH_CHANGE, second("2", 10)],
            "not next to a kill",
            id="a line about an end that was notified before",
        ),
        pytest.param(
            [first("1", 2), group("1 CRITICAL, 1 RESOLVED", 6, line("1", 8), line("2", 7)), second("2", 10)],
            "before its cause",
            id="a line before its cause",
        ),
        pytest.param(
            [
                first("1", 2),
                replace(BOTH_CHANGE, body=BOTH_CHANGE.body.replace("1300.0007", "1300.0009")),
                second("2", 10),
            ],
            "does not name",
            id="another amount in a line",
        ),
        pytest.param(
            [group("2 FIRED AND RESOLVED", 10, line("1-2", 7), line("1-2", 9))],
            "invented",
            id="a line about an incident that never was",
        ),
        pytest.param([first("1", 2), BOTH_CHANGE], "never resolved", id="the second's end is lost"),
        pytest.param([BOTH_CHANGE, second("2", 10)], "invented", id="an end in a line, without a firing"),
    ],
)
def test_refuses_groups(deliveries: list[Delivery], violation: str) -> None:
    """A line is compared with the scenario as a message of its own is."""
    assert violation in of_two(*deliveries)


def test_lines_without_an_amount_belong_to_the_oldest_remaining_incident() -> None:
    """Some reasons contain no amount: `last read …`."""
    expected = tuple(
        replace(one, fired=replace(one.fired, in_reason=False), resolved=Mark(moment=one.resolved.moment))
        for one in (INCIDENT, NEXT)
        if one.resolved
    )
    both = group("2 FIRED AND RESOLVED", 10, line("1-2", 7), line("1-2", 8))
    assert of_two(both, expected=expected) == ""
    assert "never fired" in of_two(both, expected=(*expected, replace(INCIDENT, resolved=None)))
    assert "invented" in of_two(both, expected=expected[:1])
    assert "before its cause" in of_two(replace(both, arrived=8.0), expected=expected)


# Reminders, escalation, several recipients, silences, rotated tokens

OVER = ("spot", 7, "silence over")
ONE = replace(INCIDENT, to=("/first",))
REMINDED = replace(ONE, repeats=2)
ESCALATED = replace(ONE, later=("/second",))
MOVED = replace(ONE, to=(), either=("/first", "/second"), repeats=2)
SILENCED = replace(ONE, fired=replace(ONE.fired, not_before=OVER))
KNOWN = replace(REMINDED, known=("spot", 7, "acknowledged"))
CLOSED = replace(ONE, resolved=Mark(moment=CLEAR, text="the rule was removed from the configuration"))


def numbered(kind: str, number: str, at: float, **changes: Any) -> Delivery:
    """Return a message of another kind, with the instant of its arrival as its time."""
    amount = "available 500.0007 < 1000" if kind.startswith("CRITICAL") else "available 1300.0007"
    body = (
        f"{FIRING if kind.startswith('FIRED') else ''}Reading: available 1\n"
        f"Rule: usdt-low (threshold, critical)\nAt: 1970-01-01 00:00:{int(at):02} UTC\n"
        f"Incident: ABCDEFGH12, message {number}"
    )
    about = changes.pop("about", amount)
    return message("1", at, title=f"{kind} usdt-low: spot/spot/USDT {about}", body=body, **changes)


FIRES, ENDS = numbered("CRITICAL", "1", 2), numbered("RESOLVED", "3", 6)


def reminder(number: str, at: float, **changes: Any) -> Delivery:
    """Return a reminder."""
    return numbered("CRITICAL still firing", number, at, **changes)


def escalation(number: str, at: float) -> Delivery:
    """Return the message to the recipient of an escalation."""
    return numbered("CRITICAL not acknowledged", number, at, url="/second")


def at_the_second(delivery: Delivery) -> Delivery:
    """Return the same message to another recipient."""
    return replace(delivery, url="/second")


def rotated(*deliveries: Delivery) -> str:
    """Return the violations where the token was rotated to the second one at 2.8 s."""
    moments = {LOW: [1.0], CLEAR: [5.0], ("token", 2, ROTATED): [2.8]}
    evidence = Evidence(
        expected=[INCIDENT], moments=moments, deliveries=deliveries, kills=[], urls=["/first"]
    )
    return "\n".join(judge(evidence).violations)


def of_several(incident: Incident, *deliveries: Delivery) -> str:
    """Return the violations at two recipients, where a silence ends at 3 s and somebody acknowledges at 3 s."""
    moments = {LOW: [1.0], CLEAR: [5.0], OVER: [3.0], ("spot", 7, "acknowledged"): [3.0]}
    evidence = Evidence(
        expected=[incident], moments=moments, deliveries=deliveries, kills=[], urls=["/first", "/second"]
    )
    return "\n".join(judge(evidence).violations)


@pytest.mark.parametrize(
    ("incident", "deliveries"),
    [
        pytest.param(REMINDED, [FIRES, reminder("2", 4), ENDS], id="a reminder between"),
        pytest.param(
            REMINDED, [numbered("FIRED AND RESOLVED", "1-3", 6)], id="a reminder overtaken by the end"
        ),
        pytest.param(ESCALATED, [FIRES, escalation("2", 4), ENDS, at_the_second(ENDS)], id="escalated"),
        pytest.param(MOVED, [FIRES, ENDS], id="one of two"),
        pytest.param(
            MOVED,
            [FIRES, at_the_second(reminder("2", 4)), ENDS, at_the_second(ENDS)],
            id="the other from a reminder on",
        ),
        pytest.param(
            SILENCED,
            [numbered("CRITICAL", "1", 3), numbered("RESOLVED", "2", 6)],
            id="fired once the silence is over",
        ),
        pytest.param(KNOWN, [FIRES, reminder("2", 4), ENDS], id="a reminder as it was acknowledged"),
        pytest.param(
            CLOSED,
            [FIRES, numbered("CLOSED", "2", 6, about="the rule was removed from the configuration")],
            id="closed",
        ),
    ],
)
def test_accepts_effects_of_channels_and_commands(incident: Incident, deliveries: list[Delivery]) -> None:
    """Each recipient gets all its messages, in order, up to the end."""
    assert of_several(incident, *deliveries) == ""


@pytest.mark.parametrize(
    ("incident", "deliveries", "violation"),
    [
        pytest.param(
            REMINDED, [FIRES, reminder("2", 2.5), ENDS], "a reminder 0 s after", id="a reminder early"
        ),
        pytest.param(
            ONE,
            [FIRES, reminder("2", 4), ENDS],
            "none was wanted",
            id="a reminder of a rule without reminders",
        ),
        pytest.param(
            REMINDED, [FIRES, ENDS, reminder("4", 7)], "in this order", id="a reminder after the end"
        ),
        pytest.param(
            KNOWN,
            [FIRES, reminder("2", 5), ENDS],
            "a reminder of an incident that was acknowledged",
            id="a reminder after the acknowledgement",
        ),
        pytest.param(ESCALATED, [FIRES, ENDS], "/second: lost", id="nobody escalated to"),
        pytest.param(
            ESCALATED,
            [FIRES, escalation("2", 4), ENDS],
            "/second: lost: never resolved",
            id="no end for them",
        ),
        pytest.param(
            ESCALATED,
            [
                FIRES,
                escalation("2", 3),
                escalation("4", 4),
                ENDS,
                at_the_second(numbered("RESOLVED", "5", 6)),
            ],
            "escalated more than once",
            id="escalated twice",
        ),
        pytest.param(ESCALATED, [FIRES, ENDS, at_the_second(ENDS)], "/second: messages 3", id="an end alone"),
        pytest.param(MOVED, [], "at any of /first, /second", id="none of two"),
        pytest.param(
            MOVED, [FIRES, at_the_second(reminder("2", 4)), ENDS], "/second: lost", id="no end for one of two"
        ),
        pytest.param(
            ONE,
            [FIRES, numbered("RESOLVED", "2", 6), at_the_second(FIRES)],
            "/second: invented",
            id="somebody else",
        ),
        pytest.param(
            SILENCED,
            [numbered("CRITICAL", "1", 2), numbered("RESOLVED", "2", 6)],
            "sent 1.000 s before its cause",
            id="fired a second before the silence is over",
        ),
    ],
)
def test_refuses_wrong_effects_of_channels_and_commands(
    incident: Incident, deliveries: list[Delivery], violation: str
) -> None:
    """Lost, invented, early, or in the wrong order, each at the recipient that it is about."""
    assert violation in of_several(incident, *deliveries)


def test_after_a_rotation_a_message_being_sent_with_the_old_token_may_come_again() -> None:
    """Shortly before the rotation, with the same text; otherwise it may not."""
    firing = message("1", 2, token=1)
    assert rotated(firing, message("1", 3, token=2), message("2", 6, token=2)) == ""
    early = replace(firing, arrived=1.1, answered=1.1)
    assert "not next to a kill" in rotated(early, message("1", 3, token=2), message("2", 6, token=2))


def test_differences_name_the_place() -> None:
    """Nested values are compared key by key."""
    got, wanted = {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3, "d": 4}}
    assert differences("end", got, wanted) == [
        "end.a.c: 2, and 3 was expected",
        "end.a.d: None, and 4 was expected",
    ]
