"""The probes: `/healthz` for liveness and `/readyz` for readiness, with the reasons of a failure."""

from collections.abc import Callable
from typing import Literal

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from monitor.web.api import SECURITY, TOKEN_NEEDED, operation_id
from monitor.web.auth import is_authenticated
from monitor.web.queries import Site


class Health(BaseModel):
    """The result of a probe, and the reasons of a failure."""

    status: Literal["ok", "failing"]
    reasons: list[str] = Field([], description="Empty without the token, if one is required.")


class Readiness(Health):
    """The result of the readiness probe, with notes that are no failure."""

    notes: list[str] = Field(
        [],
        description="Problems that do not make it fail: since when and why the configuration file is refused.",
    )


def router(site: Site) -> APIRouter:
    """Return the routes `/healthz` and `/readyz`."""
    router = APIRouter(tags=["health"], generate_unique_id_function=operation_id)
    one_at_a_time = CapacityLimiter(1)

    async def run(check: Callable[[], list[str]]) -> list[str]:
        # A check may take seconds. All probes wait in one thread, then get the cached result: the others are for pages.
        return await run_sync(check, limiter=one_at_a_time)

    @router.get("/healthz", responses={503: {"model": Health, "description": "Stuck: a restart would help."}})
    async def healthz(request: Request, response: Response) -> Health:
        """Return whether the daemon is alive: it and its store writer respond, and polls start on time.

        No token is needed, except for the reasons."""
        return _health(await run(lambda: [site.liveness_problem()]), request, response)

    @router.get(
        "/readyz",
        dependencies=SECURITY,
        responses={503: {"model": Health, "description": "Not ready."}, **TOKEN_NEEDED},
    )
    async def readyz(request: Request, response: Response) -> Readiness:
        """Return whether the daemon does its work: it has started, polls, delivers, and writes to its store.

        A refused reload is a note, not a failure: the configuration before stays in force."""
        health = _health(await run(lambda: [site.live.unready, site.readiness_problem()]), request, response)
        return Readiness(status=health.status, reasons=health.reasons, notes=list(site.live.notes))

    return router


def _health(reasons: list[str], request: Request, response: Response) -> Health:
    """Return the result of a probe. Everybody may read the result, but its reasons need the token."""
    known = [reason for reason in reasons if reason]
    response.status_code = 503 if known else 200
    return Health(status="failing" if known else "ok", reasons=known if is_authenticated(request) else [])
