"""For what watches the process: whether it lives, and whether it does its work, with the reasons."""

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
    """How the process is, and why it is not well."""

    status: Literal["ok", "failing"]
    reasons: list[str] = Field([], description="Only for who has the token, where one is needed.")


class Readiness(Health):
    """The same, and what people should know while it works."""

    notes: list[str] = Field(
        [], description="It works, and yet: the configuration's file is refused, since when and why."
    )


def router(site: Site) -> APIRouter:
    """`/healthz` and `/readyz`."""
    router = APIRouter(tags=["health"], generate_unique_id_function=operation_id)
    one_at_a_time = CapacityLimiter(1)

    async def asked(of: Callable[[], list[str]]) -> list[str]:
        """The answer may take seconds, and then it is the same for all who ask: they wait for it in one thread, and
        leave those of the pages to the pages."""
        return await run_sync(of, limiter=one_at_a_time)

    @router.get("/healthz", responses={503: {"model": Health, "description": "Stuck: a restart would help."}})
    async def healthz(request: Request, response: Response) -> Health:
        """Whether the daemon lives: it answers, its writer does, and runs are started on time. Open to everybody; the
        reasons are not."""
        return _health(await asked(lambda: [site.hang()]), request, response)

    @router.get(
        "/readyz",
        dependencies=SECURITY,
        responses={503: {"model": Health, "description": "Not yet, or not now."}, **TOKEN_NEEDED},
    )
    async def readyz(request: Request, response: Response) -> Readiness:
        """Whether it has taken up its work and gets on with it: polls are made, messages go out, and the store takes
        what is written. A file that was refused on reload is a note: the daemon works by the configuration before."""
        health = _health(await asked(lambda: [site.live.unready, site.trouble()]), request, response)
        return Readiness(status=health.status, reasons=health.reasons, notes=list(site.live.notes))

    return router


def _health(reasons: list[str], request: Request, response: Response) -> Health:
    """Why it is not well is for those who may know it; that it is not, for everybody."""
    known = [reason for reason in reasons if reason]
    response.status_code = 503 if known else 200
    return Health(status="failing" if known else "ok", reasons=known if is_authenticated(request) else [])
