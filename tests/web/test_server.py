"""The server under visitors who mean no good, or are just slow: asked over real sockets."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta

import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.web.auth import Access, Guard
from monitor.web.server import BACKLOG, HEAD, Bounds, Server, listening

from .support import START, free_port

QUICK = Bounds(connections=8, exchange_within=0.5, idle=1, ends_within=0.5)
LARGE = 8 * 1024 * 1024
"""More than the kernel keeps for who does not read."""
PATIENCE = 20.0
"""Seconds that anything may take on a busy machine."""

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"

STRICT = Access(token=SecretStr("a-token-of-24-characters"), refused_after=timedelta(0))

Reached = tuple[str, int]


async def site(scope: Scope, receive: Receive, send: Send) -> None:
    """Says what path was asked for; `/large` and `/slow` are that."""
    if scope["type"] != "http":
        await _lifespan(receive, send)
        return
    body = scope["path"].encode() if scope["path"] != "/large" else b"x" * LARGE
    if scope["path"] == "/slow":
        await asyncio.sleep(0.3)
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    for stage in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{stage}.complete"})


@contextmanager
def served(app: ASGIApp = site, bounds: Bounds = QUICK) -> Iterator[tuple[Server, Reached]]:
    """A server, and where it is reached."""
    address = ("127.0.0.1", free_port())
    server = Server(app, *address, bounds)
    try:
        yield server, address
    finally:
        server.stop()
        until(lambda: not server.is_alive, "the server's end")


@pytest.fixture
def reached() -> Iterator[Reached]:
    """Where a server with tight bounds is reached."""
    with served() as (_, address):
        yield address


def until(condition: Callable[[], object], what: str) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


def connected(address: Reached) -> socket.socket:
    """A visitor."""
    return socket.create_connection(address, timeout=PATIENCE)


def everything(visitor: socket.socket) -> bytes:
    """What comes until the server hangs up; a reset is that, too."""
    got = b""
    try:
        while chunk := visitor.recv(65536):
            got += chunk
    except ConnectionError:
        pass
    return got


def one_answer(visitor: socket.socket) -> bytes:
    """The first answer, without waiting for the end of the connection."""
    stream = visitor.makefile("rb", buffering=0)
    head = b"".join(iter(stream.readline, b"\r\n"))
    [length] = [line for line in head.splitlines() if line.lower().startswith(b"content-length:")]
    return head + b"\r\n" + stream.read(int(length.partition(b":")[2]))


def asked(address: Reached, request: bytes) -> bytes:
    """All that comes back."""
    with closing(connected(address)) as visitor:
        visitor.sendall(request)
        return everything(visitor)


def drip(visitor: socket.socket, piece: bytes = b"G", every: float = 0.05) -> None:
    """Sends piece after piece, as long as the server takes it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        visitor.sendall(piece)
        time.sleep(every)


# Slow, silent, greedy


def test_who_asks_and_reads_is_served_for_as_long_as_he_likes(reached: Reached) -> None:
    """The bounds are for an exchange, not for a visit."""
    with closing(connected(reached)) as visitor:
        ended = time.monotonic() + 3 * QUICK.exchange_within
        while time.monotonic() < ended:
            visitor.sendall(GET % b"here")
            assert one_answer(visitor).endswith(b"/here")
            time.sleep(0.05)


def test_who_says_nothing_is_sent_away(reached: Reached) -> None:
    """A connection without a request ends by itself."""
    with closing(connected(reached)) as visitor:
        assert everything(visitor) == b""


def test_who_drips_his_request_is_sent_away(reached: Reached) -> None:
    """A byte now and then is not a sign of life that counts."""
    with closing(connected(reached)) as visitor:
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            drip(visitor)
        assert time.monotonic() - began >= QUICK.exchange_within / 2


def test_who_drips_his_second_request_is_sent_away(reached: Reached) -> None:
    """Neither is having been answered once."""
    with closing(connected(reached)) as visitor:
        visitor.sendall(GET % b"")
        one_answer(visitor)
        with pytest.raises(ConnectionError):
            drip(visitor)


def test_who_is_answered_and_asks_no_more_is_sent_away(reached: Reached) -> None:
    """In order, after a while in which he could have asked again."""
    with closing(connected(reached)) as visitor:
        visitor.sendall(GET % b"")
        assert everything(visitor).endswith(b"/")


def test_who_does_not_read_his_answer_is_sent_away(reached: Reached) -> None:
    """What was kept for him is freed; others are served meanwhile."""
    with closing(connected(reached)) as visitor:
        visitor.sendall(GET % b"large")
        until(
            lambda: b"/meanwhile" in asked(reached, b"GET /meanwhile HTTP/1.0\r\nHost: x\r\n\r\n"), "another"
        )
        time.sleep(4 * QUICK.exchange_within)
        assert len(everything(visitor)) < LARGE


def test_who_reads_slowly_gets_it_all_as_long_as_he_is_not_too_slow() -> None:
    """A large answer over a slow line is not cut off within the time that an exchange has."""
    with served(bounds=Bounds(exchange_within=10)) as (_, address), closing(connected(address)) as visitor:
        visitor.sendall((GET % b"large").replace(b"1.1", b"1.0"))
        got = 0
        while chunk := visitor.recv(256 * 1024):
            got += len(chunk)
            time.sleep(0.01)
        assert got > LARGE


def test_a_body_without_end_is_not_kept(reached: Reached) -> None:
    """Whoever sends on and on is answered, or sent away; nothing of it is held."""
    with closing(connected(reached)) as visitor:
        visitor.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        with pytest.raises(ConnectionError):
            drip(visitor, b"x" * 65536, every=0)


def test_the_head_of_a_request_is_bounded(reached: Reached) -> None:
    """So much, and no more is waited for: of a line, of a header, of headers."""
    long = b"x" * HEAD
    for request in (
        b"GET /" + long,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + long,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * (HEAD // 6),
    ):
        assert asked(reached, request).startswith(b"HTTP/1.1 400 ")


# Many


def _hold(address: Reached, count: int, stack: ExitStack, says: bytes = b"") -> list[socket.socket]:
    visitors = []
    for _ in range(count):
        visitor = stack.enter_context(closing(connected(address)))
        visitor.sendall(says)
        visitors.append(visitor)
    return visitors


@pytest.mark.parametrize("says", [b"", b"GET / HTTP/1.1\r\nHost: loc"], ids=["nothing", "half-a-request"])
def test_a_flood_locks_nobody_out(says: bytes) -> None:
    """A newcomer takes the place of who has not asked for anything for the longest."""
    with served(bounds=Bounds(connections=8)) as (_, address), ExitStack() as stack:
        flood = _hold(address, 100, stack, says)
        assert asked(address, b"GET /me HTTP/1.0\r\nHost: x\r\n\r\n").endswith(b"/me")
        assert everything(flood[0]) == b""


def test_who_is_being_answered_keeps_his_place() -> None:
    """However many come meanwhile."""
    with served(bounds=Bounds(connections=8)) as (_, address), ExitStack() as stack:
        [waiting] = _hold(address, 1, stack, GET % b"slow")
        time.sleep(0.05)
        _hold(address, 50, stack)
        assert one_answer(waiting).endswith(b"/slow")


def test_open_connections_are_bounded() -> None:
    """By what is allowed, and what is taken on at a time until there is room again."""
    server: Server
    with served(bounds=Bounds(connections=8)) as (server, address), ExitStack() as stack:
        highest = 0
        for _ in range(300):
            _hold(address, 1, stack)
            highest = max(highest, len(server._uvicorn.server_state.connections))
        assert 8 <= highest <= 8 + 4 * BACKLOG
        until(lambda: len(server._uvicorn.server_state.connections) <= 8, "room")


# No HTTP


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), id="tls"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="ssh"),
        pytest.param(b"\x00" * 100 + b"\r\n\r\n", id="noughts"),
        pytest.param(b"GET /\r\n\r\n", id="http-0.9"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two-hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n X: folded\x00\r\n\r\n", id="a-nought-in-a-header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", id="a-space-before-the-colon"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", id="lengths"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", id="a-negative-length"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n", id="an-odd-length"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", id="an-encoding"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", id="two-encodings"
        ),
        pytest.param("GET /ü HTTP/1.1\r\nHost: a\r\n\r\n".encode(), id="a-path-that-is-not-ascii"),
    ],
)
def test_a_request_that_is_not_http_gets_an_error(
    reached: Reached, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """And leaves no line in the log: a stranger could fill it."""
    answer = asked(reached, request_)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), answer
    assert answer.count(b"HTTP/1.1") == 1
    assert caplog.text == ""


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "outer",
    [
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            % (len(SMUGGLED) + 5),
            id="a-length-and-chunks",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
            id="an-encoding-that-is-none",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
            id="a-disguised-encoding",
        ),
        pytest.param(
            b"GET / HTTP/1.1\nHost: localhost\r\nContent-Length: 0\r\n\rX\r\n\r\n", id="bare-line-ends"
        ),
    ],
)
def test_a_request_is_not_hidden_in_another(outer: bytes) -> None:
    """What two servers could read in two ways is refused, and nothing behind it is looked at."""
    with served(Guard(site, Access(), lambda: START)) as (_, address):
        answer = asked(address, outer + SMUGGLED)
    assert (answer[9:12] in (b"400", b"501"), answer.count(b"HTTP/1.1 ")) == (True, 1), answer


def test_a_garbled_body_while_the_answer_is_made_ends_the_connection(
    reached: Reached, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word in the log."""
    with closing(connected(reached)) as visitor:
        visitor.sendall(b"POST /slow HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        time.sleep(0.05)
        visitor.sendall(b"this is no chunk\r\n\r\n")
        assert everything(visitor) == b""
    time.sleep(0.4)  # the answer that nobody waits for any more
    assert caplog.text == ""


def test_a_garbled_body_after_the_answer_ends_the_connection(
    reached: Reached, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word in the log."""
    with closing(connected(reached)) as visitor:
        visitor.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        one_answer(visitor)
        visitor.sendall(b"this is no chunk\r\n\r\n")
        assert everything(visitor) == b""
    assert caplog.text == ""


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"tls/1.0"])
def test_nothing_else_is_spoken(reached: Reached, upgrade: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """An upgrade is not taken up; the request is answered."""
    request = b"GET /up HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n" % upgrade
    assert asked(reached, request).endswith(b"/up")
    assert caplog.text == ""


def test_pipelined_requests_are_answered_one_after_the_other(reached: Reached) -> None:
    """In their order."""
    got = asked(reached, GET % b"slow" + GET % b"1" + b"GET /2 HTTP/1.0\r\nHost: x\r\n\r\n")
    assert [got.index(b"\r\n\r\n/%s" % path) for path in (b"slow", b"1", b"2")] == sorted(
        got.index(b"\r\n\r\n/%s" % path) for path in (b"slow", b"1", b"2")
    )


def test_a_login_that_is_cut_off_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever hangs up in the middle of his form leaves nothing behind."""
    with served(Guard(site, STRICT, lambda: START)) as (server, address):
        with closing(connected(address)) as visitor:
            visitor.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ntoken=")
            until(lambda: server._uvicorn.server_state.tasks, "the request")
        until(lambda: not server._uvicorn.server_state.tasks, "its end")
    assert caplog.text == ""


def test_a_login_with_a_huge_body_is_answered_without_reading_it() -> None:
    """After what a form can hold it is a wrong login."""
    with served(Guard(site, STRICT, lambda: START)) as (_, address), closing(connected(address)) as visitor:
        visitor.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n")
        visitor.sendall(b"x" * 100_000)
        assert one_answer(visitor).startswith(b"HTTP/1.1 303 ")


def test_a_line_in_a_header_is_not_ours() -> None:
    """What a visitor names as the page to go on to breaks out of no header."""
    with served(Guard(site, STRICT, lambda: START)) as (_, address):
        form = b"token=x&to=/%0d%0aSet-Cookie:%20a=b"
        got = asked(
            address,
            b"POST /login HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(form), form),
        )
        assert got.startswith(b"HTTP/1.1 303 ")
        assert b"\r\nset-cookie" not in got.lower()


def test_head_has_the_headers_and_no_body() -> None:
    """As for GET."""
    with served(Guard(site, STRICT, lambda: START)) as (_, address):
        got = asked(address, b"HEAD /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 8\r\n" in got
    assert got.endswith(b"\r\n\r\n")


def test_the_server_does_not_name_itself(reached: Reached) -> None:
    """No name and no version."""
    got = asked(reached, b"GET / HTTP/1.0\r\nHost: x\r\n\r\n").lower()
    assert [name for name in (b"server:", b"uvicorn", b"python", b"x-powered-by") if name in got] == []


# Its end, and its beginning


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: lo", id="half-a-request"),
        pytest.param(GET % b"large", id="and-does-not-read"),
        pytest.param(GET % b"", id="and-was-answered"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n", id="and-sends-no-body"
        ),
        pytest.param(GET % b"large" + b"rubbish\r\n\r\n", id="no-http"),
    ],
)
def test_it_ends_in_time_whoever_is_still_there(says: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Without a word in the log, and with every connection closed."""
    with ExitStack() as stack:
        with served(bounds=Bounds(ends_within=0.3)) as (server, address):
            [visitor] = _hold(address, 1, stack, says)
            until(lambda: server._uvicorn.server_state.connections, "the visitor")
            time.sleep(0.1)
            server.stop()
            began = time.monotonic()
            until(lambda: not server.is_alive, "the end")
            assert time.monotonic() - began < 5
        everything(visitor)
        with pytest.raises(ConnectionRefusedError):
            connected(address)
    assert caplog.text == ""


def test_what_is_under_way_is_answered_before_the_end() -> None:
    """If it does not take too long."""
    with served() as (server, address), ExitStack() as stack:
        [visitor] = _hold(address, 1, stack, GET % b"slow")
        until(lambda: server._uvicorn.server_state.tasks, "the request")
        server.stop()
        assert everything(visitor).endswith(b"/slow")


def test_an_address_that_is_taken_is_an_error() -> None:
    """At once, and for whoever starts it to deal with."""
    with served() as (_, address), pytest.raises(OSError, match="in use"):
        Server(site, *address)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "::1", "::"])
def test_it_listens_at_any_address_of_this_machine(host: str) -> None:
    """By either protocol; at `::` by both."""
    port = free_port()
    try:
        found = listening(host, port)
    except OSError as exc:
        pytest.skip(f"this machine has no {host}: {exc}")
    with closing(found):
        there = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(host, host)
        with closing(socket.create_connection((there, port), timeout=PATIENCE)) as visitor:
            assert visitor.getpeername()[1] == port


def test_an_address_of_another_machine_is_an_error() -> None:
    """192.0.2.0/24 is nobody's."""
    with pytest.raises(OSError, match="assign"):
        listening("192.0.2.1", free_port())


def test_a_machine_without_both_protocols_is_an_error_like_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no IPv6, `::` can't be listened at, and that is all."""

    def without(family: int, *_: object, **__: object) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    monkeypatch.setattr(socket, "socket", without)
    with pytest.raises(OSError, match="not supported"):
        listening("::", 8787)


def test_it_runs_in_a_thread_that_keeps_no_process_alive() -> None:
    """Nor does it touch the signals, which are the daemon's."""
    with served():
        [thread] = [one for one in threading.enumerate() if one.name == "web"]
        assert thread.daemon


def test_uvicorn_logs_errors_only() -> None:
    """Not who asked for what, and not who asked wrongly."""
    assert logging.getLogger("uvicorn.error").level == logging.ERROR
