"""The values everything else is about."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.model import Account, Balance, Pause, Reading, Severity, Subject
from monitor.errors import Outcome

from .support import START, reading

NAIVE = datetime(2026, 2, 1, 14, 30)  # noqa: DTZ001 -- what must be refused


def test_a_reading_without_a_zone_is_refused() -> None:
    """Nobody would know when it was."""
    with pytest.raises(ValueError, match="need a time zone"):
        reading("5", NAIVE)


def test_a_wallets_own_instant_without_a_zone_is_refused() -> None:
    """Nor of the service's own clock."""
    with pytest.raises(ValueError, match="need a time zone"):
        reading("5", START, updated_at=NAIVE)


def test_a_snapshot_has_all_of_its_balance() -> None:
    """And the instant it was read at."""
    balance = Balance(
        currency="USDT", total=Decimal("5.0"), available=Decimal(3), locked=Decimal(2), updated_at=START
    )
    assert Reading.of(balance, START) == Reading(
        observed_at=START, total=Decimal("5.0"), available=Decimal(3), locked=Decimal(2), updated_at=START
    )


def test_names() -> None:
    """A series is called job/account/currency."""
    account = Account(provider="nami-main", job="nami-spot", name="spot")
    assert (str(account), str(account.series("USDT"))) == ("nami-spot/spot", "nami-spot/spot/USDT")


def test_keys_differ_where_names_do_not() -> None:
    """A client's id may hold a slash."""
    one = Account(provider="p", job="j", name="a/b").series("c")
    other = Account(provider="p", job="j", name="a").series("b/c")
    assert (str(one) == str(other), one.key == other.key) == (True, False)


def test_severities_are_in_order() -> None:
    """Worse is more."""
    assert [severity.word for severity in sorted(Severity)] == ["info", "warning", "critical"]


SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("began", "lasts", "read_after", "left"),
    [
        pytest.param(True, 5 * SECOND, 2 * SECOND, 3 * SECOND, id="what-is-left-of-it"),
        pytest.param(True, 5 * SECOND, 5 * SECOND, 0 * SECOND, id="over"),
        pytest.param(
            True, 5 * SECOND, -30 * DAY, 5 * SECOND, id="no-longer-than-it-was-where-the-clock-is-behind"
        ),
        pytest.param(True, 5 * SECOND, 200 * DAY, 0 * SECOND, id="over-where-the-clock-is-ahead"),
        pytest.param(True, 12 * HOUR, HOUR, 11 * HOUR, id="a-long-one"),
        pytest.param(False, HOUR / 2, 0 * SECOND, HOUR / 2, id="of-an-older-version"),
        pytest.param(False, 12 * HOUR, 0 * SECOND, HOUR, id="of-an-older-version-an-hour-at-most"),
    ],
)
def test_a_pause_is_what_is_left_of_its_length(
    began: bool, lasts: timedelta, read_after: timedelta, left: timedelta
) -> None:
    pause = Pause(
        host="h", began_at=START if began else None, until=START + lasts, outcome=Outcome.BANNED, detail=""
    )
    assert pause.left(START + read_after) == left


names = st.text(min_size=1, max_size=8)
plain_names = names.filter(lambda name: "/" not in name)


@given(plain_names, names, plain_names.filter(lambda name: name != "*"))
def test_a_series_is_found_by_its_subject(job: str, account: str, currency: str) -> None:
    """An account's name may hold slashes, a job's and a currency's do not."""
    series = Account(provider="p", job=job, name=account).series(currency)
    subject = Subject.of_series(series)
    assert subject == str(series) == subject.short
    assert (subject.key, subject.account_key) == (series.key, series.account.key)
    assert (subject.job, subject.account, subject.currency) == (job, str(series.account), currency)
    assert not subject.is_provider


@given(plain_names, names)
def test_an_account_is_found_by_its_subject(job: str, account: str) -> None:
    """It is none of a series, whatever its currency."""
    of = Account(provider="p", job=job, name=account)
    subject = Subject.of_account(of)
    assert (str(subject), subject.short) == (f"{of}/*", str(of))
    assert (subject.account_key, subject.job, subject.account) == (of.key, job, str(of))
    assert subject.currency is None
    assert not subject.is_provider


@given(plain_names)
def test_a_provider_has_neither_job_nor_account(name: str) -> None:
    """Its subject is its name."""
    subject = Subject.of_provider(name)
    assert subject == name == subject.short
    assert subject.is_provider
    assert (subject.key, subject.account, subject.currency) == (("", "", ""), "", None)


def test_a_subject_is_found_by_its_text() -> None:
    """Alerts are looked up by what the store has of them."""
    assert Subject("j/a/USDT") in {"j/a/USDT"}
    assert hash(Subject("j/a/USDT")) == hash("j/a/USDT")
