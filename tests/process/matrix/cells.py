"""The cells of the matrix of endpoints: a fault, a service, and what the daemon has to do."""

import asyncio
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

from monitor.errors import Outcome
from tests.providers.support import Reply, closes, drips, http, resets, sends

from .certificates import EXPIRED, SELF_SIGNED
from .service import (
    RIGHT,
    Answers,
    Fault,
    Kind,
    NobodyListens,
    NoSuchName,
    RedirectsElsewhere,
    WrongCertificate,
)

PAUSE = timedelta(seconds=2)
"""The pause of a Retry-After in these tests: short enough to see its end."""
HOUR = timedelta(hours=1)
WHOLE_MINUTE = timedelta(seconds=61)
"""The rest of a minute that has just begun by the service's clock, and the second of grace."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One fault of one service.

    `retries` are for faults that may meet a poll under way, which then fails in another way.
    `detail` is a part of the poll's detail. `polls` is how many have to fail before the fault may end. `fires`: an
    alert is notified. `paused` is how long the host then accepts no calls. A fault that is not `seen_ending` outlasts
    the test, as a ban of an hour does."""

    name: str
    kind: Kind
    fault: Fault
    outcome: Outcome
    detail: str
    polls: int = 3
    fires: bool = True
    paused: timedelta | None = None
    seen_ending: bool = True
    timeout: str = "10s"
    retries: int = 0
    tls: bool = False
    lacks_currency: bool = False

    @property
    def fires_at(self) -> str:
        """Return a pattern of the number of failed polls in the message, which grows until it is sent."""
        # a retry fixes neither credentials nor a ban, so these fire at the first poll
        if self.lacks_currency:
            return r"([2-9]|\d\d+) times in a row"
        often = r"([2-9]|\d\d+) polls failed (so )?in a row"
        return f"at the first poll|{often}" if self.outcome in (Outcome.AUTH, Outcome.BANNED) else often

    @property
    def provider(self) -> str:
        """Return the name of the provider."""
        return f"{self.kind}-{self.name}"

    @property
    def job(self) -> str:
        """Return the name of the only job."""
        return f"poll-{self.provider}"

    @property
    def account(self) -> str:
        """Return the name of the only account."""
        return "spot" if self.kind == "nami" else "CLIENT_001"

    @property
    def series(self) -> str:
        """Return the only series."""
        return f"{self.job}/{self.account}/{'USDT' if self.kind == 'nami' else 'USD'}"

    @property
    def subject(self) -> str:
        """Return the subject of the failing alert: the provider, the account, or the series."""
        if self.lacks_currency:
            return self.series
        return f"{self.job}/{self.account}/*" if self.outcome.concerns_account else self.provider


Faulty = Callable[[Kind], Fault]
"""Returns a fault for a kind of service."""


def _both(
    name: str, outcome: Outcome, detail: str | dict[Kind, str], faulty: Faulty, **more: Any
) -> list[Cell]:
    """Return the same fault at both services."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    return [
        _one(name, kind, outcome, detail if isinstance(detail, str) else detail[kind], faulty, **more)
        for kind in kinds
    ]


def _one(name: str, kind: Kind, outcome: Outcome, detail: str, faulty: Faulty, **more: Any) -> Cell:
    return Cell(name=name, kind=kind, outcome=outcome, detail=detail, fault=faulty(kind), **more)


def _always(fault: Fault) -> Faulty:
    return lambda kind: fault


def _answer(reply: Reply) -> Faulty:
    return _always(Answers(reply))


def _body(change: Callable[[str], str | bytes]) -> Faulty:
    """Return a response with the right status and a changed body."""

    def faulty(kind: Kind) -> Fault:
        body = change(RIGHT[kind])
        return Answers(sends(http(200, body if isinstance(body, bytes) else body.encode())))

    return faulty


def _amount(text: str) -> Faulty:
    """Return a right response with another amount."""
    return _body(lambda right: re.sub(r'("value"|"balance"): [0-9.]+', rf"\1: {text}", right))


def _twice(right: str) -> str:
    """Return a body that has the currency, or the balance, twice, once as zero."""
    nothing = '"22": {"value": 0, "locked_value": 0, "type": 0}, "22":'
    return right.replace('"22":', nothing).replace('"balance":', '"balance": 0, "balance":')


def _anothers(right: str) -> str:
    """Return the body of another wallet, with zero amounts."""
    emptied = re.sub(r'("value"|"locked_value"|"balance"): [0-9.]+', r"\1: 0", right)
    return emptied.replace('"type": 0', '"type": 2').replace("CLIENT_001", "CLIENT_002")


def _refusal(status: int, *headers: str) -> Reply:
    return sends(http(status, b'{"message": "no"}', *headers))


def _dated(status: int, clock: Callable[[datetime], datetime], pause: timedelta | None = None) -> Reply:
    """Return a refusal with the `Date` of the service's clock, and a `Retry-After` as a date."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        now = clock(datetime.now(UTC).replace(microsecond=0))
        headers = [f"Date: {format_datetime(now, usegmt=True)}"]
        if pause is not None:
            headers.append(f"Retry-After: {format_datetime(now + pause, usegmt=True)}")
        await _refusal(status, *headers)(writer)

    return reply


def _begun(reply: Reply, first: bytes) -> Reply:
    """Return a reply that writes something at once, then replies."""

    async def both(writer: asyncio.StreamWriter) -> None:
        await sends(first)(writer)
        await reply(writer)

    return both


def _huge(head: str, portion: Callable[[bytes], bytes]) -> Faulty:
    """Return a right response, followed by white space up to 100 MB, which is still JSON."""

    def faulty(kind: Kind) -> Fault:
        async def reply(writer: asyncio.StreamWriter) -> None:
            writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
            writer.write(portion(RIGHT[kind].encode().ljust(_MIB)))
            for _ in range(99):
                writer.write(portion(b" " * _MIB))
                await writer.drain()
            await closes()(writer)

        return Answers(reply)

    return faulty


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _bomb(kind: Kind) -> Fault:
    return Answers(sends(http(200, _compressed(RIGHT[kind]), "Content-Encoding: gzip")))


def _compressed(right: str) -> bytes:
    """Return a right body and white space up to 100 MB, compressed to 0.1 MB."""
    gzip = zlib.compressobj(wbits=31)
    parts = [gzip.compress(right.encode().ljust(_MIB)), *(gzip.compress(b" " * _MIB) for _ in range(99))]
    return b"".join([*parts, gzip.flush()])


_HTML = b"<!DOCTYPE html><html><body>It works!</body></html>"
_SLOW = {"timeout": "2s", "polls": 2}
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n"
_ENDLESS = drips(b"a" * 300, pause=0.1)
_ONCE_A_PAUSE = {"paused": PAUSE, "polls": 2}
_NOT_SEEN = {"seen_ending": False}

CELLS: tuple[Cell, ...] = (
    *_both("refused", Outcome.CONNECT, "connection refused", _always(NobodyListens()), retries=1),
    *_both("no-such-name", Outcome.CONNECT, ": balance-monitor.invalid", _always(NoSuchName())),
    *_both(
        "expired",
        Outcome.TLS,
        "certificate has expired",
        _always(WrongCertificate(EXPIRED)),
        tls=True,
        retries=1,
    ),
    *_both(
        "self-signed",
        Outcome.TLS,
        "self-signed certificate",
        _always(WrongCertificate(SELF_SIGNED)),
        tls=True,
        retries=1,
    ),
    *_both("reset", Outcome.CONNECT, "connection reset by peer", _answer(resets(_HEAD + b"\r\n{"))),
    *_both("closed", Outcome.CONNECT, "before the response was complete", _answer(closes(_HEAD + b"\r\n{"))),
    *_both("slow-headers", Outcome.TIMEOUT, "within 2s", _answer(_begun(_ENDLESS, _HEAD + b"X: ")), **_SLOW),
    *_both("slow-drip", Outcome.TIMEOUT, "within 2s", _answer(_begun(_ENDLESS, _HEAD + b"\r\n")), **_SLOW),
    *_both("100-mb", Outcome.BAD_PAYLOAD, "more than 1 MiB", _huge("Content-Length: 104857600", bytes)),
    *_both(
        "100-mb-chunked", Outcome.BAD_PAYLOAD, "more than 1 MiB", _huge("Transfer-Encoding: chunked", _chunk)
    ),
    *_both("gzip-bomb", Outcome.BAD_PAYLOAD, "a body of more than 1 MiB", _bomb),
    *_both(
        "invalid-utf-8",
        Outcome.BAD_PAYLOAD,
        "not UTF-8",
        _body(lambda right: b"\xff".join([right.encode()] * 2)),
    ),
    *_both("html", Outcome.BAD_PAYLOAD, "HTML, not JSON", _answer(sends(http(200, _HTML)))),
    *_both(
        "redirect", Outcome.REJECTED, "redirect to localhost, not followed", _always(RedirectsElsewhere())
    ),
    *_both(
        "204",
        Outcome.BAD_PAYLOAD,
        "HTTP 204: expected 200",
        _answer(sends(b"HTTP/1.1 204 No Content\r\n\r\n")),
    ),
    *_both("401", Outcome.AUTH, "HTTP 401", _answer(_refusal(401))),
    *_both("403", Outcome.AUTH, "HTTP 403", _answer(_refusal(403))),
    *_both("404", Outcome.NOT_FOUND, "HTTP 404", _answer(_refusal(404))),
    *_both("418", Outcome.BANNED, "HTTP 418", _answer(_refusal(418)), paused=HOUR, **_NOT_SEEN),
    *_both(
        "418-seconds", Outcome.BANNED, "HTTP 418", _answer(_refusal(418, "Retry-After: 2")), **_ONCE_A_PAUSE
    ),
    *_both(
        "429-seconds",
        Outcome.RATE_LIMITED,
        "HTTP 429",
        _answer(_refusal(429, "Retry-After: 2")),
        **_ONCE_A_PAUSE,
    ),
    *_both(
        "429-date",
        Outcome.RATE_LIMITED,
        "HTTP 429",
        _answer(_dated(429, lambda now: now, PAUSE)),
        **_ONCE_A_PAUSE,
    ),
    *_both(
        "429",
        Outcome.RATE_LIMITED,
        "HTTP 429",
        _answer(_dated(429, lambda now: now.replace(second=0))),
        **{"paused": WHOLE_MINUTE, "polls": 1, "fires": False, **_NOT_SEEN},
    ),
    *_both("500", Outcome.UNAVAILABLE, "HTTP 500", _answer(_refusal(500))),
    *_both("503", Outcome.UNAVAILABLE, "HTTP 503", _answer(_refusal(503))),
    *_both("cut-off", Outcome.BAD_PAYLOAD, "not JSON", _body(lambda right: right[:-10])),
    *_both(
        "deep",
        Outcome.BAD_PAYLOAD,
        "nested too deeply",
        _body(lambda right: right[:-1] + ', "x": ' + "[" * 100_000),
    ),
    *_both("twice", Outcome.BAD_PAYLOAD, "appears more than once", _body(_twice)),
    *_both("exponent", Outcome.BAD_PAYLOAD, "", _amount("1E+999999999")),
    *_both("digits", Outcome.BAD_PAYLOAD, "", _amount("9" * 20_000)),
    *_both(
        "anothers",
        Outcome.BAD_PAYLOAD,
        {
            "nami": "data.22.type: expected 0, the requested wallet",
            "wdcf": 'data.clientId: expected "CLIENT_001", got a string: "CLIENT_002"',
        },
        _body(_anothers),
    ),
    _one(
        "no-currency",
        "nami",
        Outcome.OK,
        "",
        _body(lambda right: right.replace('"22"', '"1"')),
        lacks_currency=True,
    ),
)
