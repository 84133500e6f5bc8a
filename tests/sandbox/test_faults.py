"""What can be made to go wrong, as a client sees it."""

import asyncio
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from monitor.sandbox import Fault, Sandbox, Scenario

from .support import START, FakeClock, ask_nami, ask_wdcf, fault, nami, wdcf


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("status 502", 502),
        ("maintenance", 503),
        ("database-down", 500),
        ("html", 200),
        ("empty", 204),
        ("redirect", 302),
        ("429", 429),
        ("418", 418),
        ("broker-error 1000", 200),
    ],
)
async def test_faulty_answers(client: httpx.AsyncClient, sandbox: Sandbox, text: str, status: int) -> None:
    """Each fault in the notation gives its status in place of the right answer."""
    wdcf(sandbox).fault = fault(f"wdcf {text}")
    answer = await ask_wdcf(client, sandbox)
    assert answer.status_code == status
    assert b"1500.50" not in answer.content


async def test_clearing_a_fault_brings_the_right_answer_back(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    """A fault set by hand lasts until it is cleared."""
    wdcf(sandbox).fault = Fault.status(503)
    await ask_wdcf(client, sandbox)
    wdcf(sandbox).fault = None
    assert (await ask_wdcf(client, sandbox)).status_code == 200


async def test_html_is_no_json(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """A page for humans says so in its content type."""
    wdcf(sandbox).fault = Fault.html()
    assert (await ask_wdcf(client, sandbox)).headers["content-type"] == "text/html"


async def test_who_follows_a_redirect_is_seen(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """By default a redirect stays on the host, so that the log shows a client that followed it."""
    wdcf(sandbox).fault = Fault.redirect()
    answer = await ask_wdcf(client, sandbox)
    assert answer.headers["location"] == "/moved"


@pytest.mark.parametrize("text", ["429 30s", "418 30s"])
async def test_retry_after_can_be_given(client: httpx.AsyncClient, sandbox: Sandbox, text: str) -> None:
    """Refusals carry Retry-After in whole seconds if told so."""
    nami(sandbox).fault = fault(f"nami {text}")
    assert (await ask_nami(client, sandbox)).headers["retry-after"] == "30"


async def test_latency_delays_the_right_answer(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """Nothing comes before the delay is over, and then all of it."""
    wdcf(sandbox).fault = Fault.latency(timedelta(milliseconds=150))
    with pytest.raises(httpx.ReadTimeout):
        await client.get(wdcf(sandbox).url, timeout=0.05)
    assert (await ask_wdcf(client, sandbox)).status_code == 200


async def test_reset_breaks_the_connection(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The kernel reports a reset, not an orderly end."""
    wdcf(sandbox).fault = Fault.reset()
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(wdcf(sandbox).url).port)
    writer.write(b"GET / HTTP/1.1\r\nHost: sandbox\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


@pytest.mark.parametrize("after", [0, 20, 1_000_000])
async def test_cut_off_ends_too_early(client: httpx.AsyncClient, sandbox: Sandbox, after: int) -> None:
    """Less comes than was announced, even if the cut lies behind the end."""
    wdcf(sandbox).fault = Fault.cut_off(after)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await ask_wdcf(client, sandbox)


async def test_drip_comes_in_small_portions(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The body is whole in the end, but took one interval a portion."""
    wdcf(sandbox).fault = Fault.drip(size=20, every=timedelta(milliseconds=20))
    begin = asyncio.get_running_loop().time()
    answer = await ask_wdcf(client, sandbox)
    took = asyncio.get_running_loop().time() - begin
    assert answer.json()["status"] == "success"
    assert took >= 0.02 * (len(answer.content) // 20)


async def test_oversize_is_valid_but_long(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """A client without a cap would read it and find nothing wrong."""
    wdcf(sandbox).fault = Fault.oversize(2_000_000)
    answer = await ask_wdcf(client, sandbox)
    assert len(answer.content) == 2_000_000
    assert answer.json()["status"] == "success"


async def test_clock_skew_shows_in_the_date_and_in_what_is_accepted(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    """A service six minutes ahead refuses a signature that is right, and its Date header tells why."""
    wdcf(sandbox).fault = Fault.clock_skew(timedelta(minutes=6))
    answer = await ask_wdcf(client, sandbox)
    assert answer.status_code == 401
    assert parsedate_to_datetime(answer.headers["date"]) == START + timedelta(minutes=6)


async def test_the_clock_may_run_behind(client: httpx.AsyncClient, story: Scenario, clock: FakeClock) -> None:
    """The notation takes a negative skew."""
    story = story.with_fault("nami skew -10m for 5s")
    async with Sandbox(story, clock=clock) as sandbox:
        answer = await ask_nami(client, sandbox)
    assert answer.status_code == 401
    assert parsedate_to_datetime(answer.headers["date"]) == START - timedelta(minutes=10)


async def test_a_planned_fault_has_its_time(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock
) -> None:
    """It begins at `from`, and after `for` it is over."""
    story = story.with_fault("wdcf status 503 from 12s for 6s")
    async with Sandbox(story, clock=clock) as sandbox:
        seen = []
        for _ in range(4):
            seen.append((await ask_wdcf(client, sandbox)).status_code)
            clock.advance(seconds=6)
    assert seen == [200, 200, 503, 200]


async def test_a_planned_fault_leaves_the_other_service_alone(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock
) -> None:
    """A fault belongs to one service."""
    async with Sandbox(story.with_fault("wdcf status 503"), clock=clock) as sandbox:
        assert (await ask_nami(client, sandbox)).status_code == 200


@pytest.mark.parametrize(
    ("account", "statuses"), [("nami/spot", [503, 200, 200]), ("wdcf/CLIENT_001", [200, 200, 503])]
)
async def test_a_planned_fault_may_hit_one_account(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock, account: str, statuses: list[int]
) -> None:
    """The other accounts of the same service are answered as ever."""
    story = story.with_fault(f"{account} status 503")
    async with Sandbox(story, clock=clock) as sandbox:
        answers = [
            await ask_nami(client, sandbox, "type=0"),
            await ask_nami(client, sandbox, "type=2"),
            await ask_wdcf(client, sandbox, "CLIENT_001"),
        ]
        assert [answer.status_code for answer in answers] == statuses
        assert (await ask_wdcf(client, sandbox, "CLIENT_002")).status_code == 200


async def test_faults_add_up(client: httpx.AsyncClient, story: Scenario, clock: FakeClock) -> None:
    """A planned fault and one set by hand work together: a late error."""
    story = story.with_fault("wdcf latency 100ms")
    async with Sandbox(story, clock=clock) as sandbox:
        wdcf(sandbox).fault = Fault.status(503)
        begin = asyncio.get_running_loop().time()
        assert (await ask_wdcf(client, sandbox)).status_code == 503
        assert asyncio.get_running_loop().time() - begin >= 0.1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("binance reset", r"expected `nami\|wdcf\[/ACCOUNT\] FAULT"),
        ("wdcf", r"expected `nami\|wdcf\[/ACCOUNT\] FAULT"),
        ("wdcf explode", "expected one of 418, 429,"),
        ("wdcf latency", "followed by its argument, 418, 429,"),
        ("wdcf reset 5s", "expected one of 418, 429,"),
        ("wdcf status 200", "expected an error status, 400 to 599"),
        ("wdcf status bad", "expected a whole number, got 'bad'"),
        ("wdcf latency soon", "expected a duration"),
        ("wdcf reset from 5", "expected a duration"),
        ("wdcf/CLIENT_001 skew 5m", "hits the whole service"),
    ],
)
def test_mistakes_are_explained(text: str, expected: str) -> None:
    """An error of notation says what was expected."""
    with pytest.raises(ValueError, match=expected):
        fault(text)
