"""Nami's endpoint against its page, one line of it at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from monitor.sandbox import Sandbox, Scenario
from monitor.sandbox.nami import CallLimit, Nami, broker_error

from .support import NAMI, NAMI_PATH, START, FakeClock, ask_nami, hmac_hex, nami, nami_url

UNAUTHORIZED = {
    "statusCode": 401,
    "message": "Missing API key, signature, or timestamp",
    "error": "Unauthorized",
}
INVALID = {"statusCode": 400, "message": "Invalid query parameters", "error": "Bad Request"}
KEY = {"x-api-key": NAMI.api_key}
NOW = round(START.timestamp() * 1000)
PUBLISHED_SECRET = "UNCZHD1e4501X1WGO9PqjGJBDqWoNjUlc05YZTy38t9Wd7rHWmrmtfKfb1Vpb5RH"


def altered(story: Scenario, **changes: Any) -> Scenario:
    """The story at an exchange that differs in this."""
    services = (replace(one, **changes) if isinstance(one, Nami) else one for one in story.services)
    return replace(story, services=tuple(services))


async def test_balances_come_with_exactly_the_digits_of_the_script(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    """The numbers are JSON numbers, digit for digit, keyed by currency id."""
    answer = await ask_nami(client, sandbox)
    assert answer.status_code == 200
    assert answer.text == (
        '{"status": "ok", "data": {'
        '"1": {"value": 26058942.333333325, "locked_value": 0, "type": 0}, '
        '"22": {"value": 1009.8500524310101, "locked_value": 0.10001, "type": 0}}}'
    )


async def test_type_2_is_the_futures_wallet(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The wallet's id comes back in every entry."""
    answer = await ask_nami(client, sandbox, "type=2")
    assert answer.json()["data"] == {"22": {"value": 7, "locked_value": 0, "type": 2}}


async def test_currency_narrows_the_answer(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """With `currency` only that currency is answered."""
    answer = await ask_nami(client, sandbox, "type=0&currency=22")
    assert list(answer.json()["data"]) == ["22"]


async def test_a_currency_can_go_missing_while_it_runs(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The wallets may be changed under a running sandbox."""
    del nami(sandbox).endpoint.wallets["spot"][22]
    answer = await ask_nami(client, sandbox)
    assert list(answer.json()["data"]) == ["1"]


@pytest.mark.parametrize("query", ["", "type=1", "type=spot", "type=0&currency=USDT", "type=0&type=2"])
async def test_bad_parameters_are_refused(client: httpx.AsyncClient, sandbox: Sandbox, query: str) -> None:
    """A rightly signed request with wrong parameters gets the documented 400."""
    answer = await ask_nami(client, sandbox, query)
    assert (answer.status_code, answer.json()) == (400, INVALID)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param(f"type=0&timestamp={NOW}", {}, id="no-key"),
        pytest.param(f"type=0&timestamp={NOW}", {"x-api-key": "another"}, id="wrong-key"),
        pytest.param("type=0", KEY, id="no-timestamp"),
        pytest.param("type=0&timestamp=soon", KEY, id="unreadable-timestamp"),
        pytest.param(f"type=0&timestamp={NOW // 1000}", KEY, id="seconds"),
        pytest.param(f"type=0&timestamp={NOW - 60_001}", KEY, id="too-old"),
        pytest.param(f"type=0&timestamp={NOW + 60_001}", KEY, id="too-new"),
    ],
)
async def test_credentials_and_clock_are_checked(
    client: httpx.AsyncClient, sandbox: Sandbox, query: str, headers: dict[str, str]
) -> None:
    """Whatever is wrong with key or timestamp, the documented 401 says it."""
    answer = await client.get(nami_url(sandbox, query), headers=headers)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("drift", [-60_000, 60_000])
async def test_a_timestamp_within_the_tolerance_is_accepted(
    client: httpx.AsyncClient, sandbox: Sandbox, drift: int
) -> None:
    """Sixty seconds either way still pass."""
    answer = await client.get(nami_url(sandbox, f"type=0&timestamp={NOW + drift}"), headers=KEY)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(f"type=0&timestamp={NOW}", id="missing"),
        pytest.param(f"type=0&timestamp={NOW}&signature={'0' * 64}", id="wrong"),
        pytest.param(f"type=0&timestamp={NOW}&signature=ü", id="not-ascii"),
        pytest.param(
            f"type=0&timestamp={NOW}&signature={hmac_hex('the-secret', f'type=0&timestamp={NOW}').upper()}",
            id="upper-case",
        ),
        pytest.param(
            f"type=0&signature={hmac_hex('the-secret', f'type=0&timestamp={NOW}')}&timestamp={NOW}",
            id="not-last",
        ),
        pytest.param(
            f"type=0&timestamp={NOW}&signature={hmac_hex('the-secret', f'timestamp={NOW}&type=0')}",
            id="sorted",
        ),
    ],
)
async def test_the_signature_is_checked(client: httpx.AsyncClient, sandbox: Sandbox, query: str) -> None:
    """Only the lower-case HMAC of the query as sent passes, and only as the last parameter."""
    answer = await client.get(f"{nami(sandbox).url}{NAMI_PATH}?{query}", headers=KEY)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


async def test_the_401_body_may_come_with_http_400(story: Scenario, client: httpx.AsyncClient) -> None:
    """As the page shows that body under the tab "400", the sandbox can be told to send it so."""
    async with Sandbox(altered(story, unauthorized_status=400)) as sandbox:
        answer = await client.get(nami(sandbox).url + NAMI_PATH)
    assert (answer.status_code, answer.json()) == (400, UNAUTHORIZED)


@pytest.mark.parametrize(
    ("query", "signature", "status"),
    [
        pytest.param(
            "type=0&timestamp=1721284769720",
            "2cc8df81fc34801e6b6f7dbaf79e72ab098bf5461973239689e32e71368cd145",
            200,
            id="balance",
        ),
        pytest.param(
            "symbol=NAMIVNDC&side=SELL&type=LIMIT&quantity=50000&price=600&timestamp=1721284021975",
            "87455e30b15d4d2fe234eeec92cfc165f8b8647bf583ce09f0bdb6b3c6a09b77",
            400,
            id="order",
        ),
    ],
)
async def test_published_vectors_pass_the_signature_check(
    client: httpx.AsyncClient, story: Scenario, query: str, signature: str, status: int
) -> None:
    """The page's own signatures are accepted; the second one's parameters belong to another call, hence its 400."""
    instant = datetime.fromtimestamp(int(query.rpartition("=")[2]) / 1000, UTC)
    story = altered(story, api_key="key", api_secret=PUBLISHED_SECRET)
    async with Sandbox(story, clock=FakeClock(instant)) as sandbox:
        url = f"{nami(sandbox).url}{NAMI_PATH}?{query}&signature={signature}"
        answer = await client.get(url, headers={"x-api-key": "key"})
    assert answer.status_code == status


@asynccontextmanager
async def limited(story: Scenario, clock: FakeClock, *, tell: bool = False) -> AsyncIterator[Sandbox]:
    """A sandbox that allows 3 calls a minute, and bans with the third one refused."""
    limit = CallLimit(calls=3, tolerated=2, retry_after=tell)
    story = altered(story, limit=limit, tolerance=timedelta(days=1))
    async with Sandbox(story, clock=clock) as sandbox:
        yield sandbox


async def statuses(client: httpx.AsyncClient, sandbox: Sandbox, calls: int) -> list[int]:
    return [(await ask_nami(client, sandbox)).status_code for _ in range(calls)]


async def test_calls_over_the_limit_fail_and_go_on_failing_into_a_ban(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock
) -> None:
    """Above the limit comes 429, and to those who keep calling 418."""
    async with limited(story, clock) as sandbox:
        assert await statuses(client, sandbox, 7) == [200, 200, 200, 429, 429, 418, 418]


async def test_refused_calls_count_too(client: httpx.AsyncClient, story: Scenario, clock: FakeClock) -> None:
    """The limit counts all calls, also to other paths and with wrong credentials."""
    async with limited(story, clock) as sandbox:
        for path in (NAMI_PATH, "/", NAMI_PATH):
            await client.get(nami(sandbox).url + path)
        assert await statuses(client, sandbox, 1) == [429]


async def test_the_next_calendar_minute_is_free_again(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock
) -> None:
    """429 ends with the minute of the service's clock, not sixty seconds after the first call."""
    async with limited(story, clock) as sandbox:
        await statuses(client, sandbox, 4)
        clock.advance(seconds=54.9)
        assert await statuses(client, sandbox, 1) == [429]
        clock.advance(seconds=0.1)
        assert await statuses(client, sandbox, 1) == [200]


async def test_a_ban_lasts_an_hour(client: httpx.AsyncClient, story: Scenario, clock: FakeClock) -> None:
    """418 is answered for an hour from the call that brought it, however often one asks."""
    async with limited(story, clock) as sandbox:
        await statuses(client, sandbox, 6)
        clock.advance(minutes=59, seconds=59)
        assert await statuses(client, sandbox, 10) == [418] * 10
        clock.advance(seconds=1)
        assert await statuses(client, sandbox, 1) == [200]


async def test_retry_after_is_sent_if_wanted(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock
) -> None:
    """With the switch on, Retry-After gives the whole seconds to the minute's end (it is 14:30:05)."""
    async with limited(story, clock, tell=True) as sandbox:
        await statuses(client, sandbox, 3)
        assert (await ask_nami(client, sandbox)).headers["retry-after"] == "55"


async def test_retry_after_is_absent_otherwise(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock
) -> None:
    """The page does not mention Retry-After, so that it isn't sent by default."""
    async with limited(story, clock) as sandbox:
        await statuses(client, sandbox, 3)
        assert "retry-after" not in (await ask_nami(client, sandbox)).headers


async def test_broker_error_is_http_200(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """An error of the exchange comes with HTTP 200 and another `status`."""
    nami(sandbox).fault = broker_error()
    answer = await ask_nami(client, sandbox)
    content = answer.json()
    assert (answer.status_code, content["status"], content["code"]) == (200, "BROKER_ERROR", 6104)
