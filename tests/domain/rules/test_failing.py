"""Polls that fail: what is said of one account, of a whole provider, and of a currency that is missing."""

import pytest

from monitor.domain.model import NO_STREAK, Health, Streak
from monitor.domain.rules import Breached, Failing, Ok, Unknown, Verdict
from monitor.domain.rules.failing import PARTIAL, TOTAL
from monitor.errors import Outcome
from tests.domain.support import HOUR, START, health, minutes, streak, view

RULE = Failing(name="failing", polls=3)

TIMEOUT, AUTH, BANNED = Outcome.TIMEOUT, Outcome.AUTH, Outcome.BANNED
NOT_FOUND, REJECTED, BAD_PAYLOAD = Outcome.NOT_FOUND, Outcome.REJECTED, Outcome.BAD_PAYLOAD
ENDPOINT = [
    Outcome.TIMEOUT,
    Outcome.CONNECT,
    Outcome.TLS,
    Outcome.UNAVAILABLE,
    Outcome.RATE_LIMITED,
    Outcome.BAD_PAYLOAD,
]
LONG_AGO = START - 24 * HOUR


def level(verdict: Verdict) -> int:
    assert isinstance(verdict, Breached)
    return verdict.level


# One account


@pytest.mark.parametrize("outcome", [NOT_FOUND, REJECTED])
@pytest.mark.parametrize(("polls", "expected"), [(1, Unknown), (2, Unknown), (3, Breached), (9, Breached)])
def test_an_account_of_which_the_service_knows_nothing(
    outcome: Outcome, polls: int, expected: type[Verdict]
) -> None:
    """Three refusals in a row, that are about this account, break the rule."""
    assert isinstance(RULE.judge_account(health(*[outcome] * polls)), expected)


@pytest.mark.parametrize("outcome", [*ENDPOINT, AUTH, BANNED])
def test_the_endpoints_failures_say_nothing_of_an_account(outcome: Outcome) -> None:
    """However often: they are the provider's alert."""
    assert isinstance(RULE.judge_account(health(*[outcome] * 9)), Unknown)


def test_an_account_read_again_is_ok() -> None:
    """One reading is enough."""
    assert RULE.judge_account(health()) == Ok("read again")


def test_an_account_says_how_often_and_since_when() -> None:
    """Seen, how often, since when."""
    reason = RULE.judge_account(health(NOT_FOUND, NOT_FOUND, NOT_FOUND)).reason
    assert reason.startswith("not_found: what not_found looks like, 3 polls")
    assert reason.endswith("in a row since 2026-02-01 14:30:00 UTC")


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        pytest.param(
            (TIMEOUT, TIMEOUT, NOT_FOUND),
            "not_found: what not_found looks like, the last of 3 polls that failed in a row since"
            " 2026-02-01 14:30:00 UTC",
            id="two timeouts and a refusal",
        ),
        pytest.param(
            (TIMEOUT, NOT_FOUND, NOT_FOUND, NOT_FOUND),
            "not_found: what not_found looks like, 3 polls failed so in a row since 2026-02-01 14:31:00 UTC",
            id="three refusals after a timeout",
        ),
        pytest.param(
            (REJECTED, REJECTED, TIMEOUT),
            "timeout: what timeout looks like, the last of 3 polls that failed in a row since"
            " 2026-02-01 14:30:00 UTC",
            id="a timeout after two refusals",
        ),
    ],
)
def test_an_account_that_fails_in_several_ways(outcomes: tuple[Outcome, ...], reason: str) -> None:
    """Nobody has read it for as long: its alert says what is true of the last outcome, and of all."""
    verdict = RULE.judge_account(health(*outcomes))
    assert verdict == Breached(reason, "polls that succeed")


def test_mostly_the_endpoints_failures_are_the_providers_alert() -> None:
    """A refusal and two broken handshakes: the two are why it is not read."""
    known = health(NOT_FOUND, Outcome.TLS, Outcome.TLS)
    assert isinstance(RULE.judge_account(known), Unknown)
    assert isinstance(RULE.judge_provider([known, health(name="B", ok_at=START)]), Breached)


def test_polls_that_an_outage_covers_are_not_counted_as_an_accounts_own() -> None:
    """Three refusals, of which two were made while the provider's alert fired."""
    failed = NO_STREAK
    for number, covered in enumerate([False, True, True]):
        failed = failed.failed(NOT_FOUND, "no such client", START + minutes(number), covered=covered)
    assert isinstance(RULE.judge_account(Health(account=health().account, streak=failed)), Unknown)


# A provider


@pytest.mark.parametrize("outcome", ENDPOINT)
@pytest.mark.parametrize(("polls", "expected"), [(1, Unknown), (2, Unknown), (3, Breached)])
def test_an_endpoint_that_fails(outcome: Outcome, polls: int, expected: type[Verdict]) -> None:
    """Three in a row break the rule; fewer say nothing."""
    assert isinstance(RULE.judge_provider([health(*[outcome] * polls)]), expected)


@pytest.mark.parametrize("outcome", [AUTH, BANNED])
def test_refused_credentials_and_bans_break_it_at_once(outcome: Outcome) -> None:
    """Trying again will not mend them."""
    verdict = RULE.judge_provider([health(outcome)])
    assert verdict == Breached(
        f"{outcome}: what {outcome} looks like, at the first poll", "polls that succeed", TOTAL
    )


@pytest.mark.parametrize("outcome", [NOT_FOUND, REJECTED])
def test_one_accounts_refusals_say_nothing_of_the_endpoint(outcome: Outcome) -> None:
    """With another account read, the endpoint is well."""
    known = [health(*[outcome] * 9, name="A"), health(name="B", ok_at=START)]
    assert isinstance(RULE.judge_provider(known), Ok)


def test_different_kinds_in_a_row_are_a_row() -> None:
    """A timeout, a broken connection, an answer that is none: three polls without a balance."""
    verdict = RULE.judge_provider([health(TIMEOUT, Outcome.CONNECT, BAD_PAYLOAD)])
    assert isinstance(verdict, Breached)


def test_an_old_refusal_of_an_account_is_no_outage() -> None:
    """A client unknown for weeks and then one timeout: the endpoint failed once, not weeks."""
    known = [health(*[NOT_FOUND] * 50, TIMEOUT, name="A"), health(name="B", ok_at=START)]
    assert isinstance(RULE.judge_provider(known), Unknown)


def test_the_last_account_has_to_be_read() -> None:
    """One success ends no outage of two."""
    known = [health(TIMEOUT, TIMEOUT, TIMEOUT, name="A"), health(name="B", ok_at=START)]
    assert isinstance(RULE.judge_provider(known), Breached)


def test_an_account_that_failed_once_holds_the_outage() -> None:
    """It is not over while anything is unread."""
    known = [health(name="A", ok_at=START), health(TIMEOUT, name="B")]
    assert RULE.judge_provider(known) == Unknown("timeout: what timeout looks like")


def test_an_outage_is_over_when_all_are_read() -> None:
    """And says how many that is."""
    known = [health(name="A", ok_at=START), health(name="B", ok_at=START)]
    assert RULE.judge_provider(known) == Ok("all 2 accounts are read again")


def test_a_single_account_has_no_number() -> None:
    """`all 1 accounts` would be odd."""
    assert RULE.judge_provider([health(ok_at=START)]) == Ok("read again")


def test_an_unknown_client_does_not_hide_an_outage() -> None:
    """The other account's timeouts fire all the same."""
    known = [health(NOT_FOUND, name="A"), health(TIMEOUT, TIMEOUT, TIMEOUT, name="B")]
    assert isinstance(RULE.judge_provider(known), Breached)


def test_an_unknown_client_does_not_hold_an_outage() -> None:
    """All that suffered are read again, and one client has been unknown all along."""
    known = [health(*[NOT_FOUND] * 50, name="A"), health(name="B", ok_at=START)]
    assert isinstance(RULE.judge_provider(known), Ok)


def test_the_resolve_does_not_call_an_unknown_client_read() -> None:
    """Never told something false: one of the two is not read."""
    known = [health(*[NOT_FOUND] * 50, name="A"), health(name="B", ok_at=START)]
    assert "all 2 accounts are read again" not in RULE.judge_provider(known).reason


def test_a_refusal_after_an_outage_is_no_reading() -> None:
    """The only account was in an outage, and now the service refuses it: nothing was read."""
    assert not isinstance(RULE.judge_provider([health(TIMEOUT, TIMEOUT, TIMEOUT, REJECTED)]), Ok)


def test_the_affected_accounts_are_named() -> None:
    """How many of how many, and one of them by name: the one that has failed most."""
    known = [
        health(TIMEOUT, name="A"),
        health(*[TIMEOUT] * 4, name="B"),
        health(name="C", ok_at=START),
    ]
    reason = RULE.judge_provider(known).reason
    assert reason.startswith("timeout: what timeout looks like, 4 polls")
    assert reason.endswith("since 2026-02-01 14:30:00 UTC (2 of 3 accounts, e.g. nami-spot/B)")


def test_a_kind_seen_once_is_not_reported_as_seen_three_times() -> None:
    """After two timeouts the key is refused: the refusal did not happen three times."""
    verdict = RULE.judge_provider([health(TIMEOUT, TIMEOUT, AUTH)])
    assert not verdict.reason.startswith("auth: what auth looks like, 3 polls in a row")


# How bad it is


def test_all_accounts_failing_is_total() -> None:
    """Nobody is read."""
    known = [health(*[TIMEOUT] * 3, name="A"), health(*[TIMEOUT] * 3, name="B")]
    assert level(RULE.judge_provider(known)) == TOTAL


def test_one_read_since_it_began_makes_it_partial() -> None:
    """Somebody is read."""
    known = [health(*[TIMEOUT] * 3, name="A"), health(name="B", ok_at=START + minutes(1))]
    assert level(RULE.judge_provider(known)) == PARTIAL


def test_nobody_read_since_it_began_is_total() -> None:
    """The others' turns have not come yet: one message for the outage, not two."""
    known = [health(*[TIMEOUT] * 3, name="A"), health(name="B", ok_at=LONG_AGO), health(name="C")]
    assert level(RULE.judge_provider(known)) == TOTAL


def test_an_unknown_client_does_not_make_a_total_outage_partial() -> None:
    """It is not read either."""
    known = [health(*[TIMEOUT] * 3, name="A"), health(NOT_FOUND, name="B", ok_at=LONG_AGO)]
    assert level(RULE.judge_provider(known)) == TOTAL


def test_one_failure_of_all_the_others_is_not_a_total_outage() -> None:
    """One client's trouble, and one lost packet for each of the others: `polls: 3` holds for them too."""
    known = [
        health(*[TIMEOUT] * 60, name="A"),
        health(TIMEOUT, name="B", ok_at=START + minutes(58), start=START + minutes(59)),
        health(TIMEOUT, name="C", ok_at=START + minutes(58), start=START + minutes(59)),
    ]
    assert level(RULE.judge_provider(known, firing=PARTIAL)) == PARTIAL


@pytest.mark.parametrize("firing", [None, TOTAL])
def test_an_outage_that_begins_raggedly_is_total_from_the_start(firing: int | None) -> None:
    """All fail already, though only one for long enough: it does not get worse when the others follow."""
    known = [
        health(*[TIMEOUT] * 3, name="A"),
        health(TIMEOUT, name="B", ok_at=START, start=START + minutes(1)),
    ]
    assert level(RULE.judge_provider(known, firing=firing)) == TOTAL


def test_an_outage_after_which_nothing_is_read_says_what_fails_now() -> None:
    """The only account was in an outage, and is refused since: the alert goes on, in other words."""
    known = [health(*[TIMEOUT] * 3, *[NOT_FOUND] * 20)]
    verdict = RULE.judge_provider(known, START, TOTAL)
    assert isinstance(verdict, Breached)
    assert verdict.reason.startswith("not_found: what not_found looks like, 20 polls failed so in a row")


# A missing currency


def missing(answers: int) -> Streak:
    lacked = NO_STREAK
    for number in range(answers):
        lacked = lacked.failed(Outcome.OK, "the response lacks this currency", START + minutes(number))
    return lacked


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (0, Ok("the response contains it")),
        (1, Unknown("the response lacks this currency")),
        (2, Unknown("the response lacks this currency")),
        (3, Breached("the response lacks this currency, 3 times in a row", "in every response")),
    ],
)
def test_a_currency_missing_from_answers(answers: int, expected: Verdict) -> None:
    """Not zero: three answers in a row without it are an alert of its own."""
    known = view(missing=missing(answers))
    assert RULE.judge(known, read=answers == 0, firing=None, now=START) == expected


# Streaks


def test_a_streak_counts_and_remembers_its_beginning() -> None:
    """The last kind, the first instant."""
    last = streak(TIMEOUT, TIMEOUT, AUTH)
    assert (last.count, last.since, last.outcome) == (3, START, AUTH)


def test_a_health_without_failures_has_no_streak() -> None:
    """Nothing to count from."""
    assert Health(account=health().account).streak == NO_STREAK


def test_a_large_outage_is_judged_without_comparing_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each poll of an outage judges all the provider's accounts: in time that grows with their number, no faster."""
    compared: list[object] = []

    def compare(one: Health, other: object) -> bool:
        compared.append(other)
        return one is other

    monkeypatch.setattr(Health, "__eq__", compare)
    known = [health(*[TIMEOUT] * 3) for _ in range(50)]
    assert level(RULE.judge_provider(known)) == TOTAL
    assert compared == []
