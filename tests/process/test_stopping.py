"""Ended in order, killed, and started again: nothing is lost, and nothing is told twice."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.sandbox import Fault
from monitor.store.identity import SCHEMA

from .outside import CHECKS_SOON, DISK, LOOKUPS, WRITER, Gate, next_version, surround
from .stage import together
from .support import Daemon, Installation, Refusing, endpoint_failing, incident, jobs, until, usdt_low

MAY_TAKE = 10.0
"""Seconds from the signal to the end (`balance-monitor run --help`)."""


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


def _is_sound(store: Path) -> None:
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


async def _starts_again(site: Installation) -> None:
    """The store is as the next start wants it: it polls, keeps what it read, and ends."""
    began = time.time_ns() // 1000
    daemon = await site.start()
    await until(lambda: _asks(site, "SELECT max(started_at) FROM polls") > began, "a poll of the next start")
    await _ends_in_time(daemon)
    _is_sound(site.store)


def _asks(site: Installation, query: str) -> Any:
    with closing(sqlite3.connect(f"{site.store.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchone()[0] or 0


@contextmanager
def _unread(file: Path) -> Iterator[Callable[[], Awaitable[None]]]:
    """A file that whoever reads it waits for; what is yielded waits for a reader."""
    file.unlink()
    os.mkfifo(file)
    ends: list[int] = []

    def read() -> bool:
        with suppress(OSError):  # ENXIO: nobody reads yet
            ends.append(os.open(file, os.O_WRONLY | os.O_NONBLOCK))
        return bool(ends)

    async def waiting() -> None:
        await until(read, f"somebody reads {file.name}")

    try:
        yield waiting
    finally:
        for end in ends:
            os.close(end)


async def _ends_with_everything_in_flight(site: Installation, number: signal.Signals) -> None:
    site.document["providers"]["wdcf"]["timeout"] = "30s"
    site.write()
    site.webhook.fault = Fault.hang()
    daemon = await site.start()
    site.wdcf.fault = Fault.latency(timedelta(seconds=60))
    site.set_balance("5.10")
    asked = len(site.wdcf.requests)
    await until(lambda: len(site.wdcf.requests) > asked, "a poll that hangs")
    await site.received(1)
    await _ends_in_time(daemon, number)

    assert site.current_status()["notifications"] == {"pending": 1, "failed": 0, "delivered": 0}
    heard = len(site.messages)
    site.webhook.fault = site.wdcf.fault = None
    await site.start()
    messages = await site.received(heard + 1)
    assert {incident(message) for message in messages} == {(site.current_status()["alerts"][0]["id"], "1")}


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
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    await _ends_in_time(daemon, within=4)
    assert not site.store.with_name("balances.db-wal").exists()


@together()
async def test_it_ends_in_time_while_name_lookups_hang(site: Installation) -> None:
    """A resolver that does not answer, the commonest outage there is, holds up the end no longer than a slow poll.

    Lookups given up go on in asyncio's threads until none is left: nothing of the end may wait for one of those."""
    surround(site, LOOKUPS)
    lookups = Gate(site, "lookups")
    lookups.shut()
    nowhere = {**site.document["providers"]["wdcf"], "timeout": "1s"}
    for number in range(8):
        base_url = f"http://p{number}.hang.example"
        site.document["providers"][f"p{number}"] = {**nowhere, "base_url": base_url}
        job = {"name": f"j{number}", "provider": f"p{number}", "every": "1s"}
        site.document["jobs"].append({**job, "clients": [f"C{account}" for account in range(8)]})
    site.write()
    daemon = await site.start()
    await lookups.holds()
    await site.wait_for_status(lambda shown: jobs(shown)["j7"]["outcome"] == "timeout", "every thread taken")
    await _ends_in_time(daemon)
    assert daemon.log.endswith("stopped\n")


@together()
async def test_it_ends_in_time_while_the_store_is_locked(site: Installation) -> None:
    """Somebody's forgotten `sqlite3` session with an open transaction does not hold up the end either."""
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    with closing(sqlite3.connect(site.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await daemon.logged("store unavailable")  # and the next poll waits for it
        await _ends_in_time(daemon)
    assert "Traceback" not in daemon.log


@together()
async def test_it_ends_while_the_configuration_is_read(site: Installation) -> None:
    """Before anything is known there is nothing to end in order: exit 0, and no store was made."""
    with _unread(site.config) as waiting:
        daemon = await site.launch()
        await waiting()
        await _ends_in_time(daemon)
    assert not site.store.exists()


@together()
async def test_it_ends_while_the_store_is_made(site: Installation) -> None:
    """A disk that hangs in the schema's first commit: the next start begins again."""
    surround(site, DISK)
    making = Gate(site, "commits of asyncio_0")
    making.shut()
    daemon = await site.launch()
    await making.holds()
    await _ends_in_time(daemon)
    making.open()
    await _starts_again(site)


def _schema(site: Installation) -> str:
    return str(_asks(site, "SELECT version_num FROM alembic_version"))


@together()
async def test_it_ends_while_the_store_is_upgraded(site: Installation) -> None:
    """The schema stays the old one, with a backup beside it; the old version starts again, and so does the new."""
    await site.command("poll")
    installed = site.environ["PYTHONPATH"]
    newer = next_version(site)
    surround(site, DISK)
    upgrade = Gate(site, "commits of asyncio_0")
    upgrade.shut()
    daemon = await site.launch()
    await upgrade.holds()
    await _ends_in_time(daemon)
    upgrade.open()
    assert _schema(site) == SCHEMA
    site.environ["PYTHONPATH"], upgrading = installed, site.environ["PYTHONPATH"]
    await _starts_again(site)
    site.environ["PYTHONPATH"] = upgrading
    await _starts_again(site)
    assert _schema(site) == newer


@together()
async def test_it_ends_while_the_store_is_backed_up(site: Installation) -> None:
    """Half a backup is not taken for a whole one; the next start makes another, whole, and only then upgrades."""
    await site.command("poll")
    next_version(site)
    surround(site, DISK)
    backups = Gate(site, "backups")
    backups.shut()
    daemon = await site.launch()
    await backups.holds()
    await _ends_in_time(daemon)
    backup = site.store.with_name(f"balances.db.backup-{SCHEMA}")
    assert (backup.exists(), _schema(site)) == (False, SCHEMA)
    backups.open()
    await _starts_again(site)
    with closing(sqlite3.connect(backup)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == (SCHEMA,)
    assert {path.name for path in site.folder.glob("balances.db.*")} == {backup.name, "balances.db.lock"}


@together()
async def test_it_ends_while_the_state_is_recalled(site: Installation) -> None:
    """The store is open and does not answer: nothing was polled, and nothing is waited for without end."""
    surround(site, DISK)
    writer = Gate(site, WRITER)
    writer.shut()
    daemon = await site.launch()
    await writer.holds()
    await _ends_in_time(daemon)
    assert site.request_count() == 0
    writer.open()
    await _starts_again(site)


@together()
async def test_it_ends_in_time_while_a_commit_hangs(site: Installation) -> None:
    """A disk that does not answer in the middle of a commit: what it was about to keep is kept whole or not at all."""
    surround(site, DISK)
    writer = Gate(site, WRITER)
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    writer.shut()
    site.set_balance("5.10")
    await writer.holds()
    await _ends_in_time(daemon)
    writer.open()
    _is_sound(site.store)
    await _starts_again(site)
    await site.start()  # the poll that the start before waited for may have been of the other job
    [message] = await site.received(1)
    assert incident(message) == (site.current_status()["alerts"][0]["id"], "1")


@together()
async def test_it_ends_in_time_during_a_retry(site: Installation) -> None:
    """A poll between two of its ten attempts is given up, and leaves no trace."""
    site.document["providers"]["nami"] |= {"retries": 10, "timeout": "30s"}
    site.write()
    site.nami.fault = Fault.status(503)
    daemon = await site.start()
    await site.more_requests("type=0", 3)
    await _ends_in_time(daemon)
    assert jobs(site.current_status())["spot"]["last_poll"] is None


@together()
async def test_it_ends_in_time_while_polls_wait_for_the_rate_limit(site: Installation) -> None:
    """One call a minute for a job a second: those that wait for their turn are not sent at the end."""
    site.document["providers"]["nami"] |= {"rate_limit": "1/1m"}
    site.write()
    daemon = await site.start()
    await site.wait_for_status(lambda shown: jobs(shown)["spot"]["last_poll"], "the one call")
    await asyncio.sleep(1.5)  # the next poll waits for its turn
    await _ends_in_time(daemon)
    assert site.request_count() == 1


@together()
async def test_it_ends_in_time_while_a_reload_reads_its_file(site: Installation) -> None:
    """A file that can't be read to its end, as on a network that is gone, holds up neither polls nor the end."""
    daemon = await site.start()
    with _unread(site.config) as waiting:
        daemon.send(signal.SIGHUP)
        await waiting()
        await site.more_requests("type=0", 2)
        await _ends_in_time(daemon)
    assert "reloaded" not in daemon.log


@pytest.mark.campaign
@together()
async def test_it_ends_in_time_while_a_reload_waits_for_the_store(site: Installation) -> None:
    """The new configuration is read, and what follows from it can't be kept: it is taken up at the next start."""
    surround(site, DISK)
    writer = Gate(site, WRITER)
    daemon = await site.start()
    site.set_balance("5.10")
    await site.wait_for_status(lambda shown: shown["notifications"]["delivered"], "an alert")
    writer.shut()
    await writer.holds()
    site.write(rules=[endpoint_failing()])
    daemon.send(signal.SIGHUP)
    await asyncio.sleep(1.5)  # the file is read by then; if it is not, this is the test before
    await _ends_in_time(daemon)
    writer.open()
    _is_sound(site.store)
    await _starts_again(site)
    await site.start()
    await site.received(2)
    assert "removed from the configuration" in site.messages[1].body


OLD = "SELECT count(*) FROM snapshots WHERE observed_at < 100000"


@pytest.mark.campaign
@together()
async def test_it_ends_in_time_during_retention(site: Installation) -> None:
    """Between two of many steps of clearing up: the rest goes after the next start."""
    surround(site, CHECKS_SOON)
    await site.command("poll")
    with closing(sqlite3.connect(site.store)) as db:
        old = ((1, at, "1", "1") for at in range(100_000))
        db.executemany(
            "INSERT INTO snapshots (series_id, observed_at, total, available) VALUES (?, ?, ?, ?)", old
        )
        db.commit()
    daemon = await site.start()
    await until(lambda: _asks(site, OLD) < 100_000, "the first rows gone")
    await _ends_in_time(daemon)
    left = _asks(site, OLD)
    assert 0 < left < 100_000
    _is_sound(site.store)
    await _starts_again(site)
    await site.start()
    await until(lambda: _asks(site, OLD) < left, "further rows gone")


@together()
async def test_further_signals_change_nothing_about_an_end(site: Installation) -> None:
    """An impatient second SIGTERM, a Ctrl-C, a reload: it goes on ending in order, exit 0."""
    site.document["providers"]["wdcf"]["timeout"] = "30s"
    site.write()
    site.wdcf.fault = Fault.latency(timedelta(seconds=60))
    daemon = await site.start()
    await until(lambda: site.wdcf.requests, "a poll that hangs")
    daemon.send(signal.SIGTERM)
    await daemon.logged("stopping")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        daemon.send(number)
    await _ends_in_time(daemon)
    assert daemon.log.count("stopping") == daemon.log.count("stopped") == 1
    assert "Traceback" not in daemon.log


@together()
async def test_a_killed_daemon_delivers_what_it_owed(site: Installation) -> None:
    """kill -9 with a message undelivered: it comes after the restart, same incident and number, no second firing."""
    site.webhook.fault = Refusing().fault
    daemon = await site.start()
    site.set_balance("5.10")
    owed = await site.wait_for_status(lambda shown: shown["notifications"]["pending"] == 1, "a message waits")
    assert await daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    site.webhook.fault = None
    await site.start()
    await site.received(1)
    await site.more_requests("type=0", 2)
    assert [incident(message) for message in site.messages] == [(owed["alerts"][0]["id"], "1")]
    assert site.current_status()["notifications"] == {"pending": 0, "failed": 0, "delivered": 1}


@together()
async def test_a_firing_alert_survives_kill_9(site: Installation) -> None:
    """It neither fires again nor resolves by the restart; its resolve has the old incident's id and the next number."""
    daemon = await site.start()
    site.set_balance("5.10")
    [fired] = await site.received(1)
    await site.wait_for_status(
        lambda shown: shown["notifications"]["delivered"] == 1, "the delivery recorded"
    )
    before = site.current_status()["alerts"]
    await daemon.stop(signal.SIGKILL)
    await site.start()
    await site.more_requests("type=0", 2)
    assert site.current_status()["alerts"] == before
    assert len(site.messages) == 1
    site.set_balance("5000")
    [_, resolved] = await site.received(2)
    assert incident(resolved) == (incident(fired)[0], "2")


@together()
async def test_a_pending_alert_survives_kill_9(site: Installation) -> None:
    """`for` goes on counting from the first breaching reading, restart or not."""
    site.write(rules=[usdt_low(**{"for": "10s"})])
    daemon = await site.start()
    site.set_balance("5.10")
    before = await site.wait_for_status(lambda shown: shown["alerts"], "a pending alert")
    await daemon.stop(signal.SIGKILL)
    await site.start()
    await site.more_requests("type=0")
    [during] = site.current_status()["alerts"]
    [message] = await site.received(1)
    [alert] = before["alerts"]
    assert alert["state"] == during["state"] == "pending"
    assert (during["id"], during["since"]) == (alert["id"], alert["since"])
    assert incident(message) == (alert["id"], "1")
    since = datetime.fromisoformat(alert["since"])
    assert timedelta(seconds=10) <= datetime.now(UTC) - since


@together()
async def test_a_second_daemon_is_refused(site: Installation) -> None:
    """One store, one daemon: the second names the first one's process and exits, and the first goes on."""
    first = await site.start()
    second = await site.launch()
    code = await second.ended()
    assert code not in (0, 78)
    assert f"process {first.pid}" in second.log
    assert second.log.count("\n") == 1
    await site.more_requests("type=0")


@together()
async def test_a_second_daemon_is_refused_by_any_name_of_the_store(site: Installation) -> None:
    """A symbolic link to the store is the same store: two daemons on it would tell everything twice."""
    first = await site.start()
    (site.folder / "elsewhere").mkdir()
    (site.folder / "elsewhere" / "link.db").symlink_to(site.store)
    site.write(store={"url": "sqlite:///elsewhere/link.db"})
    second = await site.launch()
    assert await second.ended() not in (0, 78)
    assert f"process {first.pid}" in second.log


@together()
async def test_a_daemon_can_follow_one_that_was_killed(site: Installation) -> None:
    """The lock file that a killed daemon leaves behind locks nobody out."""
    daemon = await site.start()
    await daemon.stop(signal.SIGKILL)
    assert site.store.with_name("balances.db.lock").exists()
    await site.start()
    await site.more_requests("type=0")
