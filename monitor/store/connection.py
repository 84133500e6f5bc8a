"""Open the SQLite file: check its place, its identity, its integrity and its schema, and lock it."""

import errno
import fcntl
import logging
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from monitor.errors import StoreError, StoreFull, StoreLocked
from monitor.store.identity import APPLICATION_ID, DAMAGED, FOREIGN, NEWER, check_identity

logging.getLogger("alembic").setLevel(logging.WARNING)  # at INFO it logs its setup at every start

BUSY_TIMEOUT_MS = 5_000
_CHECKED_IN_FULL = 256 * 1024 * 1024  # bytes; a check of a larger file would delay every start
_NETWORK_FILE_SYSTEMS = {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}


class Lock:
    """The lock of a store: one daemon at a time. Its file holds the process id of the holder.

    It is a flock(2), which the kernel releases with the process, however that ends: no lock is left behind."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._file = self._take()

    def _take(self) -> int:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise StoreError(
                f"{self._path}: {exc.strerror}; the store's directory has to be writable"
            ) from exc
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.read(file, 100).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise StoreLocked(
                f"{self._path.with_suffix('')}: in use by another balance-monitor (process {holder}); "
                f"stop it first, or read its state with `balance-monitor status`"
            ) from exc
        try:
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
        except OSError as exc:
            os.close(file)
            raise _explained(self._path, str(exc), exc) from exc
        return file

    def renew(self) -> None:
        """Take the lock again if its file was deleted. Raises StoreLocked if another process holds the new file."""
        try:
            if os.path.samestat(self._path.stat(), os.fstat(self._file)):
                return
        except FileNotFoundError:
            pass
        old, self._file = self._file, self._take()  # the new one first: the store is never without a lock
        os.close(old)

    def release(self) -> None:
        """Release the lock. Its file stays: removed, two processes could hold locks on two files of that name."""
        os.close(self._file)


def open_engine(path: Path) -> Engine:
    """Create the database or upgrade it to this version's schema, and return the writer's engine.

    Raises StoreError for a file of another program or a newer version, and for a damaged or read-only one. Such a file
    is not changed."""
    with translated(path):
        scripts = _scripts()
        current = _revision(
            path, {one.revision for one in ScriptDirectory.from_config(scripts).walk_revisions()}
        )
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would create it with mode 0644
        if current is not None and current != ScriptDirectory.from_config(scripts).get_current_head():
            _back_up(path, current)
        engine = _engine(path)
        try:
            _upgrade(engine, scripts)
        except BaseException:
            engine.dispose()
            raise
    return engine


@contextmanager
def attached(path: Path) -> Iterator[Connection]:
    """Open a transaction that writes beside a running daemon, and so without the lock, which is for daemons.

    SQLite lets one connection write at a time, and each sees the other's commits. Raises StoreError unless there is a
    store of exactly this version; nothing is created or upgraded."""
    with translated(path), closing(_attach(path)) as opened:
        engine = create_engine("sqlite://", creator=lambda: opened, poolclass=StaticPool)
        event.listen(engine, "begin", _begin)
        with engine.begin() as connection:
            check_identity(path, opened)
            yield connection


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """Open a transaction that reads one state of the store and never blocks the writer. Raises StoreError."""
    with translated(path):
        opened = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        with closing(opened):
            engine = create_engine("sqlite://", creator=lambda: opened, poolclass=StaticPool)
            # one state for all queries: without BEGIN, each would see the newest commits
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
            with engine.begin() as connection:
                yield connection


def _attach(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet; `balance-monitor run` or `poll` creates it")
    timeout = BUSY_TIMEOUT_MS / 1000
    opened = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=timeout)
    # these pragmas belong to the connection; the others are stored in the file, which may be another program's
    opened.execute("PRAGMA synchronous = FULL")
    opened.execute("PRAGMA foreign_keys = ON")
    return opened


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and the file system within the block into StoreError, which names a remedy."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as exc:
        cause = exc.orig if isinstance(exc, DBAPIError) else exc
        raise _explained(path, str(cause), cause) from exc


def _explained(path: Path, error: str, cause: BaseException | None) -> StoreError:
    no_space = isinstance(cause, OSError) and cause.errno == errno.ENOSPC
    # SQLite reports some writes to a full disk as I/O errors
    if "full" in error or no_space or ("disk I/O error" in error and _is_full(path.parent)):
        return StoreFull(f"{path}: the disk is full; free some space, then the daemon continues by itself")
    if "locked" in error or "busy" in error:
        return StoreError(
            f"{path}: locked by another program for more than {BUSY_TIMEOUT_MS // 1000} s ({error})"
        )
    if "readonly" in error or "unable to open" in error or isinstance(cause, PermissionError):
        return StoreError(
            f"{path}: not writable ({error}); check the owner and mode of the file and its directory, "
            f"and the user that runs this"
        )
    if "malformed" in error or "not a database" in error or "corrupt" in error:
        return StoreError(f"{path}: {DAMAGED.format(error)}")
    return StoreError(f"{path}: {error}")


def _is_full(directory: Path) -> bool:
    try:
        return os.statvfs(directory).f_bavail == 0
    except OSError:
        return False


def check_place(path: Path) -> None:
    """Check that a database can be at a path at all. Raises StoreError with a remedy."""
    with translated(path):
        if not path.parent.is_dir():
            raise StoreError(
                f"{path.parent}: no such directory; create it, or set store.url to another place"
            )
        if path.is_dir():
            raise StoreError(f"{path}: is a directory; set store.url to a file")
        kind = _file_system(path.parent.resolve())
        if kind in _NETWORK_FILE_SYSTEMS:
            raise StoreError(
                f"{path}: is on a network file system ({kind}), where SQLite's write-ahead log is not safe; "
                f"set store.url to a path on a local disk"
            )


def _file_system(directory: Path) -> str:
    """Return the type of a directory's file system, from Linux's mount table; empty without one."""
    try:
        mounts = [line.split() for line in os.fsdecode(Path("/proc/self/mounts").read_bytes()).splitlines()]
    except OSError:
        return ""
    above = [(len(at), kind) for _, at, kind, *_ in mounts if directory.is_relative_to(at)]
    return max(above, default=(0, ""))[1]


def _revision(path: Path, known: Collection[str]) -> str | None:
    """Return the schema revision of the file, None for a new one. Raises StoreError if it is not ours or not sound."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    # a journal: the process that created the file was killed. SQLite rolls it back, for which it has to write
    mode = "rw" if path.with_name(path.name + "-journal").exists() else "ro"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True)) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if application != APPLICATION_ID and tables:
            raise StoreError(f"{path}: {FOREIGN}")
        if path.stat().st_size <= _CHECKED_IN_FULL:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise StoreError(f"{path}: {DAMAGED.format(verdict.splitlines()[-1])}")
        if "alembic_version" not in tables:
            return None
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision not in known:
        raise StoreError(f"{path}: {NEWER.format(revision)}")
    return str(revision)


def _engine(path: Path) -> Engine:
    # By the path itself: in a URL, `%41` or `?` in it would mean another file than the one that is locked.
    # isolation_level None: Python's sqlite3 starts no transactions of its own; `_begin` does
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000
        ),
        poolclass=StaticPool,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # takes effect in an empty file only, so it comes first; retention gives pages back by it, without a full VACUUM
    cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
    cursor.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not block each other
    # in WAL mode NORMAL may lose the last commits in a power cut: a delivered message would be sent again
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")  # off by default in SQLite
    # bytes; the log grows during a long read, and would stay as large
    cursor.execute("PRAGMA journal_size_limit = 67108864")
    cursor.close()


def _begin(connection: Connection) -> None:
    # takes the write lock at once: a read that becomes a write fails without waiting, whatever the busy timeout
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _scripts() -> Config:
    scripts = Config()
    # Alembic interpolates its options: a `%` in the path of the installation is written twice
    scripts.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    scripts.set_main_option("path_separator", "os")
    return scripts


def _upgrade(engine: Engine, scripts: Config) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "head")


def _back_up(path: Path, revision: str) -> None:
    """Copy the file to `balances.db.backup-<schema>` before its schema is changed.

    The copy gets that name once it is complete, so that a killed upgrade leaves no partial backup."""
    copy = path.with_name(f"{path.name}.backup-{revision}")
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    part.replace(copy)
