"""Ended in order, killed, and started again: nothing is lost, and nothing is told twice."""

import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

from monitor.sandbox import Fault

from .stage import together
from .support import Daemon, Installation, Refusing, incident, until, usdt_low

MAY_TAKE = 10.0
"""Seconds from the signal to the end (`balance-monitor run --help`)."""

SLOW_LOOKUPS = """\
import socket
import time

known = socket.getaddrinfo

def getaddrinfo(host, *args, **kwargs):
    if host in ("lookups.hang.example", b"lookups.hang.example"):
        time.sleep(25)
        raise socket.gaierror(-3, "Temporary failure in name resolution")
    return known(host, *args, **kwargs)

socket.getaddrinfo = getaddrinfo
"""


async def _ends_in_time(
    daemon: Daemon, number: signal.Signals = signal.SIGTERM, within: float = MAY_TAKE
) -> None:
    began = time.monotonic()
    daemon.send(number)
    try:
        code: object = await daemon.ended(within + 5)
    except TimeoutError:
        code = "still running"
    assert (code, time.monotonic() - began < within) == (0, True), daemon.log[-2000:]


async def _ends_with_everything_in_flight(site: Installation, number: signal.Signals) -> None:
    site.document["providers"]["wdcf"]["timeout"] = "30s"
    site.write()
    site.webhook.fault = Fault.hang()
    daemon = await site.start()
    site.sandbox.wdcf.fault = Fault.latency(timedelta(seconds=60))
    site.holds("5.10")
    asked = len(site.sandbox.wdcf.requests)
    await until(lambda: len(site.sandbox.wdcf.requests) > asked, "a poll that hangs")
    await site.told(1)
    await _ends_in_time(daemon, number)

    assert site.look()["notifications"] == {"pending": 1, "failed": 0, "delivered": 0}
    heard = len(site.messages)
    site.webhook.fault = site.sandbox.wdcf.fault = None
    await site.start()
    messages = await site.told(heard + 1)
    assert {incident(message) for message in messages} == {(site.look()["alerts"][0]["id"], "1")}


@together()
async def test_sigterm_ends_it_in_time_with_nothing_lost(site: Installation) -> None:
    """With a poll and a delivery that hang it ends within ten seconds, exit 0; the message comes after a restart."""
    await _ends_with_everything_in_flight(site, signal.SIGTERM)


@together()
async def test_sigint_does_the_same(site: Installation) -> None:
    """Ctrl-C in a terminal is as orderly as systemd's stop."""
    await _ends_with_everything_in_flight(site, signal.SIGINT)


@together()
async def test_it_ends_at_once_when_nothing_is_in_flight(site: Installation) -> None:
    """Without anything to wait for the end takes no waiting, and leaves no write-ahead log behind."""
    daemon = await site.start()
    await site.shows(lambda shown: len(shown["balances"]) == 2, "both balances")
    await _ends_in_time(daemon, within=4)
    assert not site.store.with_name("balances.db-wal").exists()


@together()
async def test_it_ends_in_time_while_a_name_lookup_hangs(site: Installation) -> None:
    """A resolver that does not answer, the commonest outage there is, holds up the end no longer than a slow poll."""
    (site.folder / "lookups").mkdir()
    (site.folder / "lookups" / "sitecustomize.py").write_text(SLOW_LOOKUPS)
    site.environ["PYTHONPATH"] = f"{site.folder / 'lookups'}:{site.environ['PYTHONPATH']}"
    site.document["providers"]["wdcf"] |= {"base_url": "http://lookups.hang.example", "timeout": "20s"}
    site.write()
    daemon = await site.start()
    await site.asked_again("type=0", 2)
    await _ends_in_time(daemon)


@together()
async def test_it_ends_in_time_while_the_store_is_locked(site: Installation) -> None:
    """Somebody's forgotten `sqlite3` session with an open transaction does not hold up the end either."""
    daemon = await site.start()
    await site.shows(lambda shown: len(shown["balances"]) == 2, "both balances")
    with closing(sqlite3.connect(site.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await site.asked_again("type=0", 2)
        await _ends_in_time(daemon)
    assert "Traceback" not in daemon.log


@together()
async def test_a_killed_daemon_delivers_what_it_owed(site: Installation) -> None:
    """kill -9 with a message undelivered: it comes after the restart, same incident and number, no second firing."""
    site.webhook.fault = Refusing().fault
    daemon = await site.start()
    site.holds("5.10")
    owed = await site.shows(lambda shown: shown["notifications"]["pending"] == 1, "a message waits")
    assert await daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    site.webhook.fault = None
    await site.start()
    await site.told(1)
    await site.asked_again("type=0", 2)
    assert [incident(message) for message in site.messages] == [(owed["alerts"][0]["id"], "1")]
    assert site.look()["notifications"] == {"pending": 0, "failed": 0, "delivered": 1}


@together()
async def test_a_firing_alert_survives_kill_9(site: Installation) -> None:
    """It neither fires again nor resolves by the restart; its resolve has the old incident's id and the next number."""
    daemon = await site.start()
    site.holds("5.10")
    [fired] = await site.told(1)
    await site.shows(lambda shown: shown["notifications"]["delivered"] == 1, "the delivery recorded")
    before = site.look()["alerts"]
    await daemon.stop(signal.SIGKILL)
    await site.start()
    await site.asked_again("type=0", 2)
    assert site.look()["alerts"] == before
    assert len(site.messages) == 1
    site.holds("5000")
    [_, resolved] = await site.told(2)
    assert incident(resolved) == (incident(fired)[0], "2")


@together()
async def test_a_pending_alert_survives_kill_9(site: Installation) -> None:
    """`for` goes on counting from the first breaching reading, restart or not."""
    site.write(rules=[usdt_low(**{"for": "5s"})])
    daemon = await site.start()
    site.holds("5.10")
    before = await site.shows(lambda shown: shown["alerts"], "a pending alert")
    await daemon.stop(signal.SIGKILL)
    await site.start()
    await site.asked_again("type=0")
    [during] = site.look()["alerts"]
    [message] = await site.told(1)
    [alert] = before["alerts"]
    assert alert["state"] == during["state"] == "pending"
    assert (during["id"], during["since"]) == (alert["id"], alert["since"])
    assert incident(message) == (alert["id"], "1")
    since = datetime.fromisoformat(alert["since"])
    assert timedelta(seconds=5) <= datetime.now(UTC) - since


@together()
async def test_a_second_daemon_is_refused(site: Installation) -> None:
    """One store, one daemon: the second names the first one's process and exits, and the first goes on."""
    first = await site.start()
    second = await site.launch()
    code = await second.ended()
    assert code not in (0, 78)
    assert f"process {first.pid}" in second.log
    assert second.log.count("\n") == 1
    await site.asked_again("type=0")


@together()
async def test_a_second_daemon_is_refused_by_any_name_of_the_store(site: Installation) -> None:
    """A symbolic link to the store is the same store: two daemons on it would tell everything twice."""
    first = await site.start()
    (site.folder / "elsewhere").mkdir()
    (site.folder / "elsewhere" / "link.db").symlink_to(site.store)
    site.write(store={"url": "sqlite:///elsewhere/link.db"})
    second = await site.launch()
    assert await second.ended(10) not in (0, 78)
    assert f"process {first.pid}" in second.log


@together()
async def test_a_daemon_can_follow_one_that_was_killed(site: Installation) -> None:
    """The lock file that a killed daemon leaves behind locks nobody out."""
    daemon = await site.start()
    await daemon.stop(signal.SIGKILL)
    assert site.store.with_name("balances.db.lock").exists()
    await site.start()
    await site.asked_again("type=0")
