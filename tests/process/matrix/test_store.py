"""The store's rows of the fault matrix: what becomes of the file under a running daemon, and how it recovers."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.sandbox.scripts import Level
from tests.process.stage import together
from tests.process.support import Daemon, Installation, balances, jobs, usdt_low

PAGE = 4096
FAILS = "store unavailable; nothing is recorded until it recovers"
WORKS = "store available again"


async def _running(site: Installation) -> Daemon:
    """A daemon that has read both balances."""
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    return daemon


async def _goes_on(site: Installation) -> None:
    """Waits for a poll to be recorded that begins after now."""
    before = jobs(site.current_status())["spot"]["last_poll"]
    await site.wait_for_status(
        lambda shown: jobs(shown)["spot"]["last_poll"] > before, "a later poll, recorded"
    )


def _sound(path: Path) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# Disk full


@asynccontextmanager
async def _small_disk(at: Path, *options: str) -> AsyncIterator[Path]:
    """A file system of half a megabyte of its own. Skips the test where that may not be mounted."""
    at.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", ",".join(["size=512k", *options]), "tmpfs", str(at)]
    done = await asyncio.to_thread(subprocess.run, mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")
    try:
        yield at
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "--lazy", str(at)], check=True)


def _fill(directory: Path) -> Path:
    """Takes all the space there is."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * PAGE):
            pass
    return filler


@together()
async def test_a_disk_that_is_really_full_is_survived(site: Installation) -> None:
    """No space at all for a while: polls go on, nobody is told what can't be recorded; with space again all is."""
    async with _small_disk(site.folder / "disk") as disk:
        site.write(store={"url": "sqlite:///disk/balances.db"})
        daemon = await _running(site)
        filler = await asyncio.to_thread(_fill, disk)
        site.set_balance("5.10")
        await daemon.logged("the disk is full; free some space, then the daemon continues by itself")
        await site.more_requests("type=0", 2)
        assert balances(site.current_status())["spot/spot/USDT"]["total"] == "2500.75"
        assert site.messages == []
        filler.unlink()
        [fired] = await site.received(1)
        await daemon.logged(WORKS)
        assert fired.title.startswith("CRITICAL usdt-low: spot/spot/USDT available 5.10")
        assert await daemon.stop() == 0
        _sound(disk / "balances.db")
        assert (daemon.log.count(FAILS), daemon.log.count("Traceback"), len(site.messages)) == (1, 0, 1)


# Read-only


def _bound_by_modes(site: Installation) -> None:
    """Starts daemons by somebody whom the modes of files bind: root writes everywhere."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("run by root, and there is no setpriv to give up that right")
        lacking = "-dac_override,-dac_read_search"
        site.wrapper = ("setpriv", f"--bounding-set={lacking}", f"--inh-caps={lacking}", "--")


async def _refused(site: Installation, said: str) -> None:
    daemon = await site.launch()
    assert await daemon.ended() == 1
    assert len(daemon.log.splitlines()) == 1
    assert said in daemon.log


@together()
async def test_a_read_only_file_or_directory_is_named_and_fixed_by_its_mode(site: Installation) -> None:
    """The start is refused in one line that says what to look at; with the mode mended it goes on with what it knew."""
    _bound_by_modes(site)
    home = site.folder / "home"
    home.mkdir()
    site.write(store={"url": "sqlite:///home/balances.db"})
    daemon = await _running(site)
    await daemon.stop(signal.SIGKILL)
    store = home / "balances.db"
    store.chmod(0o400)
    await _refused(site, f"{store}: not writable")
    store.chmod(0o600)
    home.chmod(0o500)
    for ending in (".lock", "-wal", "-shm"):
        store.with_name(store.name + ending).chmod(0o400)
    await _refused(site, "the store's directory has to be writable")
    home.chmod(0o700)
    for ending in (".lock", "-wal", "-shm"):
        store.with_name(store.name + ending).chmod(0o600)
    await site.start()
    await _goes_on(site)


# Locked


async def _locked(site: Installation, seconds: float) -> None:
    """Another program holds the write lock, as a forgotten transaction in a shell does."""
    daemon = await _running(site)
    with closing(sqlite3.connect(site.store, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        site.set_balance("5.10")
        await daemon.logged("locked by another program for more than 5 s")
        before = site.request_count("type=0")
        await asyncio.sleep(seconds)
        assert (
            site.request_count("type=0") - before >= seconds // 30
        )  # each waits for the store twice or thrice, 5 s each
        assert balances(site.current_status())["spot/spot/USDT"]["total"] == "2500.75"
        assert site.messages == []
        other.execute("ROLLBACK")
    await daemon.logged(WORKS)
    [fired] = await site.received(1)
    assert fired.title.startswith("CRITICAL usdt-low: spot/spot/USDT available 5.10")
    site.set_balance("5000")
    [_, resolved] = await site.received(2)
    assert resolved.title.startswith("RESOLVED usdt-low")
    assert await daemon.stop() == 0
    assert daemon.log.count(FAILS) == 1


@together()
async def test_a_lock_held_by_another_program_is_waited_out(site: Installation) -> None:
    """While it is held the log says so and nobody is told what can't be recorded; after it all is told, once."""
    await _locked(site, 0)


@pytest.mark.campaign
@together()
async def test_a_lock_held_for_a_minute_is_waited_out(site: Installation) -> None:
    """Polls go on, slowly, since each waits for the store; after a minute of it all is told as after a second."""
    await _locked(site, 60)


# Deleted, replaced


async def _deleted(site: Installation, endings: tuple[str, ...], said: str) -> None:
    site.set_balance("5.10")
    daemon = await site.start()
    [fired] = await site.received(1)
    site.webhook.fault = None
    for ending in endings:
        site.store.with_name(site.store.name + ending).unlink()
    await daemon.logged(said)
    await _goes_on(site)
    await daemon.stop(signal.SIGKILL)
    _sound(site.store)
    again = await site.start()
    site.set_balance("5000")
    [_, resolved] = await site.received(2)
    assert (fired.title[:17], resolved.title[:17]) == ("CRITICAL usdt-low", "RESOLVED usdt-low")
    assert daemon.log.count(said) == 1
    assert " ERROR " in next(line for line in daemon.log.splitlines() if said in line)
    assert await again.stop() == 0
    assert "alert fired" not in again.log


@together()
async def test_a_store_deleted_while_it_runs_is_written_anew(site: Installation) -> None:
    """`rm balances.db*` loses nothing: even killed later, it knows what fired, and tells its end once."""
    await _deleted(site, ("", "-wal", "-shm", ".lock"), "store file was deleted; written again")


@together()
async def test_a_log_deleted_while_it_runs_loses_nothing(site: Installation) -> None:
    """`rm balances.db-wal balances.db-shm`, which look like rubbish, take nothing with them."""
    await _deleted(site, ("-wal", "-shm"), "files beside the store were deleted; nothing is lost")


@together()
async def test_a_store_replaced_while_it_runs_ends_the_daemon(site: Installation) -> None:
    """A backup moved over the running store: the daemon saves what it knew and ends, the next takes that file."""
    daemon = await _running(site)
    backup = site.folder / "backup.db"
    with closing(sqlite3.connect(site.store)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    site.set_balance("5.10")
    await site.received(1)
    backup.rename(site.store)
    assert await daemon.ended() == 1
    saved = site.store.with_name("balances.db.displaced-1")
    assert daemon.log.count("store file replaced, shutting down") == 1
    assert str(saved) in daemon.log
    assert "Traceback" not in daemon.log
    _sound(site.store)
    _sound(saved)
    with closing(sqlite3.connect(saved)) as known:
        assert known.execute("SELECT rule, state FROM alerts").fetchall() == [("usdt-low", "firing")]
    assert site.current_status()["alerts"] == []
    await site.start()
    await site.received(2)  # the backup knows of no alert: by what it knows, this is the first
    assert [message.title[:17] for message in site.messages] == ["CRITICAL usdt-low"] * 2


# Corruption


def _corrupt(store: Path) -> None:
    """Overwrites all pages but the first behind the daemon's back, and makes it read them anew."""
    with closing(sqlite3.connect(store, isolation_level=None, timeout=30)) as other:
        while True:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.execute("BEGIN IMMEDIATE")
            if not store.with_name(store.name + "-wal").stat().st_size:
                break
            other.execute("ROLLBACK")
        other.execute("PRAGMA user_version = 1")  # a change, so that nobody trusts what they have read before
        size = store.stat().st_size
        with store.open("r+b") as file:
            file.seek(PAGE)
            file.write(b"\xff" * (size - PAGE))
        other.execute("COMMIT")


@together()
async def test_pages_corrupted_while_it_runs_are_said_and_recovered_from(site: Installation) -> None:
    """It says so and tells nobody anything false; a new file is the way out that is documented."""
    daemon = await _running(site)
    await asyncio.to_thread(_corrupt, site.store)
    site.set_balance("5.10")
    await daemon.logged("damaged or not a SQLite database")
    await site.more_requests("type=0", 2)
    shown = await site.command("status")
    assert (shown.code, shown.out) == (3, "")
    assert "damaged or not a SQLite database" in shown.err
    assert site.messages == []
    assert await daemon.stop() == 0
    assert (daemon.log.count(FAILS), daemon.log.count("Traceback")) == (1, 0)
    await _refused(site, "damaged or not a SQLite database")
    for file in site.folder.glob("balances.db*"):
        file.rename(file.with_name(f"damaged-{file.name}"))
    await _running(site)
    await site.received(1)


# Power cut


CLIENTS = [f"CLIENT_{number:03}" for number in range(12)]


def _changing(elapsed: timedelta) -> Level:
    """Low and high by turns, a second each, so that nearly every poll fires or resolves."""
    return Level(amount=Decimal(5 if elapsed // timedelta(seconds=1) % 2 else 5000))


def _freeze(pid: int) -> None:
    """Stops a process where it is, in the middle of a write perhaps; returns once it stands still."""
    os.kill(pid, signal.SIGSTOP)
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.0002)


def _cut_off(pid: int, store: Path, to: Path, chance: random.Random) -> None:
    """What a power cut leaves: the database and its log as they are at one instant of a write, nothing else.

    In half of the cases part of the last transaction is missing, as of writes that had not reached the disk."""
    wal = store.with_name(store.name + "-wal")
    before = wal.stat()
    deadline = time.monotonic() + 5
    while (now := wal.stat()).st_mtime_ns == before.st_mtime_ns and time.monotonic() < deadline:
        pass
    assert now.st_mtime_ns != before.st_mtime_ns, "nothing was written for five seconds"
    time.sleep(chance.choice([0, 0, chance.random() * 0.005]))
    _freeze(pid)
    try:
        to.mkdir()
        shutil.copy(store, to / store.name)
        shutil.copy(wal, to / wal.name)
        logged_last = wal.stat().st_mtime_ns > store.stat().st_mtime_ns
    finally:
        os.kill(pid, signal.SIGCONT)
    if (
        logged_last and chance.random() < 0.5
    ):  # else the log's end is on the disk for certain: it is being moved
        _tear(to / wal.name, chance)


def _tear(wal: Path, chance: random.Random) -> None:
    """Cuts the log off within its last transaction; SQLite's "File format", 4.1, has what is read here."""
    written, ends = wal.read_bytes(), [32]
    at = ends[0]
    while (
        written[at + 8 : at + 16] == written[16:24]
    ):  # the salts: a frame of this log, not of the one before
        at += 24 + PAGE
        if written[at - PAGE - 20 : at - PAGE - 16] != bytes(4):  # the last frame of a transaction
            ends.append(at)
    last = ends[-1] if ends[-1] < at else ends[-2:][0]
    os.truncate(wal, chance.randint(last, min(at, len(written))))


def _check_alerts(store: Path) -> int:
    """Alerts, events and outbox agree: nothing fired without its messages, no message without its alert.

    Returns how many incidents there were."""
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        events: dict[str, list[tuple[int, str]]] = {}
        for incident, seq, kind in db.execute(
            "SELECT incident, seq, kind FROM events ORDER BY incident, seq"
        ):
            events.setdefault(incident, []).append((seq, kind))
        firing = dict(db.execute("SELECT id, seq FROM alerts WHERE state = 'firing'"))
        outbox = {*db.execute("SELECT incident, seq FROM notifications")}
        balances_, readings = (
            dict(db.execute("SELECT id, available FROM series")),
            dict(
                db.execute(
                    "SELECT series_id, available FROM snapshots GROUP BY series_id HAVING max(observed_at)"
                )
            ),
        )
    told = {incident: [kind for _, kind in ones] for incident, ones in events.items()}
    assert {tuple(kinds) for kinds in told.values()} <= {("fired",), ("fired", "resolved")}
    assert {incident: 1 for incident, kinds in told.items() if kinds == ["fired"]} == firing
    assert {(incident, seq) for incident, ones in events.items() for seq, _ in ones} == outbox
    assert balances_ == readings
    return len(events)


async def _power_cuts(site: Installation, copies: int, starts: int) -> None:
    """Copies from a busy store, each checked; the daemon started on some of them."""
    site.wdcf.endpoint.clients.update(dict.fromkeys(CLIENTS, _changing))
    site.document["jobs"][1]["clients"] = CLIENTS
    low = usdt_low(name="low", match={"job": "clients"}, clear="1000")
    site.write(rules=[low], channels={"ops": {"urls": [site.webhook.url]}})
    busy = await _running_all(site)
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    places = [site.folder / f"cut-{number}" for number in range(copies)]
    for place in places:
        await asyncio.to_thread(_cut_off, busy.pid, site.store, place, chance)
        await asyncio.to_thread(shutil.copytree, place, place.with_suffix(".look"))
        assert _check_alerts(place.with_suffix(".look") / site.store.name), f"seed {seed}"
    await busy.stop()
    for place in places[:: copies // starts]:
        site.write(store={"url": f"sqlite:///{place.name}/balances.db"})
        daemon = await site.start()
        await _goes_on(site)
        assert await daemon.stop() == 0
        assert "Traceback" not in daemon.log
        assert FAILS not in daemon.log
        _check_alerts(place / site.store.name)


async def _running_all(site: Installation) -> Daemon:
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == len(CLIENTS) + 1, "all balances")
    await site.received(len(CLIENTS))
    return daemon


@together()
async def test_a_power_cut_in_the_middle_of_a_write_loses_no_sense(site: Installation) -> None:
    """From what it leaves at any instant the daemon starts, sound, with every firing in the outbox, and goes on."""
    await _power_cuts(site, copies=20, starts=2)


@pytest.mark.campaign
@together()
async def test_many_power_cuts_in_the_middle_of_a_write_lose_no_sense(site: Installation) -> None:
    """As above, many times over."""
    await _power_cuts(site, copies=150, starts=10)
