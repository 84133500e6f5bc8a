"""Trouble with the database: one clear line, an exit code, and no byte of anybody's file changed."""

import os
import resource
import signal
import sqlite3
from contextlib import closing

import pytest

from .stage import together
from .support import Installation, balances, jobs


async def _refused(site: Installation, said: str) -> None:
    before = site.store.read_bytes()
    daemon = await site.launch()
    code = await daemon.ended()
    assert code == 1
    assert len(daemon.log.splitlines()) == 1
    assert daemon.log.startswith(f"balance-monitor: {site.store}: ")
    assert said in daemon.log
    assert site.store.read_bytes() == before


@together()
async def test_another_programs_database_is_refused(site: Installation) -> None:
    """A database with tables that are not ours is left as it is."""
    with closing(sqlite3.connect(site.store)) as foreign:
        foreign.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY)")
        foreign.commit()
    await _refused(site, "a database of another program")
    before = site.store.read_bytes()
    polled = await site.command("poll")
    assert (polled.code, polled.out) == (3, "")
    assert "a database of another program" in polled.err
    assert site.store.read_bytes() == before


@together()
async def test_a_file_of_a_newer_version_is_refused(site: Installation) -> None:
    """A schema that this version does not know is left as it is."""
    await site.command("poll")
    with closing(sqlite3.connect(site.store)) as ours:
        ours.execute("UPDATE alembic_version SET version_num = '9999'")
        ours.commit()
        ours.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await _refused(site, "written by a newer balance-monitor (schema 9999)")


@together()
async def test_garbage_is_refused(site: Installation) -> None:
    """What is no database at all is left as it is."""
    site.store.write_bytes(b"these are not the bytes you are looking for\n" * 1000)
    await _refused(site, "damaged or not a SQLite database")


@together()
async def test_a_damaged_database_is_refused(site: Installation) -> None:
    """A page overwritten in the middle of our own file is found at the start, not a month later."""
    await site.command("poll")
    size = site.store.stat().st_size
    with site.store.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 4096 * 3)
    await _refused(site, "damaged")


@together()
async def test_a_directory_that_is_not_there_is_named(site: Installation) -> None:
    """The line names the directory and says what to do; nothing is created."""
    missing = site.folder / "no" / "such"
    site.write(store={"url": f"sqlite:///{missing}/balances.db"})
    daemon = await site.launch()
    assert await daemon.ended() == 1
    assert daemon.log == (
        f"balance-monitor: {missing}: no such directory; create it, or set store.url to another place\n"
    )
    assert not missing.exists()


@together()
async def test_a_directory_that_is_not_writable_is_named(site: Installation) -> None:
    """The line names what can't be written."""
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    locked = site.folder / "locked"
    locked.mkdir(mode=0o500)
    site.write(store={"url": "sqlite:///locked/balances.db"})
    daemon = await site.launch()
    assert await daemon.ended() == 1
    assert len(daemon.log.splitlines()) == 1
    assert str(locked) in daemon.log


@together()
async def test_a_directory_in_the_files_place_is_named(site: Installation) -> None:
    """store.url that names a directory is one line, not a traceback."""
    site.store.mkdir()
    daemon = await site.launch()
    assert await daemon.ended() == 1
    assert len(daemon.log.splitlines()) == 1
    assert str(site.store) in daemon.log


@together()
async def test_only_the_owner_may_read_what_it_writes(site: Installation) -> None:
    """The database, its log and the lock are for the daemon's user alone, whatever the umask."""
    await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    modes = {path.name: path.stat().st_mode & 0o777 for path in site.folder.glob("balances.db*")}
    assert {"balances.db", "balances.db-wal", "balances.db.lock"} <= set(modes)
    assert set(modes.values()) == {0o600}


@together()
async def test_a_full_disk_is_survived(site: Installation) -> None:
    """While nothing can be written it says so once and goes on; once there is space it records and tells again."""
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    site.set_balance("5.10")
    await daemon.logged("store unavailable; nothing is recorded until it recovers")
    await site.more_requests("type=0", 3)
    assert balances(site.current_status())["spot/spot/USDT"]["total"] == "2500.75"
    assert site.messages == []
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    [fired] = await site.received(1)
    await daemon.logged("store available again")
    assert fired.title.startswith("CRITICAL usdt-low: spot/spot/USDT available 5.10")
    assert daemon.log.count("store unavailable") == 1
    assert await daemon.stop() == 0
    assert "Traceback" not in daemon.log


@together()
async def test_readers_do_not_disturb_the_daemon(site: Installation) -> None:
    """A reader in the middle of a long read, a backup say, blocks neither polls nor their commits."""
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    with closing(sqlite3.connect(f"{site.store.as_uri()}?mode=ro", uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM snapshots").fetchone()
        before = jobs(site.current_status())["spot"]["last_poll"]
        await site.wait_for_status(
            lambda shown: jobs(shown)["spot"]["last_poll"] > before, "a commit beside the reader"
        )
        assert await daemon.stop(signal.SIGTERM) == 0
