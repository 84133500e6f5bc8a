"""The pages: what people look at. Each is written on the server, whole; `live.js` exchanges what changed."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from monitor.alerting.incidents import chosen, waiting
from monitor.domain.model import Field as Amount
from monitor.store.read.incidents import RESOLVED, Incident
from monitor.web.auth import Access
from monitor.web.cache import Shelf
from monitor.web.params import SPANS, Instant, Order, SeriesName, Span
from monitor.web.queries import Site
from monitor.web.rendering import Rendered, render
from monitor.web.view import PAGE, Overview, SeriesFilter, SeriesState, choose

REFRESH = timedelta(seconds=5)
"""How often a page looks for news."""
READINGS = 100
"""Readings in the table of a series."""

Page = Annotated[int, Query(ge=1, le=1_000_000, alias="page")]
Words = Annotated[str, Query(max_length=200)]


def router(site: Site, access: Access) -> APIRouter:
    """Everything with a page to look at."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    shelf: Shelf[Rendered] = Shelf(128, longest=REFRESH.total_seconds())

    def page(request: Request, template: str, fill: Callable[[], Mapping[str, Any]]) -> Response:
        """A page as it was written a moment ago for somebody else, or else now."""

        def write() -> Rendered:
            shared = {
                "refresh": int(REFRESH.total_seconds()),
                "login": access.token is not None,
                "trouble": site.trouble(),
            }
            return render(
                template, {**shared, "path": request.url.path, "query": request.url.query, **fill()}
            )

        return shelf.get((site.config, template, request.url.path, request.url.query), write).answer(request)

    @router.get("/")
    def overview(
        request: Request,
        job: Words = "",
        state: Literal["", "firing", "pending", "unknown", "ok"] = "",
        q: Words = "",
        order: Order | Literal[""] = "",
        page_number: Page = 1,
    ) -> Response:
        wanted = SeriesFilter(job=job, standing=state, words=q, order=order, page=page_number)

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
        answer = form.answer(request)
        answer.headers["Cache-Control"] = "no-store"  # the way back asks again: who is logged in gets no form
        return answer

    return router


# What each page is filled with


def _overview(site: Site, wanted: SeriesFilter) -> dict[str, Any]:
    overview = site.overview()
    found = choose(overview.rows, wanted)
    return {
        "overview": overview,
        "wanted": wanted,
        "chosen": found,
        "outlines": site.outlines(found.rows),
        "standings": list(SeriesState),
    }


def _series(site: Site, name: str, before: datetime | None) -> dict[str, Any]:
    overview = site.overview()
    row = overview.by_name.get(name)
    if row is None:
        raise HTTPException(404, f"no series {name!r} is configured and known")
    readings = site.readings(name, None, before, READINGS + 1)
    return {
        "overview": overview,
        "row": row,
        "before": before,
        "readings": readings[:READINGS],
        "older": readings[READINGS - 1].at if len(readings) > READINGS else None,
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
        raise HTTPException(404, f"nothing is kept of an incident {incident!r}")
    timeline, entries = found
    overview = site.overview()
    span, until = around(timeline.incident, site.clock())
    return {
        "overview": overview,
        "field": _judged(overview, timeline.incident.rule),
        "span": span,
        "until": until,
        "timeline": timeline,
        "entries": entries,
        "row": overview.by_name.get(timeline.incident.subject),
        "waiting": waiting(timeline),
    }


def around(incident: Incident, now: datetime) -> tuple[str, datetime | None]:
    """The while that shows an incident with something before and after it: its span, and its end; None: now."""
    ended = now if incident.state != RESOLVED else incident.ended_at or incident.since
    lasted = ended - incident.began
    fitting = (name for name, span in SPANS.items() if lasted <= span * 4 / 5)
    name = next(fitting, "30d")
    until = ended + max(SPANS[name] - lasted, SPANS[name] / 5) / 3
    return name, None if until >= now else until


def _judged(overview: Overview, rule: str) -> Amount:
    """The amount that a rule looks at."""
    known = overview.config.rule(rule)
    return known.field if known is not None else "available"
