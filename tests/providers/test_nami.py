"""Nami's page as code: what is signed and sent, and every answer and error it documents."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr

from monitor.domain.model import Account, Balance
from monitor.errors import AuthFailed, BadPayload, NotFound, PollFailed, Rejected, Unavailable
from monitor.providers.base import hmac_sha256

from .support import API_KEY, API_SECRET, NOW, SPOT, answer, nami_api

FUTURES = Account(provider="nami-main", job="nami-futures", name="futures")


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        pytest.param(
            "type=0&timestamp=1721284769720",
            "2cc8df81fc34801e6b6f7dbaf79e72ab098bf5461973239689e32e71368cd145",
            id="balance",
        ),
        pytest.param(
            "symbol=NAMIVNDC&side=SELL&type=LIMIT&quantity=50000&price=600&timestamp=1721284021975",
            "87455e30b15d4d2fe234eeec92cfc165f8b8647bf583ce09f0bdb6b3c6a09b77",
            id="order",
        ),
    ],
)
def test_published_signature(query: str, signature: str) -> None:
    """Both published vectors come out."""
    assert hmac_sha256(SecretStr(API_SECRET), query) == signature


def test_request_is_the_published_one() -> None:
    """A spot request at the vector's instant is the vector, in milliseconds, with the signature last."""
    at = datetime(2024, 7, 18, 6, 39, 29, 720_000, tzinfo=UTC)
    request = nami_api().request(SPOT, at)
    assert request.url == (
        "https://nami.exchange/api/v4/user/balance?type=0&timestamp=1721284769720"
        "&signature=2cc8df81fc34801e6b6f7dbaf79e72ab098bf5461973239689e32e71368cd145"
    )


def test_request_headers() -> None:
    """The key goes in its header, the secret nowhere."""
    request = nami_api().request(SPOT, NOW)
    assert request.headers == {"x-api-key": API_KEY, "Content-Type": "application/json"}
    assert API_SECRET not in request.url


def test_futures_wallet_is_type_two() -> None:
    """The futures wallet's id is 2."""
    assert "?type=2&" in nami_api().request(FUTURES, NOW).url


def test_request_shows_nothing_in_repr() -> None:
    """A request that ends up in a log shows neither URL nor signature."""
    request = nami_api().request(SPOT, NOW)
    assert repr(request) == "Request()"


def test_balance_is_read_digit_for_digit() -> None:
    """The published numbers are read exactly, and what is available is exactly the difference."""
    body = '{"status":"ok","data":{"22":{"value":1009.8500524310101,"locked_value":0.10001,"type":0}}}'
    assert nami_api().parse(SPOT, answer(body)) == (
        Balance(
            currency="22",
            total=Decimal("1009.8500524310101"),
            locked=Decimal("0.10001"),
            available=Decimal("1009.7500424310101"),
        ),
    )


def test_zeros_keep_their_form() -> None:
    """Trailing zeros are kept: the very digits are what is stored."""
    body = '{"status":"ok","data":{"1":{"value":1.500,"locked_value":0.00,"type":0}}}'
    (balance,) = nami_api().parse(SPOT, answer(body))
    assert (str(balance.total), str(balance.locked), str(balance.available)) == ("1.500", "0.00", "1.500")


def test_all_currencies_by_id_where_none_is_configured() -> None:
    """Without `currencies` everything in the answer is read, in its order, named by its id."""
    entry = {"value": 0, "locked_value": 0, "type": 0}
    body = {"status": "ok", "data": {"2": entry, "1": entry}}
    assert [balance.currency for balance in nami_api().parse(SPOT, answer(body))] == ["2", "1"]


def test_configured_currencies_by_name() -> None:
    """Configured currencies come in the configuration's order under their names; others are ignored."""
    entry = {"value": 0, "locked_value": 0, "type": 0}
    body = {"status": "ok", "data": {"1": entry, "2": entry, "22": entry}}
    api = nami_api(currencies={"22": "USDT", "1": "VNDC"})
    assert [balance.currency for balance in api.parse(SPOT, answer(body))] == ["USDT", "VNDC"]


def test_absent_currency_is_left_out() -> None:
    """A configured currency that the answer lacks is no zero and no error."""
    assert nami_api(currencies={"22": "USDT"}).parse(SPOT, answer({"status": "ok", "data": {}})) == ()


@pytest.mark.parametrize("broken", ["null", "[]", '{"value":"x"}', '{"value":1E+999999999}', '{"value":NaN}'])
def test_broken_entry_nobody_asked_for_spoils_nothing(broken: str) -> None:
    """A malformed entry of a currency that is not configured leaves the others readable."""
    body = f'{{"status":"ok","data":{{"7":{broken},"22":{{"value":1,"locked_value":0,"type":0}}}}}}'
    assert len(nami_api(currencies={"22": "USDT"}).parse(SPOT, answer(body))) == 1


def test_absent_type_is_fine() -> None:
    """An entry need not repeat the wallet."""
    body = {"status": "ok", "data": {"22": {"value": 1, "locked_value": 0}}}
    assert len(nami_api().parse(SPOT, answer(body))) == 1


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        pytest.param(
            '{"22":{"value":1,"locked_value":0,"type":2}}',
            "data.22.type: expected 0, the requested wallet, got the number 2",
            id="another-wallet",
        ),
        pytest.param('{"22":{"value":1}}', "data.22.locked_value: missing", id="no-locked-value"),
        pytest.param('{"22":{"locked_value":1}}', "data.22.value: missing", id="no-value"),
        pytest.param(
            '{"22":{"value":"5","locked_value":0}}',
            'data.22.value: expected a number, got a string: "5"',
            id="number-as-text",
        ),
        pytest.param(
            '{"22":{"value":true,"locked_value":0}}',
            "data.22.value: expected a number, got true",
            id="bool",
        ),
        pytest.param('{"22":[]}', "data.22: expected an object, got an array", id="entry-is-array"),
        pytest.param("[]", "data: expected an object, got an array", id="data-is-array"),
        pytest.param("null", "data: expected an object, got null", id="data-is-null"),
        pytest.param(
            '{"USDT\\n":{}}', 'data: expected currency ids, got the key "USDT\\n"', id="key-is-no-id"
        ),
        pytest.param(
            '{"22":{"value":1,"value":2,"locked_value":0}}',
            "data.22.value: appears more than once",
            id="two-values",
        ),
        pytest.param(
            '{"22":{"value":1,"locked_value":0},"22":{"value":2,"locked_value":0}}',
            "data.22: appears more than once",
            id="two-entries",
        ),
        pytest.param(
            '{"22":{"value":1E+999999999,"locked_value":0}}',
            "data.22.value: '1E+999999999' has an exponent beyond 100",
            id="absurd-exponent",
        ),
        pytest.param(
            '{"22":{"value":-Infinity,"locked_value":0}}',
            "data.22.value: '-Infinity' is not a number",
            id="infinity",
        ),
    ],
)
def test_answer_that_breaks_its_promise(data: str, detail: str) -> None:
    """What the documentation does not allow is refused, with the path to it."""
    with pytest.raises(BadPayload) as failed:
        nami_api().parse(SPOT, answer(f'{{"status":"ok","data":{data}}}'))
    assert failed.value.detail == detail


UNAUTHORIZED = {
    "statusCode": 401,
    "message": "Missing API key, signature, or timestamp",
    "error": "Unauthorized",
}


@pytest.mark.parametrize(
    ("status", "body", "kind", "detail"),
    [
        pytest.param(
            400,
            UNAUTHORIZED,
            AuthFailed,
            "HTTP 400 (statusCode 401): Missing API key, signature, or timestamp",
            id="401-in-a-400",
        ),
        pytest.param(
            401,
            UNAUTHORIZED,
            AuthFailed,
            "HTTP 401: Missing API key, signature, or timestamp",
            id="401",
        ),
        pytest.param(
            200,
            UNAUTHORIZED,
            AuthFailed,
            "HTTP 200 (statusCode 401): Missing API key, signature, or timestamp",
            id="401-in-a-200",
        ),
        pytest.param(
            400,
            {"statusCode": 400, "message": "Invalid query parameters", "error": "Bad Request"},
            Rejected,
            "HTTP 400 (statusCode 400): Invalid query parameters",
            id="bad-request",
        ),
        pytest.param(
            200,
            {"status": "BROKER_ERROR", "code": 6104, "data": {"requestId": "x"}, "message": None},
            Rejected,
            "status BROKER_ERROR (6104)",
            id="broker-error",
        ),
        pytest.param(
            200,
            {"status": "UNKNOWN", "code": 1000, "data": None, "message": "Try\nlater"},
            Rejected,
            "status UNKNOWN (1000): Try later",
            id="unknown-with-a-message",
        ),
        pytest.param(200, {"data": {}}, BadPayload, "status: missing", id="no-status"),
        pytest.param(
            200,
            {"status": 1},
            BadPayload,
            "status: expected a string, got the number 1",
            id="status-is-number",
        ),
        pytest.param(403, "<html>", AuthFailed, "HTTP 403", id="403-of-a-firewall"),
        pytest.param(404, "", NotFound, "HTTP 404", id="404"),
        pytest.param(503, UNAUTHORIZED, Unavailable, f"HTTP 503: {UNAUTHORIZED['message']}", id="503"),
    ],
)
def test_documented_error(status: int, body: object, kind: type[PollFailed], detail: str) -> None:
    """Each documented error is its kind of failure, with the service's own words."""
    with pytest.raises(PollFailed) as failed:
        nami_api().parse(SPOT, answer(body, status))
    assert (type(failed.value), failed.value.detail) == (kind, detail)
