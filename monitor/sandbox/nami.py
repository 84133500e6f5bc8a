"""Nami Exchange's `GET /api/v4/user/balance`, as its documentation (docs: "Nami Exchange: wallet balance") has it."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl

from monitor.sandbox.http import Json, Request, Response, error_response, json_response, wrong_request
from monitor.sandbox.scripts import Script, constant

PATH = "/api/v4/user/balance"
ACCOUNTS = {"0": "spot", "2": "futures"}

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

    The page does not say how much is too much: here, the refused call number `tolerated` + 1 within a minute
    brings the `ban`, 418 for an hour. Nor does it mention Retry-After: `tell` says whether it is sent.
    """

    calls: int = 60
    tolerated: int = 10
    ban: timedelta = timedelta(hours=1)
    tell: bool = False


class CallCounter:
    """Counts the calls of the one caller there is on loopback, whatever the key or the account."""

    def __init__(self, limit: CallLimit) -> None:
        self._limit = limit
        self._minute: datetime | None = None
        self._calls = 0
        self._banned_until: datetime | None = None

    def count(self, now: datetime) -> Response | None:
        """Counts one call at `now` (UTC): its 429 or 418 if it is one too many, else None."""
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
            status, headers={"retry-after": str(-(-wait // _SECOND))} if self._limit.tell else None
        )


class Nami:
    """The exchange. `wallets` (account, then currency id) may be changed while it runs.

    The documentation does not say how far a timestamp may be off: here `tolerance`, either way. It shows the 401
    body under the tab "400": `unauthorized_status` is the HTTP status sent with it.
    """

    def __init__(
        self,
        wallets: Mapping[str, Mapping[int, Holding]],
        *,
        api_key: str,
        api_secret: str,
        limit: CallLimit | None = None,
        tolerance: timedelta = _MINUTE,
        unauthorized_status: int = 401,
    ) -> None:
        self.wallets = {account: dict(holdings) for account, holdings in wallets.items()}
        self._api_key = api_key
        self._api_secret = api_secret
        self._counter = CallCounter(limit or CallLimit())
        self._tolerance = tolerance
        self._unauthorized_status = unauthorized_status

    def account(self, request: Request) -> str | None:
        """`spot` or `futures`."""
        return ACCOUNTS.get(dict(parse_qsl(request.query)).get("type", ""))

    def answer(self, request: Request, *, started: datetime, elapsed: timedelta) -> Response:
        """The balances of the wallet asked for, or the documented error; every call counts to the limit."""
        refusal = self._counter.count(request.received_at) or wrong_request(request, "GET", PATH)
        if refusal is not None:
            return refusal
        pairs = parse_qsl(request.query, keep_blank_values=True)
        parameters = dict(pairs)
        if not self._is_authentic(request, parameters.get("timestamp", "")):
            return error_response(401, _UNAUTHORIZED, shown=self._unauthorized_status)
        currency = parameters.get("currency")
        if len(parameters) < len(pairs) or parameters.get("type") not in ACCOUNTS or not _is_id(currency):
            return error_response(400, "Invalid query parameters")
        return json_response(200, {"status": "ok", "data": self._data(parameters["type"], currency, elapsed)})

    def _is_authentic(self, request: Request, timestamp: str) -> bool:
        signed, _, signature = request.query.rpartition("&signature=")
        expected = hmac.digest(self._api_secret.encode(), signed.encode("latin-1"), "sha256").hex()
        return (
            _same(request.headers.get("x-api-key", ""), self._api_key)
            and _same(signature, expected)
            and _is_digits(timestamp)
            and abs(request.received_at.timestamp() * 1000 - int(timestamp)) <= self._tolerance / _MILLISECOND
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


def _is_id(currency: str | None) -> bool:
    return currency is None or _is_digits(currency)
