"""For Prometheus: `/metrics`."""

from typing import Any

from fastapi import APIRouter, Request, Response

from monitor.web.api import BEFORE, SECURITY, TOKEN_NEEDED, operation_id
from monitor.web.metrics import Running, exposition, store_bytes
from monitor.web.queries import Site


def router(site: Site) -> APIRouter:
    """`/metrics`."""
    router = APIRouter(tags=["metrics"], dependencies=SECURITY, generate_unique_id_function=operation_id)
    text: dict[str, Any] = {"schema": {"type": "string"}}
    formats = {"text/plain": text, "application/openmetrics-text": text}

    @router.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"content": formats, "description": "All metrics."},
            **TOKEN_NEEDED,
            503: BEFORE[503],
        },
    )
    def metrics(request: Request) -> Response:
        """How things stand and what was counted, as Prometheus reads it, or OpenMetrics where that is asked for."""
        overview = site.overview()
        running = Running(
            started_at=overview.live.started_at,
            next_polls=overview.live.next_polls,
            store_bytes=store_bytes(overview.config.store.path),
            channels=tuple(overview.config.channels),
            rules=overview.config.rules,
        )
        accept = request.headers.get("accept", "")
        body, media_type = exposition(overview.status, running, site.metrics, accept)
        return Response(body, media_type=media_type)

    return router
