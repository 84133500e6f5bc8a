"""Probes learn whether the daemon does its work; who may know it, why it does not."""

import asyncio
import threading
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from monitor.daemon.metrics import Metrics
from monitor.web.application import application
from monitor.web.auth import Access
from monitor.web.queries import Site
from monitor.web.view import Live
from tests.web.support import World, asking, serving

TOKEN = "0123456789abcdef0123"
ACCESS = Access(token=SecretStr(TOKEN))
KNOWN = {"Authorization": f"Bearer {TOKEN}"}
PROBES = ("/healthz", "/readyz")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A daemon that has not even made its store."""
    return World(path=tmp_path / "store.db")


async def probed(world: World, path: str) -> tuple[int, list[str]]:
    """The code and the reasons."""
    async with asking(world.app()) as client:
        answer = await client.get(path)
    told = answer.json()
    assert told["status"] == ("ok" if answer.status_code == 200 else "failing")
    return answer.status_code, told["reasons"]


@pytest.mark.parametrize("path", PROBES)
async def test_a_daemon_that_works_is_well(world: World, path: str) -> None:
    """Without a reason to say otherwise."""
    assert await probed(world, path) == (200, [])


async def test_a_daemon_that_does_not_get_on_says_why_and_lives(world: World) -> None:
    """In the words of its log and its status. A restart would free no disk."""
    world.readiness_problem = "the store fails: the disk is full"
    assert await probed(world, "/readyz") == (503, ["the store fails: the disk is full"])
    assert await probed(world, "/healthz") == (200, [])


async def test_a_daemon_that_hangs_is_to_be_restarted(world: World) -> None:
    """It does not answer, or leaves polls lying."""
    world.liveness_problem = "the daemon does not answer within 5 s"
    assert await probed(world, "/healthz") == (503, ["the daemon does not answer within 5 s"])


@pytest.mark.parametrize("unready", ["starting", "stopping"])
async def test_a_daemon_that_starts_or_stops_lives_but_is_not_ready(world: World, unready: str) -> None:
    """To restart it would not help."""
    world.unready = unready
    assert await probed(world, "/healthz") == (200, [])
    assert await probed(world, "/readyz") == (503, [unready])


async def test_all_reasons_are_reported(world: World) -> None:
    """Those of being up and those of being well."""
    world.unready, world.readiness_problem = "starting", "a scheduled poll is overdue"
    assert await probed(world, "/readyz") == (503, ["starting", "a scheduled poll is overdue"])


@pytest.mark.parametrize("trouble", ["", "a scheduled poll is overdue"])
async def test_strangers_learn_whether_and_not_why(world: World, trouble: str) -> None:
    """A probe needs no token; what is behind it has no name for who carries none."""
    world.liveness_problem = world.readiness_problem = trouble
    async with asking(world.app(ACCESS)) as client:
        answer = await client.get("/healthz")
        assert answer.json() == {"status": "failing" if trouble else "ok", "reasons": []}
        assert answer.status_code == (503 if trouble else 200)
        assert (await client.get("/readyz")).status_code == 401
        told = (await client.get("/healthz", headers=KNOWN)).json()
        assert told["reasons"] == ([trouble] if trouble else [])
        assert (await client.get("/readyz", headers=KNOWN)).json() == {**told, "notes": []}


async def test_a_probe_that_asks_for_the_head_alone_gets_the_code(world: World) -> None:
    """Load balancers do."""
    world.liveness_problem = "a scheduled poll is overdue"
    with serving(world.app()) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.head("/healthz")
    assert (answer.status_code, answer.content) == (503, b"")


async def test_pages_are_served_while_the_daemon_does_not_answer(world: World) -> None:
    """However many ask how it is meanwhile: they wait, and nobody else does; then all are told the same."""
    answered, asked = threading.Event(), threading.Semaphore(0)

    def hanging() -> str:
        asked.release()
        assert answered.wait(30)
        return "the daemon does not answer within 5 s"

    config, live = world.config, Live(started_at=world.started)
    site = Site(
        config=lambda: config,
        live=lambda: live,
        liveness_problem=hanging,
        readiness_problem=hanging,
        clock=lambda: world.now,
        metrics=Metrics(),
    )
    with serving(application(site, Access())) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            probes = [asyncio.create_task(client.get(path)) for path in PROBES * 10]
            await asyncio.to_thread(asked.acquire)
            assert (await client.get("/api/v1/status")).status_code == 200
            assert not any(probe.done() for probe in probes)
            answered.set()
            answers = await asyncio.gather(*probes)
    assert {answer.status_code for answer in answers} == {503}
    assert asked.acquire(blocking=False)  # once for each of the two questions
    assert not asked.acquire(blocking=False)
