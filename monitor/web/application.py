"""All that is served, put together: the guard outside, then the routes."""

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
"""Threads that look at the store and write pages; who comes meanwhile waits."""

STATIC = Path(__file__).parent / "static"


def application(site: Site, access: Access) -> ASGIApp:
    """What a server serves."""
    app = FastAPI(
        title="balance-monitor",
        version=__version__,
        summary="What the daemon knows: read-only.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # both would load scripts from another host
        redoc_url=None,
        lifespan=_few_workers,
    )
    app.add_exception_handler(StoreError, _store_failed)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misasked)
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
    """Files whose addresses change with them: browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or that there is none."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response


async def _store_failed(request: Request, exc: Exception) -> Response:
    return _problem(request, 503, "The store can't be read", str(exc))


async def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, StarletteHTTPException)  # noqa: S101 -- it is registered for this
    title = "There is no such page" if exc.status_code == 404 else "That can't be done"
    return _problem(request, exc.status_code, title, str(exc.detail))


async def _misasked(request: Request, exc: Exception) -> Response:
    if _wants_page(request):
        return _problem(
            request, 422, "That can't be shown", "Something in the address is not as it should be."
        )
    assert isinstance(exc, RequestValidationError)  # noqa: S101 -- it is registered for this
    return await request_validation_exception_handler(request, exc)


def _problem(request: Request, status: int, title: str, detail: str) -> Response:
    """What went wrong, for people or for programs."""
    if _wants_page(request):
        told = "" if detail == HTTPStatus(status).phrase else detail  # which the title says in better words
        return reply(request, render("problem.html", {"title": title, "detail": told}), status)
    return JSONResponse({"detail": detail}, status_code=status)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
