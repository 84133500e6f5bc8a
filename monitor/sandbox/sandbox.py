"""Both services together, on two loopback ports."""

from datetime import timedelta
from typing import Self

from monitor.sandbox.config import Credentials, example_config
from monitor.sandbox.faults import PlannedFault
from monitor.sandbox.http import Clock, utc_now
from monitor.sandbox.nami import CallLimit, Nami
from monitor.sandbox.scenario import Scenario, demo_story
from monitor.sandbox.service import Service
from monitor.sandbox.wdcf import Wdcf


class Sandbox:
    """Nami and WDCF as documented, on 127.0.0.1, playing a story (by default `demo_story()`) from the start on.

    `clock` gives aware UTC and drives everything but the pauses of slow answers. Port 0 is any free port. What the
    Nami page leaves open is set by `call_limit`, `nami_tolerance` and `nami_unauthorized_status` (see `Nami`).
    """

    def __init__(
        self,
        story: Scenario | None = None,
        *,
        credentials: Credentials | None = None,
        call_limit: CallLimit | None = None,
        nami_tolerance: timedelta = timedelta(minutes=1),
        nami_unauthorized_status: int = 401,
        clock: Clock = utc_now,
        nami_port: int = 0,
        wdcf_port: int = 0,
    ) -> None:
        self._story = story or demo_story()
        self._credentials = credentials or Credentials()
        self._call_limit = call_limit or CallLimit()
        nami = Nami(
            self._story.nami,
            api_key=self._credentials.nami_api_key,
            api_secret=self._credentials.nami_api_secret,
            limit=self._call_limit,
            tolerance=nami_tolerance,
            unauthorized_status=nami_unauthorized_status,
        )
        wdcf = Wdcf(self._story.wdcf, client_secret=self._credentials.wdcf_client_secret)
        faults = self._story.faults
        self.nami = Service(nami, planned=_of("nami", faults), clock=clock, port=nami_port)
        self.wdcf = Service(wdcf, planned=_of("wdcf", faults), clock=clock, port=wdcf_port)

    @property
    def nami_url(self) -> str:
        """Nami's base URL, once started."""
        return self.nami.url

    @property
    def wdcf_url(self) -> str:
        """WDCF's base URL, once started."""
        return self.wdcf.url

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Both services listen and the story begins; OSError if a port is taken, and nothing is left running."""
        try:
            await self.nami.start()
            await self.wdcf.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drops every connection at once, whatever it is in."""
        await self.nami.stop()
        await self.wdcf.stop()

    def example_config(self, webhook_url: str | None = None, *, every: str = "2s") -> str:
        """A configuration (YAML) for the running sandbox; see `monitor.sandbox.config.example_config`."""
        return example_config(
            self.nami_url,
            self.wdcf_url,
            webhook_url,
            every=every,
            calls_per_minute=self._call_limit.calls,
            clients=self._story.wdcf,
            credentials=self._credentials,
        )


def _of(service: str, faults: tuple[PlannedFault, ...]) -> list[PlannedFault]:
    return [fault for fault in faults if fault.service == service]
