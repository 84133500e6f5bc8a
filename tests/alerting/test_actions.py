"""What the command line may say of silences, to the boundary, and what a silence fits."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerting.actions import fits, match_of, period, text, who
from monitor.domain.matching import Match
from monitor.domain.model import Account, Severity
from monitor.domain.rules import Failing, Policy, Threshold

from ..support import configured

NOW = datetime(2026, 2, 1, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _saigon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's clock is seven hours ahead of UTC: it shows 17:00."""
    monkeypatch.setenv("TZ", "Asia/Ho_Chi_Minh")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("until", "at"),
    [
        ("2026-02-01T18:30Z", datetime(2026, 2, 1, 18, 30, tzinfo=UTC)),
        ("2026-02-01 18:30:15 UTC", datetime(2026, 2, 1, 18, 30, 15, tzinfo=UTC)),
        ("2026-02-01T18:30+02:00", datetime(2026, 2, 1, 16, 30, tzinfo=UTC)),
        ("2026-02-01T18:30", datetime(2026, 2, 1, 11, 30, tzinfo=UTC)),
        ("18:30", datetime(2026, 2, 1, 11, 30, tzinfo=UTC)),
        ("16:30", datetime(2026, 2, 2, 9, 30, tzinfo=UTC)),
        ("17:00", datetime(2026, 2, 2, 10, 0, tzinfo=UTC)),
    ],
    ids=[
        "in-utc",
        "as-status-shows-it",
        "with-an-offset",
        "by-this-machines-clock",
        "later-today",
        "tomorrow",
        "now-is-tomorrow",
    ],
)
def test_a_time_is_read_as_people_write_it(until: str, at: datetime) -> None:
    """Without a zone by this machine's clock; a time of day alone is the next one."""
    assert period(None, until, None, NOW) == (NOW, at)


def test_a_silence_may_begin_later() -> None:
    """`--for` then counts from its begin."""
    later = datetime(2026, 2, 3, 8, 0, tzinfo=UTC)
    assert period("2h", None, "2026-02-03T08:00Z", NOW) == (later, later + timedelta(hours=2))


@pytest.mark.parametrize(
    ("lasts", "until", "begins", "said"),
    [
        (None, None, None, "needs one end: --for 2h, or --until TIME"),
        ("2h", "18:30", None, "needs one end"),
        ("0s", None, None, "--for: must be greater than zero"),
        (
            "2 hours",
            None,
            None,
            "--for: expected a whole number and a unit: 30s, 5m, 4h or 90d, got '2 hours'",
        ),
        ("367d", None, None, "ends in 367d: a silence ends within 366 days"),
        ("9999d", None, None, "--for: is longer than 3650d"),
        (None, "2026-02-01T09:59Z", None, "--until: 2026-02-01 09:59:00 UTC is past"),
        (None, "tomorrow", None, "--until: expected 2026-12-01T05:00"),
        (None, "2026-02-30T10:00", None, "--until: '2026-02-30T10:00' is not in the calendar"),
        (None, "9999-12-31T23:59-12:00", None, "is not in the calendar"),
        ("2h", None, "2026-02-01T09:59Z", "--from: 2026-02-01 09:59:00 UTC is past"),
        (None, "2026-02-02T10:00Z", "2026-02-02T10:00Z", "ends before it begins"),
    ],
    ids=[
        "no-end",
        "two-ends",
        "no-time-at-all",
        "not-a-span",
        "too-long",
        "much-too-long",
        "over-already",
        "not-a-time",
        "no-such-day",
        "past-the-calendar",
        "begun-already",
        "ends-as-it-begins",
    ],
)
def test_a_period_that_cannot_be_meant_is_refused(
    lasts: str | None, until: str | None, begins: str | None, said: str
) -> None:
    """With what is wrong, and what is expected."""
    with pytest.raises(ValueError, match=r".") as refused:
        period(lasts, until, begins, NOW)
    assert said in str(refused.value)


def test_a_silence_may_last_a_year() -> None:
    """366 days to the second, and not one more."""
    assert period("366d", None, None, NOW)[1] == NOW + timedelta(days=366)


def test_a_match_is_keys_and_globs() -> None:
    """Of globs with a comma one has to fit, of keys all."""
    given = match_of(["rule=usdt-*", "currency=USDT, VNDC"])
    assert given == Match({"rule": ("usdt-*",), "currency": ("USDT", "VNDC")})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([], "--match is needed"),
        (["rule"], "--match 'rule': expected key=value"),
        (["=x"], "expected key=value"),
        (["rule="], "expected key=value"),
        (["rule=a,,b"], "expected key=value"),
        (["rule=a", "rule=b"], "--match rule: given twice; write rule=one,other for either"),
    ],
    ids=["none", "no-value", "no-key", "an-empty-value", "an-empty-one-of-many", "a-key-twice"],
)
def test_a_match_that_cannot_be_meant_is_refused(parts: list[str], said: str) -> None:
    """A silence of everything has to be asked for in so many words."""
    with pytest.raises(ValueError, match=r".") as refused:
        match_of(parts)
    assert said in str(refused.value)


SPOT = Account(
    provider="nami-main", job="spot", name="spot", currencies=("USDT", "VNDC"), labels=(("team", "treasury"),)
)
CLIENTS = tuple(Account(provider="wdcf-main", job="clients", name=f"CLIENT_{n}") for n in (1, 2))
LEVELS = tuple(
    Threshold(name="low", policy=Policy(severity=one)) for one in (Severity.CRITICAL, Severity.INFO)
)
LOW = Threshold(name="low", match=Match({"currency": ("USDT",)}), levels=LEVELS)
DRAINED = Threshold(name="drained", match=Match({"job": ("clients",)}))
FAILING = Failing(name="failing", polls=3)
READ = [("clients", "CLIENT_1", "USD")]


CONFIG = configured(LOW, DRAINED, FAILING, accounts=[SPOT, *CLIENTS])


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (["rule=low"], ["low spot/spot/USDT"]),
        (["rule=low", "severity=critical,info"], ["low spot/spot/USDT"]),
        (["team=treas*", "type=threshold"], ["low spot/spot/USDT"]),
        (["provider=nami-main", "type=failing"], ["failing spot/spot/*", "failing spot/spot/USDT"]),
        (["subject=wdcf-main"], ["failing wdcf-main"]),
        (["account=CLIENT_1", "rule=drained"], ["drained clients/CLIENT_1/USD"]),
        (["account=CLIENT_2", "currency=EUR", "rule=drained"], ["drained clients/CLIENT_2/*"]),
    ],
    ids=[
        "a-rule",
        "a-rules-levels",
        "a-label-and-a-type",
        "a-provider",
        "a-whole-provider-by-its-name",
        "a-series-that-was-read",
        "any-currency-of-an-account-never-read",
    ],
)
def test_a_silence_fits_what_may_fire(parts: list[str], found: list[str]) -> None:
    """By rule, subject and severity, as configured and as read so far."""
    fitting = [f"{rule} {subject}" for rule, subject in fits(match_of(parts), CONFIG, READ)]
    assert set(found) <= set(fitting)
    assert {one.split()[0] for one in fitting} == {one.split()[0] for one in found}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["accont=x"], "--match accont: unknown key 'accont'; did you mean `account`?"),
        (["region=x"], "--match region: unknown key 'region'"),
        (
            ["rule=lw"],
            "--match rule: matches nothing that is configured: unknown rule 'lw'; did you mean `low`?",
        ),
        (["severity=crit"], "did you mean `critical`?"),
        (["rule=low,nope-*"], "unknown rule 'nope-*'"),
        (["rule=low", "job=clients"], "each key does, but nothing matches all of them"),
        (["rule=low", "currency=VNDC"], "each key does, but nothing matches all of them"),
        (["rule=low", "severity=warning"], "each key does, but nothing matches all of them"),
    ],
    ids=[
        "a-key-misspelt",
        "a-label-nobody-has",
        "a-rule-misspelt",
        "a-severity-misspelt",
        "one-glob-of-two",
        "a-rule-that-looks-elsewhere",
        "a-currency-the-rule-does-not-look-at",
        "a-severity-the-rule-does-not-have",
    ],
)
def test_a_silence_that_fits_nothing_is_refused(parts: list[str], said: str) -> None:
    """A misspelt one must not be believed to keep anything quiet."""
    with pytest.raises(ValueError, match=r".") as refused:
        fits(match_of(parts), CONFIG, [*READ, ("clients", "CLIENT_2", "USD")])
    assert said in str(refused.value)


def test_who_does_it_is_who_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """As given; else who called sudo, else the login name."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "balance")
    assert (who("lena"), who(None)) == ("lena", "balance")
    monkeypatch.setenv("SUDO_USER", "lena")
    assert who(None) == "lena"


@pytest.mark.parametrize(
    ("given", "said"),
    [("  \n ", "--reason is empty"), ("x" * 501, "--reason is longer than 500 characters")],
    ids=["nothing", "a-novel"],
)
def test_a_reason_is_a_line(given: str, said: str) -> None:
    """Why is always kept, on one line."""
    assert text("reason", "top\nup") == "top up"
    with pytest.raises(ValueError, match=said):
        text("reason", given)
