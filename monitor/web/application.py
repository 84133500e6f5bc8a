"""The web application: the guard outside, then the routes, and the pages of errors."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from monitor import __version__
from monitor.errors import StoreError
from monitor.web import api, feed, health, metrics, pages
from monitor.web.auth import Access, Guard
from monitor.web.pages import render
from monitor.web.queries import Site
from monitor.web.responses import reply

log = logging.getLogger(__name__)

WORKERS = 4
"""Threads that read the store and render pages. Further requests wait."""

STATIC = Path(__file__).parent / "static"


def application(site: Site, access: Access) -> ASGIApp:
    """Return the application that a server serves."""
    app = FastAPI(
        title="balance-monitor",
        version=__version__,
        summary="The state of the daemon, read-only.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # both would load scripts from another host
        redoc_url=None,
        lifespan=_few_workers,
    )
    app.add_exception_handler(StoreError, _store_failed)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_query)
    app.include_router(health.router(site))
    app.include_router(api.router(site))
    app.include_router(feed.router(site))
    app.include_router(metrics.router(site))
    app.include_router(pages.router(site, access))
    app.mount("/static", Static(directory=STATIC), name="static")
    return Guard(app, access, site.clock)


@asynccontextmanager
async def _few_workers(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = WORKERS
    yield


class Static(StaticFiles):
    """Serves static files. Their URLs contain a hash of their content, so that browsers may cache them for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, with the header that lets browsers cache it."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response


async def _store_failed(request: Request, exc: Exception) -> Response:
    return _problem(request, 503, "The store cannot be read", str(exc))


async def _http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, StarletteHTTPException)  # noqa: S101 -- it is registered for this
    title = "Page not found" if exc.status_code == 404 else "Request refused"
    return _problem(request, exc.status_code, title, str(exc.detail))


async def _invalid_query(request: Request, exc: Exception) -> Response:
    if _wants_page(request):
        return _problem(request, 422, "Invalid address", "The address contains an invalid parameter.")
    assert isinstance(exc, RequestValidationError)  # noqa: S101 -- it is registered for this
    return await request_validation_exception_handler(request, exc)


def _problem(request: Request, status: int, title: str, detail: str) -> Response:
    """Return a page about an error if a browser wants one, otherwise a JSON object."""
    if _wants_page(request):
        shown = "" if detail == HTTPStatus(status).phrase else detail  # "Not Found" only repeats the title
        return reply(request, render("problem.html", {"title": title, "detail": shown}), status)
    return JSONResponse({"detail": detail}, status_code=status)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
