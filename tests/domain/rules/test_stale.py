"""No news for too long: no successful reading, or none in which the wallet's own clock moved."""

from datetime import datetime
from typing import Literal

import pytest

from monitor.domain.model import Reading, SeriesView
from monitor.domain.rules import Breached, Ok, Stale, Unknown, Verdict
from tests.domain.support import HOUR, START, minutes, reading, view


def rule(clock: Literal["observed", "provider"] = "observed") -> Stale:
    return Stale(name="frozen", after=2 * HOUR, clock=clock)


def said(of: Stale, known: SeriesView, after: float, *, read: bool = False) -> Verdict:
    """What the rule says so many minutes after START."""
    return of.judge(known, read=read, firing=None, now=START + minutes(after))


# By our own clock


def test_a_reading_just_taken_is_fresh() -> None:
    """It is what resolves the alert."""
    assert isinstance(said(rule(), view(reading("5")), 0, read=True), Ok)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(119.99, Unknown, id="not-yet"),
        pytest.param(120, Breached, id="after-exactly-as-long"),
        pytest.param(5000, Breached, id="long-after"),
    ],
)
def test_without_a_poll_time_makes_it_stale(after: float, expected: type[Verdict]) -> None:
    """Before that it is unknown, which resolves nothing."""
    assert isinstance(said(rule(), view(reading("5")), after), expected)


def test_never_read_counts_from_when_it_was_first_watched() -> None:
    """A series that never had a reading gets stale too, and says so."""
    assert said(rule(), view(watched_since=START), 120) == Breached(
        "never read, watched since 2026-02-01 14:30:00 UTC, 2h ago", "a reading at least every 2h"
    )


def test_never_read_and_only_just_watched_is_unknown() -> None:
    """A daemon just started says nothing yet."""
    assert isinstance(said(rule(), view(watched_since=START), 119), Unknown)


def test_the_reason_says_when_it_was_last_read() -> None:
    """And how long ago that is."""
    assert said(rule(), view(reading("5")), 125) == Breached(
        "last read 2026-02-01 14:30:00 UTC, 2h 5m ago", "a reading at least every 2h"
    )


def test_by_our_clock_the_wallets_own_means_nothing() -> None:
    """A wallet that has not moved in a year is fresh when it was just read."""
    old = reading("5", updated_at=datetime.fromisoformat("2025-01-01T00:00:00+00:00"))
    assert isinstance(said(rule(), view(old), 0, read=True), Ok)


def test_a_reading_noted_in_the_future_is_not_stale() -> None:
    """The clock was set back: nothing can be said before it has caught up."""
    assert isinstance(said(rule(), view(reading("5", START + HOUR)), 0), Unknown)


# By the wallet's clock


def moved(before: float) -> Reading:
    """A reading at START of a wallet that last moved so many minutes before."""
    return reading("5", updated_at=START - minutes(before))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(119.99, Ok, id="moved-lately"),
        pytest.param(120, Breached, id="not-moved-for-exactly-as-long"),
        pytest.param(5000, Breached, id="not-moved-for-long"),
        pytest.param(-5, Ok, id="a-service-whose-clock-is-ahead"),
    ],
)
def test_a_wallet_that_does_not_move(before: float, expected: type[Verdict]) -> None:
    assert isinstance(said(rule("provider"), view(moved(before)), 0, read=True), expected)


def test_a_wallet_without_a_clock_is_unknown() -> None:
    """Not stale, and not fresh."""
    verdict = said(rule("provider"), view(reading("5")), 0, read=True)
    assert verdict == Unknown("the service does not report when the wallet last changed")


@pytest.mark.parametrize("known", [view(moved(5000)), view()], ids=["read-before", "never-read"])
def test_without_a_reading_the_wallets_clock_is_unknown(known: SeriesView) -> None:
    """Only a reading says that the wallet has not moved; a failed poll does not."""
    assert said(rule("provider"), known, 0) == Unknown("no reading")


def test_the_reason_says_when_the_wallet_last_changed() -> None:
    """And how long ago that is."""
    assert said(rule("provider"), view(moved(150)), 0, read=True) == Breached(
        "the wallet last changed 2026-02-01 12:00:00 UTC, 2h 30m ago", "a change at least every 2h"
    )
