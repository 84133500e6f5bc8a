"""The rule on failing polls, of an account or of a whole provider, and on series that responses lack.

An outage is the alert about a provider while it fires. It replaces the alerts about all accounts whose failures it
explains.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from monitor.domain.model import Account, Health, SeriesView, State, Streak
from monitor.domain.rules.base import Breached, Ok, Reads, Rule, Unknown, Verdict
from monitor.domain.schedule import Schedule
from monitor.domain.time import moment
from monitor.errors import Outcome

IMMEDIATE = frozenset({Outcome.AUTH, Outcome.BANNED})
"""Failures that a retry will not fix: the first one fires."""

PARTIAL, TOTAL = 0, 1
"""Levels of a provider's alert: some accounts fail; or nothing has been read since they started failing."""

MANY = 1000
"""A provider with this many accounts is judged at most once per OFTEN during an outage."""
OFTEN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing(Rule):
    """Consecutive failed polls, or consecutive responses without a currency that they should contain."""

    kind: ClassVar[str] = "failing"
    reads: ClassVar[Reads] = Reads.ANSWERS

    polls: int = 3

    def _judge(
        self, view: SeriesView, *, read: bool, firing: bool, now: datetime, schedule: Schedule | None
    ) -> Verdict:
        if view.missing.count == 0:
            return Ok("the response contains it")
        if view.missing.count < self.polls:
            return Unknown(view.missing.detail)
        return Breached(f"{view.missing.detail}, {view.missing.count} times in a row", "in every response")

    @property
    def _expectation(self) -> str:
        return f"fewer than {self.polls} failures in a row"

    # Accounts

    def judges_account(self, account: Account) -> bool:
        """Return whether the rule matches the account."""
        return self.match.account(account)

    def judge_account(self, health: Health) -> Verdict:
        """Return the verdict on one account, by its own failures.

        Failures of the endpoint, and those that an outage of the provider explains, belong to the provider's alert."""
        return self._worst_breached(lambda level: level._judge_account(health))

    def _judge_account(self, health: Health) -> Verdict:
        streak = health.streak
        if streak.count == 0:
            return Ok("read again")
        if streak.own < self.polls or _is_outage(streak, self.polls):
            return Unknown(_last_outcome(health))
        return Breached(_failures_in_words(health, self.polls), "polls that succeed")

    def will_fire(self, health: Health) -> bool:
        """Return whether the account was refused often enough, but not often enough since its provider's outage."""
        streak = health.streak
        return (
            streak.outcome.concerns_account
            and streak.own < self.polls <= streak.same_kind
            and self.match.account(health.account)
        )

    # Providers

    def judge_provider(
        self, healths: Sequence[Health], since: datetime | None = None, firing: int | None = None
    ) -> Verdict:
        """Return the verdict on a provider, from the accounts that the rule judges on it.

        One alert replaces those of all its accounts. It is over when no account is affected any more and one was read
        after `since`, when the alert began. `firing` is its level, if it fires. Failures that concern an account don't
        count, unless each of several accounts fails: then the endpoint is the cause (a redirect, `maintenance`)."""
        return self._worst_breached(lambda level: level._judge_provider(healths, since, firing))

    def _judge_provider(
        self, healths: Sequence[Health], since: datetime | None, firing: int | None
    ) -> Verdict:
        all_fail = len(healths) > 1 and _all_fail(self.polls, healths)
        affected = [
            one
            for one in healths
            if one.streak.count and (all_fail or not one.streak.outcome.concerns_account)
        ]
        # An account that started failing `polls` polls before the last one did has failures of its own.
        last = min((one.streak.count for one in healths), default=0) + self.polls
        over = [
            one
            for one in affected
            if _is_outage(one.streak, self.polls) or (all_fail and self.polls <= one.streak.count < last)
        ]
        if over:
            total = _nothing_read(healths, over) or (
                firing != PARTIAL and all(one.streak.count for one in healths)
            )
            return self._breached(over, len(affected), len(healths), TOTAL if total else PARTIAL)
        read = [one for one in healths if one.streak.count == 0]
        if any(one.last_ok_at and (since is None or one.last_ok_at >= since) for one in read):
            return (
                Unknown(_last_outcome(affected[0])) if affected else Ok(_read_again(len(read), len(healths)))
            )
        failing = [one for one in healths if one.streak.count]
        if failing and firing is not None:  # nothing was read: the outage lasts, with other failures now
            return self._breached(failing, len(failing), len(healths), firing)
        return Unknown(_last_outcome(affected[0]) if affected else "nothing read since")

    def _breached(self, over: Sequence[Health], failing: int, all_: int, level: int) -> Breached:
        worst = max(over, key=lambda health: (health.streak.same_kind, health.streak.count))
        who = f" ({failing} of {all_} accounts, e.g. {worst.account})" if all_ > 1 else ""
        return Breached(_failures_in_words(worst, self.polls) + who, "polls that succeed", level)

    def outage_may_change(
        self,
        health: Health,
        provider: Collection[Health],
        *,
        state: State,
        breached_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Return whether a poll can change more of its provider's alert than the number of accounts in its reason.

        A verdict on a provider needs the state of all its accounts. For many accounts that is too slow for each poll of
        an outage: while the alert fires and another account still fails, once a second is enough."""
        if state is State.INACTIVE:
            return self._outage_may_begin(health.streak, provider)
        if (
            state is State.PENDING
            or len(provider) < MANY
            or breached_at is None
            or now - breached_at >= OFTEN
        ):
            return True
        others = self._others(health.account, provider)
        return not any(one.streak.count and not one.streak.outcome.concerns_account for one in others)

    def _outage_may_begin(self, streak: Streak, provider: Collection[Health]) -> bool:
        """Return whether an outage can begin with a poll that leads to this streak.

        While one of thousands of accounts fails, this checks only few of them."""
        return streak.count > 0 and any(
            _is_outage(streak, level.polls)
            or _all_fail(level.polls, (one for one in provider if self.match.account(one.account)))
            for level in self.each_level
        )

    def covers(self, account: Account, outcome: Outcome, provider: Iterable[Health]) -> bool:
        """Return whether a poll with this outcome belongs to an outage.

        A refusal of the account is its own failure, unless all the others are refused too."""
        if not self.match.account(account):
            return False
        if not outcome.concerns_account:
            return True
        others = [one.streak for one in self._others(account, provider)]
        return bool(others) and all(streak.count and streak.outcome.concerns_account for streak in others)

    def covered_by_outage(self, healths: Sequence[Health]) -> Iterator[Health]:
        """Yield the accounts with own failures that an outage explains, without these failures.

        It explains the last ones, as far as they concern the endpoint; if every account fails, it explains all."""
        all_fail = len(healths) > 1 and _all_fail(self.polls, healths)
        for one in healths:
            streak = one.streak
            if streak.own and (all_fail or not streak.outcome.concerns_account):
                own = 0 if all_fail else max(streak.own - streak.same_kind, 0)
                yield replace(one, streak=replace(streak, own=own))

    def _others(self, account: Account, provider: Iterable[Health]) -> Iterator[Health]:
        return (one for one in provider if one.account.key != account.key and self.match.account(one.account))


def _all_fail(polls: int, healths: Iterable[Health]) -> bool:
    """Return whether each of these has failed at least `polls` - 1 times, so that it is no coincidence."""
    return all(one.streak.count >= max(polls - 1, 1) for one in healths)


def _is_outage(streak: Streak, polls: int) -> bool:
    """Return whether an account's failures make an outage.

    One immediate failure does; so do `polls` consecutive ones of the endpoint, or most of the last `polls`."""
    if streak.count == 0 or streak.outcome.concerns_account:
        return False
    before = streak.own - streak.same_kind
    most = before < polls <= streak.own and 2 * streak.same_kind > polls
    return streak.outcome in IMMEDIATE or streak.same_kind >= polls or most


def _nothing_read(healths: Sequence[Health], over: Sequence[Health]) -> bool:
    # By identity, because comparing each with all by value would delay every poll during a large provider's outage.
    failing = {id(health) for health in over}
    if all(id(health) in failing or health.streak.outcome.concerns_account for health in healths):
        return True
    began = min(health.streak.since for health in over if health.streak.since is not None)
    return all(health.last_ok_at is None or health.last_ok_at < began for health in healths)


def _read_again(read: int, all_: int) -> str:
    """Return the reason of the end. Accounts not read have own failures, or the alert would not be over."""
    if all_ == 1:
        return "read again"
    if read == all_:
        return f"all {all_} accounts are read again"
    are, were = "is" if read == 1 else "are", "was" if all_ - read == 1 else "were"
    return f"{read} of {all_} accounts {are} read again; {all_ - read} {were} refused at the last poll"


def _last_outcome(health: Health) -> str:
    return f"{health.streak.outcome}: {health.streak.detail}"


def _failures_in_words(health: Health, polls: int) -> str:
    """Return as text the failure, how often and since when; the last outcome only, if that alone breaches the rule."""
    streak, outcome = health.streak, _last_outcome(health)
    if streak.count == 1 or streak.since is None:
        return f"{outcome}, at the first poll"
    if streak.same == streak.count:
        return f"{outcome}, {streak.count} polls failed in a row since {moment(streak.since)}"
    if streak.same >= polls and streak.same_since is not None:
        return f"{outcome}, {streak.same} polls failed so in a row since {moment(streak.same_since)}"
    return f"{outcome}, the last of {streak.count} polls that failed in a row since {moment(streak.since)}"
