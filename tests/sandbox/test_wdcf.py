"""WDCF's endpoint against its page, one line of it at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from monitor.sandbox import Sandbox, Scenario, constant
from monitor.sandbox.wdcf import database_down

from .support import START, WDCF, WDCF_PATH, FakeClock, ask_wdcf, hmac_hex, wdcf

INVALID_SIGNATURE = {"status": "error", "message": "Invalid signature", "data": None}


async def test_the_answer_is_the_documented_one(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """Digits, fields and texts are as on the page."""
    answer = await ask_wdcf(client, sandbox)
    assert answer.status_code == 200
    assert '"balance": 1500.50,' in answer.text
    content = answer.json()
    assert (content["status"], content["message"]) == ("success", "Balance retrieved successfully")
    assert isinstance(content["data"].pop("userId"), int)
    assert content["data"] == {
        "clientId": "CLIENT_001",
        "balance": 1500.5,
        "updatedAt": "2026-02-01T14:30:05.000Z",
    }


async def test_updated_at_moves_with_the_balance(
    client: httpx.AsyncClient, sandbox: Sandbox, clock: FakeClock
) -> None:
    """The time of last update is that of the movement, not of the question."""
    clock.advance(seconds=12.345)
    data = (await ask_wdcf(client, sandbox)).json()["data"]
    assert (data["balance"], data["updatedAt"]) == (1400, "2026-02-01T14:30:15.000Z")


async def test_a_wallet_that_never_moved_has_no_time_of_update(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    """`updatedAt` may be null."""
    data = (await ask_wdcf(client, sandbox, "CLIENT_002")).json()["data"]
    assert (data["balance"], data["updatedAt"]) == (0, None)


async def test_values_are_signed_unencoded(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """An id with special characters is percent-encoded in the URL and plain in the signed payload."""
    answer = await ask_wdcf(client, sandbox, "a b/ü&c=+")
    assert answer.json()["data"]["clientId"] == "a b/ü&c=+"


async def test_further_parameters_are_signed_in_the_order_of_their_keys(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    """The payload is sorted by key, whatever the order in the URL."""
    timestamp = round(START.timestamp())
    message = f"GET{WDCF_PATH}{timestamp}clientId=CLIENT_001&verbose=1"
    headers = {
        "x-signature": hmac_hex(WDCF.client_secret, message),
        "x-timestamp": str(timestamp),
    }
    answer = await client.get(
        f"{wdcf(sandbox).url}{WDCF_PATH}?verbose=1&clientId=CLIENT_001", headers=headers
    )
    assert answer.status_code == 200


async def test_the_worked_out_vector_is_accepted(client: httpx.AsyncClient) -> None:
    """The signature that the page gives as an example passes at its own time."""
    clock = FakeClock(datetime.fromtimestamp(1706802000, UTC))
    service = replace(WDCF, clients={"CLIENT_001": constant(Decimal(1))}, client_secret="your-secret-key")
    headers = {
        "x-signature": "f2026e7edf9d2b011e91764814d0db900898ad92614981a26f2f80def1a055bf",
        "x-timestamp": "1706802000",
    }
    async with Sandbox(Scenario(services=(service,)), clock=clock) as sandbox:
        answer = await client.get(f"{wdcf(sandbox).url}{WDCF_PATH}?clientId=CLIENT_001", headers=headers)
    assert answer.status_code == 200


async def test_a_wrong_secret_is_refused(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """401 with the documented body."""
    answer = await ask_wdcf(client, sandbox, secret="another")
    assert (answer.status_code, answer.json()) == (401, INVALID_SIGNATURE)


@pytest.mark.parametrize(
    "headers", [{}, {"x-timestamp": "soon"}, {"x-timestamp": str(round(START.timestamp()))}]
)
async def test_missing_headers_are_refused(
    client: httpx.AsyncClient, sandbox: Sandbox, headers: dict[str, str]
) -> None:
    """Without signature or timestamp the answer is the same 401."""
    answer = await client.get(f"{wdcf(sandbox).url}{WDCF_PATH}?clientId=CLIENT_001", headers=headers)
    assert (answer.status_code, answer.json()) == (401, INVALID_SIGNATURE)


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-300, 200), (300, 200), (301, 401)])
async def test_timestamps_may_be_five_minutes_off(
    client: httpx.AsyncClient, sandbox: Sandbox, seconds: int, status: int
) -> None:
    """More than 5 minutes, either way, looks like a bad signature."""
    answer = await ask_wdcf(client, sandbox, at=START + timedelta(seconds=seconds))
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("client_id", "complaint"),
    [
        pytest.param(None, "The clientId field is required.", id="missing"),
        pytest.param("", "The clientId field is required.", id="empty"),
        pytest.param("x" * 256, "The clientId field must not be greater than 255 characters.", id="too-long"),
    ],
)
async def test_a_bad_client_id_is_explained(
    client: httpx.AsyncClient, sandbox: Sandbox, client_id: str | None, complaint: str
) -> None:
    """400 says what is wrong with which parameter."""
    answer = await ask_wdcf(client, sandbox, client_id)
    assert answer.status_code == 400
    assert answer.json() == {
        "status": "failed",
        "message": "Validation failed",
        "data": {"errors": {"clientId": [complaint]}},
    }


async def test_an_unknown_client_is_404(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The longest possible id is valid, but nobody's."""
    answer = await ask_wdcf(client, sandbox, "x" * 255)
    assert answer.status_code == 404
    assert answer.json() == {"status": "failed", "message": "User not found", "data": None}


async def test_a_failing_database_is_the_documented_500(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The service's own fault has a body of its own."""
    wdcf(sandbox).fault = database_down()
    answer = await ask_wdcf(client, sandbox)
    assert answer.status_code == 500
    assert answer.json() == {
        "status": "failed",
        "message": "Failed to get balance",
        "data": {"error": "Database connection failed"},
    }
