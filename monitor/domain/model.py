"""The values that all other modules use. Instants are aware UTC datetimes, spans timedeltas, amounts Decimals."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Literal, get_args

from monitor.domain.money import plain
from monitor.errors import Outcome

Field = Literal["available", "total", "locked"]
"""The amounts of a reading."""
FIELDS: tuple[Field, ...] = get_args(Field)


class Severity(IntEnum):
    """The severity of an alert, in ascending order."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        """Return `info`, `warning` or `critical`, as the configuration writes it."""
        return self.name.lower()


class State(StrEnum):
    """The state of an alert, in Prometheus' words."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One wallet within a job, with the provider's own name for it.

    `currencies` are those expected in every response; empty: whichever the response contains."""

    provider: str
    job: str
    name: str
    currencies: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Return job and name, which identify the account."""
        return self.job, self.name

    @property
    def attributes(self) -> dict[str, str]:
        """Return the attributes that rules, routes and silences can match."""
        own = {"job": self.job, "provider": self.provider, "account": self.name}
        return {**dict(self.labels), **own}

    def series(self, currency: str) -> "Series":
        """Return the series of one of this account's currencies."""
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
        """Return job, account and currency, which identify the series."""
        return (*self.account.key, self.currency)

    @property
    def attributes(self) -> dict[str, str]:
        """Return the attributes that rules, routes and silences can match."""
        return {**self.account.attributes, "currency": self.currency}

    def __str__(self) -> str:
        return f"{self.account}/{self.currency}"


class Subject(str):
    """The name of what an alert is about: a series `job/account/currency`, an account `job/account/*`, or a provider.

    It is a string, because every poll finds alerts by it, the store keeps it unchanged, and people read it. Names of
    jobs, providers and currencies contain no slash; the name of an account may."""

    __slots__ = ()

    @classmethod
    def of_series(cls, series: Series) -> "Subject":
        """Return the subject of an alert about one currency of an account."""
        return cls(series)

    @classmethod
    def of_account(cls, account: Account) -> "Subject":
        """Return the subject of an alert about a whole account."""
        return cls(f"{account}/{_WHOLE}")

    @classmethod
    def of_provider(cls, provider: str) -> "Subject":
        """Return the subject of an alert about all accounts of a provider."""
        return cls(provider)

    @property
    def key(self) -> tuple[str, str, str]:
        """Return job, account and currency, as `Series.key` has them; `*` for a whole account, all empty for a
        provider."""
        # the job ends at the first slash and the currency begins at the last: an account's name may hold slashes
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
        """Return the name as titles show it: for an account without the `/*`."""
        return self.removesuffix(f"/{_WHOLE}")


_WHOLE = "*"
"""In place of the currency: the whole account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The balance of one currency in a response. With the instant of the poll's end, it becomes a `Reading`."""

    currency: str
    total: Decimal
    available: Decimal
    locked: Decimal | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One balance of one series at one instant, digit for digit. Instants are in UTC.

    `locked` is None if the service does not report it; `updated_at` is the service's own time of last change."""

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
        """Return one of the amounts; None if the service does not report it."""
        match which:
            case "available":
                return self.available
            case "total":
                return self.total
            case "locked":
                return self.locked


UNKNOWN_PAUSE = timedelta(hours=1)
"""The longest remaining time of a pause whose beginning is unknown: a ban lasts this long if the host gives no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A span in which nothing is sent to a host, and the response that caused it. Instants are in UTC.

    `began_at` is None if an old version did not keep it."""

    host: str
    until: datetime
    outcome: Outcome
    detail: str
    began_at: datetime | None = None

    def left(self, now: datetime) -> timedelta:
        """Return how much of it is left: never more than its whole length, even if the clock was set back."""
        return max(min(self.until - now, self._length), timedelta(0))

    def is_ahead(self, now: datetime) -> bool:
        """Return whether it begins in the future, because the clock that recorded it was ahead."""
        return self.until - now > self._length

    @property
    def _length(self) -> timedelta:
        return UNKNOWN_PAUSE if self.began_at is None else self.until - self.began_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedCall:
    """A call to a host with a call limit, recorded before it is sent. Instants are in UTC.

    `ends_by` is when the service has counted it at the latest; once the call has ended, the instant of its end."""

    caller: str
    at: datetime
    ends_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """The result of one poll of one account: balances, or one kind of failure with its detail.

    `pause` is set if the host asks for a pause. `waited` is how long the poll waited for its turns, `took` how long the
    rest of it lasted; both are measured by the monotonic clock."""

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
        """Return the account's expected currencies that the response did not contain."""
        held = {balance.currency for balance in self.balances}
        return [currency for currency in account.currencies if self.ok and currency not in held]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Consecutive failures, since when, and the last one's outcome and detail.

    For an account: polls that failed. For a series: responses without its currency. `same_kind` counts the last ones
    that all concern the account, or all the endpoint. `same` counts the last ones with the same outcome, since
    `same_since`. `own` counts those that no outage of the provider explains."""

    count: int = 0
    same_kind: int = 0
    same: int = 0
    own: int = 0
    since: datetime | None = None
    same_since: datetime | None = None
    outcome: Outcome = Outcome.OK
    detail: str = ""

    def failed(self, outcome: Outcome, detail: str, at: datetime, *, covered: bool = False) -> "Streak":
        """Return the streak after one more failure, at an instant (UTC). `covered`: a provider's outage explains it."""
        is_same_kind = outcome.concerns_account == self.outcome.concerns_account
        same = self.same + 1 if outcome is self.outcome else 1
        return Streak(
            count=self.count + 1,
            same_kind=self.same_kind + 1 if is_same_kind else 1,
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
    """The state of one account's polls after the last one. Instants are in UTC."""

    account: Account
    streak: Streak = NO_STREAK
    last_poll_at: datetime | None = None
    last_ok_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView:
    """One series with its last reading, if it has one, and the start of its monitoring. Instants are in UTC.

    `missing` counts the consecutive responses without this currency. `ahead_until`: the clock was set back, and there
    are readings up to this instant that are ahead of the last one."""

    series: Series
    watched_since: datetime
    last: Reading | None = None
    missing: Streak = NO_STREAK
    ahead_until: datetime | None = None
    history: tuple[Reading, ...] = field(default=(), repr=False)


def value_text(reading: Reading, which: Field) -> str:
    """Return one of a reading's amounts with all its digits, or `unknown`."""
    value = reading.value(which)
    return "unknown" if value is None else plain(value)
