"""What a poll, or the mere passing of time, means for the alerts of one account and its provider."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from monitor.domain.alerts import Alert
from monitor.domain.evaluation import AlertContext
from monitor.domain.matching import Match
from monitor.domain.messages import Item, render
from monitor.domain.model import Severity, State, Subject
from monitor.domain.mutes import Mute, MuteKind
from monitor.domain.rules import Delta, Failing, Policy, Rule, Stale, Threshold
from monitor.errors import Outcome

from .support import ACCOUNT, HOUR, MINUTE, START, World, clients, firing, kinds, minutes, policy

SPOT = replace(ACCOUNT, currencies=("USDT",))
SERIES = "nami-spot/spot/USDT"
TIMEOUT, NOT_FOUND, AUTH = Outcome.TIMEOUT, Outcome.NOT_FOUND, Outcome.AUTH

LOW = Threshold(name="low", below=Decimal(1000), policy=policy())
DROP = Delta(name="drop", direction="drop", limit=Decimal(50), percent=True, policy=policy())
FROZEN = Stale(name="frozen", after=minutes(10), policy=policy())
FAILING = Failing(name="failing", policy=policy())


def only(name: str) -> Match:
    return Match({"account": (name,)})


# A poll


def test_a_low_balance_fires_at_the_first_poll() -> None:
    """The very first reading is judged."""
    assert kinds(World([LOW]).poll(SPOT, {"USDT": "5"})) == "F"


def test_what_did_not_change_is_left_out() -> None:
    """A reading that is fine, again, is nothing to keep."""
    world = World([LOW, DROP, FROZEN, FAILING])
    world.poll(SPOT, {"USDT": "5000"})
    world.poll(SPOT, {"USDT": "5000"})
    assert world.changes(SPOT, polled=True, read=frozenset({"USDT"})) == []


def test_a_failed_poll_resolves_nothing() -> None:
    """The balance is unknown, not fine."""
    world = World([LOW])
    world.poll(SPOT, {"USDT": "5"})
    world.poll(SPOT, TIMEOUT)
    assert world.alert("low", SERIES).state is State.FIRING


def test_a_failed_poll_fires_no_threshold() -> None:
    """Nor is it low: the last reading was pending, and no new one says that it still is."""
    world = World([replace(LOW, policy=policy(hold=1))])
    world.poll(SPOT, {"USDT": "5"})
    assert world.poll(SPOT, TIMEOUT) == []


def test_a_currency_that_is_missing_is_not_zero() -> None:
    """USDT is not in the answer: no threshold fires, and none resolves."""
    world = World([LOW])
    assert world.poll(SPOT, {"VNDC": "7000"}) == []


def test_a_currency_missing_from_three_answers_fires_by_itself() -> None:
    """Not knowing is an alert of its own, and resolves when it is there again."""
    world = World([FAILING])
    world.poll(SPOT, {"USDT": "5"})
    for _ in range(3):
        world.poll(SPOT, {})
    world.poll(SPOT, {"USDT": "5"})
    assert world.notified("failing", SERIES) == "FR"


def test_a_failed_poll_between_does_not_count_as_an_answer_that_lacks_it() -> None:
    """Nor does it end the row."""
    world = World([FAILING])
    answers: list[Mapping[str, str] | Outcome] = [{}, {}, TIMEOUT, {}]
    for answer in answers:
        world.poll(SPOT, answer)
    assert world.notified("failing", SERIES) == "F"


def test_rules_look_only_at_what_they_match() -> None:
    """A rule over VNDC says nothing of USDT."""
    world = World([replace(LOW, match=Match({"currency": ("VNDC",)}))])
    assert world.poll(SPOT, {"USDT": "5"}) == []


def test_each_rule_has_an_alert_of_its_own() -> None:
    """Two limits over one series are two alerts."""
    lower = replace(LOW, name="very-low", below=Decimal(100))
    world = World([LOW, lower])
    world.poll(SPOT, {"USDT": "500"})
    world.poll(SPOT, {"USDT": "50"})
    assert (world.notified("low", SERIES), world.notified("very-low", SERIES)) == ("F", "F")


def test_a_limit_edited_while_it_fires_is_judged_by_the_new_limit() -> None:
    """Keyed by rule and series: the edited rule resolves what the old one fired."""
    world = World([LOW])
    world.poll(SPOT, {"USDT": "500"})
    world.rules = [replace(LOW, below=Decimal(100))]
    [event] = world.poll(SPOT, {"USDT": "500"})
    assert event.reason == "available 500, expected at least 100"


def test_clear_holds_a_firing_and_starts_none() -> None:
    """Hysteresis looks at the alert as it stands."""
    world = World([replace(LOW, clear=Decimal(1200))])
    for amount in ("1100", "999", "1100", "1200", "1100"):
        world.poll(SPOT, {"USDT": amount})
    assert world.notified("low", SERIES) == "FR"


# Between polls


def test_between_polls_balances_are_not_judged_anew() -> None:
    """Pending since the last reading, and `for` is over: it takes a reading to fire."""
    world = World([replace(LOW, policy=policy(hold=2)), replace(DROP, policy=policy(hold=2))])
    world.poll(SPOT, {"USDT": "5000"})
    world.poll(SPOT, {"USDT": "5"})
    assert world.tick(SPOT, HOUR) == []


def test_between_polls_reminders_go_out() -> None:
    """A job polled once a day still reminds every hour."""
    world = World([replace(LOW, policy=policy(repeat=60))])
    world.poll(SPOT, {"USDT": "5"})
    assert kinds(world.tick(SPOT, HOUR)) == "r"


def test_between_polls_a_provider_is_reminded_of() -> None:
    """An outage whose polls wait for a ban to end still reminds."""
    world = World([replace(FAILING, policy=policy(repeat=60))])
    world.poll(SPOT, Outcome.BANNED)
    assert [event.alert.subject for event in world.tick(SPOT, HOUR)] == ["nami-main"]


def test_between_polls_nothing_resolves() -> None:
    """Whatever fires goes on firing."""
    world = World([LOW, FAILING])
    world.poll(SPOT, {"USDT": "5"})
    world.poll(SPOT, AUTH)
    assert world.tick(SPOT, 24 * HOUR) == []


def test_between_polls_readings_grow_stale() -> None:
    """Time alone makes them so."""
    world = World([FROZEN])
    world.poll(SPOT, {"USDT": "5"})
    world.tick(SPOT, minutes(9))
    assert world.events == []
    assert kinds(world.tick(SPOT)) == "F"


def test_a_reading_ends_staleness() -> None:
    """The next successful one."""
    world = World([FROZEN])
    world.poll(SPOT, {"USDT": "5"})
    world.tick(SPOT, minutes(10))
    assert kinds(world.poll(SPOT, {"USDT": "5"})) == "R"


def test_nothing_to_say_between_polls_is_nothing_to_keep() -> None:
    """A quiet minute writes nothing."""
    world = World([LOW, DROP, FROZEN, FAILING])
    world.poll(SPOT, {"USDT": "5"})
    world.now += MINUTE
    assert world.changes(SPOT, polled=False) == []


# Staleness and failing


def failing_for_long(*rules: Rule) -> World:
    """A reading, and then polls that fail for longer than readings stay fresh."""
    world = World(list(rules))
    world.poll(SPOT, {"USDT": "5000"})
    for _ in range(15):
        world.poll(SPOT, TIMEOUT)
    return world


def test_stale_is_quiet_while_the_provider_fails() -> None:
    """One cause, one message."""
    world = failing_for_long(FROZEN, FAILING)
    assert (world.notified("failing", "nami-main"), world.notified("frozen", SERIES)) == ("F", "")
    by_outage = Mute.by_alert(MuteKind.EXPLANATION, ("failing", Subject("nami-main")))
    assert world.alert("frozen", SERIES).muted == by_outage


def test_stale_is_quiet_whatever_the_order_of_the_rules() -> None:
    """Failing is judged first."""
    assert failing_for_long(FAILING, FROZEN).notified("frozen", SERIES) == ""


def test_stale_that_stayed_quiet_ends_quietly() -> None:
    """Nobody was told of it."""
    world = failing_for_long(FROZEN, FAILING)
    assert [event.alert.rule for event in world.poll(SPOT, {"USDT": "5000"})] == ["failing"]


def test_stale_is_quiet_while_the_account_is_unknown_to_the_service() -> None:
    """Its own alert says so."""
    world = World([FROZEN, FAILING])
    world.poll(SPOT, {"USDT": "5000"})
    for _ in range(15):
        world.poll(SPOT, NOT_FOUND)
    assert (world.notified("failing", Subject.of_account(SPOT)), world.notified("frozen", SERIES)) == (
        "F",
        "",
    )


def test_stale_is_quiet_while_the_currency_is_missing() -> None:
    """The missing currency's alert says so."""
    world = World([FROZEN, FAILING])
    world.poll(SPOT, {"USDT": "5000"})
    for _ in range(15):
        world.poll(SPOT, {})
    assert (world.notified("failing", SERIES), world.notified("frozen", SERIES)) == ("F", "")


def test_a_missing_currency_does_not_quiet_another_ones_staleness() -> None:
    """Only what is missing is explained."""
    both = replace(SPOT, currencies=("USDT", "VNDC"))
    world = World([Failing(name="failing", match=Match({"currency": ("USDT",)})), FROZEN])
    world.poll(both, {"USDT": "5", "VNDC": "5"})
    for _ in range(15):
        world.poll(both, {})
    assert (world.notified("frozen", SERIES), world.notified("frozen", "nami-spot/spot/VNDC")) == ("", "F")


def test_stale_is_notified_where_no_failing_rule_looks() -> None:
    """`failing: off`, or one about something else, explains nothing."""
    world = failing_for_long(FROZEN, replace(FAILING, match=only("futures")))
    assert world.notified("frozen", SERIES) == "F"


def test_stale_is_notified_while_failing_is_only_pending() -> None:
    """What has not fired has explained nothing."""
    world = failing_for_long(FROZEN, replace(FAILING, policy=policy(hold=600)))
    assert world.notified("frozen", SERIES) == "F"


def test_stale_that_was_notified_before_failing_fired_is_resolved_with_it() -> None:
    """People who were told of it are told of its end."""
    world = failing_for_long(FROZEN, replace(FAILING, polls=15))
    assert (world.notified("failing", "nami-main"), world.notified("frozen", SERIES)) == ("F", "F")
    world.poll(SPOT, {"USDT": "5000"})
    assert (world.notified("failing", "nami-main"), world.notified("frozen", SERIES)) == ("FR", "FR")


def test_stale_is_notified_when_the_failing_rule_is_gone() -> None:
    """It outlives its inhibitor."""
    world = failing_for_long(FROZEN, FAILING)
    world.rules = [FROZEN]
    assert kinds(world.tick(SPOT)) == "F"


def test_stale_of_an_account_that_is_read_is_not_explained_by_anothers_failure() -> None:
    """The provider's alert fires for another account; this one just has not been polled."""
    one, other = clients(2)
    world = World([FROZEN, FAILING])
    world.poll(one, {"VND": "5"})
    world.poll(other, AUTH)
    world.tick(one, minutes(30))
    assert world.notified("frozen", f"{one}/VND") == "F"


# Accounts and providers


def test_a_rule_that_matches_some_accounts_judges_those_alone() -> None:
    """Its alert for the provider says nothing of the others."""
    one, other = clients(2)
    world = World([replace(FAILING, match=only(one.name))])
    world.poll(one, {"VND": "5"})
    for _ in range(5):
        world.poll(other, TIMEOUT)
    assert world.events == []


def test_a_rule_that_matches_some_accounts_resolves_with_those_alone() -> None:
    """Another account's outage does not hold it."""
    one, other = clients(2)
    world = World([replace(FAILING, match=only(one.name))])
    for _ in range(3):
        world.poll(one, TIMEOUT)
        world.poll(other, TIMEOUT)
    assert kinds(world.poll(one, {"VND": "5"})) == "R"


def test_two_rules_over_one_provider_are_two_alerts() -> None:
    """Each tells the accounts it matches."""
    one, other = clients(2)
    first = replace(FAILING, name="first", match=only(one.name))
    second = replace(FAILING, name="second", match=only(other.name))
    world = World([first, second])
    for _ in range(3):
        world.poll(one, TIMEOUT)
    assert (world.notified("first", "wdcf-main"), world.notified("second", "wdcf-main")) == ("F", "")


def test_providers_fail_each_by_itself() -> None:
    """An outage at one service says nothing of the other."""
    world = World([FAILING])
    [client] = clients(1)
    world.poll(SPOT, {"USDT": "5"})
    for _ in range(3):
        world.poll(client, TIMEOUT)
    assert (world.notified("failing", "wdcf-main"), world.notified("failing", "nami-main")) == ("F", "")


def test_a_refused_account_is_notified_by_itself() -> None:
    """One client unknown to the service: its own alert, and none of the provider."""
    one, other = clients(2)
    world = World([FAILING])
    world.poll(other, {"VND": "5"})
    for _ in range(3):
        world.poll(one, NOT_FOUND)
        world.poll(other, {"VND": "5"})
    assert (
        world.notified("failing", Subject.of_account(one)),
        world.notified("failing", Subject.of_provider(one.provider)),
    ) == ("F", "")


def test_a_rule_about_a_currency_is_not_about_accounts_without_it() -> None:
    """The futures wallet fails; the rule looks at USDT, which that wallet does not hold."""
    [client] = clients(1)
    world = World([replace(FAILING, match=Match({"currency": ("USDT",)}))])
    for _ in range(3):
        world.poll(client, TIMEOUT)
    assert world.events == []


# One account whose failures change their kind


@pytest.mark.parametrize(
    ("polls", "provider", "account"),
    [
        pytest.param([TIMEOUT, TIMEOUT, TIMEOUT, None], "FR", "", id="an-outage-and-its-end"),
        pytest.param([TIMEOUT, TIMEOUT, None, TIMEOUT, TIMEOUT], "", "", id="two-in-a-row-are-too-few"),
        pytest.param([AUTH, None], "FR", "", id="refused-credentials-at-once"),
        pytest.param(
            [TIMEOUT, AUTH, Outcome.BAD_PAYLOAD, None], "FR", "", id="kinds-change-within-an-outage"
        ),
        pytest.param([AUTH, TIMEOUT, Outcome.BAD_PAYLOAD, None], "FR", "", id="a-milder-kind-ends-nothing"),
        pytest.param([AUTH, Outcome.BANNED, None], "FR", "", id="refused-and-then-banned-is-one-outage"),
        pytest.param([NOT_FOUND] * 3 + [None], "", "FR", id="an-unknown-account"),
        pytest.param([NOT_FOUND] * 3 + [TIMEOUT, None], "", "FR", id="one-timeout-of-an-unknown-account"),
        pytest.param([TIMEOUT] * 2 + [NOT_FOUND, None], "", "FR", id="three-failures-in-several-ways"),
        pytest.param([NOT_FOUND] + [TIMEOUT] * 2 + [None], "FR", "", id="mostly-the-endpoints-failures"),
        pytest.param([TIMEOUT] * 3 + [NOT_FOUND, None], "FR", "", id="one-refusal-within-an-outage"),
    ],
)
def test_kinds_of_failure(polls: list[Outcome | None], provider: str, account: str) -> None:
    """`None` is a poll that read the balance. The other account of the provider is read all the time."""
    one, other = clients(2)
    world = World([FAILING])
    world.poll(other, {"VND": "5"})
    for outcome in polls:
        world.poll(one, outcome or {"VND": "5"})
        world.poll(other, {"VND": "5"})
    assert world.notified("failing", Subject.of_provider(one.provider)) == provider
    assert world.notified("failing", Subject.of_account(one)) == account


def test_an_outage_ends_with_a_reading_and_not_with_a_refusal() -> None:
    """The provider's only account: timeouts, then a refusal. `read again` would be false."""
    world = World([FAILING])
    for outcome in (TIMEOUT, TIMEOUT, TIMEOUT, Outcome.REJECTED):
        world.poll(SPOT, outcome)
    assert world.notified("failing", "nami-main") == "F"


# The end of a rule


def gone(rule: Rule | None, alert: Alert) -> str:
    [told] = (
        AlertContext().end(alert, rule, "the rule was removed from the configuration", START + HOUR).events
    )
    return told.report().rule_type


def test_the_end_of_a_rule_that_is_gone_does_not_say_what_it_never_was() -> None:
    """Nobody knows any more of what type it was: it is not told as `failing`."""
    assert gone(None, firing()) != "failing"


def test_the_end_of_an_account_has_the_rules_type() -> None:
    """The rule is still there."""
    assert gone(LOW, firing()) == "threshold"


def test_the_end_of_an_alert_has_the_severity_it_had() -> None:
    """Not a default."""
    [told] = AlertContext().end(firing(severity=Severity.CRITICAL), None, "gone", START + HOUR).events
    assert told.report().severity is Severity.CRITICAL


def test_the_end_of_an_alert_that_was_not_notified_is_quiet() -> None:
    """Pending alerts end without a message."""
    assert (
        AlertContext().end(Alert(rule="low", subject=Subject(SERIES)), LOW, "gone", START + HOUR).events == ()
    )


# What comes with an event


def test_an_event_comes_with_its_rules_policy() -> None:
    """It says where the message goes."""
    by = Policy(notify=("ops",))
    world = World([replace(LOW, policy=by)])
    world.poll(SPOT, {"USDT": "5000"})
    world.now += MINUTE
    low = World([replace(LOW, policy=by, below=Decimal(9000))], START, world.healths, world.views)
    [change] = low.changes(SPOT, polled=True, read=frozenset({"USDT"}))
    assert [one.policy for one in change.events] == [by]


def test_a_providers_event_has_the_labels_that_all_its_accounts_have() -> None:
    """One alert for all accounts: what only the one polled last has would be chance."""
    one, other = clients(2)
    world = World([FAILING])
    world.poll(replace(one, labels=(("team", "treasury"), ("tier", "gold"))), {"VND": "5"})
    world.poll(replace(other, labels=(("team", "treasury"), ("tier", "tin"))), AUTH)
    assert [report.labels for report in world.reports] == [(("team", "treasury"),)]


def test_a_series_event_has_its_accounts_labels() -> None:
    """They say whose it is."""
    world = World([LOW])
    world.poll(SPOT, {"USDT": "5"})
    assert [report.labels for report in world.reports] == [(("team", "treasury"),)]


def test_a_reminder_while_nothing_is_read_says_when_its_number_was_read() -> None:
    """The number may be another by now: it is not told as if it were new."""
    world = World([replace(LOW, policy=policy(repeat=60))])
    world.poll(SPOT, {"USDT": "5"})
    world.poll(SPOT, {"USDT": "4"})
    world.poll(SPOT, TIMEOUT, HOUR)
    assert "2026-02-01 14:32:00 UTC" in render([Item(last=world.reports[-1])]).plain


def test_a_missing_currency_is_not_notified_with_a_reading() -> None:
    """There was none: the last number known is not what the answer holds."""
    world = World([FAILING])
    world.poll(SPOT, {"USDT": "5000"})
    for _ in range(3):
        world.poll(SPOT, {})
    assert "\nReading: available 5000\n" not in render([Item(last=world.reports[-1])]).plain
