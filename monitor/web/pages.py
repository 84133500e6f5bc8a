"""The pages. The server renders each of them completely; `live.js` fetches it again and replaces what changed."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from monitor.alerting.incidents import chosen, match_text, waiting
from monitor.domain.model import Field as Amount
from monitor.domain.model import Severity
from monitor.domain.money import grouped, plain
from monitor.domain.scale import drawable
from monitor.domain.time import moment, rfc3339, span
from monitor.store.read.incidents import RESOLVED, Incident
from monitor.store.read.readings import Outline
from monitor.web.auth import Access
from monitor.web.cache import Cache
from monitor.web.params import SPANS, Instant, Order, SeriesName, Span
from monitor.web.queries import Site
from monitor.web.responses import CachedResponse, reply, response
from monitor.web.view import PAGE, SeriesFilter, SeriesState, choose

_HERE = Path(__file__).parent

REFRESH = timedelta(seconds=5)
"""How often a page refreshes itself."""
READINGS = 100
"""Readings per page in the table of a series."""

Page = Annotated[int, Query(ge=1, le=1_000_000, alias="page")]
Words = Annotated[str, Query(max_length=200)]


def router(site: Site, access: Access) -> APIRouter:
    """Return the routes of all pages."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    rendered: Cache[CachedResponse] = Cache(128, longest=REFRESH.total_seconds())

    def page(request: Request, template: str, fill: Callable[[], Mapping[str, Any]]) -> Response:
        """Return a page that `fill` fills, from the cache if another visitor has just opened it."""

        def write() -> CachedResponse:
            shared = {
                "refresh": int(REFRESH.total_seconds()),
                "login": access.token is not None,
                "problem": site.readiness_problem(),
            }
            return render(
                template, {**shared, "path": request.url.path, "query": request.url.query, **fill()}
            )

        key = site.config, template, request.url.path, request.url.query
        return reply(request, rendered.get(key, write))

    @router.get("/")
    def overview(
        request: Request,
        job: Words = "",
        state: Literal["", "firing", "pending", "unknown", "ok"] = "",
        q: Words = "",
        order: Order | Literal[""] = "",
        page_number: Page = 1,
    ) -> Response:
        wanted = SeriesFilter(job=job, state=state, words=q, order=order, page=page_number)
        return page(request, "overview.html", lambda: _overview(site, wanted))

    @router.get("/series")
    def series(
        request: Request,
        name: SeriesName,
        span: Span = "24h",
        field: Amount = "available",
        before: Instant | None = None,
    ) -> Response:
        return page(
            request, "series.html", lambda: _series(site, name, before) | {"span": span, "field": field}
        )

    @router.get("/incidents")
    def incidents(
        request: Request,
        state: Literal["all", "firing", "pending", "resolved"] = "all",
        q: Words = "",
        page_number: Page = 1,
    ) -> Response:
        return page(request, "incidents.html", lambda: _incidents(site, state, q, page_number))

    @router.get("/incidents/{incident}")
    def incident(request: Request, incident: str) -> Response:
        return page(request, "incident.html", lambda: _incident(site, incident))

    @router.get("/login")
    def login(request: Request, to: str = "/", wrong: str = "") -> Response:
        form = render("login.html", {"to": to, "wrong": bool(wrong), "open": access.token is None})
        response = reply(request, form)
        # the browser's back button must not show the form again after the login
        response.headers["Cache-Control"] = "no-store"
        return response

    return router


# The variables of each template


def _overview(site: Site, wanted: SeriesFilter) -> dict[str, Any]:
    overview = site.overview()
    found = choose(overview.rows, wanted)
    return {
        "overview": overview,
        "wanted": wanted,
        "chosen": found,
        "outlines": site.outlines(found.rows),
        "states": list(SeriesState),
    }


def _series(site: Site, name: str, before: datetime | None) -> dict[str, Any]:
    overview = site.overview()
    row = overview.by_name.get(name)
    if row is None:
        raise HTTPException(404, f"unknown series {name!r}")
    readings = site.readings(name, None, before, READINGS + 1)
    return {
        "overview": overview,
        "row": row,
        "before": before,
        "readings": readings[:READINGS],
        "older": readings[READINGS - 1].observed_at if len(readings) > READINGS else None,
        "incidents": site.incidents_of(row)[:20],
    }


def _incidents(site: Site, state: str, wanted: str, page: int) -> dict[str, Any]:
    words = wanted.lower().split()
    found = [
        one
        for one in chosen(site.incidents(), state, "*")
        if all(word in f"{one.rule} {one.subject} {one.reason}".lower() for word in words)
    ]
    pages = max(1, -(-len(found) // PAGE))
    number = min(page, pages)
    return {
        "overview": site.overview(),
        "state": state,
        "q": wanted,
        "page": number,
        "pages": pages,
        "total": len(found),
        "incidents": found[(number - 1) * PAGE : number * PAGE],
    }


def _incident(site: Site, incident: str) -> dict[str, Any]:
    found = site.timeline(incident)
    if found is None:
        raise HTTPException(404, f"unknown incident {incident!r}")
    timeline, entries = found
    overview, rule = site.overview(), timeline.incident.rule
    span, until = around(timeline.incident, site.clock())
    return {
        "overview": overview,
        "field": next((one.field for one in overview.config.rules if one.name == rule), "available"),
        "span": span,
        "until": until,
        "timeline": timeline,
        "entries": entries,
        "row": overview.by_name.get(timeline.incident.subject),
        "waiting": waiting(timeline),
    }


def around(incident: Incident, now: datetime) -> tuple[str, datetime | None]:
    """Return the time range of an incident's chart, with some time before and after: its span and end. None: now."""
    ended = now if incident.state != RESOLVED else incident.ended_at or incident.since
    lasted = ended - incident.began
    fitting = (name for name, span in SPANS.items() if lasted <= span * 4 / 5)
    name = next(fitting, "30d")
    until = ended + max(SPANS[name] - lasted, SPANS[name] / 5) / 3
    return name, None if until >= now else until


# Rendering, by Jinja2 with autoescape


def render(template: str, values: Mapping[str, Any]) -> CachedResponse:
    """Return a page as a response."""
    text = _environment().get_template(template).render(values)
    # one URL has different pages before and after the login
    return response(
        text.encode("utf-8", "replace"), "text/html; charset=utf-8", vary="Accept-Encoding, Cookie"
    )


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
    """Return an address on this site. Empty parameters are left out."""
    given = {name.rstrip("_"): value for name, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(given, safe='/')}" if given else path


@cache
def static(name: str) -> str:
    """Return the address of a static file, with a hash of its content: browsers may cache it for ever."""
    return f"/static/{name}?v={sha256((_HERE / 'static' / name).read_bytes()).hexdigest()[:10]}"


def amount(exact: Decimal | str | None, digits: int = 0) -> Markup:
    """Return an exact amount with grouped thousands, padded with invisible zeros to `digits` decimals for alignment."""
    if exact is None:
        return Markup('<span class="unknown">unknown</span>')
    return _aligned(grouped(Decimal(exact)), digits)


def signed(move: Decimal | None, digits: int = 0) -> Markup:
    """Return a change with its sign, padded like `amount`."""
    if move is None:
        return Markup('<span class="unknown" title="unknown">?</span>')
    if move == 0:
        return _aligned("0", digits, "same")
    sign = "+" if move > 0 else "-"
    return _aligned(f"{sign}{grouped(abs(move))}", digits, "rise" if move > 0 else "fall")


def _aligned(written: str, digits: int, classes: str = "") -> Markup:
    point = 0 if "." in written else 1
    zeros = digits - len(written.partition(".")[2])
    filler = ("." * point + "0" * zeros) if zeros > 0 else ""
    pad = Markup('<span class="pad" aria-hidden="true">{}</span>').format(filler) if filler else ""
    return Markup('<span class="amount {}">{}{}</span>').format(classes, written, pad)


def longest_fraction(amounts: Iterable[str | Decimal | None]) -> int:
    """Return the largest number of decimals of these amounts."""
    written = (plain(one) if isinstance(one, Decimal) else one for one in amounts if one)
    return max((len(one.partition(".")[2]) for one in written), default=0)


def ago(at: datetime | None, otherwise: str = "never") -> Markup:
    """Return a past instant as a `time` element, which `live.js` shows as its age: "12 s ago"."""
    if at is None:
        return Markup('<span class="unknown">{}</span>').format(otherwise)
    return Markup('<time datetime="{}" data-ago>{}</time>').format(rfc3339(at), moment(at))


def due(at: datetime | None) -> Markup:
    """Return a future instant as a `time` element, which `live.js` shows as "in 12 s", then "now"."""
    if at is None:
        return Markup('<span class="unknown">not planned</span>')
    return Markup('<time datetime="{}" data-ago="due">{}</time>').format(rfc3339(at), moment(at))


def outline(slices: Outline) -> str:
    """Return slices as their lows and highs in per mille of the range, for `charts.js`: `0:12:40 _ 5:13:13`."""
    known = [one for one in slices if one is not None]
    low = min((drawable(one[1]) for one in known), default=0.0)
    span = max((drawable(one[2]) for one in known), default=0.0) - low

    def height(amount: float) -> int:
        return round((drawable(amount) - low) / span * 1000) if span else 500

    def written(one: tuple[int, float, float] | None) -> str:
        return "_" if one is None else f"{one[0]}:{height(one[1])}:{height(one[2])}"

    return " ".join(written(one) for one in slices)
