"""What systemd hears, by a socket of the test's own."""

import asyncio
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest

from monitor.daemon.systemd import Systemd

from .outside import DISK, LOOP, WRITER, Gate, surround
from .stage import together
from .support import PATIENCE, Installation, until


class Manager:
    """The service manager's end: the datagrams that came, in order."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.heard: list[str] = []

    @property
    def environ(self) -> dict[str, str]:
        """What systemd puts into a service's environment."""
        return {"NOTIFY_SOCKET": self._address}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listens on the running loop."""
        loop = asyncio.get_running_loop()
        with closing(_bound(self._address)) as sock:
            loop.add_reader(sock, lambda: self.heard.append(sock.recv(4096).decode()))
            try:
                yield
            finally:
                loop.remove_reader(sock)

    async def hears_nothing_of(self, text: str, seconds: float) -> None:
        """Listens for so long, and wants to hear no datagram that begins with a text."""
        await asyncio.sleep(0.1)  # what was sent before
        before = self.count(text)
        await asyncio.sleep(seconds)
        assert self.count(text) == before, self.heard

    def count(self, text: str) -> int:
        """How many datagrams begin with a text."""
        return sum(message.startswith(text) for message in self.heard)

    async def hears(self, text: str, times: int = 1) -> None:
        """Waits for so many datagrams that begin with a text."""
        await until(
            lambda: self.count(text) >= times, f"{text} ({times}) from the daemon; heard {self.heard}"
        )


def _bound(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
    return sock


def _manager(site: Installation) -> Manager:
    return Manager(str(site.folder / "notify"))


@together()
async def test_ready_comes_only_once_the_store_is_open(site: Installation) -> None:
    """While the store can't be written READY waits; it comes when polls are under way, and a status with it."""
    daemon = await site.start()
    await site.more_requests()
    await daemon.stop()
    manager = _manager(site)
    with manager.listening(), closing(sqlite3.connect(site.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        daemon = await site.launch(**manager.environ)
        inode = site.store.with_name("balances.db.lock")
        await until(lambda: inode.read_text().strip() == str(daemon.pid), "the daemon at the store")
        await asyncio.sleep(0.2)
        assert manager.heard == []
        other.execute("ROLLBACK")
        await manager.hears("READY=1")
        await site.more_requests()
        await manager.hears("STATUS=2 accounts, ")


async def _never_ready(site: Installation, code: int, said: str) -> None:
    manager = _manager(site)
    with manager.listening():
        daemon = await site.launch(**manager.environ)
        assert await daemon.ended(2 * PATIENCE) == code  # a whole start is in it
    assert said in daemon.log
    assert manager.count("READY=1") == 0


@together()
async def test_a_broken_configuration_is_never_ready(site: Installation) -> None:
    """Exit 78, and nothing that would let systemd take the start for done."""
    site.write(jobs=[])
    await _never_ready(site, 78, "jobs")


@together()
async def test_a_store_that_is_refused_is_never_ready(site: Installation) -> None:
    """Exit 1: nothing was polled and nothing will be."""
    site.store.write_bytes(b"no database\n" * 1000)
    await _never_ready(site, 1, "not a SQLite database")


@together()
async def test_a_store_that_stays_locked_is_never_ready(site: Installation) -> None:
    """Exit 1 after five seconds of waiting for whoever holds it; systemd starts it again."""
    assert (await site.command("poll")).code == 0
    with closing(sqlite3.connect(site.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await _never_ready(site, 1, "locked by another program")


@together()
async def test_ready_comes_only_once_the_state_is_recalled(site: Installation) -> None:
    """The store is open, but what it knows of pauses, calls and alerts can't be taken up yet: no READY, no poll."""
    surround(site, DISK)
    gate = Gate(site, WRITER)
    gate.shut()
    manager = _manager(site)
    with manager.listening():
        await site.launch(**manager.environ)
        await gate.holds()
        await manager.hears_nothing_of("", 0.3)
        assert (manager.heard, site.request_count()) == ([], 0)
        gate.open()
        await manager.hears("READY=1")
        await site.more_requests()


WATCHED = {"WATCHDOG_USEC": "1500000"}
"""A sign of life each half second."""


async def _goes_silent(site: Installation, what: str, *, by: signal.Signals | None = None) -> None:
    surround(site, DISK, LOOP)
    manager, gate = _manager(site), Gate(site, what)
    with manager.listening():
        daemon = await site.start(**manager.environ, **WATCHED)
        await manager.hears("WATCHDOG=1", 2)
        gate.shut()
        if by is not None:
            daemon.send(by)
        await gate.holds()
        await manager.hears_nothing_of("WATCHDOG=1", 2)
        heard = manager.count("WATCHDOG=1")
        gate.open()
        await manager.hears("WATCHDOG=1", heard + 2)
        await site.more_requests("type=0", 2)
        assert await daemon.stop() == 0


@together()
async def test_the_watchdog_is_not_fed_while_the_loop_hangs(site: Installation) -> None:
    """Something that blocks the loop is seen by systemd; once it lets go, the daemon is alive again."""
    await _goes_silent(site, "loop", by=signal.SIGUSR1)


@together()
async def test_the_watchdog_is_not_fed_while_the_writer_hangs(site: Installation) -> None:
    """A commit that does not end, as on a disk that is gone: the loop turns, and yet there is no sign of life."""
    await _goes_silent(site, WRITER)


@together()
async def test_a_locked_store_is_no_hanging_writer(site: Installation) -> None:
    """The writer gives up after five seconds and says so: a restart would not get the lock either."""
    manager = _manager(site)
    with manager.listening():
        daemon = await site.start(**manager.environ, **WATCHED)
        with closing(sqlite3.connect(site.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await daemon.logged("store unavailable")
            heard = manager.count("WATCHDOG=1")
            await manager.hears("WATCHDOG=1", heard + 1)
            await until(lambda: "the store fails" in manager.heard[-1], "the trouble in the status")
            other.execute("ROLLBACK")
        await daemon.logged("store available again")


@together()
async def test_another_processs_watchdog_is_not_fed(site: Installation) -> None:
    """WATCHDOG_PID names who is to be watched: a status still comes, a sign of life does not."""
    manager = _manager(site)
    with manager.listening():
        await site.start(**manager.environ, **WATCHED, WATCHDOG_PID="1")
        await manager.hears("STATUS=2 accounts, ")
        await manager.hears_nothing_of("WATCHDOG=1", 1)
        assert manager.count("WATCHDOG=1") == 0


@pytest.mark.parametrize(
    ("environ", "watchdog"),
    [
        pytest.param({"WATCHDOG_USEC": "3000000"}, timedelta(seconds=3), id="for-anybody"),
        pytest.param(
            {"WATCHDOG_USEC": "20", "WATCHDOG_PID": str(os.getpid())}, timedelta(microseconds=20), id="for-us"
        ),
        pytest.param({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None, id="for-another"),
        pytest.param({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": ""}, None, id="for-nobody"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="no-time-at-all"),
        pytest.param({"WATCHDOG_USEC": str(2**64 - 1)}, None, id="systemds-infinity"),
        pytest.param({"WATCHDOG_USEC": "9" * 400}, None, id="more-than-a-timedelta-holds"),
        pytest.param({"WATCHDOG_USEC": "٣"}, None, id="digits-of-another-script"),
        pytest.param({"WATCHDOG_USEC": "3s"}, None, id="no-number"),
        pytest.param({"WATCHDOG_PID": str(os.getpid())}, None, id="not-wanted"),
    ],
)
def test_the_watchdogs_variables_are_read_as_systemd_reads_them(
    environ: dict[str, str], watchdog: timedelta | None
) -> None:
    """As sd_watchdog_enabled(3) has it; what it would refuse means no watchdog, not a crash and not a busy loop."""
    assert Systemd(environ).watchdog == watchdog


@together()
async def test_the_watchdog_is_fed(site: Installation) -> None:
    """With WATCHDOG_USEC set a sign of life comes at least twice in that time, and says what is going on."""
    manager = _manager(site)
    with manager.listening():
        await site.start(**manager.environ, WATCHDOG_USEC="1500000")
        await manager.hears("WATCHDOG=1")
        began = time.monotonic()
        site.set_balance("5.10")
        await manager.hears("WATCHDOG=1", 5)
        assert time.monotonic() - began < 4
        await manager.hears("STATUS=2 accounts, last poll ")
        await until(
            lambda: any("1 alerts active" in text for text in manager.heard), "the alert in the status"
        )


@together()
async def test_a_reload_is_announced_and_ended_also_when_refused(site: Installation) -> None:
    """RELOADING with the clock systemd compares, then READY, for a good file and for a bad one; STOPPING at the end."""
    manager = _manager(site)
    with manager.listening():
        daemon = await site.start(**manager.environ)
        await manager.hears("READY=1")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        daemon.send(signal.SIGHUP)
        await manager.hears("READY=1", 2)
        site.config.write_text("nonsense")
        daemon.send(signal.SIGHUP)
        await manager.hears("READY=1", 3)
        assert await daemon.stop() == 0
        await manager.hears("STOPPING=1")
    reloads = [message for message in manager.heard if message.startswith("RELOADING=1")]
    times = [int(message.split("MONOTONIC_USEC=")[1].split()[0]) for message in reloads]
    assert len(times) == 2
    assert before <= times[0] < times[1]
    told = [
        text.split("=")[0] for text in manager.heard if text.startswith(("READY", "RELOADING", "STOPPING"))
    ]
    assert told == ["READY", "RELOADING", "READY", "RELOADING", "READY", "STOPPING"]


@together()
async def test_an_abstract_socket_is_understood(site: Installation) -> None:
    """`@name`, as systemd in a container has it, is a socket without a file."""
    manager = Manager(f"@balance-monitor-test-{os.getpid()}-{time.monotonic_ns()}")
    with manager.listening():
        await site.start(**manager.environ)
        await manager.hears("READY=1")


@together()
async def test_a_manager_that_does_not_listen_holds_nothing_up(site: Installation) -> None:
    """A notify socket whose queue is full, its reader stuck, must not stop polls, alerts or the end."""
    with closing(_bound(str(site.folder / "notify"))):
        environ = _manager(site).environ
        daemon = await site.start(**environ, WATCHDOG_USEC="3000")
        filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        with closing(filler):
            _fill(filler, environ["NOTIFY_SOCKET"])
            daemon.send(signal.SIGHUP)
            site.set_balance("5.10")
            await until(lambda: site.messages, "the alert, whatever the manager does", within=12)
            await site.more_requests("type=0", 2)
            assert await daemon.stop() == 0


def _fill(sock: socket.socket, address: str) -> None:
    for _ in range(100_000):
        try:
            sock.sendto(b"STATUS=full", address)
        except BlockingIOError:
            return
    raise AssertionError("the queue never filled")


@together()
async def test_a_socket_that_is_gone_is_no_reason_to_stop(site: Installation) -> None:
    """NOTIFY_SOCKET may name what is not there any more: it runs all the same."""
    await site.start(NOTIFY_SOCKET=str(site.folder / "nobody"), WATCHDOG_USEC="nonsense")
    await site.more_requests("type=0", 2)
