"""The probes of the real daemon: while it starts, works, can't write, and ends."""

import asyncio
import resource
import sqlite3
import time
from contextlib import closing

import httpx

from tests.web.support import free_port

from .stage import together
from .support import PATIENCE, Installation, Json, until


class Probes:
    """A client of the probes of an installation."""

    def __init__(self, site: Installation) -> None:
        self._listen = f"127.0.0.1:{free_port()}"
        site.write(web={"listen": self._listen})

    async def get(self, path: str = "/readyz") -> tuple[int, Json]:
        """Return the status code and the JSON of the response; 0: no response."""
        async with httpx.AsyncClient(base_url=f"http://{self._listen}", timeout=PATIENCE) as client:
            try:
                answer = await client.get(path)
            except httpx.TransportError:
                return 0, {}
        return answer.status_code, answer.json()

    async def show(self, *, trouble: bool) -> None:
        """Wait until the status page shows that the store fails, or that nothing does."""
        deadline = time.monotonic() + PATIENCE
        async with httpx.AsyncClient(base_url=f"http://{self._listen}", timeout=PATIENCE) as client:
            while ("Problem in the daemon: the store fails: " in (await client.get("/")).text) is not trouble:
                assert time.monotonic() < deadline, f"waited in vain for trouble={trouble}"
                await asyncio.sleep(0.2)

    async def become(self, code: int) -> Json:
        """Wait for this status code; return the JSON of the response."""
        deadline = time.monotonic() + PATIENCE
        while (got := await self.get())[0] != code:
            assert time.monotonic() < deadline, f"waited in vain for {code}: {got}"
            await asyncio.sleep(0.1)
        return got[1]


@together()
async def test_it_is_ready_while_it_works(site: Installation) -> None:
    """And gone, once it was told to end; that it is served does not hold up the end."""
    probes = Probes(site)
    daemon = await site.start()
    assert await probes.become(200) == {"status": "ok", "reasons": [], "notes": []}
    assert (await probes.get("/healthz"))[0] == 200
    assert await daemon.stop() == 0
    assert await probes.get() == (0, {})
    assert "Traceback" not in daemon.log


@together()
async def test_a_full_disk_is_reported_on_the_page_and_by_the_probe(site: Installation) -> None:
    """Nothing is recorded, so what is shown is old: no page may look as if all were well. A restart would not help."""
    probes = Probes(site)
    daemon = await site.start()
    await probes.become(200)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    [reason] = (await probes.become(503))["reasons"]
    assert reason.startswith("the store fails: ")
    assert reason.endswith("; nothing is recorded")
    assert (await probes.get("/healthz"))[0] == 200
    await probes.show(trouble=True)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await probes.become(200)
    await probes.show(trouble=False)


@together()
async def test_a_store_that_takes_nothing_is_reported(site: Installation) -> None:
    """While another program holds it up; and no more, once that has ended."""
    probes = Probes(site)
    await site.start()
    await probes.become(200)
    with closing(sqlite3.connect(site.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        [reason] = (await probes.become(503))["reasons"]
        assert reason.startswith(("the store fails", "the daemon does not answer"))
    await probes.become(200)


@together()
async def test_a_start_goes_on_with_the_accounts_that_the_one_before_did_not_reach(
    site: Installation,
) -> None:
    """First polls are a second apart, so one that is cut short again and again would never reach the last."""
    clients = [f"CLIENT_{number:03d}" for number in range(1, 7)]
    site.write(jobs=[{"name": "clients", "provider": "wdcf", "every": "1h", "clients": clients}], rules=[])

    def polled() -> list[str]:
        queries = [logged.request.query for logged in site.wdcf.requests]
        return [client for query in queries for client in clients if client in query]

    daemon = await site.start()
    await until(lambda: len(polled()) >= 2, "two accounts polled")
    await daemon.stop()
    reached = polled()
    left = len(clients) - len(reached)
    assert left > 0
    await site.start()
    await until(lambda: len(polled()) >= len(reached) + left, "the others polled")
    assert set(polled()[: len(clients)]) == set(clients)


@together()
async def test_a_sign_of_life_is_given_while_it_catches_up(site: Installation) -> None:
    """Polls are overdue after a stop, and that is no reason to kill what is at work on them."""
    sign = site.folder / "alive"
    daemon = await site.start(BALANCE_MONITOR_ALIVE=str(sign))
    await until(sign.exists, "the sign of life")
    await until(lambda: site.request_count() > 0, "a poll")
    await daemon.stop()
    sign.unlink()
    with closing(sqlite3.connect(site.store)) as store, store:
        store.execute("UPDATE accounts SET overdue_at = 1")
    clients = [f"CLIENT_{number:03d}" for number in range(1, 30)]
    site.write(jobs=[{"name": "clients", "provider": "wdcf", "every": "1h", "clients": clients}], rules=[])
    await site.start(BALANCE_MONITOR_ALIVE=str(sign))
    await until(sign.exists, "the sign of life")
    assert sign.stat().st_mode & 0o777 == 0o600
