"""Polls over real sockets, at endpoints that do everything an endpoint can do wrong."""

import asyncio
import codecs
import gzip
import logging
import re
import zlib
from datetime import timedelta

import pytest

from monitor.domain.model import Pause
from monitor.errors import Outcome
from monitor.providers.base import RateLimit
from monitor.providers.http import MAX_BODY, Client

from .support import (
    API_KEY,
    API_SECRET,
    CLIENT_SECRET,
    DATE,
    NOW,
    OK,
    Endpoint,
    FakeClock,
    Reply,
    Station,
    client_account,
    closes,
    drips,
    http,
    nami_settings,
    poll,
    resets,
    sends,
    waits,
    wdcf_api,
)

BRIEFLY = timedelta(seconds=0.2)
HEAD = b"HTTP/1.1 200 OK\r\n"


async def test_balance() -> None:
    """A good answer gives its balances, the times around it, and one attempt."""
    result = await poll(http())
    assert (result.outcome, result.attempts, result.detail) == (Outcome.OK, 1, "")
    assert [str(balance.total) for balance in result.balances] == ["1009.8500524310101"]
    assert (result.started_at, result.finished_at) == (NOW, NOW)


async def test_request_as_sent() -> None:
    """The request asks for plain JSON, names the program, and carries the provider's headers."""
    async with Endpoint(http()) as endpoint, Station(endpoint.base_url) as station:
        await station.poll(station.client())
    head = endpoint.requests[0].decode().lower()
    for line in (
        "accept: application/json",
        "accept-encoding: identity",
        "content-type: application/json",
        f"x-api-key: {API_KEY}",
    ):
        assert f"\r\n{line}\r\n" in head
    assert re.search(r"\r\nuser-agent: balance-monitor/\d[^\r/]*\r\n", head)


@pytest.mark.parametrize(
    ("client_id", "arrives"),
    [
        ("a/b", "a%2Fb"),
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("a&b=c", "a%26b%3Dc"),
        ("ü", "%C3%BC"),
        ("%2F", "%252F"),
        ("..", ".."),
        ("a'b(c)*!~", "a%27b%28c%29%2A%21~"),
    ],
)
async def test_id_arrives_byte_for_byte(client_id: str, arrives: str) -> None:
    """What was encoded is what arrives, whatever an HTTP library thinks of it."""
    async with Endpoint(http(404)) as endpoint, Station(endpoint.base_url) as station:
        api = wdcf_api(f"{endpoint.base_url}/a.-_~!$&'()*+,;=:@b%2Fc", client_id)
        await station.wdcf_client().poll(api, client_account(client_id), max_wait=BRIEFLY)
    assert endpoint.heads() == [
        f"GET /a.-_~!$&'()*+,;=:@b%2Fc/api/v1/get-balance?clientId={arrives} HTTP/1.1"
    ]


async def test_connection_is_kept() -> None:
    """Many polls, errors among them, go over one connection."""
    replies = [http(), http(503, b"busy"), http(200, b"<html>"), http()]
    async with Endpoint(*replies) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        outcomes = [(await station.poll(client)).outcome for _ in range(5)]
    assert outcomes[-1] is Outcome.OK
    assert endpoint.connections == 1


async def test_connection_closed_between_polls() -> None:
    """A kept connection that the service closed meanwhile costs nothing, even without retries."""
    async with Endpoint(closes(http()), http()) as endpoint, Station(endpoint.base_url) as station:
        client = station.client(retries=0)
        await station.poll(client)
        await asyncio.sleep(0.02)
        result = await station.poll(client)
    assert (result.outcome, endpoint.connections) == (Outcome.OK, 2)


async def test_connection_with_a_rest_is_closed() -> None:
    """A connection whose answer was not read to its end is closed at once, not kept."""
    oversize = HEAD + f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode()
    async with Endpoint(oversize, http()) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        await station.poll(client)
        await asyncio.wait_for(endpoint.left.wait(), 1)
        assert (await station.poll(client)).outcome is Outcome.OK


CUT_OFF = HEAD + b"Content-Length: 500\r\n\r\n" + OK
CUT_OFF_CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + OK


@pytest.mark.parametrize(
    ("reply", "outcome", "detail"),
    [
        pytest.param(
            closes(CUT_OFF),
            Outcome.CONNECT,
            "connection closed before the response was complete",
            id="cut-off",
        ),
        pytest.param(
            closes(CUT_OFF_CHUNKED),
            Outcome.CONNECT,
            "connection closed before the response was complete",
            id="cut-off-chunked",
        ),
        pytest.param(closes(), Outcome.CONNECT, "connection closed without a response", id="closed-at-once"),
        pytest.param(resets(), Outcome.CONNECT, "connection reset by peer", id="reset"),
        pytest.param(resets(CUT_OFF), Outcome.CONNECT, "connection reset by peer", id="reset-midway"),
        pytest.param(
            closes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
            Outcome.CONNECT,
            "broken HTTP: illegal status line: bytearray(b'SSH-2.0-OpenSSH_9.2')",
            id="another-protocol",
        ),
        pytest.param(
            closes(HEAD + b"X: " + b"x" * 200_000),
            Outcome.CONNECT,
            "broken HTTP: Receive buffer too long",
            id="endless-header",
        ),
        pytest.param(
            http(200, OK, "Content-Length: 7"),
            Outcome.CONNECT,
            "broken HTTP: conflicting Content-Length headers",
            id="two-lengths",
        ),
        pytest.param(
            sends(HEAD + f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode()),
            Outcome.BAD_PAYLOAD,
            "a body of more than 1 MiB",
            id="announced-oversize",
        ),
        pytest.param(
            sends(HEAD + b"\r\n" + b" " * (MAX_BODY + 1)),
            Outcome.BAD_PAYLOAD,
            "a body of more than 1 MiB",
            id="oversize",
        ),
        pytest.param(
            sends(http(200, OK, "Content-Encoding: br")),
            Outcome.BAD_PAYLOAD,
            'content-encoding "br", though identity was requested',
            id="unknown-encoding",
        ),
        pytest.param(
            sends(http(200, OK, "Content-Encoding: gzip")),
            Outcome.BAD_PAYLOAD,
            'content-encoding "gzip", but the body is not',
            id="not-gzip",
        ),
        pytest.param(
            sends(http(200, gzip.compress(OK)[:-9], "Content-Encoding: gzip")),
            Outcome.BAD_PAYLOAD,
            'content-encoding "gzip", but the body is incomplete',
            id="gzip-cut-off",
        ),
        pytest.param(
            sends(http(200, gzip.compress(b" " * (MAX_BODY + 1)), "Content-Encoding: gzip")),
            Outcome.BAD_PAYLOAD,
            "a body of more than 1 MiB",
            id="gzip-bomb",
        ),
        pytest.param(
            sends(http(200, gzip.compress(OK), "Content-Encoding: gzip")), Outcome.OK, "", id="gzip"
        ),
        pytest.param(
            sends(http(200, zlib.compress(OK), "Content-Encoding: deflate")), Outcome.OK, "", id="deflate"
        ),
        pytest.param(
            sends(http(200, zlib.compress(OK, wbits=-15), "Content-Encoding: deflate")),
            Outcome.OK,
            "",
            id="raw-deflate",
        ),
        pytest.param(sends(http(200, codecs.BOM_UTF8 + OK)), Outcome.OK, "", id="byte-order-mark"),
        pytest.param(
            sends(http(200, OK, "Content-Encoding: identity")), Outcome.OK, "", id="said-to-be-identity"
        ),
        pytest.param(
            sends(http(200, b"<html>Welcome")),
            Outcome.BAD_PAYLOAD,
            "HTML, not JSON",
            id="html-with-status-200",
        ),
        pytest.param(
            sends(b"HTTP/1.1 204 No Content\r\n\r\n"), Outcome.BAD_PAYLOAD, "HTTP 204: expected 200", id="204"
        ),
        pytest.param(sends(http(200, OK, "X: \xff")), Outcome.OK, "", id="header-not-ascii"),
        pytest.param(
            sends(b"HTTP/1.1 103 Early Hints\r\n\r\n" + http()), Outcome.OK, "", id="hints-before-the-answer"
        ),
        pytest.param(drips(http()), Outcome.TIMEOUT, "no complete response within 1s", id="slow-drip"),
        pytest.param(waits(3, http()), Outcome.TIMEOUT, "no complete response within 1s", id="slow-headers"),
        pytest.param(
            drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.001),
            Outcome.TIMEOUT,
            "no complete response within 1s",
            id="hints-for-ever",
        ),
    ],
)
async def test_hostile_endpoint(reply: Reply | bytes, outcome: Outcome, detail: str) -> None:
    """Whatever an endpoint does, a poll ends in time, as one kind of failure, in words."""
    result = await poll(reply, timeout=timedelta(seconds=1))
    assert (result.outcome, result.detail, result.attempts) == (outcome, detail, 1)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (302, Outcome.REJECTED),
        (400, Outcome.REJECTED),
        (401, Outcome.AUTH),
        (404, Outcome.NOT_FOUND),
        (418, Outcome.BANNED),
        (429, Outcome.RATE_LIMITED),
        (500, Outcome.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param("Content-Length: 500\r\n\r\n{", id="cut-off"),
        pytest.param(f"Content-Length: {MAX_BODY * 2}\r\n\r\n", id="oversize"),
        pytest.param("Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n\x1f", id="compressed"),
    ],
)
async def test_status_counts_without_its_body(status: int, outcome: Outcome, body: str) -> None:
    """An error is what its status says, even where its body can't be had."""
    result = await poll(closes(f"HTTP/1.1 {status} X\r\n{body}".encode()))
    assert result.outcome is outcome


async def test_closed_port() -> None:
    """Where nobody listens, the connection is refused."""
    async with Endpoint(http()) as endpoint:
        base_url = endpoint.base_url
    async with Station(base_url) as station:
        result = await station.poll(station.client())
    assert (result.outcome, result.detail) == (Outcome.CONNECT, "connection refused")


async def test_name_that_does_not_exist() -> None:
    """A name that can't be found is said to be just that."""
    async with Station("http://balance-monitor.invalid") as station:
        result = await station.poll(station.client(timeout=timedelta(seconds=3)))
    assert (result.outcome, result.detail.split(": ")[1]) == (Outcome.CONNECT, "balance-monitor.invalid")


async def test_redirect_is_not_followed() -> None:
    """A redirect is a failure that names the other host, and nothing is sent there."""
    async with Endpoint(http()) as elsewhere:
        target = f"Location: {elsewhere.base_url}/?signature=abc"
        result = await poll(http(302, b"", target))
    assert (result.outcome, elsewhere.connections) == (Outcome.REJECTED, 0)
    assert result.detail == "HTTP 302: redirect to 127.0.0.1, not followed"


async def test_cookies_are_not_kept() -> None:
    """A cookie is not sent back."""
    answers = http(200, OK, "Set-Cookie: session=1; Path=/")
    async with Endpoint(answers) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        await station.poll(client)
        await station.poll(client)
    assert b"cookie" not in endpoint.requests[1].lower()


async def test_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await poll(http())).outcome is Outcome.OK


async def test_configured_proxy_is_used() -> None:
    """A configured proxy gets the request, with its own credentials."""
    async with Endpoint(http()) as proxy, Station("http://nami.invalid") as station:
        url = proxy.base_url.replace("http://", "http://me:pass@")
        result = await station.poll(station.client(proxy=url))
    assert result.outcome is Outcome.OK
    assert proxy.heads()[0].startswith("GET http://nami.invalid")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in proxy.requests[0]


async def test_tunnel_goes_to_the_service() -> None:
    """For HTTPS a configured proxy is asked for a tunnel, and told nothing else."""
    async with Endpoint(closes(http(407))) as proxy, Station("https://nami.invalid") as station:
        result = await station.poll(station.client(proxy=proxy.base_url))
    assert (result.outcome, result.detail) == (Outcome.CONNECT, "proxy: 407 Whatever")
    assert proxy.heads() == ["CONNECT nami.invalid:443 HTTP/1.1"]
    assert b"signature" not in proxy.requests[0]


async def test_proxy_that_is_down() -> None:
    """A proxy that can't be reached is told from a service that can't."""
    async with Station("http://nami.invalid") as station:
        result = await station.poll(station.client(proxy="http://user:password@127.0.0.1:1"))
    assert result.detail == "through the proxy: connection refused"


async def test_passing_fault_is_tried_again() -> None:
    """A passing fault is mended within the poll, and the attempts are counted."""
    result = await poll(http(503), closes(), http(), retries=2)
    assert (result.outcome, result.attempts) == (Outcome.OK, 3)


async def test_retries_are_bounded() -> None:
    """A fault that does not pass is reported after the configured number of retries."""
    result = await poll(http(503), retries=1)
    assert (result.outcome, result.attempts) == (Outcome.UNAVAILABLE, 2)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 418, 429])
async def test_lasting_fault_is_not_tried_again(status: int) -> None:
    """What another attempt would not mend is asked once."""
    assert (await poll(http(status, b"{}"), http(), retries=3)).attempts == 1


async def test_short_retry_after_is_honoured() -> None:
    """A 503 that asks for a second gets it."""
    replies = [http(503, b"", "Retry-After: 1"), http()]
    async with Endpoint(*replies) as endpoint, Station(endpoint.base_url) as station:
        result = await station.poll(station.client(retries=1))
    assert result.outcome is Outcome.OK
    assert endpoint.instants[1] - endpoint.instants[0] >= 1


async def test_long_retry_after_ends_the_poll() -> None:
    """A 503 that asks for more than a backoff's length is left for a later poll."""
    result = await poll(http(503, b"", "Retry-After: 6"), retries=3)
    assert (result.outcome, result.attempts) == (Outcome.UNAVAILABLE, 1)


async def test_unavailable_host_rests_as_long_as_it_asks() -> None:
    """A 503 with Retry-After pauses the host: later polls send nothing, and say what they wait for."""
    async with (
        Endpoint(http(503, b"", "Retry-After: 300"), http()) as endpoint,
        Station(endpoint.base_url) as station,
    ):
        client = station.client(retries=0)
        first = await station.poll(client)
        second = await station.poll(client)
    assert first.pause == second.pause
    assert first.pause is not None
    assert (first.pause.until, first.pause.outcome) == (NOW + timedelta(seconds=300), Outcome.UNAVAILABLE)
    assert (second.outcome, second.attempts) == (Outcome.UNAVAILABLE, 0)
    assert second.detail.endswith(" UTC after HTTP 503; nothing sent")
    assert len(endpoint.requests) == 1


async def test_every_attempt_is_signed_anew() -> None:
    """A retry is signed with the clock of its own moment."""
    clock = FakeClock()

    async def later(writer: asyncio.StreamWriter) -> None:
        clock.advance(timedelta(seconds=5))
        await sends(http(503))(writer)

    async with Endpoint(later, http()) as endpoint, Station(endpoint.base_url, clock) as station:
        await station.poll(station.client(retries=1))
    stamps = [int(head.split("timestamp=")[1].split("&")[0]) for head in endpoint.heads()]
    assert stamps[1] - stamps[0] == 5000


async def test_signed_after_the_wait() -> None:
    """A call that had to wait is signed when its turn has come, not when it lined up."""
    clock = FakeClock()
    async with Endpoint(http()) as endpoint, Station(endpoint.base_url, clock) as station:
        client = station.client(rate_limit=RateLimit(1, timedelta(milliseconds=100)))
        await station.poll(client)
        waiting = asyncio.create_task(station.poll(client))
        await asyncio.sleep(0.05)
        clock.advance(timedelta(seconds=5))
        await waiting
    assert f"timestamp={int(NOW.timestamp()) + 5}000&" in endpoint.heads()[1]


async def test_clients_of_one_host_share_its_strictest_limit() -> None:
    """However many clients and retries there are, the service sees no more than the strictest limit allows."""
    strict, loose = RateLimit(3, timedelta(seconds=0.5)), RateLimit(100, timedelta(seconds=1))
    async with Endpoint(http(503), http(503), http()) as endpoint, Station(endpoint.base_url) as station:
        clients = [station.client(rate_limit=limit, retries=1) for limit in (strict, loose)]
        results = await asyncio.gather(*(station.poll(client, 10) for client in clients * 3))
    assert {result.outcome for result in results} == {Outcome.OK}
    seen = endpoint.instants
    assert len(seen) == 8
    assert all(later - first >= 0.5 for first, later in zip(seen, seen[3:], strict=False))


async def test_limit_goes_with_its_client() -> None:
    """A closed client's limit no longer holds for the others on its host."""
    async with Endpoint(http()) as endpoint, Station(endpoint.base_url) as station:
        limit = RateLimit(1, timedelta(minutes=1))
        settings = nami_settings(endpoint.base_url, rate_limit=limit)
        closed = Client(settings, station.host, clock=station.clock, jitter=lambda: 0.0)
        await station.poll(closed)
        await closed.close()
        result = await station.poll(station.client(), max_wait=0)
    assert result.outcome is Outcome.OK


async def test_own_limit_is_no_pause() -> None:
    """A poll that our own limit holds up too long sends nothing and says why."""
    async with Endpoint(http()) as endpoint, Station(endpoint.base_url) as station:
        client = station.client(rate_limit="1/1m")
        await station.poll(client)
        result = await station.poll(client, max_wait=0.1)
    assert (result.outcome, result.attempts, result.pause) == (Outcome.RATE_LIMITED, 0, None)
    assert result.detail == "our own limit of 1/1m is reached, no turn within 0.1s; nothing sent"


async def test_retry_without_a_turn_reports_the_fault() -> None:
    """Where no turn is left for a retry, the poll tells of what went wrong, not of our limit."""
    result = await poll(http(503), retries=2, rate_limit="1/1m")
    assert (result.outcome, result.attempts, result.detail) == (Outcome.UNAVAILABLE, 1, "HTTP 503")


@pytest.mark.parametrize(
    ("reply", "until", "outcome"),
    [
        pytest.param(http(418), timedelta(hours=1), Outcome.BANNED, id="ban-of-an-hour"),
        pytest.param(
            http(418, b"", "Retry-After: 120"), timedelta(seconds=120), Outcome.BANNED, id="ban-as-asked"
        ),
        pytest.param(
            http(429, b"", f"Date: {DATE}"), timedelta(seconds=31), Outcome.RATE_LIMITED, id="next-minute"
        ),
        pytest.param(
            http(429, b"", "Date: Sun, 01 Feb 2026 14:05:50 GMT"),
            timedelta(seconds=11),
            Outcome.RATE_LIMITED,
            id="next-minute-of-their-clock",
        ),
        pytest.param(http(429), timedelta(seconds=31), Outcome.RATE_LIMITED, id="next-minute-of-our-clock"),
        pytest.param(
            http(429, b"", "Retry-After: 7"), timedelta(seconds=7), Outcome.RATE_LIMITED, id="as-asked"
        ),
        pytest.param(
            http(
                429, b"", "Retry-After: Sun, 01 Feb 2026 14:10:00 GMT", "Date: Sun, 01 Feb 2026 14:09:00 GMT"
            ),
            timedelta(seconds=60),
            Outcome.RATE_LIMITED,
            id="as-asked-by-date",
        ),
        pytest.param(
            http(429, b"", "Retry-After: -1"),
            timedelta(seconds=31),
            Outcome.RATE_LIMITED,
            id="asked-nonsense",
        ),
        pytest.param(
            http(200, b'{"statusCode": 429, "message": "Slow down"}'),
            timedelta(seconds=31),
            Outcome.RATE_LIMITED,
            id="said-by-the-body",
        ),
    ],
)
async def test_pause(reply: bytes, until: timedelta, outcome: Outcome) -> None:
    """A 418 or 429 pauses the host until it says, or as documented, and the poll tells of it."""
    result = await poll(reply)
    assert result.outcome is outcome
    assert result.pause is not None
    assert (result.pause.until, result.pause.outcome) == (NOW + until, outcome)
    assert result.detail.endswith(f"; host paused until {NOW + until:%Y-%m-%d %H:%M:%S} UTC")


async def test_ban_holds_for_everything_on_the_host() -> None:
    """After a ban nobody sends anything to the host, over another provider's client either."""
    async with Endpoint(http(418), http()) as endpoint, Station(endpoint.base_url) as station:
        await station.poll(station.client())
        api = wdcf_api(endpoint.base_url)
        result = await station.wdcf_client().poll(api, client_account(), max_wait=BRIEFLY)
    assert (result.outcome, result.attempts, len(endpoint.requests)) == (Outcome.BANNED, 0, 1)
    assert result.detail == f"host paused until {NOW:%Y-%m-%d} 14:59:30 UTC after HTTP 418; nothing sent"
    assert result.pause == Pause(
        host=station.host.name,
        began_at=NOW,
        until=NOW + timedelta(hours=1),
        outcome=Outcome.BANNED,
        detail="HTTP 418",
    )


async def test_pause_begins_with_the_status_line() -> None:
    """Nobody sends anything while the body of a ban is still on its way."""
    ban = waits(0, b"HTTP/1.1 418 Banned\r\nContent-Length: 500\r\n\r\n{")
    async with Endpoint(ban, http()) as endpoint, Station(endpoint.base_url) as station:
        client = station.client(timeout=timedelta(seconds=0.5))
        banned = asyncio.create_task(station.poll(client))
        await asyncio.sleep(0.1)
        other = await station.poll(client, max_wait=0)
        assert not banned.done()
        assert (other.outcome, other.attempts) == (Outcome.BANNED, 0)
        assert (await banned).outcome is Outcome.BANNED
    assert len(endpoint.requests) == 1


async def test_after_a_pause_polls_go_on() -> None:
    """A pause that ends within a poll's patience only delays it."""
    replies = [http(429, b"", "Retry-After: 1"), http()]
    async with Endpoint(*replies) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        await station.poll(client)
        result = await station.poll(client)
    assert result.outcome is Outcome.OK
    assert endpoint.instants[1] - endpoint.instants[0] >= 1


@pytest.mark.parametrize(
    ("date", "hint"),
    [
        pytest.param(
            "Sun, 01 Feb 2026 14:05:40 GMT", "; our clock is 6m 10s behind the service's", id="behind"
        ),
        pytest.param(
            "Sun, 01 Feb 2026 13:49:30 GMT", "; our clock is 10m ahead of the service's", id="ahead"
        ),
        pytest.param("Sun, 01 Feb 2026 13:59:50 GMT", "", id="close-enough"),
        pytest.param("nonsense", "", id="unreadable"),
    ],
)
async def test_clock_that_is_off(date: str, hint: str) -> None:
    """A refused signature comes with how far our clock is off, where that may be why."""
    assert (await poll(http(401, b"", f"Date: {date}"))).detail == f"HTTP 401{hint}"


@pytest.mark.parametrize("position", range(0, 200, 7))
async def test_echoed_secrets_are_hidden(position: int) -> None:
    """A service that repeats what it was sent leaks nothing, wherever its message is cut."""

    async def echo(writer: asyncio.StreamWriter) -> None:
        signature = endpoint.heads()[-1].split("signature=")[1].split(" ")[0]
        echoed = f"{'x' * position} {API_SECRET} {API_KEY} {signature}"
        writer.write(http(400, f'{{"message": "{echoed}"}}'.encode()))

    async with Endpoint(echo) as endpoint, Station(endpoint.base_url) as station:
        detail = (await station.poll(station.client())).detail
    signature = endpoint.heads()[-1].split("signature=")[1].split(" ")[0]
    assert detail.startswith("HTTP 400: ")
    assert not any(secret[:6] in detail for secret in (API_SECRET, API_KEY, signature))


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(http(), id="an answer"),
        pytest.param(http(503), id="a passing fault"),
        pytest.param(closes(), id="no answer"),
        pytest.param(http(401), id="a refusal"),
        pytest.param(closes(b"nonsense\r\n\r\n"), id="what is no HTTP"),
    ],
)
async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture, reply: Reply | bytes) -> None:
    """With every logger at DEBUG no record holds a key, a signature or a signed URL."""
    caplog.set_level(logging.DEBUG)
    async with Endpoint(reply) as endpoint, Station(endpoint.base_url) as station:
        await station.poll(station.client(retries=1))
        api = wdcf_api(endpoint.base_url)
        await station.wdcf_client().poll(api, client_account(), max_wait=BRIEFLY)
    logged = "\n".join(f"{record.name} {record.getMessage()}" for record in caplog.records)
    assert not re.search(rf"httpx|httpcore|signature|{API_KEY}|{API_SECRET}|{CLIENT_SECRET}", logged)


async def test_cancelled_poll_leaves_the_host_as_it_was() -> None:
    """Polls cancelled while they connect, send or read give their places back."""
    async with Endpoint(waits(30, http())) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        for delay in (0.0, 0.001, 0.01, 0.03):
            polls = [asyncio.create_task(station.poll(client)) for _ in range(6)]
            await asyncio.sleep(delay)
            for task in polls:
                task.cancel()
            await asyncio.wait(polls)
            assert all(task.cancelled() for task in polls)
        endpoint.replies = [sends(http())]
        results = await asyncio.gather(*(station.poll(client) for _ in range(8)))
    assert {result.outcome for result in results} == {Outcome.OK}


async def test_no_more_than_four_at_once() -> None:
    """However many polls are due, four requests are under way on a host."""
    async with Endpoint(waits(0.02, http())) as endpoint, Station(endpoint.base_url) as station:
        clients = [station.client(), station.client()]
        await asyncio.gather(*(station.poll(client) for client in clients * 6))
    assert endpoint.most_at_once == 4
