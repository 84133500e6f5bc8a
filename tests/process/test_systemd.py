"""What systemd hears, by a socket of the test's own."""

import asyncio
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from .stage import together
from .support import Installation, until


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
    await site.asked_again()
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
        await site.asked_again()
        await manager.hears("STATUS=2 accounts, ")


@together()
async def test_the_watchdog_is_fed(site: Installation) -> None:
    """With WATCHDOG_USEC set a sign of life comes at least twice in that time, and says what is going on."""
    manager = _manager(site)
    with manager.listening():
        await site.start(**manager.environ, WATCHDOG_USEC="1500000")
        await manager.hears("WATCHDOG=1")
        began = time.monotonic()
        site.holds("5.10")
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
            site.holds("5.10")
            await until(lambda: site.messages, "the alert, whatever the manager does", within=12)
            await site.asked_again("type=0", 2)
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
    await site.asked_again("type=0", 2)
