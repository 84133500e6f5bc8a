"""Nami Exchange's `GET /api/v4/user/balance`, as documented (docs: "Nami Exchange: wallet balance")."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from urllib.parse import parse_qsl

from monitor.sandbox.faults import Fault, FaultForm, parse_number
from monitor.sandbox.http import Json, Request, Response, error_response, json_response, wrong_request
from monitor.sandbox.scripts import Script, constant, parse_duration, parse_script
from monitor.sandbox.service import Configuration, Simulation, quoted

PATH = "/api/v4/user/balance"
ACCOUNTS = {"0": "spot", "2": "futures"}
CURRENCIES = {1: "VNDC", 22: "USDT"}
"""The currency ids that the demo uses, and their names."""

_UNAUTHORIZED = "Missing API key, signature, or timestamp"
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
NOTHING = constant(Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One currency of one wallet: `value`, and the part of it that open orders hold, `locked`."""

    value: Script
    locked: Script = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimit:
    """The call limit (Nami, "Limits"): `calls` in a calendar minute, then 429 until the next one begins.

    The page does not define how many refused calls lead to a ban: here, the refused call number `tolerated` + 1 within
    a minute brings the `ban`, 418 for an hour. Nor does it mention Retry-After: `retry_after` decides if it is sent.
    """

    calls: int = 60
    tolerated: int = 10
    ban: timedelta = timedelta(hours=1)
    retry_after: bool = False


class CallCounter:
    """A counter for the one caller there is on loopback, whatever the key or the account."""

    def __init__(self, limit: CallLimit) -> None:
        self._limit = limit
        self._minute: datetime | None = None
        self._calls = 0
        self._banned_until: datetime | None = None

    def count(self, now: datetime) -> Response | None:
        """Count one call at `now` (UTC). Return its 429 or 418 if it is one too many, else None."""
        if self._banned_until is not None and now < self._banned_until:
            return self._refuse(418, self._banned_until - now)
        minute = now.replace(second=0, microsecond=0)
        self._calls = self._calls + 1 if minute == self._minute else 1
        self._minute = minute
        if self._calls <= self._limit.calls:
            return None
        if self._calls <= self._limit.calls + self._limit.tolerated:
            return self._refuse(429, minute + _MINUTE - now)
        self._banned_until = now + self._limit.ban
        return self._refuse(418, self._limit.ban)

    def _refuse(self, status: int, wait: timedelta) -> Response:
        return error_response(
            status, headers={"retry-after": str(-(-wait // _SECOND))} if self._limit.retry_after else None
        )


def broker_error(code: int = 6104, status: str = "BROKER_ERROR") -> Fault:
    """Answer HTTP 200 with another `status` in the body ("Errors")."""
    data = {"requestId": "00000000-0000-4000-8000-000000000000"}
    return Fault.answer(json_response(200, {"status": status, "code": code, "data": data, "message": None}))


_PROVIDER = """\
  nami-sandbox:
    type: nami
    base_url: {url}
    api_key: {api_key}
    api_secret: {api_secret}
    rate_limit: {calls}/1m
    timeout: 2s
    retries: 0
"""
_JOBS = """\
  - name: nami-spot
    provider: nami-sandbox
    every: {every}
    wallet: spot
    currencies: {{{currencies}}}
  - name: nami-futures
    provider: nami-sandbox
    every: {every}
    wallet: futures
    currencies: {{22: USDT}}
"""
_JOB_COUNT = 2
_RULES = """\
  - name: usdt-low
    type: threshold
    match: {job: nami-spot, currency: USDT}
    below: 1000
    clear: 1200
    severity: critical
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nami(Simulation):
    """The exchange. `wallets` are by account, then by currency id.

    The documentation does not define how far a timestamp may be off: here `tolerance`, either way. It shows the 401
    body under the tab "400": `unauthorized_status` is the HTTP status sent with it. The credentials are made up, yet
    kept out of the repr like real ones.
    """

    name: ClassVar[str] = "nami"
    title: ClassVar[str] = "Nami"
    usage: ClassVar[str] = "nami/spot|futures/CURRENCY[/locked]"
    example: ClassVar[str] = "nami/spot/USDT drain 1000 to 50 over 20s"
    faults: ClassVar[Mapping[str, FaultForm]] = {
        "broker-error": FaultForm(broker_error, lambda text: broker_error(parse_number(text)))
    }
    narration: ClassVar[Mapping[int, str]] = {
        4: "The USDT wallet is drained. The limit is 1000.",
        13: "The wallet is topped up.",
    }

    wallets: Mapping[str, Mapping[int, Holding]]
    api_key: str = field(default="sandbox-key", repr=False)
    api_secret: str = field(default="sandbox-secret", repr=False)
    limit: CallLimit = CallLimit()
    tolerance: timedelta = _MINUTE
    unauthorized_status: int = 401

    @classmethod
    def demo(cls) -> "Nami":
        """Return two wallets. At about 9 s spot USDT, drained, falls below 1000; at 13 s it is topped up."""
        usdt = "constant 2500.75 for 4s then drain 2500.75 to 600.10 over 6s for 9s then constant 3100.10"
        return cls(
            wallets={
                "spot": {
                    1: Holding(value=parse_script("walk 26058942.333333325 step 150000 seed 1")),
                    22: Holding(value=parse_script(usdt), locked=parse_script("constant 100.25")),
                },
                "futures": {22: Holding(value=parse_script("constant 1009.8500524310101"))},
            }
        )

    def endpoint(self) -> "NamiEndpoint":
        """Return a new endpoint with these balances."""
        return NamiEndpoint(self)

    def with_balance(self, place: Sequence[str], script: str) -> "Nami | None":
        """Return the exchange with one balance set, `spot/USDT` (or by id), or its locked part, `spot/USDT/locked`."""
        match place:
            case ["spot" | "futures" as account, currency]:
                changes = {"value": parse_script(script)}
            case ["spot" | "futures" as account, currency, "locked"]:
                changes = {"locked": parse_script(script)}
            case _:
                return None
        number, holdings = _currency_id(currency), self.wallets.get(account, {})
        holding = replace(holdings.get(number, Holding(value=NOTHING)), **changes)
        return replace(self, wallets={**self.wallets, account: {**holdings, number: holding}})

    def configuration(self, url: str, every: str) -> Configuration:
        """Return the configuration that polls both wallets. Raises ValueError if that exceeds the call limit."""
        needed = _JOB_COUNT * _MINUTE / parse_duration(every)
        if needed > self.limit.calls:
            raise ValueError(
                f"every {every}: {_JOB_COUNT} wallets make {needed:.0f} calls a minute, Nami allows {self.limit.calls}"
            )
        return Configuration(
            provider=_PROVIDER.format(
                url=quoted(url),
                api_key=quoted(self.api_key),
                api_secret=quoted(self.api_secret),
                calls=self.limit.calls,
            ),
            jobs=_JOBS.format(
                every=every, currencies=", ".join(f"{number}: {name}" for number, name in CURRENCIES.items())
            ),
            rules=_RULES,
        )

    def allowing(self, calls_per_minute: int) -> "Nami":
        """Return the exchange with another call limit."""
        return replace(self, limit=replace(self.limit, calls=calls_per_minute))


class NamiEndpoint:
    """The running exchange. Its `wallets` (account, then currency id) may be changed at any time."""

    def __init__(self, exchange: Nami) -> None:
        self.wallets = {account: dict(holdings) for account, holdings in exchange.wallets.items()}
        self._exchange = exchange
        self._counter = CallCounter(exchange.limit)

    def account(self, request: Request) -> str | None:
        """Return `spot` or `futures`, if the request names one of them."""
        return ACCOUNTS.get(dict(parse_qsl(request.query)).get("type", ""))

    def answer(self, request: Request, *, started: datetime, elapsed: timedelta) -> Response:
        """Return the balances of the requested wallet, or the documented error. Every call counts to the limit."""
        refusal = self._counter.count(request.received_at) or wrong_request(request, "GET", PATH)
        if refusal is not None:
            return refusal
        pairs = parse_qsl(request.query, keep_blank_values=True)
        parameters = dict(pairs)
        if not self._is_authentic(request, parameters.get("timestamp", "")):
            return error_response(401, _UNAUTHORIZED, shown=self._exchange.unauthorized_status)
        currency = parameters.get("currency")
        valid = parameters.get("type") in ACCOUNTS and (currency is None or _is_digits(currency))
        # A parameter given twice could be signed in one meaning and read in another.
        if len(parameters) < len(pairs) or not valid:
            return error_response(400, "Invalid query parameters")
        return json_response(200, {"status": "ok", "data": self._data(parameters["type"], currency, elapsed)})

    def _is_authentic(self, request: Request, timestamp: str) -> bool:
        signed, _, signature = request.query.rpartition("&signature=")
        # Latin-1, as the server decoded it: the signature is over exactly the bytes that were sent.
        expected = hmac.digest(self._exchange.api_secret.encode(), signed.encode("latin-1"), "sha256").hex()
        if not _is_digits(timestamp):
            return False
        off = abs(request.received_at.timestamp() * 1000 - int(timestamp))
        return (
            _same(request.headers.get("x-api-key", ""), self._exchange.api_key)
            and _same(signature, expected)
            and off <= self._exchange.tolerance / _MILLISECOND
        )

    def _data(self, wallet: str, currency: str | None, elapsed: timedelta) -> Json:
        holdings = self.wallets.get(ACCOUNTS[wallet], {})
        return {
            str(number): {
                "value": holding.value(elapsed).amount,
                "locked_value": holding.locked(elapsed).amount,
                "type": int(wallet),
            }
            for number, holding in holdings.items()
            if currency is None or number == int(currency)
        }


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _is_digits(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,15}", text) is not None


def _currency_id(text: str) -> int:
    known = {name: number for number, name in CURRENCIES.items()}
    if text in known:
        return known[text]
    if text.isascii() and text.isdigit():
        return int(text)
    raise ValueError(f"currency {text!r}: expected an id or one of {', '.join(known)}")


SIMULATION = Nami
