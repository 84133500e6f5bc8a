"""The dead man's switch: what a service like healthchecks.io hears of a daemon, well and not."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from monitor.sandbox.http import Request, Response, Server

from .stage import together
from .support import Installation, until

TOKEN = "BEAT-9f1c2e7a-token"


@dataclass(frozen=True, slots=True)
class Beat:
    """One request: start, end or fail; of which run; and what was said."""

    action: str
    run: str
    said: str


@dataclass(slots=True)
class Switch:
    """The service. It repeats all it was sent."""

    status: int = 200
    beats: list[Beat] = field(default_factory=list)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(self._answer)

    @property
    def url(self) -> str:
        """Where it is to be told."""
        return f"http://127.0.0.1:{self.server.port}/ping/{TOKEN}"

    def count(self, action: str) -> int:
        """How many requests of a kind there were."""
        return sum(beat.action == action for beat in self.beats)

    async def hears(self, action: str, more: int = 1) -> None:
        """Waits for that many further requests of a kind."""
        enough = self.count(action) + more
        await until(lambda: self.count(action) >= enough, f"{more} more {action} in {self.beats}", within=60)

    def _answer(self, request: Request) -> Response:
        path, _, query = request.target.partition("?")
        action = path.removeprefix(f"/ping/{TOKEN}").removeprefix("/") or "end"
        self.beats.append(Beat(action, query.removeprefix("rid="), request.body.decode()))
        return Response(status=self.status, body=f"{request.target} is what you asked for".encode())


@asynccontextmanager
async def switch(site: Installation) -> AsyncIterator[Switch]:
    """The service at work, and the installation told of it."""
    service = Switch()
    await service.server.start()
    site.environ |= {"BEAT_URL": service.url}
    site.write(heartbeat={"url": "${BEAT_URL}", "every": "1s"})
    try:
        yield service
    finally:
        await service.server.stop()


@together()
async def test_runs_begin_and_end_well(site: Installation) -> None:
    """Each begins at its start, ends under the id it began with, and the next has another; the last one ends too."""
    async with switch(site) as service:
        daemon = await site.start()
        await service.hears("end", 3)
        assert await daemon.stop() == 0
        starts, ends = service.beats[::2], service.beats[1::2]
    assert [beat.action for beat in service.beats] == ["start", "end"] * len(ends)
    assert [beat.run for beat in starts] == [beat.run for beat in ends]
    assert len({beat.run for beat in starts}) == len(starts)
    assert {beat.said for beat in service.beats} == {""}


@together()
async def test_a_store_that_fails_is_reported_and_so_is_its_end(site: Installation) -> None:
    """With the reason; the run that ends badly is the one that began."""
    async with switch(site) as service:
        daemon = await site.start()
        await service.hears("end")
        with closing(sqlite3.connect(site.store)) as other:
            other.execute("BEGIN IMMEDIATE")
            await service.hears("fail")
            other.rollback()
        await service.hears("end")
        at = next(number for number, beat in enumerate(service.beats) if beat.action == "fail")
        assert service.beats[at].said.startswith("the store fails: ")
        assert "locked by another program" in service.beats[at].said
        assert service.beats[at - 1] == Beat("start", service.beats[at].run, "")
        assert "heartbeat reports a problem" in daemon.log
        assert await daemon.stop() == 0


@together()
async def test_a_reload_takes_the_heartbeat_elsewhere_or_away(site: Installation) -> None:
    """What began ends where it began."""
    async with switch(site) as first, switch(site) as second:
        site.write(heartbeat={"url": first.url, "every": "1s"})
        daemon = await site.start()
        await first.hears("end")
        site.write(heartbeat={"url": second.url, "every": "1s"})
        daemon.send(signal.SIGHUP)
        await second.hears("end")
        beats = list(first.beats)
        site.write(heartbeat=None)
        daemon.send(signal.SIGHUP)
        await daemon.logged("configuration reloaded", 2)
        await until(lambda: second.beats[-1].action == "end", "the last run's end")
        ended = len(second.beats)
        await site.more_requests(times=3)
        assert (first.beats, first.beats[-1].action, len(second.beats)) == (beats, "end", ended)


@together()
async def test_a_service_that_hangs_holds_up_nothing(site: Installation) -> None:
    """Neither polls, nor messages, nor the end."""
    connected: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: connected.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    site.write(heartbeat={"url": f"http://127.0.0.1:{port}/", "every": "1s"})
    daemon = await site.start()
    await until(lambda: connected, "the first beat")
    await site.more_requests(times=3)
    site.set_balance("5.10")
    await site.received(1)
    assert await daemon.stop() == 0
    for writer in connected:
        writer.transport.abort()
    server.close()


@together()
async def test_a_url_that_is_a_secret_stays_one(site: Installation) -> None:
    """Whatever its service answers, and when there is nobody: in no log, no database, no output."""
    async with switch(site) as service:
        service.status = 500
        daemon = await site.start("--log-level", "debug")
        await daemon.logged("heartbeat not delivered")
        service.status = 200
        await daemon.logged("heartbeat delivered again")
        await service.server.stop()
        await daemon.logged("heartbeat not delivered", 2)
        site.write(summary={"cron": "never"})
        daemon.send(signal.SIGHUP)
        await daemon.logged("reload failed")
        shown = await site.command("check")
        await daemon.stop()
    assert (shown.code, "HTTP 500" in daemon.log) == (78, True)
    written = [path for path in site.folder.rglob("*") if path.is_file()]
    assert [path for path in written if TOKEN in _text(path)] == []
    assert TOKEN not in shown.out + shown.err


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
