"""What is sent of what waits, when it is tried again, and where an event goes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import (
    FIRST_RETRY,
    GIVE_UP_AFTER,
    GIVE_UP_ATTEMPTS,
    LONGEST_REST,
    LONGEST_RETRY,
    Notification,
    Queue,
    Target,
    Turn,
    address,
    given_up,
    next_turn,
    plan,
    rest_of,
    retry_at,
)
from monitor.domain.messages import AmountRead
from monitor.domain.model import Severity
from monitor.domain.routing import GROUP_WAIT, Route

from .support import LETTERS, MINUTE, START, a_report, minutes

KINDS = {letter: kind for kind, letter in LETTERS.items()}
DUTY_MAIL = Target(channel="oncall", url_id="mail" * 8)  # the same recipient as MAIL
MAIL, CHAT, PAGER = (Target(channel="ops", url_id=name * 8) for name in ("mail", "chat", "page"))
OTHER = Target(channel="other", url_id="elsewhere")
BOSS = Target(channel="boss", url_id="bossboss")


def waiting(story: str, attempts: Sequence[int] = ()) -> list[Notification]:
    """Notifications of one incident that wait for one URL: a character each, numbered from 1."""
    tried = [*attempts, *[0] * len(story)]
    return [
        Notification(
            id=100 + seq,
            target=MAIL,
            report=a_report(KINDS[letter], seq=seq, reason=f"reason {seq}"),
            created_at=START,
            attempts=tried[seq - 1],
            next_attempt_at=START,
        )
        for seq, letter in enumerate(story, start=1)
    ]


@pytest.mark.parametrize(
    ("story", "covers", "headline", "reason"),
    [
        pytest.param("F", 1, "CRITICAL usdt-low", "reason 1", id="a-firing-goes-out"),
        pytest.param("FR", 2, "FIRED AND RESOLVED usdt-low", "reason 2", id="with-its-resolve-if-that-waits"),
        pytest.param("FC", 2, "FIRED AND CLOSED usdt-low", "reason 2", id="or-with-its-close"),
        pytest.param("FrWR", 4, "FIRED AND RESOLVED usdt-low", "reason 4", id="and-all-between"),
        pytest.param("Fr", 1, "CRITICAL usdt-low", "reason 1", id="a-firing-goes-before-its-reminder"),
        pytest.param("FW", 2, "CRITICAL usdt-low", "reason 2", id="as-it-has-become"),
        pytest.param("FWer", 3, "CRITICAL usdt-low", "reason 3", id="worse-and-milder-again"),
        pytest.param("r", 1, "CRITICAL still firing usdt-low", "reason 1", id="a-reminder-goes-out"),
        pytest.param("rrr", 3, "CRITICAL still firing usdt-low", "reason 3", id="of-many-the-newest"),
        pytest.param("rrW", 3, "CRITICAL worse usdt-low", "reason 3", id="worse-instead-of-reminders"),
        pytest.param("rrR", 3, "RESOLVED usdt-low", "reason 3", id="a-resolve-instead-of-reminders"),
        pytest.param("rWrR", 2, "CRITICAL worse usdt-low", "reason 2", id="worse-is-not-skipped"),
        pytest.param("WR", 1, "CRITICAL worse usdt-low", "reason 1", id="worse-goes-before-the-resolve"),
        pytest.param("R", 1, "RESOLVED usdt-low", "reason 1", id="a-resolve-goes-out"),
        pytest.param("FWeER", 5, "FIRED AND RESOLVED usdt-low", "reason 5", id="whatever-it-did-between"),
        pytest.param(
            "FRFR", 4, "FIRED AND RESOLVED usdt-low", "reason 4", id="a-firing-again-and-its-end-too"
        ),
        pytest.param("FRF", 1, "CRITICAL usdt-low", "reason 1", id="what-fires-again-is-not-over"),
        pytest.param("~R", 1, "CRITICAL flapping usdt-low", "reason 1", id="that-it-flaps-goes-first"),
        pytest.param("rE", 2, "CRITICAL not acknowledged usdt-low", "reason 2", id="instead-of-a-reminder"),
        pytest.param("We", 1, "CRITICAL worse usdt-low", "reason 1", id="worse-goes-before-relief"),
    ],
)
def test_what_is_sent(story: str, covers: int, headline: str, reason: str) -> None:
    queue = waiting(story)
    delivery = plan([queue])
    assert delivery.covers == tuple(queue[:covers])
    assert delivery.message.title == f"{headline}: nami-spot/spot/USDT {reason}"


@given(st.text("rWeE~", max_size=8), st.sampled_from(["", "R", "C"]), st.booleans())
def test_everything_goes_out_in_order(middle: str, last: str, fired: bool) -> None:
    """Sent one after the other, all that waits is covered once, in order, and the last of it is told."""
    queue = waiting(("F" if fired else "") + middle + last)
    covered: list[Notification] = []
    told = []
    while rest := queue[len(covered) :]:
        delivery = plan([rest])
        covered += delivery.covers
        told.append(delivery.covers[-1].report)
    assert covered == queue
    changes = len(list(takewhile(lambda letter: letter in "We", middle))) if fired else 0
    alone = queue[-1:] if fired and last else queue[changes:]
    assert [one.kind for one in told if one.kind != EventKind.REMINDER] == [
        one.report.kind for one in alone if one.report.kind != EventKind.REMINDER
    ]
    assert told[-1:] == [one.report for one in queue[-1:]]


def test_a_firing_that_was_tried_goes_out_before_what_it_became() -> None:
    """It may have been taken, and its number is what tells a second copy."""
    delivery = plan([waiting("FW", attempts=[1])])
    assert [one.report.kind for one in delivery.covers] == [EventKind.FIRED]


def test_a_firing_goes_out_with_all_its_numbers_and_the_severity_of_now() -> None:
    """As what it has become, in words of a firing."""
    first, worse = waiting("FW")
    milder = replace(first, report=replace(first.report, severity=Severity.WARNING))
    message = plan([[milder, worse]]).message
    assert message.title.startswith("CRITICAL usdt-low")
    assert ", message 1-2" in message.plain


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("F", "", "auth: 40 of 40 accounts"),
        ("r", "", "auth: 40 of 40 accounts"),
        ("F", "4.10", "reason 1"),
        ("R", "", "reason 1"),
    ],
    ids=["a-firing", "a-reminder", "a-reading-keeps-what-was-said-of-it", "an-end-keeps-its-reason"],
)
def test_a_message_says_how_many_fail_when_it_is_sent(kind: str, value: str, reason: str) -> None:
    """Not how many did when the event happened."""
    [one] = waiting(kind)
    reading = AmountRead(amount=Decimal(value), at=START) if value else None
    report = replace(one.report, reading=reading)
    one = replace(one, report=report, present_reason="auth: 40 of 40 accounts")
    assert plan([[one]]).items[0].last.reason == reason


def test_attempts_of_what_goes_out_together() -> None:
    """A resolve that joins its firing goes on with the firing's backoff."""
    assert plan([waiting("FR", attempts=[7])]).attempts == 7


def group(*stories: str) -> list[list[Notification]]:
    """Several incidents that wait for one URL, with ids of their own."""
    return [
        [
            replace(one, id=1000 * number + one.id, report=replace(one.report, incident=f"INCIDENT{number}"))
            for one in waiting(story)
        ]
        for number, story in enumerate(stories)
    ]


def test_what_waits_in_one_group_goes_out_as_one_message() -> None:
    """Of each incident what would go out alone."""
    queues = group("F", "Fr", "FWR", "rW")
    delivery = plan(queues)
    assert delivery.covers == (queues[0][0], queues[1][0], *queues[2], *queues[3])
    assert delivery.message.title.startswith("2 CRITICAL, 1 CRITICAL worse, 1 FIRED AND RESOLVED: usdt-low: ")


@given(st.lists(st.text("rWeE~", min_size=1, max_size=4), min_size=1, max_size=5))
def test_a_group_goes_out_whole_and_in_order(stories: list[str]) -> None:
    """Message after message: each notification once, each incident in its order, until nothing waits."""
    queues = group(*stories)
    covered: list[Notification] = []
    while rest := [left for queue in queues if (left := [one for one in queue if one not in covered])]:
        covered += plan(rest).covers
    assert sorted(covered, key=lambda one: one.id) == [one for queue in queues for one in queue]
    for queue in queues:
        assert [one for one in covered if one in queue] == queue


def test_a_fallback_names_the_channel_that_it_replaces() -> None:
    """And why."""
    [queue] = group("F")
    told = replace(queue[0], instead_of="channel ops, which can't be reached (refused)")
    assert "\nInstead of: channel ops, which can't be reached (refused)" in plan([[told]]).message.plain


# Whose turn it is


def queue(
    group: str, at: float, *, latest: float | None = None, tried: bool = False, critical: float | None = None
) -> Queue:
    """Incidents that wait; times in minutes from START."""
    return Queue(
        group=group,
        tried=tried,
        earliest=START + minutes(at),
        latest=START + minutes(at if latest is None else latest),
        critical_at=None if critical is None else START + minutes(critical),
    )


@pytest.mark.parametrize(
    ("queues", "quiet", "expected"),
    [
        pytest.param([], None, None, id="nothing-waits"),
        pytest.param([queue("a", 0)], None, "a", id="what-is-due-goes-out"),
        pytest.param([queue("a", 1)], None, 1, id="what-is-not-due-says-when"),
        pytest.param([queue("a", 3), queue("b", 2)], None, 2, id="the-earliest-of-several"),
        pytest.param([queue("a", 1), queue("b", 0)], None, "b", id="a-group-holds-back-no-other"),
        pytest.param([queue("a", 0), queue("b", -9)], None, "a", id="of-two-the-one-that-came-first"),
        pytest.param(
            [queue("a", 1, critical=0)], None, "a", id="what-is-critical-takes-along-what-is-before-it"
        ),
        pytest.param([queue("a", 1, critical=0, tried=True)], None, 1, id="but-not-before-a-retry"),
        pytest.param([queue("a", 0, critical=1)], None, "a", id="and-does-not-wait-longer-for-it"),
        pytest.param([queue("a", 0)], 60, 60, id="quiet-hours-hold-a-warning"),
        pytest.param([queue("a", 90)], 60, 90, id="that-is-due-later-it-waits-for-longer"),
        pytest.param([queue("a", 0, critical=0)], 60, "a", id="not-what-is-critical"),
        pytest.param([queue("a", 0), queue("b", 0, critical=0)], 60, "b", id="which-takes-no-warning-along"),
        pytest.param([queue("a", 5, critical=5), queue("b", 0)], 60, 5, id="and-is-waited-for"),
        pytest.param([queue("a", 60)], None, 60, id="as-late-as-any-rest"),
        pytest.param([queue("a", 61)], None, "a", id="planned-by-a-clock-since-set-back"),
        pytest.param([queue("a", 5, latest=61)], None, "a", id="or-one-of-them-was"),
    ],
)
def test_whose_turn_it_is(queues: Sequence[Queue], quiet: float | None, expected: str | float | None) -> None:
    """A group, or the minute at which there will be one."""
    found = next_turn(queues, START, None if quiet is None else START + minutes(quiet))
    if isinstance(found, Turn):
        assert (found.group, found.only_critical) == (expected, quiet is not None)
    else:
        assert found == (None if expected is None else START + minutes(float(expected)))


def test_what_is_sent_at_once_waits_for_no_group_but_for_its_retry() -> None:
    """`poll` sends what there is, and ends."""
    tried = queue("a", 1, tried=True)
    [due, later] = (
        next_turn(queues, START, wait_for_group=False) for queues in ([tried, queue("b", 9)], [tried])
    )
    assert isinstance(due, Turn)
    assert (due.group, later) == ("b", START + MINUTE)


class Waits(NamedTuple):
    """An incident: its first notification's group, minute and whether it was tried; when its critical one goes."""

    group: str
    at: int
    tried: bool
    critical: int | None

    @property
    def planned(self) -> int:
        return self.at if self.tried or self.critical is None else min(self.at, self.critical)


@given(
    st.lists(
        st.builds(
            Waits,
            group=st.sampled_from("abc"),
            at=st.integers(-2, 3),
            tried=st.booleans(),
            critical=st.none() | st.integers(-2, 3),
        ),
        max_size=6,
    ),
    st.none() | st.just(2),
)
def test_queues_decide_as_their_incidents_would(incidents: list[Waits], quiet: int | None) -> None:
    """Taken together by group, by whether they were tried, and by whether something critical waits."""
    alike: dict[tuple[str, bool, bool], list[Waits]] = {}
    for one in incidents:
        alike.setdefault((one.group, one.tried, one.critical is not None), []).append(one)
    queues = [
        queue(
            group,
            min(one.at for one in members),
            latest=max(one.at for one in members),
            tried=tried,
            critical=min((one.critical for one in members if one.critical is not None), default=None),
        )
        for (group, tried, _), members in alike.items()
    ]
    found = next_turn(queues, START, None if quiet is None else START + minutes(quiet))
    passing = [one for one in incidents if quiet is None or one.critical is not None]
    due = {one.group for one in passing if one.planned <= 0}
    if due:
        assert isinstance(found, Turn)
        assert found.group in due
    else:
        at = [one.planned if one in passing else max(one.planned, quiet or 0) for one in incidents]
        assert found == (START + minutes(min(at)) if at else None)


# Backoff


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (10, 300), (1000, 300), (10**9, 300)],
)
def test_the_wait_doubles_up_to_five_minutes(attempts: int, seconds: int) -> None:
    """Without jitter: seconds at first, minutes at most."""
    assert retry_at(attempts, START, 0.0) == START + timedelta(seconds=seconds)


@given(st.integers(1, 100), st.floats(0, 1))
def test_jitter_takes_away_half_at_most(attempts: int, jitter: float) -> None:
    """And never brings it below half of the first wait, nor above five minutes."""
    wait, whole = (retry_at(attempts, START, one) - START for one in (jitter, 0.0))
    assert whole / 2 <= wait <= whole <= LONGEST_RETRY
    assert wait >= FIRST_RETRY / 2


@pytest.mark.parametrize(
    ("retry_after", "refusals", "rest"),
    [
        (timedelta(seconds=30), 9, timedelta(seconds=30)),
        (timedelta(hours=2), 1, LONGEST_REST),
        (None, 3, timedelta(seconds=8)),
        (timedelta(0), 3, timedelta(seconds=8)),
    ],
    ids=["as-asked", "an-hour-at-most", "does-not-say", "says-nothing-useful"],
)
def test_a_url_rests_as_long_as_its_service_wants(
    retry_after: timedelta | None, refusals: int, rest: timedelta
) -> None:
    """Or by the backoff of the refusals in a row."""
    assert rest_of(retry_after, refusals, 0.0) == rest


@given(st.floats(0, 1))
def test_waits_never_get_shorter(jitter: float) -> None:
    """With the same jitter."""
    assert all(
        before <= after
        for before, after in pairwise(retry_at(attempts, START, jitter) for attempts in range(1, 30))
    )


@pytest.mark.parametrize(
    ("after", "attempts", "gone"),
    [
        (timedelta(0), 1000, False),
        (GIVE_UP_AFTER - timedelta(seconds=1), 1000, False),
        (GIVE_UP_AFTER, GIVE_UP_ATTEMPTS, True),
        (GIVE_UP_AFTER, GIVE_UP_ATTEMPTS - 1, False),
    ],
    ids=["at-once", "just-before", "after-a-day", "a-day-that-the-clock-leapt-over"],
)
def test_given_up_after_a_day_of_attempts(after: timedelta, attempts: int, gone: bool) -> None:
    """A day that the clock was set forward by, or that the daemon stood still, is no day of failures."""
    [one] = waiting("F", [attempts - 1])
    assert bool(given_up([replace(one, failing_since=START)], START + after)) is gone


def test_what_only_waited_is_not_given_up() -> None:
    """Its first attempt has just failed."""
    assert given_up(waiting("F", [GIVE_UP_ATTEMPTS]), START + 9 * GIVE_UP_AFTER) == ()


def test_an_incident_is_given_up_as_one() -> None:
    """A firing that failed for a day, and its end that was tried with it for the first time: not yet."""
    fired, resolved = waiting("FR", [GIVE_UP_ATTEMPTS] * 2)
    failed = [replace(fired, failing_since=START), resolved]
    assert given_up(failed, START + GIVE_UP_AFTER) == ()
    failed = [replace(one, failing_since=START) for one in (fired, resolved)]
    assert given_up(failed, START + GIVE_UP_AFTER) == tuple(failed)


@given(st.integers(0, 100), st.floats(0, 1))
def test_a_retry_is_never_planned_for_later_than_the_longest(attempts: int, jitter: float) -> None:
    """What is planned for later was so by a clock that was set back since."""
    assert START < retry_at(attempts, START, jitter) <= START + LONGEST_RETRY


# Where an event goes

CHANNELS = {"ops": [MAIL, CHAT], "other": [OTHER], "boss": [BOSS]}
TO_OPS = Route(channels=("ops",), group_by=("rule",), group_wait=MINUTE)
ESCALATES = replace(TO_OPS, escalate_after=MINUTE, escalate_to=("boss",))
FITS = {"rule": "low", "provider": "p"}


def goes_to(
    kind: EventKind,
    notified_targets: Sequence[Target] = (),
    routes: Sequence[Route] = (TO_OPS,),
    channels: Mapping[str, Sequence[Target]] = CHANNELS,
) -> list[Target]:
    return [one.target for one in address(kind, routes, FITS, channels, notified_targets)]


def test_a_firing_goes_to_every_url_of_its_route() -> None:
    """Wherever the incident was told before."""
    assert goes_to(EventKind.FIRED, [OTHER]) == [MAIL, CHAT]


def test_a_route_without_channels_leads_to_all() -> None:
    """`notify` left out."""
    assert goes_to(EventKind.FIRED, routes=[Route()]) == [MAIL, CHAT, OTHER, BOSS]


def test_a_recipient_with_two_names_gets_one_message() -> None:
    """The same URL in two channels of a route, by the first of them; once notified, by the one that was used."""
    both = {"ops": [MAIL], "oncall": [DUTY_MAIL]}
    assert goes_to(EventKind.FIRED, routes=[Route()], channels=both) == [MAIL]
    assert goes_to(EventKind.REMINDER, [DUTY_MAIL], [Route()], both) == [DUTY_MAIL]
    assert goes_to(EventKind.WORSENED, [DUTY_MAIL], [Route()], both) == [DUTY_MAIL]


def test_two_routes_to_one_channel_notify_it_once() -> None:
    """By the first of them: it says how long to wait."""
    routes = (TO_OPS, Route(channels=("other", "ops")))
    found = address(EventKind.FIRED, routes, FITS, CHANNELS, ())
    assert [(one.target, one.group_wait) for one in found] == [
        (MAIL, MINUTE),
        (CHAT, MINUTE),
        (OTHER, GROUP_WAIT),
    ]


def test_what_groups_alerts_is_by_the_route() -> None:
    """What has to be equal for two of them to be told in one message."""
    [one, _] = address(EventKind.FIRED, [TO_OPS], FITS, CHANNELS, ())
    assert one.group == "rule=low"


@pytest.mark.parametrize("kind", [EventKind.EASED, EventKind.RESOLVED, EventKind.CLOSED])
@pytest.mark.parametrize(
    ("notified_targets", "channels", "expected"),
    [
        pytest.param([MAIL, CHAT], CHANNELS, [MAIL, CHAT], id="the-same-places"),
        pytest.param([MAIL], CHANNELS, [MAIL], id="not-a-url-that-heard-nothing"),
        pytest.param([OTHER], CHANNELS, [OTHER], id="also-where-no-route-leads-any-more"),
        pytest.param([MAIL, BOSS], CHANNELS, [MAIL, BOSS], id="also-who-it-was-escalated-to"),
        pytest.param([MAIL, OTHER], {"ops": [MAIL]}, [MAIL], id="not-a-channel-that-is-gone"),
        pytest.param([MAIL], {"ops": [CHAT, PAGER]}, [CHAT, PAGER], id="all-urls-of-it-exchanged"),
        pytest.param([MAIL, CHAT], {"ops": [CHAT, PAGER]}, [PAGER, CHAT], id="one-of-them-exchanged"),
        pytest.param([MAIL, CHAT], {"ops": [CHAT]}, [CHAT], id="one-of-them-taken-away"),
        pytest.param([MAIL], {"ops": [CHAT, MAIL]}, [MAIL], id="not-a-url-added-before-it"),
        pytest.param([MAIL], {"oncall": [DUTY_MAIL]}, [DUTY_MAIL], id="a-channel-renamed"),
        pytest.param([MAIL], {"ops": [PAGER], "oncall": [DUTY_MAIL]}, [DUTY_MAIL], id="a-url-moved"),
        pytest.param(
            [MAIL, DUTY_MAIL], {"oncall": [DUTY_MAIL]}, [DUTY_MAIL], id="two-names-of-one-recipient"
        ),
        pytest.param([OTHER], {"ops": [MAIL]}, [MAIL], id="where-the-routes-lead-if-nobody-else-is-left"),
        pytest.param([], CHANNELS, [], id="nowhere-if-nobody-was-told"),
    ],
)
def test_an_end_and_a_relief_go_to_all_earlier_recipients(
    kind: EventKind,
    notified_targets: list[Target],
    channels: Mapping[str, Sequence[Target]],
    expected: list[Target],
) -> None:
    assert goes_to(kind, notified_targets, channels=channels) == expected


@pytest.mark.parametrize("kind", [EventKind.WORSENED, EventKind.FLAPPING])
@pytest.mark.parametrize(
    ("notified_targets", "expected"),
    [
        pytest.param([], [MAIL, CHAT], id="where-it-is-wanted"),
        pytest.param([OTHER], [MAIL, CHAT, OTHER], id="and-where-it-was-told"),
        pytest.param([CHAT, BOSS], [MAIL, CHAT, BOSS], id="once-each"),
    ],
)
def test_what_got_worse_or_flaps_goes_to_both(
    kind: EventKind, notified_targets: list[Target], expected: list[Target]
) -> None:
    assert goes_to(kind, notified_targets) == expected


@pytest.mark.parametrize(
    ("notified_targets", "expected"),
    [
        pytest.param([MAIL, CHAT], [MAIL, CHAT], id="where-it-was-told-and-is-wanted"),
        pytest.param([MAIL], [MAIL, CHAT], id="also-a-url-added-since"),
        pytest.param([OTHER], [MAIL, CHAT], id="not-where-no-route-leads-any-more"),
        pytest.param([MAIL, CHAT, BOSS], [MAIL, CHAT, BOSS], id="also-who-it-was-escalated-to"),
        pytest.param([], [MAIL, CHAT], id="also-if-no-message-before-got-anywhere"),
    ],
)
def test_a_reminder_goes_where_it_is_still_wanted(
    notified_targets: list[Target], expected: list[Target]
) -> None:
    assert goes_to(EventKind.REMINDER, notified_targets, [ESCALATES]) == expected


def test_an_escalation_goes_to_others() -> None:
    """Those that its route names, and nobody else."""
    assert goes_to(EventKind.ESCALATED, [MAIL, CHAT], [ESCALATES]) == [BOSS]


def test_the_first_route_that_escalates_says_to_whom() -> None:
    """Of several that fit."""
    second = replace(ESCALATES, escalate_to=("other",))
    assert goes_to(EventKind.ESCALATED, [MAIL], [TO_OPS, ESCALATES, second]) == [BOSS]


def test_an_escalation_to_a_channel_that_is_gone_goes_nowhere() -> None:
    """And breaks nothing."""
    assert goes_to(EventKind.ESCALATED, [MAIL], [ESCALATES], {"ops": [MAIL]}) == []


def test_a_target_shows_no_more_than_it_may() -> None:
    """The channel and apprise's id: never a URL."""
    assert str(Target(channel="ops", url_id="01234567")) == "ops/01234567"
