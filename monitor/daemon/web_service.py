"""The status page as a service of the daemon: it starts, moves and stops with the configuration."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.config.sections import WebSection
from monitor.web.queries import Site

if TYPE_CHECKING:
    from monitor.web.server import Server

log = logging.getLogger(__name__)

RETRY_AFTER = timedelta(seconds=5)
"""How long until an address in use is tried again: the program that uses it may be about to end."""
ENDS_WITHIN = timedelta(seconds=4)
"""How long `stop` waits for requests under way."""


class WebService:
    """Serves `site` at the configured address, if there is one. Its failures do not affect the rest of the daemon."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._wanted: WebSection | None = None
        self._serving: asyncio.Task[None] | None = None

    async def reconfigure(self, wanted: WebSection | None) -> None:
        """Serve with these settings from now on; None: do not serve. A server with other settings is stopped."""
        if wanted == self._wanted:
            return
        await self.stop()
        self._wanted = wanted
        if wanted is not None:
            self._serving = asyncio.create_task(self._serve(wanted), name="web")

    async def stop(self) -> None:
        """Stop serving."""
        self._wanted = None
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None

    async def _serve(self, wanted: WebSection) -> None:
        server = await self._start(wanted)
        try:
            await asyncio.Event().wait()
        finally:
            server.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(ENDS_WITHIN.total_seconds()):
                    while server.is_alive:
                        await asyncio.sleep(0.02)

    async def _start(self, wanted: WebSection) -> "Server":
        from monitor.web.application import application  # FastAPI and uvicorn take long to import
        from monitor.web.auth import Access
        from monitor.web.server import Server

        access = Access(
            token=wanted.token, hosts=frozenset(wanted.hosts), instance=str(self._site.config.store.path)
        )
        app = application(self._site, access)
        server, logged = None, False
        while server is None:
            try:
                server = Server(app, *wanted.listen)
            except OSError as exc:
                if not logged:
                    fields = {"listen": wanted.listen, "error": exc.strerror or exc}
                    log.error("status page not served, will retry", extra={"fields": fields})
                logged = True
                await asyncio.sleep(RETRY_AFTER.total_seconds())
        shown = {
            "url": f"http://{wanted.listen}/",
            "access": "everybody on this machine" if wanted.token is None else "who has the token",
        }
        if not wanted.listen.is_loopback:
            shown["open_to"] = "other machines, without TLS"
        log.info("status page", extra={"fields": shown})
        return server
