"""The overview: the state of the store, the configuration and the running process at one instant."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from monitor.alerting.status import Status, assemble
from monitor.config import Config
from monitor.domain.model import Pause, Reading, Series, State, Subject
from monitor.domain.money import subtract
from monitor.domain.mutes import AlertKey
from monitor.domain.rules import Reads, Rule
from monitor.providers import PROVIDERS
from monitor.store.read import readings, state
from monitor.store.read.state import AccountStatus, AlertStatus, Known, SeriesStatus

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPANS = (HOUR, DAY)
"""The spans over which changes are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The state of the running process that is not in the store.

    `next_polls` is by account (`job/account`); instants are in UTC. `unready` is the reason why it is not ready, empty
    if it is. `notes` are problems that do not keep it from working."""

    started_at: datetime
    next_polls: Mapping[str, datetime] = field(default_factory=dict)
    unready: str = ""
    notes: Sequence[str] = ()


class SeriesState(StrEnum):
    """The state of a series, the worst first."""

    FIRING = "firing"
    PENDING = "pending"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """The state of a rule for one series. `alert` is its alert, if pending or firing.

    `evaluated` is false while the rule cannot be evaluated: a rule about amounts, while none can be read."""

    rule: str
    expected: str
    alert: AlertStatus | None = None
    evaluated: bool = True

    @property
    def state(self) -> str:
        """Return `inactive`, `pending`, `firing` or `unknown`."""
        if self.alert is not None:
            return self.alert.state
        return State.INACTIVE if self.evaluated else "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The current state of a series.

    `changes` are those of the available amount over an hour and a day; None: unknown. `problem` is the reason why
    the balance may be outdated, empty if it is current. `next_poll` is in UTC."""

    series: Series
    balance: SeriesStatus
    changes: tuple[Decimal | None, ...]
    rules: tuple[RuleState, ...]
    problem: str
    next_poll: datetime | None

    @property
    def name(self) -> str:
        """Return the name of the series."""
        return str(self.series)

    @property
    def alerts(self) -> list[AlertStatus]:
        """Return the pending and firing alerts of its rules."""
        return [one.alert for one in self.rules if one.alert is not None]

    @property
    def severity(self) -> int:
        """Return the severity of the worst firing alert; -1 if none fires."""
        return max((one.severity for one in self.alerts if one.state == State.FIRING), default=-1)

    @property
    def state(self) -> SeriesState:
        """Return the state of the series: the worst of its alerts, or unknown."""
        states = {one.state for one in self.alerts}
        if State.FIRING in states:
            return SeriesState.FIRING
        if State.PENDING in states:
            return SeriesState.PENDING
        return SeriesState.UNKNOWN if self.problem else SeriesState.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """A provider with the last polls of its accounts, and a pause of its host.

    `outcomes` counts accounts by the outcome of their last poll. `detail` describes the longest failure."""

    name: str
    type: str
    host: str
    accounts: int
    outcomes: Mapping[str, int]
    last_poll: datetime | None
    detail: str
    pause: Pause | None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything that the pages show at one instant."""

    config: Config
    live: Live
    status: Status
    rows: tuple[Row, ...]
    providers: tuple[ProviderRow, ...]

    @property
    def at(self) -> datetime:
        """Return the instant of the overview, in UTC."""
        return self.status.at

    @cached_property
    def by_name(self) -> dict[str, Row]:
        """Return the series by name."""
        return {row.name: row for row in self.rows}

    @cached_property
    def state_counts(self) -> Counter[SeriesState]:
        """Return the number of series by state."""
        return Counter(row.state for row in self.rows)

    @cached_property
    def alerts(self) -> list[AlertStatus]:
        """Return the firing alerts, the worst first. Muted and acknowledged ones come last."""

        def urgency(alert: AlertStatus) -> tuple[bool, int, datetime]:
            return (bool(alert.muted or alert.ack), -alert.severity, alert.since)

        return sorted((one for one in self.status.alerts if one.state == State.FIRING), key=urgency)

    @cached_property
    def next_polls(self) -> dict[str, datetime]:
        """Return for each job when the first of its accounts is polled next."""
        first: dict[str, datetime] = {}
        for account in self.config.accounts.values():
            if (at := self.live.next_polls.get(str(account))) is not None:
                first[account.job] = min(at, first.get(account.job, at))
        return first


def read_overview(config: Config, live: Live, now: datetime) -> Overview:
    """Read the overview. Raises StoreError if the store cannot be read."""
    known = state.read(config.store.path) or Known(notifications={})
    status = assemble(known, config, now)
    longest = max(config.gaps_after.values(), default=DAY)
    earlier = [readings.before(config.store.path, now - span, now - span - longest) for span in SPANS]
    accounts = {(one.job, one.name): one for one in known.accounts}
    return Overview(
        config=config,
        live=live,
        status=status,
        rows=tuple(_rows(config, live, status, accounts, earlier)),
        providers=tuple(_providers(config, status, accounts)),
    )


def _rows(
    config: Config,
    live: Live,
    status: Status,
    accounts: Mapping[tuple[str, str], AccountStatus],
    earlier: Sequence[Mapping[str, Reading]],
) -> Iterator[Row]:
    alerts = {(alert.rule, alert.subject): alert for alert in status.alerts}
    expected = {rule.name: rule.expectation for rule in config.rules}
    for balance in (*status.balances, *_never_read(config, status)):
        account = config.accounts[(balance.job, balance.account)]
        series = account.series(balance.currency)
        name = str(series)
        problem = _problem(balance, accounts.get(account.key), status.at)
        yield Row(
            series=series,
            balance=balance,
            changes=tuple(
                _change(balance, before.get(name), status.at - span, config.gaps_after.get(account.job, DAY))
                for span, before in zip(SPANS, earlier, strict=True)
            ),
            rules=tuple(
                RuleState(
                    rule=rule.name,
                    expected=expected[rule.name],
                    alert=_alert(alerts, rule, series),
                    evaluated=not problem or rule.reads in (Reads.ANSWERS, Reads.TIME),
                )
                for rule in config.rules_of(series)
            ),
            problem=problem,
            next_poll=live.next_polls.get(str(account)),
        )


def _never_read(config: Config, status: Status) -> Iterator[SeriesStatus]:
    """Yield the configured series that are not in the store: their accounts were never read."""
    stored = {(one.job, one.account, one.currency) for one in status.balances}
    for account in config.accounts.values():
        for currency in account.currencies:
            if (*account.key, currency) not in stored:
                yield SeriesStatus(
                    job=account.job,
                    account=account.name,
                    currency=currency,
                    total=None,
                    available=None,
                    locked=None,
                    observed_at=None,
                    updated_at=None,
                    missing=0,
                )


def _change(
    balance: SeriesStatus, before: Reading | None, then: datetime, gap_after: timedelta
) -> Decimal | None:
    """Return the change of the available amount since `then`; None if it was not read since, or was unknown then.

    It was known if the last reading before `then`, `before`, was no longer ago than `gap_after`."""
    if balance.available is None or balance.observed_at is None or balance.observed_at <= then:
        return None
    if before is None or before.observed_at < then - gap_after:
        return None
    return subtract(Decimal(balance.available), Decimal(before.available))


def _alert(alerts: Mapping[AlertKey, AlertStatus], rule: Rule, series: Series) -> AlertStatus | None:
    """Return the alert of a rule for a series. That of a `failing` rule may be about its account or its provider."""
    subjects = [Subject.of_series(series)]
    if rule.judges_account(series.account):
        subjects += [Subject.of_account(series.account), Subject.of_provider(series.account.provider)]
    found = (alerts[rule.name, subject] for subject in subjects if (rule.name, subject) in alerts)
    return next(found, None)


def _problem(balance: SeriesStatus, account: AccountStatus | None, now: datetime) -> str:
    if account is not None and account.failures:
        return f"{account.outcome}: {account.detail}"
    if balance.missing:
        return "missing from the response"
    if balance.observed_at is None:
        return "never read"
    if account is not None and account.overdue_at is not None and account.overdue_at < now:
        return "the next poll is overdue"
    return ""


def _providers(
    config: Config, status: Status, accounts: Mapping[tuple[str, str], AccountStatus]
) -> Iterator[ProviderRow]:
    pauses = {pause.host: pause for pause in status.pauses}
    for name, settings in config.providers.items():
        mine = config.on_provider(name).values()
        known = [accounts[one.key] for one in mine if one.key in accounts]
        polled = [one for one in known if one.polled_at is not None]
        worst = max(polled, key=lambda one: (one.failures, one.polled_at), default=None)
        yield ProviderRow(
            name=name,
            type=next(one for one, known in PROVIDERS.items() if isinstance(settings, known.settings)),
            host=settings.origin,
            accounts=len(mine),
            outcomes=Counter(one.outcome for one in polled),
            last_poll=max((one.polled_at for one in polled if one.polled_at), default=None),
            detail=worst.detail if worst is not None and worst.failures else "",
            pause=pauses.get(settings.origin),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFilter:
    """A filter for series, with their order and the page. Empty values do not filter.

    All of `words` must occur in the name, the labels or the rules that are pending or fire."""

    job: str = ""
    state: str = ""
    words: str = ""
    order: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A page of the series that match a filter. `total` is their number on all pages."""

    rows: tuple[Row, ...]
    total: int
    page: int
    pages: int


ORDERS = ("standing", "name", "balance", "1h", "24h", "age")
"""The orders of series. A leading dash reverses one. `standing` is the state."""

PAGE = 100
"""Series per page."""


def choose(rows: Iterable[Row], wanted: SeriesFilter) -> Chosen:
    """Return a page of the series that match a filter. A number beyond the last page returns the last page."""
    fitting = _sorted([row for row in rows if _fits(row, wanted)], wanted.order)
    pages = max(1, -(-len(fitting) // PAGE))
    page = min(max(wanted.page, 1), pages)
    shown = fitting[(page - 1) * PAGE : page * PAGE]
    return Chosen(rows=tuple(shown), total=len(fitting), page=page, pages=pages)


def _fits(row: Row, wanted: SeriesFilter) -> bool:
    if wanted.job and row.balance.job != wanted.job:
        return False
    if wanted.state and row.state != wanted.state:
        return False
    if not wanted.words:
        return True
    text = " ".join((row.name, *dict(row.series.account.labels).values(), *(one.rule for one in row.alerts)))
    return all(word in text.lower() for word in wanted.words.lower().split())


def _sorted(rows: list[Row], order: str) -> list[Row]:
    """Return the series in an order. Unknown values come last, also if it is reversed."""
    by = order.removeprefix("-")
    rows.sort(key=lambda row: row.name)
    if by not in ORDERS or by == "standing":
        worst_first = list(SeriesState)
        rows.sort(key=lambda row: (worst_first.index(row.state), -row.severity), reverse=order == "-standing")
        return rows
    if by == "name":
        return rows[::-1] if order == "-name" else rows
    known = [row for row in rows if _sort_key(row, by) is not None]
    unknown = [row for row in rows if _sort_key(row, by) is None]
    known.sort(key=lambda row: _sort_key(row, by) or Decimal(0), reverse=order.startswith("-"))
    return known + unknown


def _sort_key(row: Row, by: str) -> Decimal | None:
    match by:
        case "balance":
            return None if row.balance.available is None else Decimal(row.balance.available)
        case "1h" | "24h":
            return row.changes[("1h", "24h").index(by)]
        case _:
            at = row.balance.observed_at
            return None if at is None else Decimal(-at.timestamp())
