"""The API: `/api/v1`, read-only. Keys are added, never renamed."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer

from monitor.payloads.incidents import Story, timeline
from monitor.payloads.status import Status
from monitor.payloads.status import status as status_payload
from monitor.web import payloads
from monitor.web.auth import COOKIE
from monitor.web.cache import Shelf
from monitor.web.params import SPANS, AskedChart, AskedIncidents, AskedReadings, AskedSeries, Route
from monitor.web.queries import Site
from monitor.web.responses import CachedResponse, json_response, reply
from monitor.web.view import Overview, Row, SeriesFilter, choose

PREFIX = "/api/v1"

_TOKEN = "Needed where the configuration's `web` has a `token`."  # noqa: S105 -- says so, holds none
_BEARER = HTTPBearer(auto_error=False, scheme_name="token", description=_TOKEN)
_SESSION = APIKeyCookie(
    name=f"{COOKIE}_INSTANCE",
    auto_error=False,
    scheme_name="session",
    description=f"{_TOKEN} The login gives it; the end of its name tells instances apart.",
)
SECURITY = (Security(_BEARER), Security(_SESSION))
"""What descriptions say of who gets in; the guard decides."""

Responses = dict[int | str, dict[str, Any]]

_SENTENCE = {"text/plain": {"schema": {"type": "string"}}}
TOKEN_NEEDED: Responses = {
    401: {"description": "A token is needed, and this is not it.", "content": _SENTENCE}
}
BEFORE: Responses = {
    304: {"description": "It is what you have: `If-None-Match` names its `ETag`."},
    **TOKEN_NEEDED,
    503: {"model": payloads.Problem, "description": "The store can't be read."},
}
"""What any answer may be instead."""
_UNREADABLE: Responses = {422: {"model": payloads.Problem, "description": "The query can't be read."}}
_UNKNOWN: Responses = {404: {"model": payloads.Problem, "description": "There is none of this name."}}


def operation_id(route: APIRoute) -> str:
    """What programs made from the description call an operation."""
    return route.name


def router(site: Site) -> APIRouter:
    """`/api/v1`."""
    router = APIRouter(
        prefix=PREFIX,
        tags=["api"],
        dependencies=SECURITY,
        responses=BEFORE,
        route_class=Route,
        generate_unique_id_function=operation_id,
    )
    desk = ResponseCache(site)
    _standings(router, desk)
    _past(router, desk)
    return router


class ResponseCache:
    """Makes answers, and keeps those that many may ask for."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._kept: Shelf[CachedResponse] = Shelf(32)

    def of_overview(
        self, key: tuple[object, ...], make: Callable[[Overview], Mapping[str, Any]]
    ) -> CachedResponse:
        """An answer made of all there is to see; as long as that is the same, so is this."""
        overview = self.site.overview()
        return self._kept.get((overview.at, *key), lambda: json_response(make(overview)))

    def row(self, name: str) -> Row:
        """A series of this name; there is none: 404."""
        found = self.site.overview().by_name.get(name)
        if found is None:
            raise HTTPException(404, "there is no series of this name: job/account/currency, percent-encoded")
        return found


def _standings(router: APIRouter, desk: ResponseCache) -> None:
    @router.get("/status", response_model=Status)
    def status(request: Request) -> Response:
        """What `status --json` prints: jobs, balances, alerts, and what waits to be delivered."""
        return reply(request, desk.of_overview(("status",), lambda overview: status_payload(overview.status)))

    @router.get("/alerts", response_model=payloads.Alerts)
    def alerts(request: Request) -> Response:
        """What is pending or fires, as in the status."""
        return reply(
            request, desk.of_overview(("alerts",), lambda overview: payloads.alerts(overview.status))
        )

    @router.get("/series", response_model=payloads.SeriesPage, responses=_UNREADABLE)
    def series(request: Request, asked: Annotated[AskedSeries, Query()]) -> Response:
        """Series as they stand, 100 a page: balance, change, rules, the next poll."""
        wanted = SeriesFilter(
            job=asked.job or "",
            standing=asked.standing or "",
            words=asked.words,
            order=asked.order,
            page=asked.page,
        )
        return reply(
            request,
            desk.of_overview(
                ("series", wanted),
                lambda overview: payloads.series(choose(overview.rows, wanted), overview.at),
            ),
        )


def _past(router: APIRouter, desk: ResponseCache) -> None:
    site = desk.site

    @router.get("/readings", response_model=payloads.ReadingsPage, responses=_UNREADABLE | _UNKNOWN)
    def readings(request: Request, asked: Annotated[AskedReadings, Query()]) -> Response:
        """A series' readings, the newest first. What is read meanwhile moves no page."""
        name = desk.row(asked.series).name
        found = site.readings(name, asked.since, asked.before, asked.limit + 1)
        return reply(request, json_response(payloads.readings(request.url.path, asked, found)))

    @router.get("/chart", response_model=payloads.Chart, responses=_UNREADABLE | _UNKNOWN)
    def chart(request: Request, asked: Annotated[AskedChart, Query()]) -> Response:
        """How an amount of a series went over a while, for drawing."""
        row = desk.row(asked.series)
        drawn = site.chart(row, asked.field, SPANS[asked.span], asked.ending)
        return reply(request, json_response(payloads.chart(drawn)))

    @router.get("/incidents", response_model=payloads.IncidentsPage, responses=_UNREADABLE)
    def incidents(request: Request, asked: Annotated[AskedIncidents, Query()]) -> Response:
        """Incidents, current and past, 100 a page, the newest first: what `alerts --json` prints."""
        return reply(request, json_response(payloads.incidents(site.incidents(), asked, site.clock())))

    @router.get("/incidents/{incident}", response_model=Story, responses=_UNREADABLE | _UNKNOWN)
    def incident(
        request: Request, incident: Annotated[str, Path(description="Its id.", max_length=100)]
    ) -> Response:
        """An incident with all that happened: what `alerts show --json` prints."""
        found = site.timeline(incident)
        if found is None:
            raise HTTPException(404, "nothing is kept of such an incident")
        return reply(request, json_response(timeline(found[0], site.clock())))
