"""Messages through apprise: each service gets the format it shows, and names are never markup."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import MagicMock, patch

import pytest
import pytest_asyncio
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.ntfy import NotifyNtfy
from pydantic import SecretStr

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import SLOW
from monitor.domain.messages import ChartImage, Item, Message, Report, render
from monitor.domain.model import Severity
from monitor.errors import DeliveryFailed, Throttled
from monitor.notify.channels import _Parts, open_channels, takes_images
from monitor.sandbox import Fault, Webhook
from monitor.sandbox.http import Response

TELEGRAM = "tgram://123456789:abcdefg_hijklmnop"
FIRED = Report(
    kind=EventKind.FIRED,
    rule="client_low",
    rule_type="threshold",
    severity=Severity.CRITICAL,
    subject="clients/CLIENT_001/USD",
    incident="ABCDEFGHJK",
    seq=1,
    at=datetime(2026, 2, 1, 14, 30, tzinfo=UTC),
    since=datetime(2026, 2, 1, 14, 30, tzinfo=UTC),
    reason="available 4.10 < 5.00",
    expected="at least 5.00",
    labels=(("team", "<b>*a_"),),
)


IMAGE = ChartImage(name="spot-USDT.png", png=b"\x89PNG\r\n\x1a\n\x00...")


@pytest_asyncio.fixture
async def webhook() -> AsyncIterator[Webhook]:
    """A real receiver on loopback."""
    async with Webhook() as receiver:
        yield receiver


async def test_a_webhook_gets_plain_text(webhook: Webhook) -> None:
    """What a program or a terminal shows as it is."""
    await _sent(webhook.url, render([Item(last=FIRED)]))
    (message,) = webhook.messages
    assert (message.title, message.type) == (
        "CRITICAL client_low: clients/CLIENT_001/USD available 4.10 < 5.00",
        "failure",
    )
    assert "Labels: team=<b>*a_" in message.body


async def test_a_url_may_ask_for_html(webhook: Webhook) -> None:
    """Names are escaped in it."""
    await _sent(f"{webhook.url}?format=html", render([Item(last=FIRED)]))
    assert "Labels: team=&lt;b&gt;*a_" in webhook.messages[0].body


async def test_a_url_may_ask_for_markdown(webhook: Webhook) -> None:
    """Names are code in it."""
    await _sent(f"{webhook.url}?format=markdown", render([Item(last=FIRED)]))
    assert "- Labels: `team=<b>*a_`" in webhook.messages[0].body


async def test_a_long_body_is_split_and_nothing_is_lost(webhook: Webhook) -> None:
    """In as many messages as the service needs."""
    lines = [f"line {number} {'x' * 100}" for number in range(700)]
    body = "\n".join(lines)
    await _sent(webhook.url, Message(title="T", plain=body, markdown="", html="", type="info"))
    assert len(webhook.messages) > 1
    assert "\n".join(message.body for message in webhook.messages).split() == body.split()


async def test_a_chart_is_attached(webhook: Webhook) -> None:
    """Byte for byte, by its name."""
    await _sent(webhook.url, replace(render([Item(last=FIRED)]), images=(IMAGE,)))
    (message,) = webhook.messages
    assert message.attachments == (("spot-USDT.png", IMAGE.png),)


async def test_a_long_body_that_is_split_has_its_chart_once(webhook: Webhook) -> None:
    """Not with every part."""
    long = Message(title="T", plain="line\n" * 20_000, markdown="", html="", type="info", images=(IMAGE,))
    await _sent(webhook.url, long)
    assert sorted(len(message.attachments) for message in webhook.messages)[-2:] == [0, 1]


def test_a_service_without_attachments_gets_the_text() -> None:
    """A picture is no reason not to send."""
    (notifier,), _ = open_channels({"ops": [SecretStr("gchat://workspace/key/token")]})
    assert not notifier.takes_images
    with patch("requests.post", return_value=MagicMock(status_code=200, content=b"1")) as post:
        notifier.send(replace(render([Item(last=FIRED)]), images=(IMAGE,)), set())
    assert post.call_count == 1


@pytest.mark.parametrize(
    ("url", "takes"),
    [("json://127.0.0.1/", True), ("gchat://workspace/key/token", False), ("nosuch://x", True)],
    ids=["some-do", "some-do-not", "of-what-is-no-service-something-else-is-said"],
)
def test_a_service_accepts_charts_or_does_not(url: str, takes: bool) -> None:
    """As apprise knows it."""
    assert takes_images(SecretStr(url)) is takes


def test_telegram_gets_names_that_are_no_markup() -> None:
    """It refuses what it can't parse, and a client's id with one underscore in Markdown is such a thing.

    Telegram itself can't be reached from a test: what apprise would post is looked at."""
    (notifier,), _ = open_channels({"ops": [SecretStr("tgram://123456789:abcdefg_hijklmnop/12315544/")]})
    with patch("requests.post", return_value=MagicMock(status_code=200, content=b'{"ok": true}')) as post:
        notifier.send(render([Item(last=FIRED)]), set())
    sent = json.loads(post.call_args.kwargs["data"])
    assert sent["parse_mode"] == "HTML"
    assert sent["text"].startswith(
        "<b>CRITICAL client_low: clients/CLIENT_001/USD available 4.10 &lt; 5.00</b>"
    )
    assert "team=&lt;b&gt;*a_" in sent["text"]


def test_a_refusal_says_what_came_back_without_the_url() -> None:
    """Neither a token in the path nor a password."""
    url = "json://user:hunter2hunter2@127.0.0.1:9/token-in-the-path"
    (notifier,), _ = open_channels({"ops": [SecretStr(url)]})
    with pytest.raises(DeliveryFailed, match="Connection error") as failed:
        notifier.send(render([Item(last=FIRED)]), set())
    assert "hunter2" not in str(failed.value)
    assert "token-in" not in str(failed.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nosuch://token-in-it/x", "apprise knows no service nosuch://"),
        (
            "discord://token-in-it",
            "apprise does not accept this discord:// URL: An invalid Discord Webhook Token was specified",
        ),
        ("tgram://123", "apprise does not accept this tgram:// URL: something in it is missing"),
        (
            "twilio://sid-in-it:b@c",
            "apprise does not accept this twilio:// URL: An invalid Twilio Account SID was specified",
        ),
        ("slak://token-in-it/x", "apprise knows no service slak://; did you mean slack://?"),
        ("no url at all", "not an apprise URL: it has no scheme, such as mailto:// or discord://"),
    ],
    ids=["unknown", "incomplete", "nothing-said", "the-value-is-left-out", "misspelt", "none"],
)
def test_a_url_that_apprise_refuses_is_named_by_its_place(url: str, why: str) -> None:
    """Channel, index and reason; the URL may hold a token."""
    assert open_channels({"ops": [SecretStr("json://127.0.0.1/"), SecretStr(url)]})[1] == [("ops", 1, why)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("ntfy://h/alice", "ntfy://h/bob", False, id="two-topics-of-one-server"),
        pytest.param(
            "tgram://123456789:abcdefg_hijklmnop/1/",
            "tgram://123456789:abcdefg_hijklmnop/2/",
            False,
            id="chats",
        ),
        pytest.param(
            "mailto://u:p@example.com?to=a@x.com", "mailto://u:p@example.com?to=b@x.com", False, id="mail"
        ),
        pytest.param("json://127.0.0.1/a", "json://127.0.0.1/b", False, id="paths"),
        pytest.param("json://127.0.0.1/?+X-Org=1", "json://127.0.0.1/?+X-Org=2", False, id="headers"),
        pytest.param("ntfy://h/alice/bob", "ntfy://h/bob/alice", True, id="order-of-targets"),
        pytest.param(
            "json://127.0.0.1/", "json://127.0.0.1:80/?format=html&rto=9", True, id="how-it-is-sent"
        ),
    ],
)
def test_recipients_are_distinguished(one: str, other: str, same: bool) -> None:
    """Two recipients of one service have two names in the store; one recipient written in two ways has one."""
    notifiers, refused = open_channels({"ops": [SecretStr(one)], "boss": [SecretStr(other)]})
    first, second = (
        {notifier.target.url_id for notifier in notifiers if notifier.target.channel == channel}
        for channel in ("ops", "boss")
    )
    assert not refused
    assert (first == second) is same


def test_a_recipient_keeps_its_name_in_every_process() -> None:
    """Also where a plugin keeps its targets in a set, whose order differs from process to process."""
    code = (
        "from pydantic import SecretStr; from monitor.notify.channels import open_channels;"
        "print(open_channels({'ops': [SecretStr('ntfy://h/a/b/c/d')]})[0][0].target.url_id)"
    )
    names = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(names) == 1


def test_a_recipient_knows_its_former_name() -> None:
    """By apprise's own id and by place, as the store of an older version has it."""
    notifiers, _ = open_channels({"ops": [SecretStr("ntfy://h/alice"), SecretStr("ntfy://h/bob")]})
    alice, bob = (notifier.former[0].url_id for notifier in notifiers)
    assert bob == f"{alice}-2"


def test_a_url_given_twice_is_one_recipient() -> None:
    """Nobody gets each message twice because of a line too many."""
    url = SecretStr("json://127.0.0.1/a")
    assert len(open_channels({"ops": [url, SecretStr("json://127.0.0.1/b"), url]})[0]) == 2


async def test_a_slow_answer_is_waited_for(webhook: Webhook) -> None:
    """The message was taken: apprise's own 4 s would make it a failure, and the next attempt a second copy."""
    webhook.fault = Fault.latency(timedelta(seconds=4.5))
    await _sent(webhook.url, render([Item(last=FIRED)]))
    assert len(webhook.messages) == 1


async def test_a_url_may_set_its_own_timeout(webhook: Webhook) -> None:
    """It wins over ours."""
    webhook.fault = Fault.hang()
    with pytest.raises(DeliveryFailed, match="Connection error"):
        await _sent(f"{webhook.url}?rto=0.2", render([Item(last=FIRED)]))


@pytest.mark.parametrize(
    ("url", "connect", "read"),
    [
        ("json://127.0.0.1/", 10, 55),
        ("json://127.0.0.1/?cto=3&rto=7", 3, 7),
        ("json://127.0.0.1/?cto=4&rto=4", 4, 4),
        ("mailto://127.0.0.1:25/?from=a@example.org&to=b@example.org", 55, 55),
        ("mailto://127.0.0.1:25/?from=a@example.org&to=b@example.org&cto=20", 20, 55),
    ],
    ids=["http", "its-own", "as-apprise-has-them", "mail-has-one-timeout", "mail-its-own"],
)
def test_timeouts_end_before_the_attempt_counts_as_slow(url: str, connect: float, read: float) -> None:
    """What has no answer by then ends as one failed attempt, not as two."""
    with patch("monitor.notify.channels.Apprise.add") as add:
        open_channels({"ops": [SecretStr(url)]})
    assert add.call_args.args[0].request_timeout == (connect, read)
    assert connect < SLOW.total_seconds()
    assert read < SLOW.total_seconds()


async def test_a_mail_server_that_takes_its_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts the message long after the final dot, longer than apprise's default for mail."""
    monkeypatch.setattr(NotifyEmail, "socket_connect_timeout", 0.5)  # apprise's 15 s, for a test
    mails: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            match line[:4].upper():
                case b"DATA":
                    writer.write(b"354 go ahead\r\n")
                    mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    await asyncio.sleep(1)
                    writer.write(b"250 taken\r\n")
                case _:
                    writer.write(b"250 ok\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await _sent(
            f"mailto://127.0.0.1:{port}/?from=a@example.org&to=b@example.org", render([Item(last=FIRED)])
        )
    assert len(mails) == 1


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_that_loses_the_message_is_a_failure(status: int) -> None:
    """It makes an empty GET of the message, which whoever is there answers with 200."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        answer = f"HTTP/1.1 {status} There\r\nLocation: /secret-place\r\nContent-Length: 0\r\n"
        if asked[-1].startswith(b"GET"):
            answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
        writer.write(f"{answer}Connection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DeliveryFailed, match=rf"^the service redirects \(HTTP {status}\)") as failed:
            await _sent(f"json://127.0.0.1:{port}/", render([Item(last=FIRED)]))
    assert "secret" not in str(failed.value)
    assert len(asked) == 1


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_keeps_the_message_is_followed(webhook: Webhook, status: int) -> None:
    """As HTTP has it: the same request, to another address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        location = webhook.url.replace("json://", "http://")
        answer = f"HTTP/1.1 {status} There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await _sent(f"json://127.0.0.1:{port}/", render([Item(last=FIRED)]))
    assert len(webhook.messages) == 1


@pytest.mark.parametrize(
    ("status", "headers", "retry_after"),
    [
        (429, {}, None),
        (429, {"retry-after": "30"}, timedelta(seconds=30)),
        (503, {"retry-after": "30"}, timedelta(seconds=30)),
        (
            503,
            {"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2026 07:30:00 GMT"},
            timedelta(minutes=2),
        ),
        (429, {"retry-after": "soon"}, None),
    ],
    ids=["does-not-say", "seconds", "also-503", "a-date-by-its-own-clock", "nonsense"],
)
async def test_a_service_that_wants_a_rest_says_how_long(
    webhook: Webhook, status: int, headers: dict[str, str], retry_after: timedelta | None
) -> None:
    """RFC 9110, "Retry-After"."""
    webhook.fault = Fault.answer(Response(status=status, headers=headers))
    with pytest.raises(Throttled) as throttled:
        await _sent(webhook.url, render([Item(last=FIRED)]))
    assert throttled.value.retry_after == retry_after


async def test_a_service_that_fails_wants_no_rest(webhook: Webhook) -> None:
    """A 503 without Retry-After is a failure as any other."""
    webhook.fault = Fault.maintenance()
    with pytest.raises(DeliveryFailed, match="503") as failed:
        await _sent(webhook.url, render([Item(last=FIRED)]))
    assert not isinstance(failed.value, Throttled)


async def test_a_part_that_was_taken_is_not_sent_again(webhook: Webhook) -> None:
    """Only what is missing of a long message goes out with the next attempt, whoever makes it; a new message whole."""
    long = Message(title="T", plain="line\n" * 10_000, markdown="", html="", type="info")
    other = replace(long, plain="another line\n" * 4_000)

    async def send(message: Message, taken: set[str]) -> None:
        (notifier,), _ = open_channels({"ops": [SecretStr(webhook.url)]})  # as after a restart
        await asyncio.to_thread(notifier.send, message, taken)

    webhook.fault = Fault(change=lambda given: replace(given, status=429) if webhook.messages else given)
    taken: set[str] = set()
    for _ in range(2):
        with pytest.raises(Throttled):
            await send(long, taken)
        assert len(taken) == 1
    assert len(webhook.messages) == 1
    webhook.fault = None
    await send(long, taken)
    parts = [message.body for message in webhook.messages]
    assert len(parts) == len(set(parts)) == 2
    assert "\n".join(parts).split() == long.plain.split()
    await send(other, taken)
    assert len(webhook.messages) == 4
    await send(other, set())
    assert len(webhook.messages) == 6


@pytest.mark.parametrize("status", [429, 500, 302])
async def test_a_part_does_not_overtake_one_that_was_not_taken(webhook: Webhook, status: int) -> None:
    """The rest of a long message goes out after it, in order."""
    long = Message(title="T", plain="line\n" * 10_000, markdown="", html="", type="info")
    (notifier,), _ = open_channels({"ops": [SecretStr(webhook.url)]})
    statuses = iter([status])
    webhook.fault = Fault(change=lambda given: replace(given, status=next(statuses, 200)))
    taken: set[str] = set()
    with pytest.raises(DeliveryFailed):
        await asyncio.to_thread(notifier.send, long, taken)
    assert (webhook.messages, taken) == ([], set())
    await asyncio.to_thread(notifier.send, long, taken)
    assert "\n".join(message.body for message in webhook.messages).split() == long.plain.split()


async def test_what_is_remembered_of_a_part_names_nobody(webhook: Webhook) -> None:
    """Plugins note their recipients, a token among them perhaps: the store gets digests."""
    taken: set[str] = set()
    remembered = _Parts("T\0body", taken)
    remembered.add((0, (str, "'hunter2hunter2'")))
    [digest] = taken
    assert re.fullmatch("[0-9a-f]{16}", digest)
    assert (0, (str, "'hunter2hunter2'")) in _Parts("T\0body", taken)
    assert (1, (str, "'hunter2hunter2'")) not in _Parts("T\0body", taken)
    assert (0, (str, "'hunter2hunter2'")) not in _Parts("T\0another", taken)


async def test_each_recipient_of_a_url_has_its_own_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """One refuses every message: it fails by itself, is named with the reason, and no secret is."""
    monkeypatch.setattr(NotifyNtfy, "request_rate_per_sec", 0)  # apprise's own pause between requests
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = re.findall(rb"(?i)content-length: (\d+)", head)
        topic = json.loads(await reader.readexactly(int(length)))["topic"]
        asked.append(topic)
        status = "403 Forbidden" if topic == "gone" else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ntfy://user:hunter2hunter2@127.0.0.1:{port}/alice/gone"
        errors = await _errors(url)
    assert sorted(asked) == ["alice", "gone"]
    [error] = errors
    assert "gone" in error
    assert "403" in error
    assert "hunter2" not in error


async def test_a_mail_address_that_is_refused_is_named_with_the_reply() -> None:
    """The server refuses one of two at RCPT; the other has its mail."""
    mails: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        taken = ""
        while line := (await reader.readline()).decode():
            match line.split()[0].upper():
                case "RCPT" if "gone@" in line:
                    writer.write(b"550 no such user\r\n")
                case "RCPT":
                    taken = line
                    writer.write(b"250 ok\r\n")
                case "DATA":
                    writer.write(b"354 go ahead\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    mails.append(taken.partition("<")[2].partition(">")[0])
                    writer.write(b"250 taken\r\n")
                case _:
                    writer.write(b"250 ok\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"mailto://127.0.0.1:{port}/?from=me@example.org&to=gone@example.org,alice@example.org"
        [error] = await _errors(url)
    assert mails == ["alice@example.org"]
    assert "gone@example.org" in error
    assert "550" in error
    assert "no such user" in error


@pytest.mark.parametrize(
    ("url", "names"),
    [
        pytest.param("ntfy://h/alice/bob", ["alice", "bob"], id="topics"),
        pytest.param("ntfy://alice/bob", ["bob"], id="a-server-and-one-topic"),
        pytest.param("tgram://123456789:abcdefg_hijklmnop/111/222", ["111", "222"], id="chats"),
        pytest.param(
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops/#dev",
            ["ops", "dev"],
            id="chat-channels",
        ),
        pytest.param(
            f"twilio://AC{'b' * 32}:{'c' * 32}@15551233456/15555555551/15555555552",
            ["+15555555551", "+15555555552"],
            id="phone-numbers",
        ),
        pytest.param(
            "mailto://u:p@example.com?to=a@x.com,b@x.com", ["a@x.com", "b@x.com"], id="mail-addresses"
        ),
        pytest.param("mailto://u:p@example.com?to=a@x.com,b@x.com&cc=c@x.com", [""], id="mail-with-copies"),
        pytest.param("json://127.0.0.1/a/b", [""], id="a-path-is-no-list"),
    ],
)
def test_a_url_that_names_several_is_several_recipients(url: str, names: list[str]) -> None:
    """Each with an id of its own, that of a URL with this recipient alone."""
    notifiers, _ = open_channels({"ops": [SecretStr(url)]})
    assert len({notifier.target for notifier in notifiers}) == len(names)
    if len(names) > 1:
        assert [notifier.named.lstrip("#") for notifier in notifiers] == names


def test_a_recipient_has_one_id_alone_and_beside_others() -> None:
    """So that one more in a URL is one recipient more, and nobody else's name changes."""
    alone, _ = open_channels({"ops": [SecretStr("ntfy://h/alice")]})
    beside, _ = open_channels({"ops": [SecretStr("ntfy://h/bob/alice")]})
    assert alone[0].target in [notifier.target for notifier in beside]


async def _errors(url: str) -> list[str]:
    """Send a message to every recipient of a URL; return what went wrong."""
    notifiers, _ = open_channels({"ops": [SecretStr(url)]})
    errors: list[str] = []
    for notifier in notifiers:
        try:
            await asyncio.to_thread(notifier.send, render([Item(last=FIRED)]), set())
        except DeliveryFailed as exc:
            errors.append(str(exc))
    return errors


async def _sent(url: str, message: Message) -> None:
    (notifier,), _ = open_channels({"ops": [SecretStr(url)]})
    await asyncio.to_thread(notifier.send, message, set())
