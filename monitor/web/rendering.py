"""How a page is written: Jinja2 with everything escaped, and the filters for amounts, instants and links."""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from monitor.alerting.incidents import match_text
from monitor.domain.model import Severity
from monitor.domain.money import grouped, plain
from monitor.domain.scale import drawable
from monitor.domain.time import moment, rfc3339, span
from monitor.store.read.readings import Outline

_HERE = Path(__file__).parent
_LEVEL = 6  # of gzip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A page, ready to be sent to many: as it is, and packed; `tag` changes whenever it does."""

    body: bytes
    packed: bytes
    tag: str
    media_type: str

    @classmethod
    def of(cls, text: str, media_type: str = "text/html; charset=utf-8") -> "Rendered":
        """A page with this text."""
        body = text.encode("utf-8", "replace")
        tag = f'"{sha256(body).hexdigest()[:20]}"'
        return cls(body=body, packed=gzip.compress(body, _LEVEL, mtime=0), tag=tag, media_type=media_type)

    def answer(self, request: Request, status: int = 200) -> Response:
        """What a browser gets that asks for it: nothing but "as it was", if it has it."""
        headers = {"ETag": self.tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie"}
        if status == 200 and self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self.packed, status, headers, self.media_type)
        return Response(self.body, status, headers, self.media_type)


def render(template: str, values: Mapping[str, Any]) -> Rendered:
    """A page made of a template."""
    return Rendered.of(_environment().get_template(template).render(values))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        amount=amount,
        signed=signed,
        ago=ago,
        due=due,
        moment=moment,
        span=span,
        severity=lambda number: Severity(number).word,
        fit=match_text,
        fraction=longest_fraction,
        outline=outline,
    )
    environment.globals.update(link=link, static=static)
    return environment


def link(path: str, **query: object) -> str:
    """An address on this site; what is empty in the query is left out."""
    given = {name.rstrip("_"): value for name, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(given, safe='/')}" if given else path


@cache
def static(name: str) -> str:
    """The address of a file that may be kept for ever: it changes with the file."""
    return f"/static/{name}?v={sha256((_HERE / 'static' / name).read_bytes()).hexdigest()[:10]}"


def amount(exact: Decimal | str | None, digits: int = 0) -> Markup:
    """An exact amount with its thousands apart, filled with invisible noughts to so many digits after the point."""
    if exact is None:
        return Markup('<span class="unknown">unknown</span>')
    return _aligned(grouped(Decimal(exact)), digits)


def signed(move: Decimal | None, digits: int = 0) -> Markup:
    """A change with its sign, aligned as `amount` does it."""
    if move is None:
        return Markup('<span class="unknown" title="unknown">?</span>')
    if move == 0:
        return _aligned("0", digits, "same")
    sign = "+" if move > 0 else "-"
    return _aligned(f"{sign}{grouped(abs(move))}", digits, "rise" if move > 0 else "fall")


def _aligned(written: str, digits: int, classes: str = "") -> Markup:
    point = 0 if "." in written else 1
    noughts = digits - len(written.partition(".")[2])
    filler = ("." * point + "0" * noughts) if noughts > 0 else ""
    pad = Markup('<span class="pad" aria-hidden="true">{}</span>').format(filler) if filler else ""
    return Markup('<span class="amount {}">{}{}</span>').format(classes, written, pad)


def longest_fraction(amounts: Iterable[str | Decimal | None]) -> int:
    """The most digits after the point that any of these amounts has."""
    written = (plain(one) if isinstance(one, Decimal) else one for one in amounts if one)
    return max((len(one.partition(".")[2]) for one in written), default=0)


def ago(at: datetime | None, otherwise: str = "never") -> Markup:
    """An instant as a `time` element; `live.js` makes "12 s ago" of it, and keeps that true."""
    if at is None:
        return Markup('<span class="unknown">{}</span>').format(otherwise)
    return Markup('<time datetime="{}" data-ago>{}</time>').format(rfc3339(at), moment(at))


def due(at: datetime | None) -> Markup:
    """An instant to come, as `ago` has those that are over: "in 12 s", then "now"."""
    if at is None:
        return Markup('<span class="unknown">not planned</span>')
    return Markup('<time datetime="{}" data-ago="due">{}</time>').format(rfc3339(at), moment(at))


def outline(slices: Outline) -> str:
    """Slices with their lows and highs as whole per mille of the range, for `charts.js`: `0:12:40 _ 5:13:13`."""
    known = [one for one in slices if one is not None]
    low = min((drawable(one[1]) for one in known), default=0.0)
    span = max((drawable(one[2]) for one in known), default=0.0) - low

    def height(amount: float) -> int:
        return round((drawable(amount) - low) / span * 1000) if span else 500

    def written(one: tuple[int, float, float] | None) -> str:
        return "_" if one is None else f"{one[0]}:{height(one[1])}:{height(one[2])}"

    return " ".join(written(one) for one in slices)
