"""Rules, and what each says of what was read: `ok`, `breached` or `unknown`, always with the reason.

The boundaries: `below: 1000` is broken by 999.99 and not by 1000; `clear: 1200` is reached by 1200;
`drop: 20%` is broken by a fall of exactly 20 %; `after: 2h` is broken at two hours.

A percentage is taken of the absolute value of the amount the change started from, so a fall from -100 to -120
is a drop of 20 %. From zero every change in the rule's direction counts as more than any percentage.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeVar, assert_never

from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.model import Field, Health, Series, SeriesView, Severity, Snapshot, Streak
from monitor.domain.money import multiply, percent_of, plain, signed, subtract
from monitor.domain.schedule import Schedule, passed_at
from monitor.domain.units import compact, moment, span
from monitor.errors import Outcome

# Verdicts


@dataclass(frozen=True, slots=True)
class Ok:
    """The condition does not hold, and a reading says so."""

    reason: str


@dataclass(frozen=True, slots=True)
class Breached:
    """The condition holds. A higher `level` of the same alert is worse and is told anew.

    `severity` is of the worst of the rule's levels that is broken; None where it has none."""

    reason: str
    expected: str
    level: int = 0
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing can be said: no reading, or none to compare with. Never ok, never broken."""

    reason: str


Verdict = Ok | Breached | Unknown

# Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """An alert flaps when it begins or ceases to fire, or changes its severity, more than so many times in a span."""

    changes: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When an alert of a rule is told, and to whom.

    `hold` is the configuration's `for`. `repeat_every` None: never. `cooldown`: how long after its end an incident
    that fires anew is still the same. `flapping` None: nothing counts as flapping. `notify` None: as the routes
    say."""

    severity: Severity = Severity.WARNING
    hold: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    cooldown: timedelta = timedelta(0)
    flapping: Flapping | None = None
    repeat_every: timedelta | None = timedelta(hours=4)
    send_resolved: bool = True
    notify: tuple[str, ...] | None = None

    @property
    def memory(self) -> timedelta:
        """How long after its end an incident still matters."""
        return max(self.cooldown, self.flapping.within if self.flapping else timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What every rule has. Each kind also has `levels`: the same rule at several limits, the worst first, each with
    its severity in its policy; then the rule's own limit means nothing."""

    name: str
    match: Match = EVERYTHING
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(_Rule):
    """An amount below or above a limit; once firing, until it is back at `clear`."""

    field: Field = "available"
    below: Decimal | None = None
    above: Decimal | None = None
    clear: Decimal | None = None
    levels: tuple["Threshold", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta(_Rule):
    """A change of an amount, absolute or in percent, within a window or since the reading before."""

    direction: Literal["drop", "rise", "change"]
    limit: Decimal
    percent: bool = False
    within: timedelta | None = None
    field: Field = "available"
    levels: tuple["Delta", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(_Rule):
    """No successful reading, or none in which the service's own clock moved, for a while."""

    after: timedelta
    clock: Literal["observed", "provider"] = "observed"
    levels: tuple["Stale", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing(_Rule):
    """Polls that fail in a row, or answers in a row that lack a currency they should hold."""

    polls: int = 3
    levels: tuple["Failing", ...] = ()


Rule = Threshold | Delta | Stale | Failing


RuleT = TypeVar("RuleT", bound=_Rule)


def _worst_broken(rule: RuleT, levels: Sequence[RuleT], judge_one: Callable[[RuleT], Verdict]) -> Verdict:
    """The verdict of the first level that is broken; where none is, the last one's. Without levels, the rule's."""
    if not levels:
        return judge_one(rule)
    verdicts = [judge_one(level) for level in levels]
    for level, verdict in zip(levels, verdicts, strict=True):
        if isinstance(verdict, Breached):
            return replace(verdict, severity=level.policy.severity)
    return verdicts[-1]


def kind(rule: Rule) -> str:
    """The rule's type as the configuration writes it."""
    return type(rule).__name__.lower()


def window(rule: Rule) -> timedelta:
    """How far back the rule needs readings, besides the one before."""
    if not isinstance(rule, Delta):
        return timedelta(0)
    return max(level.within or timedelta(0) for level in rule.levels or (rule,))


# What a rule looks for, without any reading


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdLine:
    """An amount that a threshold rule, or one of its levels, wants a balance to stay above or below."""

    rule: str
    severity: Severity
    side: Literal["below", "above"]
    amount: Decimal


def limits(rules: Iterable[Rule], series: Series, which: Field) -> list[ThresholdLine]:
    """The limits that hold for one amount of a series: what a chart of it draws in."""
    found = []
    for rule in rules:
        if isinstance(rule, Threshold) and rule.field == which and rule.match.series(series):
            for level in rule.levels or (rule,):
                sides: tuple[tuple[Literal["below", "above"], Decimal | None], ...]
                sides = (("below", level.below), ("above", level.above))
                severity = level.policy.severity
                found += [
                    ThresholdLine(rule=rule.name, severity=severity, side=side, amount=amount)
                    for side, amount in sides
                    if amount is not None
                ]
    return found


def expectation(rule: Rule) -> str:
    """What a rule expects, in words; of each of its levels, where it has any, the worst first."""
    levels: Sequence[Rule] = rule.levels
    if not levels:
        return _expectation(rule)
    return "; ".join(f"{one.policy.severity.word}: {_expectation(one)}" for one in levels)


def _expectation(rule: Rule) -> str:
    match rule:
        case Threshold():
            return f"{rule.field} {_expected(rule)}"
        case Delta():
            return f"{rule.field}: {_expected_change(rule)}"
        case Stale():
            return _expected_news(rule)
        case Failing():
            return f"fewer than {rule.polls} failures in a row"
        case _:
            assert_never(rule)


# What a rule says of one series


def judge(
    rule: Rule,
    view: SeriesView,
    *,
    read: bool,
    firing: Severity | None,
    now: datetime,
    schedule: Schedule | None = None,
) -> Verdict:
    """What a rule says of a series after a poll, or between polls, where `read` is False.

    `view.history` ends with the newest reading and reaches back over the rule's window. `firing`: how bad the alert
    stands, if it fires. `now` is in UTC. `schedule` is the job's; None: any time is as good for a reading."""

    def at(level: Rule) -> Verdict:
        fires = firing is not None and (not rule.levels or firing >= level.policy.severity)
        return _judge(level, view, read=read, firing=fires, now=now, schedule=schedule)

    return _worst_broken(rule, rule.levels, at)


def _judge(
    rule: Rule, view: SeriesView, *, read: bool, firing: bool, now: datetime, schedule: Schedule | None
) -> Verdict:
    match rule:
        case Threshold():
            return _threshold(rule, view.history[-1], firing=firing) if read else _no_reading(view)
        case Delta():
            return _delta(rule, view.history) if read else _no_reading(view)
        case Stale():
            return _stale(rule, view, read=read, now=now, schedule=schedule)
        case Failing():
            return _missing(rule, view)
        case _:
            assert_never(rule)


def _no_reading(view: SeriesView) -> Unknown:
    return Unknown(view.missing.detail or "no reading")


def _threshold(rule: Threshold, last: Snapshot, *, firing: bool) -> Verdict:
    value = last.value(rule.field)
    if value is None:
        return Unknown(f"the service does not tell {rule.field}")
    seen = f"{rule.field} {plain(value)}"
    expected = _expected(rule)
    if rule.below is not None and value < rule.below:
        return Breached(f"{seen} < {plain(rule.below)}", expected)
    if rule.above is not None and value > rule.above:
        return Breached(f"{seen} > {plain(rule.above)}", expected)
    if firing and rule.clear is not None and not _cleared(rule, value, rule.clear):
        return Breached(f"{seen} is not back at {plain(rule.clear)}", expected)
    return Ok(f"{seen}, expected {expected}")


def _cleared(rule: Threshold, value: Decimal, clear: Decimal) -> bool:
    return value >= clear if rule.below is not None else value <= clear


def _expected(rule: Threshold) -> str:
    limits = []
    if rule.below is not None:
        limits.append(f"at least {plain(rule.below)}")
    if rule.above is not None:
        limits.append(f"at most {plain(rule.above)}")
    clears = f" (clears at {plain(rule.clear)})" if rule.clear is not None else ""
    return " and ".join(limits) + clears


def _delta(rule: Delta, history: Sequence[Snapshot]) -> Verdict:
    points = [
        (value, snapshot.observed_at)
        for snapshot in history
        if (value := snapshot.value(rule.field)) is not None
    ]
    if not points or history[-1].value(rule.field) is None:
        return Unknown(f"the service does not tell {rule.field}")
    (value, at), before = points[-1], points[:-1]
    if not before:
        return Unknown("no earlier reading to compare with")
    start = at - rule.within if rule.within is not None else None
    base = _base(rule, value, before[-1:] if start is None else _from(before, start))
    change = subtract(value, base[0])
    falling = change < 0 if rule.direction == "change" else rule.direction == "drop"
    known = f", only {span(at - before[0][1])} known" if start is not None and before[0][1] > start else ""
    moved = f"{signed(change)}{_percentage(change, base[0])} from {plain(base[0])} at {moment(base[1])}"
    reason = f"{rule.field} {plain(value)}, {moved}{known}"
    expected = _expected_change(rule)
    return Breached(reason, expected) if _exceeds(rule, value, base, falling=falling) else Ok(reason)


Point = tuple[Decimal, datetime]


def _from(points: Sequence[Point], start: datetime) -> Sequence[Point]:
    """The points since `start`, and the one before them: it tells the amount that held at `start`."""
    older = sum(1 for _, at in points if at <= start)
    return points[max(older - 1, 0) :]


def _base(rule: Delta, value: Decimal, points: Sequence[Point]) -> Point:
    """The point the change is counted from; the latest one where several are as far away."""
    newest_first = points[::-1]
    peak = max(newest_first, key=lambda point: point[0])
    trough = min(newest_first, key=lambda point: point[0])
    match rule.direction:
        case "drop":
            return peak
        case "rise":
            return trough
        case "change":
            return max(
                (peak, trough),
                key=lambda point: (_exceeds(rule, value, point, falling=point is peak), _apart(value, point)),
            )


def _apart(value: Decimal, point: Point) -> Decimal:
    return subtract(value, point[0]).copy_abs()


def _exceeds(rule: Delta, value: Decimal, base: Point, *, falling: bool) -> bool:
    change = subtract(value, base[0])
    if change == 0 or (change < 0) is not falling:
        return False
    size = change.copy_abs()
    if rule.percent:
        return multiply(size, Decimal(100)) >= multiply(rule.limit, base[0].copy_abs())
    return size >= rule.limit


def _percentage(change: Decimal, base: Decimal) -> str:
    percentage = percent_of(change, base)
    return "" if percentage is None else f" ({percentage})"


def _expected_change(rule: Delta) -> str:
    unit = "%" if rule.percent else ""
    within = f"within {compact(rule.within)}" if rule.within is not None else "since the reading before"
    return f"a {rule.direction} of less than {plain(rule.limit)}{unit} {within}"


def _expected_news(rule: Stale) -> str:
    return f"a {'change' if rule.clock == 'provider' else 'reading'} at least every {compact(rule.after)}"


def stale_at(rule: Stale, schedule: Schedule | None, last: datetime) -> datetime:
    """Return when a series read last at an instant is stale: without its schedule's rests, by our own clock."""
    if schedule is None or rule.clock == "provider":
        return last + rule.after
    return passed_at(schedule, last, rule.after)


def _stale(rule: Stale, view: SeriesView, *, read: bool, now: datetime, schedule: Schedule | None) -> Verdict:
    expected = _expected_news(rule)
    if rule.clock == "provider":
        if not read or view.last is None:
            return _no_reading(view)
        if view.last.updated_at is None:
            return Unknown("the service does not tell when the wallet last changed")
        since, what = view.last.updated_at, "the wallet last changed"
    elif view.last is None:
        since, what = view.watched_since, "never read, watched since"
    else:
        since, what = view.last.observed_at, "last read"
    reason = f"{what} {moment(since)}, {span(now - since)} ago"
    due = stale_at(rule, schedule, since)
    if now >= due:
        rest = due - since - rule.after
        return Breached(f"{reason}, {span(rest)} of it without a scheduled run" if rest else reason, expected)
    return Ok(reason) if read else Unknown(reason)


def _missing(rule: Failing, view: SeriesView) -> Verdict:
    if view.missing.count == 0:
        return Ok("the answer holds it")
    if view.missing.count < rule.polls:
        return Unknown(view.missing.detail)
    return Breached(f"{view.missing.detail}, {view.missing.count} times in a row", "in every answer")


# What a failing rule says of accounts and of whole providers

IMMEDIATE = frozenset({Outcome.AUTH, Outcome.BANNED})
"""Failures that trying again will not mend: they fire at the first."""

PARTIAL, TOTAL = 0, 1
"""Levels of a provider's alert: some accounts fail, or nothing has been read since they began to."""


def judge_account(rule: Failing, health: Health) -> Verdict:
    """Return what a failing rule says of one account: failures that are its own, in whatever way.

    The endpoint's failures, and polls that an outage of the provider covers, are the provider's alert."""
    return _worst_broken(rule, rule.levels, lambda level: _judge_account(level, health))


def _judge_account(rule: Failing, health: Health) -> Verdict:
    streak = health.streak
    if streak.count == 0:
        return Ok("read again")
    if streak.own < rule.polls or _is_the_endpoints(streak, rule.polls):
        return Unknown(_last_said(health))
    return Breached(_said_and_since(health, rule.polls), "polls that succeed")


def judge_provider(
    rule: Failing, healths: Sequence[Health], since: datetime | None = None, firing: int | None = None
) -> Verdict:
    """Return what a failing rule says of a provider, from the accounts the rule matches on it.

    One alert stands for all its accounts. It is over when none suffers any more and one was read after `since`,
    when the alert began. `firing` is its level if it fires. What concerns an account alone doesn't count, unless
    every one of several fails: then it is the endpoint's trouble (a redirect, `maintenance`)."""
    return _worst_broken(rule, rule.levels, lambda level: _judge_provider(level, healths, since, firing))


def _judge_provider(
    rule: Failing, healths: Sequence[Health], since: datetime | None, firing: int | None
) -> Verdict:
    everybody = len(healths) > 1 and _all_fail(rule.polls, healths)
    suffering = [
        one for one in healths if one.streak.count and (everybody or not one.streak.outcome.concerns_account)
    ]
    # One that began to fail `polls` polls before the last did fails for itself.
    last = min((one.streak.count for one in healths), default=0) + rule.polls
    over = [
        one
        for one in suffering
        if _is_the_endpoints(one.streak, rule.polls) or (everybody and rule.polls <= one.streak.count < last)
    ]
    if over:
        total = _nothing_read(healths, over) or (
            firing != PARTIAL and all(one.streak.count for one in healths)
        )
        return _broken(rule, over, len(suffering), len(healths), TOTAL if total else PARTIAL)
    read = [one for one in healths if one.streak.count == 0]
    if any(one.last_ok_at and (since is None or one.last_ok_at >= since) for one in read):
        return Unknown(_last_said(suffering[0])) if suffering else Ok(_read_again(len(read), len(healths)))
    failing = [one for one in healths if one.streak.count]
    if failing and firing is not None:  # nothing was read: the outage lasts, and this is what fails now
        return _broken(rule, failing, len(failing), len(healths), firing)
    return Unknown(_last_said(suffering[0]) if suffering else "nothing read since")


def may_begin(rule: Failing, streak: Streak, healths: Collection[Health]) -> bool:
    """Return whether an outage can begin with a poll after which this is the account's streak.

    `healths` are those of the provider. While one of thousands fails, this looks at few of them."""
    return streak.count > 0 and any(
        _is_the_endpoints(streak, one.polls)
        or _all_fail(one.polls, (health for health in healths if rule.match.account(health.account)))
        for one in rule.levels or (rule,)
    )


def _broken(rule: Failing, over: Sequence[Health], failing: int, all_: int, level: int) -> Breached:
    worst = max(over, key=lambda health: (health.streak.alike, health.streak.count))
    who = f" ({failing} of {all_} accounts, e.g. {worst.account})" if all_ > 1 else ""
    return Breached(_said_and_since(worst, rule.polls) + who, "polls that succeed", level)


def covered_by_outage(rule: Failing, healths: Sequence[Health]) -> Iterator[Health]:
    """Return the accounts of whose failures an outage, as it fires, explains some, without those counted as their own.

    It explains the last ones, as far as they speak of the endpoint; all, where every account fails."""
    everybody = len(healths) > 1 and _all_fail(rule.polls, healths)
    for one in healths:
        streak = one.streak
        if streak.own and (everybody or not streak.outcome.concerns_account):
            own = 0 if everybody else max(streak.own - streak.alike, 0)
            yield replace(one, streak=replace(streak, own=own))


def _all_fail(polls: int, healths: Iterable[Health]) -> bool:
    """Return whether each of these fails, often enough that it is no coincidence."""
    return all(one.streak.count >= max(polls - 1, 1) for one in healths)


def _is_the_endpoints(streak: Streak, polls: int) -> bool:
    """Return whether an account's failures make an outage: one that is told at once, so many that speak of the
    endpoint in a row, or most of so many."""
    if streak.count == 0 or streak.outcome.concerns_account:
        return False
    before = streak.own - streak.alike
    most = before < polls <= streak.own and 2 * streak.alike > polls
    return streak.outcome in IMMEDIATE or streak.alike >= polls or most


def _nothing_read(healths: Sequence[Health], over: Sequence[Health]) -> bool:
    # By identity: to compare each with all, field by field, would hold up every poll of a large provider's outage.
    failing = {id(health) for health in over}
    if all(id(health) in failing or health.streak.outcome.concerns_account for health in healths):
        return True
    began = min(health.streak.since for health in over if health.streak.since is not None)
    return all(health.last_ok_at is None or health.last_ok_at < began for health in healths)


def _read_again(read: int, all_: int) -> str:
    """Those not read have failures of their own: else the provider's alert would not be over."""
    if all_ == 1:
        return "read again"
    if read == all_:
        return f"all {all_} accounts are read again"
    are, were = "is" if read == 1 else "are", "was" if all_ - read == 1 else "were"
    return f"{read} of {all_} accounts {are} read again; {all_ - read} {were} refused when last asked"


def _last_said(health: Health) -> str:
    return f"{health.streak.outcome}: {health.streak.detail}"


def _said_and_since(health: Health, polls: int) -> str:
    """Return what was seen, how often, since when: of the last outcome where that alone breaks the rule."""
    streak, said = health.streak, _last_said(health)
    if streak.count == 1 or streak.since is None:
        return f"{said}, at the first poll"
    if streak.same == streak.count:
        return f"{said}, {streak.count} polls failed in a row since {moment(streak.since)}"
    if streak.same >= polls and streak.same_since is not None:
        return f"{said}, {streak.same} polls failed so in a row since {moment(streak.same_since)}"
    return f"{said}, the last of {streak.count} polls that failed in a row since {moment(streak.since)}"
