"""The values everything else is about. Instants are aware UTC datetimes, spans are timedeltas, money is Decimal."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Literal, get_args

from monitor.domain.money import plain
from monitor.errors import Outcome

Field = Literal["available", "total", "locked"]
"""Which of a reading's amounts."""
FIELDS: tuple[Field, ...] = get_args(Field)


class Severity(IntEnum):
    """How bad it is, in order."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        """`info`, `warning` or `critical`, as the configuration writes it."""
        return self.name.lower()


class State(StrEnum):
    """Where an alert stands, in Prometheus' words."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One wallet within a job, by the provider's own name for it.

    `currencies` are the names of the series expected in every answer; empty: whatever the answer holds."""

    provider: str
    job: str
    name: str
    currencies: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells this account from every other: its job and its name."""
        return self.job, self.name

    @property
    def attributes(self) -> dict[str, str]:
        """What rules, routes and silences can match of it."""
        own = {"job": self.job, "provider": self.provider, "account": self.name}
        return {**dict(self.labels), **own}

    def series(self, currency: str) -> "Series":
        """One of this account's currencies."""
        return Series(account=self, currency=currency)

    def __str__(self) -> str:
        return f"{self.job}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One currency of one account."""

    account: Account
    currency: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells this series from every other."""
        return (*self.account.key, self.currency)

    @property
    def attributes(self) -> dict[str, str]:
        """What rules, routes and silences can match of it."""
        return {**self.account.attributes, "currency": self.currency}

    def __str__(self) -> str:
        return f"{self.account}/{self.currency}"


class Subject(str):
    """What an alert is about, by its name: a series `job/account/currency`, an account `job/account/*`, or a provider.

    A text, and compared as one: alerts are looked up by it with every poll, the store keeps it as it is, and people
    read it. Jobs, providers and currencies hold no slash in their names; an account's name may."""

    __slots__ = ()

    @classmethod
    def of_series(cls, series: Series) -> "Subject":
        """Return the subject of an alert about one currency of an account."""
        return cls(series)

    @classmethod
    def of_account(cls, account: Account) -> "Subject":
        """Return the subject of an alert about all of an account."""
        return cls(f"{account}/{_WHOLE}")

    @classmethod
    def of_provider(cls, provider: str) -> "Subject":
        """Return the subject of an alert about all accounts of a provider."""
        return cls(provider)

    @property
    def key(self) -> tuple[str, str, str]:
        """Return job, account and currency, as `Series.key` has them; `*` for a whole account, all empty for a
        provider."""
        job, slash, rest = self.partition("/")
        account, _, currency = rest.rpartition("/")
        return (job, account, currency) if slash else ("", "", "")

    @property
    def account_key(self) -> tuple[str, str]:
        """Return job and account, as `Account.key` has them."""
        return self.key[:2]

    @property
    def account(self) -> str:
        """Return the account's full name, `job/account`; empty for a provider."""
        return self.rpartition("/")[0]

    @property
    def job(self) -> str:
        """Return the job; empty for a provider."""
        return self.key[0]

    @property
    def currency(self) -> str | None:
        """Return the currency of a series; None for an account or a provider."""
        currency = self.key[2]
        return None if currency in ("", _WHOLE) else currency

    @property
    def is_provider(self) -> bool:
        """Return whether it is a provider."""
        return "/" not in self

    @property
    def short(self) -> str:
        """Return the name as titles have it: of an account without what only tells it from a series."""
        return self.removesuffix(f"/{_WHOLE}")


_WHOLE = "*"
"""Stands in place of the currency where a whole account is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an answer says of one currency: a `Reading`, but for the instant, which is that of the poll's end."""

    currency: str
    total: Decimal
    available: Decimal
    locked: Decimal | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One balance of one series at one instant, digit for digit. Instants are in UTC.

    `locked` is None where the service does not tell it; `updated_at` is the service's own time of last change."""

    observed_at: datetime
    total: Decimal
    available: Decimal
    locked: Decimal | None = None
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.observed_at.tzinfo is None or (self.updated_at and self.updated_at.tzinfo is None):
            raise ValueError("a reading's instants need a time zone")

    @classmethod
    def of(cls, balance: Balance, observed_at: datetime) -> "Reading":
        """Return the balance as read at an instant."""
        return cls(
            observed_at=observed_at,
            total=balance.total,
            available=balance.available,
            locked=balance.locked,
            updated_at=balance.updated_at,
        )

    def value(self, which: Field) -> Decimal | None:
        """Return one of the amounts; None where the service does not tell it."""
        match which:
            case "available":
                return self.available
            case "total":
                return self.total
            case "locked":
                return self.locked


UNKNOWN_PAUSE = timedelta(hours=1)
"""What is left at most of a pause whose beginning is not known: as long as a ban lasts where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A host that wants no calls until an instant (UTC), since when, and the answer that said so.

    `began_at` is None where that was not kept."""

    host: str
    until: datetime
    outcome: Outcome
    detail: str
    began_at: datetime | None = None

    def left(self, now: datetime) -> timedelta:
        """Return how much of it is left by this clock: never more than it was, whatever was done to the clock."""
        return max(min(self.until - now, self._length), timedelta(0))

    def is_ahead(self, now: datetime) -> bool:
        """Return whether it begins in the future of this clock: a clock that was ahead noted it."""
        return self.until - now > self._length

    @property
    def _length(self) -> timedelta:
        return UNKNOWN_PAUSE if self.began_at is None else self.until - self.began_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedCall:
    """A call to a host with a limit, as its process noted it before it was sent. Instants are in UTC.

    `ends_by`: the service has counted it by then; the instant of its end, once that is known."""

    caller: str
    at: datetime
    ends_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """What one poll of one account came to: balances, or one kind of failure and what was seen.

    `pause` is set where the host wants no calls for a while. `waited` is how long the poll waited for its turns,
    `took` how long all the rest of it lasted, whatever was done to the wall clock meanwhile."""

    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    attempts: int
    balances: tuple[Balance, ...] = ()
    detail: str = ""
    pause: Pause | None = None
    waited: timedelta = timedelta(0)
    took: timedelta = timedelta(0)

    @property
    def ok(self) -> bool:
        """Return whether balances were read."""
        return self.outcome is Outcome.OK

    def lacking(self, account: Account) -> list[str]:
        """Return the currencies of the account that the response should have held and did not."""
        held = {balance.currency for balance in self.balances}
        return [currency for currency in account.currencies if self.ok and currency not in held]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """How many polls in a row gave nothing, since when, and what the last one said.

    Of an account: polls that failed. Of a series: answers that did not hold its currency. `same_kind` counts the last
    ones of them that all speak of the account, or all of the endpoint; `same` the last ones of the same outcome, since
    `same_since`. `own` counts those that no outage of the provider covers."""

    count: int = 0
    same_kind: int = 0
    same: int = 0
    own: int = 0
    since: datetime | None = None
    same_since: datetime | None = None
    outcome: Outcome = Outcome.OK
    detail: str = ""

    def failed(self, outcome: Outcome, detail: str, at: datetime, *, covered: bool = False) -> "Streak":
        """Return the streak after one more failure; `covered`: an outage of the provider is being alerted."""
        like_before = outcome.concerns_account == self.outcome.concerns_account
        same = self.same + 1 if outcome is self.outcome else 1
        return Streak(
            count=self.count + 1,
            same_kind=self.same_kind + 1 if like_before else 1,
            same=same,
            own=self.own if covered else self.own + 1,
            since=self.since or at,
            same_since=self.same_since if same > 1 else at,
            outcome=outcome,
            detail=detail,
        )


NO_STREAK = Streak()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one account's polls have been going, up to and including the last one."""

    account: Account
    streak: Streak = NO_STREAK
    last_poll_at: datetime | None = None
    last_ok_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView:
    """What is known of one series: its last reading, if there ever was one, and since when it is watched.

    `missing` counts the answers in a row that lacked this currency. `ahead_until`: the clock was set back, and
    readings up to this instant lie ahead of the last one."""

    series: Series
    watched_since: datetime
    last: Reading | None = None
    missing: Streak = NO_STREAK
    ahead_until: datetime | None = None
    history: tuple[Reading, ...] = field(default=(), repr=False)


def value_text(reading: Reading, which: Field) -> str:
    """Return one of a reading's amounts as it came, or `unknown`."""
    value = reading.value(which)
    return "unknown" if value is None else plain(value)
