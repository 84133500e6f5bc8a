"""The cells of the matrix's endpoint rows: what goes wrong, at which service, and what the daemon has to make of it."""

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
"""What a Retry-After asks for here: short enough to see its end."""
HOUR = timedelta(hours=1)
WHOLE_MINUTE = timedelta(seconds=61)
"""Until a minute is over that has just begun by the service's clock, and the second of grace."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One fault of one service.

    `retries` are for faults that may meet a poll under way, which then fails in another way.
    `polls` is how many have to fail before the fault may end. `fires` is whether anybody is told, `paused` how long
    the host then wants no calls. A fault that is not `seen_ending` outlasts the test, as a ban of an hour does."""

    name: str
    kind: Kind
    fault: Fault
    outcome: Outcome
    says: str
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
        """A pattern of what the message says of how often: as it was when it fired or, sent a little later, is by
        then. Trying again mends neither credentials nor a ban."""
        if self.lacks_currency:
            return r"[2-9] times in a row"
        often = r"[2-9] polls failed (so )?in a row"
        return f"at the first poll|{often}" if self.outcome in (Outcome.AUTH, Outcome.BANNED) else often

    @property
    def provider(self) -> str:
        """The provider's name, and the cell's."""
        return f"{self.kind}-{self.name}"

    @property
    def job(self) -> str:
        """The name of the one job over it."""
        return f"poll-{self.provider}"

    @property
    def account(self) -> str:
        """The one account's name."""
        return "spot" if self.kind == "nami" else "CLIENT_001"

    @property
    def series(self) -> str:
        """The one series."""
        return f"{self.job}/{self.account}/{'USDT' if self.kind == 'nami' else 'USD'}"

    @property
    def subject(self) -> str:
        """What the failing alert is about: the provider, the account alone, or the series alone."""
        if self.lacks_currency:
            return self.series
        return f"{self.job}/{self.account}/*" if self.outcome.concerns_account else self.provider


Faulty = Callable[[Kind], Fault]
"""A fault as either service has it."""


def _both(
    name: str, outcome: Outcome, says: str | dict[Kind, str], faulty: Faulty, **more: Any
) -> list[Cell]:
    """The same fault at either service."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    return [
        _one(name, kind, outcome, says if isinstance(says, str) else says[kind], faulty, **more)
        for kind in kinds
    ]


def _one(name: str, kind: Kind, outcome: Outcome, says: str, faulty: Faulty, **more: Any) -> Cell:
    return Cell(name=name, kind=kind, outcome=outcome, says=says, fault=faulty(kind), **more)


def _always(fault: Fault) -> Faulty:
    return lambda kind: fault


def _answer(reply: Reply) -> Faulty:
    return _always(Answers(reply))


def _body(change: Callable[[str], str | bytes]) -> Faulty:
    """The right status, and the right body changed."""

    def faulty(kind: Kind) -> Fault:
        body = change(RIGHT[kind])
        return Answers(sends(http(200, body if isinstance(body, bytes) else body.encode())))

    return faulty


def _amount(text: str) -> Faulty:
    """The right answer with another amount."""
    return _body(lambda right: re.sub(r'("value"|"balance"): [0-9.]+', rf"\1: {text}", right))


def _twice(right: str) -> str:
    """The currency, or the balance, once more and with nothing in it."""
    nothing = '"22": {"value": 0, "locked_value": 0, "type": 0}, "22":'
    return right.replace('"22":', nothing).replace('"balance":', '"balance": 0, "balance":')


def _anothers(right: str) -> str:
    """The answer about another wallet, with nothing in it."""
    emptied = re.sub(r'("value"|"locked_value"|"balance"): [0-9.]+', r"\1: 0", right)
    return emptied.replace('"type": 0', '"type": 2').replace("CLIENT_001", "CLIENT_002")


def _refusal(status: int, *headers: str) -> Reply:
    return sends(http(status, b'{"message": "no"}', *headers))


def _dated(status: int, clock: Callable[[datetime], datetime], pause: timedelta | None = None) -> Reply:
    """A refusal by a service that tells its clock, and when it wants to be asked again."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        now = clock(datetime.now(UTC).replace(microsecond=0))
        headers = [f"Date: {format_datetime(now, usegmt=True)}"]
        if pause is not None:
            headers.append(f"Retry-After: {format_datetime(now + pause, usegmt=True)}")
        await _refusal(status, *headers)(writer)

    return reply


def _begun(reply: Reply, first: bytes) -> Reply:
    """Writes something at once, then replies."""

    async def both(writer: asyncio.StreamWriter) -> None:
        await sends(first)(writer)
        await reply(writer)

    return both


def _huge(head: str, portion: Callable[[bytes], bytes]) -> Faulty:
    """The right answer, followed by white space up to 100 MB: JSON all the same."""

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
    """The right answer and white space up to 100 MB, in a tenth of a megabyte."""
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
