"""What can go wrong at a service, as functions from the answer it would have given to the one it gives.

The notation (`parse_fault`): `SERVICE[/ACCOUNT] FAULT [from DURATION] [for DURATION]`, for example
`wdcf reset from 12s for 6s`, `nami/spot latency 3s`, `nami skew -10m`, `wdcf/CLIENT_002 status 500 from 1m`.
The accounts are Nami's `spot` and `futures` and WDCF's client ids; without one, every request is hit.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus

from monitor.sandbox.http import CutOff, Drip, Reset, Response, error_response, json_response
from monitor.sandbox.scripts import parse_duration

_HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works!</body></html>\n"
_MAINTENANCE = b"<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>\n"
_OVERSIZE = 16 * 1024 * 1024


def _as_it_is(response: Response) -> Response:
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave: what becomes of an answer, and how far the service's clock runs ahead meanwhile.

    No document gives the bodies of 418, 429 and 5xx in general: they take the form of Nami's documented errors.
    """

    change: Callable[[Response], Response] = field(default=_as_it_is, repr=False)
    skew: timedelta = timedelta(0)

    @classmethod
    def latency(cls, delay: timedelta) -> "Fault":
        """The right answer, late."""
        return cls(change=lambda response: replace(response, delay=response.delay + delay))

    @classmethod
    def hang(cls) -> "Fault":
        """No answer, on a connection that stays open."""
        return cls.latency(timedelta(days=365))

    @classmethod
    def answer(cls, response: Response) -> "Fault":
        """This answer in place of the right one, sent as slowly or badly as other faults want it."""
        return cls(change=lambda given: replace(response, delay=given.delay, sending=given.sending))

    @classmethod
    def status(cls, status: int) -> "Fault":
        """Any error status; ValueError if HTTP does not know it or it is below 400."""
        if HTTPStatus(status) < HTTPStatus.BAD_REQUEST:
            raise ValueError(f"expected an error status, 400 to 599, got {status}")
        return cls.answer(error_response(status))

    @classmethod
    def database_down(cls) -> "Fault":
        """500 with the body that WDCF documents ("Errors")."""
        error = {"error": "Database connection failed"}
        return cls.answer(
            json_response(500, {"status": "failed", "message": "Failed to get balance", "data": error})
        )

    @classmethod
    def broker_error(cls, code: int = 6104, status: str = "BROKER_ERROR") -> "Fault":
        """HTTP 200 with another `status` in the body (Nami, "Errors")."""
        data = {"requestId": "00000000-0000-4000-8000-000000000000"}
        return cls.answer(json_response(200, {"status": status, "code": code, "data": data, "message": None}))

    @classmethod
    def too_many_requests(cls, retry_after: timedelta | None = None) -> "Fault":
        """429, with Retry-After in whole seconds if wanted."""
        return cls.answer(_refusal(429, retry_after))

    @classmethod
    def banned(cls, retry_after: timedelta | None = None) -> "Fault":
        """418: the address is banned (Nami, "Errors"), with Retry-After in whole seconds if wanted."""
        return cls.answer(_refusal(418, retry_after))

    @classmethod
    def maintenance(cls) -> "Fault":
        """503 with a page for humans."""
        return cls.answer(Response(status=503, body=_MAINTENANCE, headers={"content-type": "text/html"}))

    @classmethod
    def html(cls) -> "Fault":
        """200 with a page for humans, as a captive portal or a web server's default site gives it."""
        return cls.answer(Response(status=200, body=_HTML, headers={"content-type": "text/html"}))

    @classmethod
    def empty(cls) -> "Fault":
        """204, no body."""
        return cls.answer(Response(status=204))

    @classmethod
    def redirect(cls, location: str = "/moved") -> "Fault":
        """302 to somewhere else; by default on the same host, where the request log shows who followed it."""
        return cls.answer(Response(status=302, headers={"location": location}))

    @classmethod
    def oversize(cls, size: int = _OVERSIZE) -> "Fault":
        """The right answer, padded with white space to `size` bytes: still valid JSON, but too long to read."""
        return cls(change=lambda response: replace(response, body=response.body.ljust(size)))

    @classmethod
    def cut_off(cls, after: int = 20) -> "Fault":
        """The right answer, ending after so many bytes of the body, or one byte early."""
        return cls(change=lambda response: replace(response, sending=CutOff(after=after)))

    @classmethod
    def drip(cls, size: int = 1, every: timedelta = timedelta(milliseconds=500)) -> "Fault":
        """The right answer, `size` bytes of the body at a time, one portion each `every`."""
        return cls(change=lambda response: replace(response, sending=Drip(size=size, every=every)))

    @classmethod
    def reset(cls) -> "Fault":
        """A connection reset in place of an answer."""
        return cls(change=lambda response: replace(response, sending=Reset()))

    @classmethod
    def clock_skew(cls, ahead: timedelta) -> "Fault":
        """The service's clock runs ahead (behind, if negative) of ours: in what it accepts and in its Date."""
        return cls(skew=ahead)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """A fault of one service, or of one account there, in a time interval that counts from the sandbox's start.

    ValueError for a clock skew of one account: a service has one clock.
    """

    service: str
    fault: Fault
    account: str | None = None
    begins: timedelta = timedelta(0)
    lasts: timedelta | None = None

    def __post_init__(self) -> None:
        if self.account is not None and self.fault.skew:
            raise ValueError("a clock skew hits the whole service, not one account")

    def is_active(self, elapsed: timedelta) -> bool:
        """Whether its time has come, and has not yet passed."""
        return self.begins <= elapsed and (self.lasts is None or elapsed < self.begins + self.lasts)

    def concerns(self, account: str | None) -> bool:
        """Whether a request for this account is hit."""
        return self.account is None or self.account == account


def parse_fault(text: str) -> PlannedFault:
    """The planned fault written in the notation at the head of this module; ValueError says what was expected."""
    match = re.fullmatch(
        r"(?P<service>nami|wdcf)(?:/(?P<account>\S+))? (?P<fault>.+?)"
        r"(?: from (?P<begins>\S+))?(?: for (?P<lasts>\S+))?",
        " ".join(text.split()),
    )
    if match is None:
        raise ValueError(
            f"fault {text!r}: expected `nami|wdcf[/ACCOUNT] FAULT [from DURATION] [for DURATION]`, "
            "e.g. `wdcf reset from 12s for 6s`"
        )
    return PlannedFault(
        service=match["service"],
        account=match["account"],
        fault=_parse_kind(match["fault"]),
        begins=parse_duration(match["begins"] or "0s"),
        lasts=parse_duration(match["lasts"]) if match["lasts"] else None,
    )


def _refusal(status: int, retry_after: timedelta | None) -> Response:
    headers = {} if retry_after is None else {"retry-after": str(retry_after // timedelta(seconds=1))}
    return error_response(status, headers=headers)


def _parse_skew(text: str) -> timedelta:
    ahead = parse_duration(text.removeprefix("-"))
    return -ahead if text.startswith("-") else ahead


def _parse_number(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)


_PLAIN: dict[str, Callable[[], Fault]] = {
    "418": Fault.banned,
    "429": Fault.too_many_requests,
    "broker-error": Fault.broker_error,
    "cut-off": Fault.cut_off,
    "database-down": Fault.database_down,
    "drip": Fault.drip,
    "empty": Fault.empty,
    "hang": Fault.hang,
    "html": Fault.html,
    "maintenance": Fault.maintenance,
    "oversize": Fault.oversize,
    "redirect": Fault.redirect,
    "reset": Fault.reset,
}
_WITH_ARGUMENT: dict[str, Callable[[str], Fault]] = {
    "418": lambda text: Fault.banned(parse_duration(text)),
    "429": lambda text: Fault.too_many_requests(parse_duration(text)),
    "broker-error": lambda text: Fault.broker_error(_parse_number(text)),
    "cut-off": lambda text: Fault.cut_off(_parse_number(text)),
    "drip": lambda text: Fault.drip(every=parse_duration(text)),
    "latency": lambda text: Fault.latency(parse_duration(text)),
    "oversize": lambda text: Fault.oversize(_parse_number(text)),
    "redirect": Fault.redirect,
    "skew": lambda text: Fault.clock_skew(_parse_skew(text)),
    "status": lambda text: Fault.status(_parse_number(text)),
}


def _parse_kind(text: str) -> Fault:
    name, _, argument = text.partition(" ")
    if argument and name in _WITH_ARGUMENT:
        return _WITH_ARGUMENT[name](argument)
    if not argument and name in _PLAIN:
        return _PLAIN[name]()
    plain, with_argument = ", ".join(_PLAIN), ", ".join(_WITH_ARGUMENT)
    raise ValueError(
        f"fault {text!r}: expected one of {plain}; or, followed by its argument, {with_argument}"
    )
