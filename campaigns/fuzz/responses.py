"""Targets of responses: a body and a status for each service, and bytes on the connection."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import httpcore

from campaigns.fuzz.exact import is_exactly, written_out
from monitor.domain.model import Account, Balance
from monitor.domain.money import MAX_DIGITS
from monitor.errors import PollFailed
from monitor.providers.base import Api
from monitor.providers.http import Client
from monitor.providers.limits import Host
from monitor.providers.nami import NamiApi, NamiSettings, NamiWallets
from monitor.providers.response import LONGEST_RETRY_AFTER, Response
from monitor.providers.wdcf import WdcfApi, WdcfSettings, WdcfWallets

NOW = datetime(2026, 2, 1, 13, 59, 30, tzinfo=UTC)
CLIENT = "CLIENT_001"
SECRET = "campaign-secret-that-is-shown-nowhere"  # noqa: S105 -- of no service
_STATUSES = (200, 200, 200, 200, 204, 302, 400, 401, 404, 418, 429, 500)
_LONGEST_DETAIL = 400


def nami(data: bytes) -> None:
    """Parse a response of Nami: for every currency or, by the first byte, for a configured one."""
    wanted = {"22": "USDT"} if data[:1] > b"\x7f" else None
    wallets = NamiWallets(wallet="spot", currencies=wanted)
    response = _response(data[1:])
    account = Account(provider="nami", job="spot", name="spot")
    balances = _balances(NamiApi(_nami_settings(), wallets), account, response)
    if balances:
        entries = _written(response.body)["data"]
        keys = {name: key for key, name in (wanted or {key: key for key in entries}).items()}
        for balance in balances:
            entry = entries[keys[balance.currency]]
            locked = _is_there(balance.locked)
            _assert_exact(balance.total, entry["value"])
            _assert_exact(locked, entry["locked_value"])
            assert _difference(balance.total, locked) == _scaled(balance.available)


def wdcf(data: bytes) -> None:
    """Parse a response of WDCF: the balance of one client."""
    api = WdcfApi(_wdcf_settings(), WdcfWallets(clients=[CLIENT]))
    response = _response(data)
    account = Account(provider="wdcf", job="clients", name=CLIENT, currencies=("USD",))
    balances = _balances(api, account, response)
    if balances:
        (balance,) = balances
        written = _written(response.body)["data"]
        assert written["clientId"] == CLIENT
        assert balance.locked is None
        assert balance.updated_at is None or balance.updated_at.tzinfo is UTC
        _assert_exact(balance.total, written["balance"])
        _assert_exact(balance.available, written["balance"])


def http_response(data: bytes) -> None:
    """Poll with any bytes as the whole HTTP response: a result with a reason, and a pause of a day at most."""
    _loop().run_until_complete(_poll(data))


async def _poll(data: bytes) -> None:
    settings = _nami_settings()
    host = Host(settings.origin, clock=lambda: NOW)
    client = Client(settings, host, clock=lambda: NOW, jitter=lambda: 0.0)
    _respond_with(client, data)
    try:
        api = NamiApi(settings, NamiWallets(wallet="spot"))
        account = Account(provider="nami", job="spot", name="spot")
        result = await client.poll(api, account, max_wait=timedelta(0))
    finally:
        await client.close()
    if result.ok:
        assert not result.detail
    else:
        _assert_can_be_shown(result.detail)
        assert not result.balances
    for pause in filter(None, (result.pause, host.paused)):
        assert NOW < pause.until <= NOW + LONGEST_RETRY_AFTER
        _assert_can_be_shown(pause.detail)


def _respond_with(client: Client, data: bytes) -> None:
    """Replace the network by these bytes, without opening a port."""
    # httpx has no public interface for this
    transport: Any = client._connections._lot.http
    transport._pool._network_backend = httpcore.AsyncMockBackend(
        [data[at : at + 512] for at in range(0, len(data), 512)]
    )


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _nami_settings() -> NamiSettings:
    secrets = {"api_key": SECRET, "api_secret": SECRET}
    return NamiSettings.model_validate(
        {"type": "nami", "base_url": "http://127.0.0.1", **secrets, "retries": 0, "rate_limit": None}
    )


@cache
def _wdcf_settings() -> WdcfSettings:
    return WdcfSettings.model_validate({"type": "wdcf", "client_secret": SECRET, "retries": 0})


def _response(data: bytes) -> Response:
    """Return a response with a status by the first byte, most often 200, and the other bytes as its body."""
    status = _STATUSES[data[0] % len(_STATUSES)] if data else 200
    return Response(status=status, headers={}, received_at=NOW, body=data[1:])


def _balances(api: Api, account: Account, response: Response) -> tuple[Balance, ...]:
    try:
        balances = api.parse(account, response)
    except PollFailed as failed:
        _assert_can_be_shown(failed.detail)
        return ()
    assert response.status == 200
    return balances


def _written(body: bytes) -> Any:
    """Return the JSON of a response with the numbers as they are written, read without our code."""

    def keep(pairs: Iterable[tuple[str, Any]]) -> Mapping[str, Any]:
        return dict(pairs)

    return json.loads(body, parse_float=str, parse_int=str, object_pairs_hook=keep)


def _assert_exact(value: Decimal, text: str) -> None:
    assert is_exactly(value, text), f"{text} became {value}"
    assert written_out(value), value


def _is_there(value: Decimal | None) -> Decimal:
    assert value is not None
    return value


def _difference(total: Decimal, locked: Decimal) -> int:
    return _scaled(total) - _scaled(locked)


def _scaled(value: Decimal) -> int:
    """Return the amount in the smallest unit that is allowed, as an exact integer."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    whole = 0
    for digit in digits:  # not `int("…")`, which takes 4,300 digits at most
        whole = whole * 10 + digit
    unit: int = 10 ** (exponent + MAX_DIGITS)
    return -whole * unit if sign else whole * unit


def _assert_can_be_shown(detail: str) -> None:
    assert detail.isprintable(), detail
    assert 0 < len(detail) < _LONGEST_DETAIL, detail
    assert SECRET not in detail
    detail.encode()
