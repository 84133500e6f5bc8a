"""Nami Exchange: the balances of one wallet of the account that an API key belongs to.

Facts are from the exchange's public documentation as collected in the project's page "Nami Exchange: wallet balance".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from monitor.domain import money
from monitor.domain.model import Account, Balance
from monitor.errors import BadPayload, PollFailed, Rejected
from monitor.providers import payload
from monitor.providers.base import (
    BaseUrl,
    Check,
    Entry,
    HeaderSecret,
    Provider,
    RateLimit,
    RateLimitField,
    Request,
    Secret,
    Settings,
    Wallets,
    hmac_sha256,
    unix_time,
)
from monitor.providers.payload import Node, Number
from monitor.providers.response import Response, failure

PATH = "/api/v4/user/balance"
WALLETS: Mapping[str, int] = {"spot": 0, "futures": 2}
"""The wallets' names, which are our accounts' names, and their ids ("Request": `type`)."""

_ID = re.compile(r"0|[1-9][0-9]{0,17}")
_NAME = re.compile(r"[^\s/]([^\r\n\t/]{0,62}[^\s/])?")


class NamiSettings(Settings):
    """An API key of the exchange."""

    reports_locked: ClassVar[bool] = True

    type: Literal["nami"] = Field(description="The type of the service.")
    base_url: BaseUrl = Field(
        default="https://nami.exchange",
        description="The address of the exchange: http(s)://host[:port][/path].",
    )
    api_key: HeaderSecret = Field(description="The public API key, sent in the header x-api-key.")
    api_secret: Secret = Field(description="The secret that signs requests; it is never sent.")
    rate_limit: RateLimitField | None = Field(
        default=RateLimit(60, timedelta(minutes=1)),
        description="The highest number of calls in any span of time, for everything on this host. "
        "The exchange allows 60/1m, and bans the address for an hour if that is exceeded.",
    )


def _wallet(value: object) -> object:
    names = {str(wallet): name for name, wallet in WALLETS.items()}
    return names.get(str(value), value)


WalletName = Annotated[
    Literal["spot", "futures"],
    BeforeValidator(_wallet),
    WithJsonSchema({"enum": ["spot", "futures", 0, 2, "0", "2"]}),
]


def _currency_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("expected a currency's numeric id, such as 22")
    return value


def _currency_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("expected a name of up to 64 characters without slashes, such as USDT")
    return value


def _pattern_schema(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern.pattern})$"})


CurrencyId = Annotated[str, AfterValidator(_currency_id), _pattern_schema(_ID)]
CurrencyName = Annotated[str, AfterValidator(_currency_name), _pattern_schema(_NAME)]


def _distinct(currencies: dict[str, str]) -> dict[str, str]:
    names = list(currencies.values())
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"the name {twice} is given to more than one id")
    return currencies


Currencies = Annotated[dict[CurrencyId, CurrencyName], Field(min_length=1), AfterValidator(_distinct)]


def _check_currencies(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    ids: dict[str, str] = {}
    for index, (number, name, _) in enumerate(entries):
        if re.search(r"[\s/]", name):
            yield index, "a currency's name can't hold `/` or white space"
        elif name in ids:
            yield index, f"{name!r} is already the name of currency {ids[name]}"
        ids.setdefault(name, number)


class NamiWallets(Wallets):
    """One wallet of the exchange, and the currencies in it that are watched."""

    forms: ClassVar[Mapping[str, str]] = {"currencies": "{22: USDT}"}
    checks: ClassVar[Mapping[str, Check]] = {"currencies": _check_currencies}

    wallet: WalletName = Field(description="The wallet to read: spot (0) or futures (2).")
    currencies: Currencies | None = Field(
        default=None,
        description="The ids of the currencies to watch, with the names to show. Without it, every currency in "
        "the response is watched and shown by its id.",
    )

    def accounts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the one wallet, with the names of its configured currencies."""
        return ((self.wallet, tuple((self.currencies or {}).values())),)


class NamiApi:
    """`GET /api/v4/user/balance`. An account's name is its wallet's."""

    max_skew: ClassVar[timedelta] = timedelta(seconds=30)
    """Assumed: the documentation names no tolerance, only that a missing or wrong timestamp is refused."""

    def __init__(self, settings: NamiSettings, wallets: NamiWallets) -> None:
        self._settings = settings
        self._currencies = wallets.currencies

    def request(self, account: Account, now: datetime) -> Request:
        """Return the signed request for a wallet's balances; the timestamp is in milliseconds ("Request")."""
        milliseconds = unix_time(now, timedelta(milliseconds=1))
        query = urlencode({"type": WALLETS[account.name], "timestamp": milliseconds})
        signature = hmac_sha256(self._settings.api_secret, query)
        return Request(
            url=f"{self._settings.base_url}{PATH}?{query}&signature={signature}",
            headers={
                "x-api-key": self._settings.api_key.get_secret_value(),
                "Content-Type": "application/json",
            },
            signature=signature,
        )

    def parse(self, account: Account, response: Response) -> tuple[Balance, ...]:
        """Return a wallet's balances: the configured ones in the configuration's order, or all in the response's."""
        if response.status != 200:
            raise _refused(response, payload.read_error(response.body))
        document = payload.read(response.body)
        _require_ok(response, document)
        data = document["data"]
        return tuple(_balance(data[key], name, WALLETS[account.name]) for key, name in self._wanted(data))

    def _wanted(self, data: Node) -> Iterator[tuple[str, str]]:
        """Yield the id and the name of each currency to read."""
        if self._currencies is not None:
            # A missing one is left out: its balance is unknown, and not zero.
            yield from ((key, name) for key, name in self._currencies.items() if data.get(key) is not None)
            return
        for key in data:
            if not _ID.fullmatch(key):
                raise BadPayload(f"{data.path}: expected currency ids, got the key {payload.quoted(key)}")
            yield key, key


def _balance(entry: Node, currency: str, wallet: int) -> Balance:
    """Return one currency's balance ("Answer"). Assumed: the available amount is `value - locked_value`."""
    # An entry of another wallet must never be recorded as this one's.
    kind = entry.get("type")
    if kind is not None and kind.amount() != wallet:
        raise kind.unexpected(f"expected {wallet}, the requested wallet")
    total, locked = entry["value"].amount(), entry["locked_value"].amount()
    return Balance(currency=currency, total=total, locked=locked, available=money.subtract(total, locked))


def _refused(response: Response, document: Node | None) -> PollFailed:
    """Return the error of an HTTP status. The body of a 400 may hold another status as `statusCode` ("Errors")."""
    status = _status_code(document) if response.status == 400 else None
    return failure(response, _message(document), status=status)


def _require_ok(response: Response, document: Node) -> None:
    """Raise if HTTP 200 is an error nevertheless ("Errors"): it has a `statusCode`, or a `status` other than `ok`."""
    code = _status_code(document)
    if code is not None:
        raise failure(response, _message(document), status=code)
    status = document["status"].text()
    if status == "ok":
        return
    number, message = document.get("code"), _message(document)  # `BROKER_ERROR (6104): its message`
    label = f"{status} ({number.value})" if number and isinstance(number.value, Number) else status
    raise Rejected(f"status {payload.plain_text(f'{label}: {message}' if message else label)}")


def _status_code(document: Node | None) -> int | None:
    """Return the HTTP status in an error's body; None if it has none."""
    node = document.get("statusCode") if document else None
    match node.value if node else None:
        case Number() as code if re.fullmatch("[45][0-9]{2}", code):
            return int(code)
        case _:
            return None


def _message(document: Node | None) -> str:
    return "; ".join(payload.texts(document, "message"))


PROVIDER = Provider("nami", NamiSettings, NamiWallets, NamiApi)
