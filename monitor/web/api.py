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
from monitor.web.cache import Cache
from monitor.web.params import SPANS, ChartParams, IncidentsParams, ReadingsParams, Route, SeriesParams
from monitor.web.queries import Site
from monitor.web.responses import CachedResponse, json_response, reply
from monitor.web.view import Overview, Row, SeriesFilter, choose

PREFIX = "/api/v1"

_TOKEN = "Required if `web` has a `token` in the configuration."  # noqa: S105 -- a description, not a token
_BEARER = HTTPBearer(auto_error=False, scheme_name="token", description=_TOKEN)
_SESSION = APIKeyCookie(
    name=f"{COOKIE}_INSTANCE",
    auto_error=False,
    scheme_name="session",
    description=f"{_TOKEN} The login sets it. Its name ends with an id of the instance.",
)
SECURITY = (Security(_BEARER), Security(_SESSION))
"""Authentication as the OpenAPI document describes it. The guard enforces it."""

Responses = dict[int | str, dict[str, Any]]

_SENTENCE = {"text/plain": {"schema": {"type": "string"}}}
TOKEN_NEEDED: Responses = {401: {"description": "The token is missing or wrong.", "content": _SENTENCE}}
BEFORE: Responses = {
    304: {"description": "Not modified: `If-None-Match` names the current `ETag`."},
    **TOKEN_NEEDED,
    503: {"model": payloads.Problem, "description": "The store cannot be read."},
}
"""Responses that every route may return instead of its own."""
_UNREADABLE: Responses = {422: {"model": payloads.Problem, "description": "The query is invalid."}}
_UNKNOWN: Responses = {404: {"model": payloads.Problem, "description": "There is nothing with this name."}}


def operation_id(route: APIRoute) -> str:
    """Return the id of an operation in the OpenAPI document: the name of its function."""
    return route.name


def router(site: Site) -> APIRouter:
    """Return the routes of `/api/v1`."""
    router = APIRouter(
        prefix=PREFIX,
        tags=["api"],
        dependencies=SECURITY,
        responses=BEFORE,
        route_class=Route,
        generate_unique_id_function=operation_id,
    )
    cache = ResponseCache(site)
    _add_state_routes(router, cache)
    _add_history_routes(router, cache)
    return router


class ResponseCache:
    """Builds the responses about the current state, and caches them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._responses: Cache[CachedResponse] = Cache(32)

    def of_overview(
        self, key: tuple[object, ...], make: Callable[[Overview], Mapping[str, Any]]
    ) -> CachedResponse:
        """Return a response made of the overview. It is cached under its key until there is a new overview."""
        overview = self.site.overview()
        return self._responses.get((overview.at, *key), lambda: json_response(make(overview)))

    def row(self, name: str) -> Row:
        """Return the series of this name. Raises HTTPException (404) if there is none."""
        found = self.site.overview().by_name.get(name)
        if found is None:
            raise HTTPException(404, "unknown series; expected job/account/currency, percent-encoded")
        return found


def _add_state_routes(router: APIRouter, cache: ResponseCache) -> None:
    @router.get("/status", response_model=Status)
    def status(request: Request) -> Response:
        """Return what `status --json` prints: jobs, balances, alerts, and pending notifications."""
        return reply(
            request, cache.of_overview(("status",), lambda overview: status_payload(overview.status))
        )

    @router.get("/alerts", response_model=payloads.Alerts)
    def alerts(request: Request) -> Response:
        """Return the pending and firing alerts."""
        return reply(
            request, cache.of_overview(("alerts",), lambda overview: payloads.alerts(overview.status))
        )

    @router.get("/series", response_model=payloads.SeriesPage, responses=_UNREADABLE)
    def series(request: Request, params: Annotated[SeriesParams, Query()]) -> Response:
        """Return the current state of series, 100 per page: balance, change, rules, the next poll."""
        wanted = SeriesFilter(
            job=params.job or "",
            state=params.standing or "",
            words=params.words,
            order=params.order,
            page=params.page,
        )
        return reply(
            request,
            cache.of_overview(
                ("series", wanted),
                lambda overview: payloads.series(choose(overview.rows, wanted), overview.at),
            ),
        )


def _add_history_routes(router: APIRouter, cache: ResponseCache) -> None:
    site = cache.site

    @router.get("/readings", response_model=payloads.ReadingsPage, responses=_UNREADABLE | _UNKNOWN)
    def readings(request: Request, params: Annotated[ReadingsParams, Query()]) -> Response:
        """Return the readings of a series, the newest first. New readings do not shift the pages."""
        name = cache.row(params.series).name
        found = site.readings(name, params.since, params.before, params.limit + 1)
        return reply(request, json_response(payloads.readings(request.url.path, params, found)))

    @router.get("/chart", response_model=payloads.Chart, responses=_UNREADABLE | _UNKNOWN)
    def chart(request: Request, params: Annotated[ChartParams, Query()]) -> Response:
        """Return an amount of a series over a time range, thinned for drawing."""
        row = cache.row(params.series)
        drawn = site.chart(row, params.field, SPANS[params.span], params.ending)
        return reply(request, json_response(payloads.chart(drawn)))

    @router.get("/incidents", response_model=payloads.IncidentsPage, responses=_UNREADABLE)
    def incidents(request: Request, params: Annotated[IncidentsParams, Query()]) -> Response:
        """Return incidents, current and past, 100 per page, the newest first: what `alerts --json` prints."""
        return reply(request, json_response(payloads.incidents(site.incidents(), params, site.clock())))

    @router.get("/incidents/{incident}", response_model=Story, responses=_UNREADABLE | _UNKNOWN)
    def incident(
        request: Request,
        incident: Annotated[str, Path(description="The id of the incident.", max_length=100)],
    ) -> Response:
        """Return an incident with its timeline: what `alerts show --json` prints."""
        found = site.timeline(incident)
        if found is None:
            raise HTTPException(404, "unknown incident")
        return reply(request, json_response(timeline(found[0], site.clock())))
