"""Who may read what is written. Modes are looked at, not tried: root may do everything."""

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.store.identity import SCHEMA

from .outside import next_version, surround
from .stage import together
from .support import Installation

STORE = {"balances.db", "balances.db-wal", "balances.db-shm", "balances.db.lock"}


def _modes(folder: Path) -> dict[str, str]:
    return {path.name: f"{stat.S_IMODE(path.stat().st_mode):04o}" for path in folder.glob("balances.db*")}


async def _is_private(site: Installation, umask: int) -> None:
    surround(site, f"os.umask({umask})")
    await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    assert _modes(site.folder) == dict.fromkeys(STORE, "0600")


@together()
async def test_files_are_their_owners_alone_under_an_open_umask(site: Installation) -> None:
    """A umask that would let everybody read: the database, its log, its index and its lock are 0600 all the same."""
    await _is_private(site, 0)


@together()
async def test_files_can_be_read_by_their_owner_under_a_closed_umask(site: Installation) -> None:
    """A umask that forbids everything does not lock the daemon out of its own files."""
    await _is_private(site, 0o777)


@together()
async def test_a_backup_is_its_owners_alone_whatever_the_store_is(site: Installation) -> None:
    """Made under an open umask, of a store that others may read: 0600. The store keeps the mode it was given."""
    surround(site, "os.umask(0)")
    await site.command("poll")
    site.store.chmod(0o644)
    next_version(site)
    await site.start()
    await site.more_requests("type=0", 2)
    backup = f"balances.db.backup-{SCHEMA}"
    assert _modes(site.folder) == {
        "balances.db": "0644",
        "balances.db-wal": "0644",
        "balances.db-shm": "0644",
        "balances.db.lock": "0600",
        backup: "0600",
    }


@contextmanager
def _open_folder() -> Iterator[Path]:
    """A folder in which everybody may write; pytest's own can't even be entered."""
    with tempfile.TemporaryDirectory(prefix="balance-monitor-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name).resolve()


@together()
async def test_files_that_others_can_access_are_reported_by_run_and_by_check(site: Installation) -> None:
    """A warning at the start, the same in `check`, and no error: the mode was somebody's choice, and it is kept."""
    with _open_folder() as folder:
        (folder / "key").write_text("process-key")
        (folder / "key").chmod(0o644)
        store = folder / "balances.db"
        os.close(os.open(store, os.O_CREAT, 0o600))
        store.chmod(0o640)
        site.document["providers"]["nami"]["api_key"] = f"${{file:{folder}/key}}"
        site.write(store={"url": f"sqlite:///{store}"})
        [directory, key] = json.loads((await site.command("check", "--json")).out)["warnings"]
        assert f"chmod o-w {folder}" in directory
        assert f"chmod 600 {folder}/key" in key
        store.chmod(0o644)
        checked = await site.command("check")
        daemon = await site.start()
        readable = (
            f"the store can be read by others (mode 0644), with all balances and accounts: chmod 600 {store}"
        )
        for warning in (readable, directory, key):
            assert f"warning: {warning}\n" in checked.err
            assert f"WARNING {warning}\n" in daemon.log
        assert checked.code == 0
        await site.more_requests()
        assert _modes(folder)["balances.db"] == "0644"
        assert await daemon.stop() == 0
