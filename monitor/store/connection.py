"""Opening the SQLite file: whose it is, whether it is sound, in which version, and who works on it."""

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

logging.getLogger("alembic").setLevel(logging.WARNING)  # at INFO it explains itself at every start

BUSY_TIMEOUT_MS = 5_000
_CHECKED_IN_FULL = 256 * 1024 * 1024  # bytes; reading a larger file whole would delay every start
_NETWORK_FILE_SYSTEMS = {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}


class Lock:
    """Only one process of ours works on a store; the lock file names it. The kernel frees it with the process."""

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
                f"stop it first, or look at what it knows with `balance-monitor status`"
            ) from exc
        try:
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
        except OSError as exc:
            os.close(file)
            raise _explained(self._path, str(exc), exc) from exc
        return file

    def renew(self) -> None:
        """Takes the lock again where its file was deleted. Raises StoreLocked where another process has it now."""
        try:
            if os.path.samestat(self._path.stat(), os.fstat(self._file)):
                return
        except FileNotFoundError:
            pass
        old, self._file = self._file, self._take()
        os.close(old)

    def release(self) -> None:
        """Lets others have the store. The file stays: removing it would let two processes hold it."""
        os.close(self._file)


def open_engine(path: Path) -> Engine:
    """The database, created or upgraded to this version's schema, ready for the writer.

    Raises StoreError, with what to do, for a file that is not ours, newer, damaged or not writable; such a
    file is left as it is."""
    with translated(path):
        scripts = _scripts()
        current = _revision(
            path, {one.revision for one in ScriptDirectory.from_config(scripts).walk_revisions()}
        )
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
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
    """One transaction on a store that a daemon may be at work on: without its lock, which is for daemons.

    SQLite lets one write at a time, and each sees what the other has committed. Raises StoreError where there is no
    store of this very version; nothing is created or upgraded."""
    with translated(path), closing(_attach(path)) as opened:
        engine = create_engine("sqlite://", creator=lambda: opened, poolclass=StaticPool)
        event.listen(engine, "begin", _begin)
        with engine.begin() as connection:
            check_identity(path, opened)
            yield connection


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """The store as it stands at one instant, beside its writer and for as long as that takes. Raises StoreError."""
    with translated(path):
        opened = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        with closing(opened):
            engine = create_engine("sqlite://", creator=lambda: opened, poolclass=StaticPool)
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
            with engine.begin() as connection:
                yield connection


def _attach(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet; `balance-monitor run` or `poll` makes it")
    timeout = BUSY_TIMEOUT_MS / 1000
    opened = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=timeout)
    # what belongs to the connection alone: the rest lies in the file, and that may not be ours
    opened.execute("PRAGMA synchronous = FULL")
    opened.execute("PRAGMA foreign_keys = ON")
    return opened


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns what SQLite says into what a person can act on."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as exc:
        cause = exc.orig if isinstance(exc, DBAPIError) else exc
        raise _explained(path, str(cause), cause) from exc


def _explained(path: Path, said: str, cause: BaseException | None) -> StoreError:
    no_space = isinstance(cause, OSError) and cause.errno == errno.ENOSPC
    if "full" in said or no_space or ("disk I/O error" in said and _is_full(path.parent)):
        return StoreFull(f"{path}: the disk is full; free some space, the daemon goes on by itself")
    if "locked" in said or "busy" in said:
        return StoreError(
            f"{path}: locked by another program for more than {BUSY_TIMEOUT_MS // 1000} s ({said})"
        )
    if "readonly" in said or "unable to open" in said or isinstance(cause, PermissionError):
        return StoreError(
            f"{path}: not writable ({said}); check the owner and mode of the file and its directory, "
            f"and who runs this"
        )
    if "malformed" in said or "not a database" in said or "corrupt" in said:
        return _damaged(path, said)
    return StoreError(f"{path}: {said}")


def _is_full(directory: Path) -> bool:
    try:
        return os.statvfs(directory).f_bavail == 0
    except OSError:
        return False


def _damaged(path: Path, said: str) -> StoreError:
    return StoreError(f"{path}: {DAMAGED.format(said)}")


def check_place(path: Path) -> None:
    """Whether a database can lie there at all. Raises StoreError, saying what to do."""
    with translated(path):
        _check_place(path)


def _check_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent}: no such directory; create it, or set store.url to another place")
    if path.is_dir():
        raise StoreError(f"{path}: is a directory; set store.url to a file")
    kind = _file_system(path.parent.resolve())
    if kind in _NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"{path}: is on a network file system ({kind}), where SQLite's write-ahead log is not safe; "
            f"set store.url to a path on a local disk"
        )


def _file_system(directory: Path) -> str:
    """The type of the file system a directory is on, from Linux's mount table; empty where there is none."""
    try:
        mounts = [line.split() for line in os.fsdecode(Path("/proc/self/mounts").read_bytes()).splitlines()]
    except OSError:
        return ""
    above = [(len(at), kind) for _, at, kind, *_ in mounts if directory.is_relative_to(at)]
    return max(above, default=(0, ""))[1]


def _revision(path: Path, known: Collection[str]) -> str | None:
    """The schema the file is in, None for a new one; refuses what is no sound store of ours or an older version's."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    # killed while the file was made, it has a journal to roll back first, and that takes writing
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
                raise _damaged(path, verdict.splitlines()[-1])
        if "alembic_version" not in tables:
            return None
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision not in known:
        raise StoreError(f"{path}: {NEWER.format(revision)}")
    return str(revision)


def _engine(path: Path) -> Engine:
    # By the path itself: in a URL made of it, `%41` or `?` would name another file than the one that is locked.
    # isolation_level None: Python's sqlite3 keeps its hands off transactions; BEGIN is ours, below
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
    cursor.execute(
        "PRAGMA auto_vacuum = INCREMENTAL"
    )  # takes effect in a new file only: before anything else
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut: what was told stays told
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_size_limit = 67108864")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _scripts() -> Config:
    scripts = Config()
    # Alembic interpolates its options: a `%` in the path of the installation has to be written twice
    scripts.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    scripts.set_main_option("path_separator", "os")
    return scripts


def _upgrade(engine: Engine, scripts: Config) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "head")


def _back_up(path: Path, revision: str) -> None:
    """A whole copy beside the file, before its schema is changed: `balances.db.backup-<schema>`.

    It has that name only once it is whole: cut off, it must not be taken for one."""
    copy = path.with_name(f"{path.name}.backup-{revision}")
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    part.replace(copy)
