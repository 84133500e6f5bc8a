"""Faults of a service, as functions from the response it would have sent to the one it sends.

The notation (`parse_fault`): `SERVICE[/ACCOUNT] FAULT [from DURATION] [for DURATION]`, for example
`exchange reset from 12s for 6s`, `exchange/spot latency 3s`, `exchange skew -10m`, `exchange/spot status 500 from 1m`.
The accounts are the service's own; without one, every request is hit.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType

from monitor.sandbox.http import CutOff, Drip, Reset, Response, error_response
from monitor.sandbox.scripts import parse_duration

_HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works!</body></html>\n"
_MAINTENANCE = b"<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>\n"
_OVERSIZE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault: a change of the response, and how far the service's clock is ahead meanwhile.

    No provider documents the bodies of 418, 429 and 5xx in general: they take the form of `error_response`.
    """

    change: Callable[[Response], Response] = field(default=lambda response: response, repr=False)
    skew: timedelta = timedelta(0)

    @classmethod
    def latency(cls, delay: timedelta) -> "Fault":
        """Send the right response late."""
        return cls(change=lambda response: replace(response, delay=response.delay + delay))

    @classmethod
    def hang(cls) -> "Fault":
        """Send nothing, on a connection that stays open."""
        return cls.latency(timedelta(days=365))  # longer than any client waits

    @classmethod
    def answer(cls, response: Response) -> "Fault":
        """Send this response instead of the right one, with the delay and sending of other faults."""
        return cls(change=lambda given: replace(response, delay=given.delay, sending=given.sending))

    @classmethod
    def status(cls, status: int) -> "Fault":
        """Send an error status. Raises ValueError if HTTP does not know it or it is below 400."""
        if HTTPStatus(status) < HTTPStatus.BAD_REQUEST:
            raise ValueError(f"expected an error status, 400 to 599, got {status}")
        return cls.answer(error_response(status))

    @classmethod
    def too_many_requests(cls, retry_after: timedelta | None = None) -> "Fault":
        """Send 429, with Retry-After in whole seconds if given."""
        return cls.answer(_refusal(429, retry_after))

    @classmethod
    def banned(cls, retry_after: timedelta | None = None) -> "Fault":
        """Send 418, by which some services ban an address, with Retry-After in whole seconds if given."""
        return cls.answer(_refusal(418, retry_after))

    @classmethod
    def maintenance(cls) -> "Fault":
        """Send 503 with a page for humans."""
        return cls.answer(Response(status=503, body=_MAINTENANCE, headers={"content-type": "text/html"}))

    @classmethod
    def html(cls) -> "Fault":
        """Send 200 with a page for humans, as a captive portal or a web server's default site does."""
        return cls.answer(Response(status=200, body=_HTML, headers={"content-type": "text/html"}))

    @classmethod
    def empty(cls) -> "Fault":
        """Send 204 without a body."""
        return cls.answer(Response(status=204))

    @classmethod
    def redirect(cls, location: str = "/moved") -> "Fault":
        """Send 302 to somewhere else; by default on the same host, where the request log shows who followed it."""
        return cls.answer(Response(status=302, headers={"location": location}))

    @classmethod
    def oversize(cls, size: int = _OVERSIZE) -> "Fault":
        """Pad the right response with white space to `size` bytes: still valid JSON, but too long to read."""
        return cls(change=lambda response: replace(response, body=response.body.ljust(size)))

    @classmethod
    def cut_off(cls, after: int = 20) -> "Fault":
        """End the right response after so many bytes of the body, or one byte early."""
        return cls(change=lambda response: replace(response, sending=CutOff(after=after)))

    @classmethod
    def drip(cls, size: int = 1, every: timedelta = timedelta(milliseconds=500)) -> "Fault":
        """Send the right response `size` bytes of the body at a time, one portion each `every`."""
        return cls(change=lambda response: replace(response, sending=Drip(size=size, every=every)))

    @classmethod
    def reset(cls) -> "Fault":
        """Reset the connection in place of a response."""
        return cls(change=lambda response: replace(response, sending=Reset()))

    @classmethod
    def clock_skew(cls, ahead: timedelta) -> "Fault":
        """Set the service's clock ahead (behind, if negative) of ours: in what it accepts and in its Date."""
        return cls(skew=ahead)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """A fault of one service, or of one account there, in a time interval that counts from the sandbox's start.

    Raises ValueError for a clock skew of one account: a service has one clock.
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
        """Return True from its beginning to its end, `elapsed` after the sandbox's start."""
        return self.begins <= elapsed and (self.lasts is None or elapsed < self.begins + self.lasts)

    def concerns(self, account: str | None) -> bool:
        """Return True if a request for this account is hit."""
        return self.account is None or self.account == account


def _refusal(status: int, retry_after: timedelta | None) -> Response:
    headers = {} if retry_after is None else {"retry-after": str(retry_after // timedelta(seconds=1))}
    return error_response(status, headers=headers)


@dataclass(frozen=True, slots=True)
class FaultForm:
    """The meaning of a word of the notation, alone and with an argument; None if that form does not exist.

    `with_argument` raises ValueError for an invalid argument."""

    alone: Callable[[], Fault] | None = None
    with_argument: Callable[[str], Fault] | None = None


def parse_number(text: str) -> int:
    """Return a whole number of up to nine digits. Raises ValueError for anything else."""
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)


def _parse_skew(text: str) -> timedelta:
    ahead = parse_duration(text.removeprefix("-"))
    return -ahead if text.startswith("-") else ahead


_FORMS: Mapping[str, FaultForm] = {
    "418": FaultForm(Fault.banned, lambda text: Fault.banned(parse_duration(text))),
    "429": FaultForm(Fault.too_many_requests, lambda text: Fault.too_many_requests(parse_duration(text))),
    "cut-off": FaultForm(Fault.cut_off, lambda text: Fault.cut_off(parse_number(text))),
    "drip": FaultForm(Fault.drip, lambda text: Fault.drip(every=parse_duration(text))),
    "empty": FaultForm(Fault.empty),
    "hang": FaultForm(Fault.hang),
    "html": FaultForm(Fault.html),
    "latency": FaultForm(None, lambda text: Fault.latency(parse_duration(text))),
    "maintenance": FaultForm(Fault.maintenance),
    "oversize": FaultForm(Fault.oversize, lambda text: Fault.oversize(parse_number(text))),
    "redirect": FaultForm(Fault.redirect, Fault.redirect),
    "reset": FaultForm(Fault.reset),
    "skew": FaultForm(None, lambda text: Fault.clock_skew(_parse_skew(text))),
    "status": FaultForm(None, lambda text: Fault.status(parse_number(text))),
}


def parse_fault(
    text: str, services: Sequence[str], own: Mapping[str, FaultForm] = MappingProxyType({})
) -> PlannedFault:
    """Return the planned fault written in the notation at the head of this module.

    `services` are the names that it may begin with, `own` the words that only these services have. Raises ValueError
    with what was expected."""
    match = re.fullmatch(
        rf"(?P<service>{'|'.join(map(re.escape, services))})(?:/(?P<account>\S+))? (?P<fault>.+?)"
        r"(?: from (?P<begins>\S+))?(?: for (?P<lasts>\S+))?",
        " ".join(text.split()),
    )
    if match is None:
        raise ValueError(
            f"fault {text!r}: expected `{'|'.join(services)}[/ACCOUNT] FAULT [from DURATION] [for DURATION]`, "
            f"e.g. `{services[-1]} reset from 12s for 6s`"
        )
    return PlannedFault(
        service=match["service"],
        account=match["account"],
        fault=_parse_form(match["fault"], {**_FORMS, **own}),
        begins=parse_duration(match["begins"] or "0s"),
        lasts=parse_duration(match["lasts"]) if match["lasts"] else None,
    )


def _parse_form(text: str, forms: Mapping[str, FaultForm]) -> Fault:
    name, _, argument = text.partition(" ")
    form = forms.get(name, FaultForm())
    if argument and form.with_argument is not None:
        return form.with_argument(argument)
    if not argument and form.alone is not None:
        return form.alone()
    words = sorted(forms.items())
    alone = ", ".join(word for word, form in words if form.alone is not None)
    with_argument = ", ".join(word for word, form in words if form.with_argument is not None)
    raise ValueError(
        f"fault {text!r}: expected one of {alone}; or, followed by its argument, {with_argument}"
    )
