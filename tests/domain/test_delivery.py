"""What is sent of what waits, when it is tried again, and where an event goes."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import (
    FIRST_RETRY,
    GIVE_UP_AFTER,
    LONGEST_RETRY,
    Notification,
    Target,
    given_up,
    is_due,
    plan,
    retry_at,
    address,
)

from .support import MINUTE, START, TOLD, a_report

KINDS = {letter: kind for kind, letter in TOLD.items()}
MAIL, CHAT, PAGER = (Target(channel="ops", url_id=name * 8) for name in ("mail", "chat", "page"))
OTHER = Target(channel="other", url_id="elsewhere")


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
        pytest.param("FW", 1, "CRITICAL usdt-low", "reason 1", id="and-before-it-gets-worse"),
        pytest.param("r", 1, "CRITICAL still firing usdt-low", "reason 1", id="a-reminder-goes-out"),
        pytest.param("rrr", 3, "CRITICAL still firing usdt-low", "reason 3", id="of-many-the-newest"),
        pytest.param("rrW", 3, "CRITICAL worse usdt-low", "reason 3", id="worse-instead-of-reminders"),
        pytest.param("rrR", 3, "RESOLVED usdt-low", "reason 3", id="a-resolve-instead-of-reminders"),
        pytest.param("rWrR", 2, "CRITICAL worse usdt-low", "reason 2", id="worse-is-not-skipped"),
        pytest.param("WR", 1, "CRITICAL worse usdt-low", "reason 1", id="worse-goes-before-the-resolve"),
        pytest.param("R", 1, "RESOLVED usdt-low", "reason 1", id="a-resolve-goes-out"),
    ],
)
def test_what_is_sent(story: str, covers: int, headline: str, reason: str) -> None:
    queue = waiting(story)
    delivery = plan(queue)
    assert delivery.covers == tuple(queue[:covers])
    assert delivery.message.title == f"{headline}: nami-spot/spot/USDT {reason}"


@given(st.text("rW", max_size=8), st.sampled_from(["", "R", "C"]), st.booleans())
def test_everything_goes_out_in_order(middle: str, last: str, fired: bool) -> None:
    """Sent one after the other, all that waits is covered once, in order, and the last of it is told."""
    queue = waiting(("F" if fired else "") + middle + last)
    covered: list[Notification] = []
    told = []
    while rest := queue[len(covered) :]:
        delivery = plan(rest)
        covered += delivery.covers
        told.append(delivery.covers[-1].report)
    assert covered == queue
    assert [one.kind for one in told if one.kind != EventKind.REMINDER] == [
        one.report.kind
        for one in queue
        if one.report.kind != EventKind.REMINDER and not (fired and last and one is not queue[-1])
    ]
    assert told[-1:] == [one.report for one in queue[-1:]]


def test_attempts_of_what_goes_out_together() -> None:
    """A resolve that joins its firing goes on with the firing's backoff."""
    assert plan(waiting("FR", attempts=[7])).attempts == 7


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


@given(st.floats(0, 1))
def test_waits_never_get_shorter(jitter: float) -> None:
    """With the same jitter."""
    assert all(
        before <= after
        for before, after in pairwise(retry_at(attempts, START, jitter) for attempts in range(1, 30))
    )


@pytest.mark.parametrize(
    ("after", "gone"),
    [(timedelta(0), False), (GIVE_UP_AFTER - timedelta(seconds=1), False), (GIVE_UP_AFTER, True)],
)
def test_given_up_after_a_day(after: timedelta, gone: bool) -> None:
    assert given_up(START, START + after) is gone


@pytest.mark.parametrize(
    ("ahead", "due"),
    [
        pytest.param(-MINUTE, True, id="past"),
        pytest.param(timedelta(0), True, id="now"),
        pytest.param(MINUTE, False, id="later"),
        pytest.param(LONGEST_RETRY, False, id="as-late-as-any-backoff"),
        pytest.param(LONGEST_RETRY + MINUTE, True, id="planned-by-a-clock-since-set-back"),
    ],
)
def test_due(ahead: timedelta, due: bool) -> None:
    assert is_due(START + ahead, START) is due


@given(st.integers(0, 100), st.floats(0, 1))
def test_a_retry_just_planned_is_not_due(attempts: int, jitter: float) -> None:
    """No backoff is mistaken for a clock set back."""
    assert not is_due(retry_at(attempts, START, jitter), START)


# Where an event goes

LATER = [kind for kind in EventKind if kind is not EventKind.FIRED]


def test_a_firing_goes_everywhere() -> None:
    """To every URL its rule names."""
    assert targets(EventKind.FIRED, [MAIL, CHAT, OTHER], []) == [MAIL, CHAT, OTHER]


@pytest.mark.parametrize("kind", LATER)
@pytest.mark.parametrize(
    ("wanted", "fired_at", "expected"),
    [
        pytest.param([MAIL, CHAT], [MAIL, CHAT], [MAIL, CHAT], id="the-same-places"),
        pytest.param([MAIL, OTHER], [MAIL], [MAIL], id="not-a-channel-added-since"),
        pytest.param([MAIL, CHAT], [MAIL], [MAIL], id="not-a-url-added-since"),
        pytest.param([MAIL], [MAIL, OTHER], [MAIL], id="not-a-channel-gone-since"),
        pytest.param([CHAT], [MAIL], [CHAT], id="a-url-exchanged"),
        pytest.param([CHAT, PAGER], [MAIL], [CHAT, PAGER], id="all-urls-exchanged"),
        pytest.param([CHAT], [OTHER], [], id="another-channel-is-no-exchange"),
        pytest.param([MAIL, CHAT], [], [], id="nowhere-if-the-firing-went-nowhere"),
        pytest.param([], [MAIL], [], id="nowhere-if-nowhere-is-wanted"),
    ],
)
def test_all_else_goes_where_the_firing_went(
    kind: EventKind, wanted: list[Target], fired_at: list[Target], expected: list[Target]
) -> None:
    assert targets(kind, wanted, fired_at) == expected


def test_a_target_shows_no_more_than_it_may() -> None:
    """The channel and apprise's id: never a URL."""
    assert str(Target(channel="ops", url_id="01234567")) == "ops/01234567"
