"""The status page of a daemon: what it is given to show, and where it is served."""

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

TRY_AGAIN = timedelta(seconds=5)
"""How long until an address that was taken is tried again: the one that has it may be about to end."""


ENDS_WITHIN = timedelta(seconds=4)
"""How long requests under way are waited for at the end."""


class WebService:
    """Serves `site` where the configuration says, if it says so. Whatever goes wrong with that stops nothing else."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._wanted: WebSection | None = None
        self._serving: asyncio.Task[None] | None = None

    async def reconfigure(self, wanted: WebSection | None) -> None:
        """Serves like this from now on; what was served otherwise until now ends."""
        if wanted == self._wanted:
            return
        await self.stop()
        self._wanted = wanted
        if wanted is not None:
            self._serving = asyncio.create_task(self._serve(wanted), name="web")

    async def stop(self) -> None:
        """Ends it."""
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
        from monitor.web.application import application  # FastAPI and uvicorn: only where there is a page
        from monitor.web.auth import Access
        from monitor.web.server import Server

        access = Access(
            token=wanted.token, hosts=frozenset(wanted.hosts), instance=str(self._site.config.store.path)
        )
        app = application(self._site, access)
        told = False
        while True:
            try:
                server = Server(app, *wanted.listen)
            except OSError as exc:
                if not told:
                    fields = {"listen": wanted.listen, "error": exc.strerror or exc}
                    log.error("status page not served, will retry", extra={"fields": fields})
                told = True
                await asyncio.sleep(TRY_AGAIN.total_seconds())
            else:
                log.info("status page", extra={"fields": _told(wanted)})
                return server


def _told(wanted: WebSection) -> dict[str, object]:
    access = "everybody on this machine" if wanted.token is None else "who has the token"
    others = {} if wanted.listen.is_loopback else {"open_to": "other machines, without TLS"}
    return {"url": f"http://{wanted.listen}/", "access": access, **others}
