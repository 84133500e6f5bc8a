"""The writer: one thread and one connection, through which the daemon changes the store.

A piece of work is a function of a `Transaction`. Pieces that wait at the same time are committed together, since a
commit waits for the disk; each has a savepoint of its own, so that one that fails undoes no other.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from monitor.errors import StoreError, StoreReplaced
from monitor.store.connection import Lock, attached, check_place, open_engine, reading, translated
from monitor.store.file_guard import Place
from monitor.store.memory import Memory
from monitor.store.sqlite import in_transaction
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")

_CLOSE_TIMEOUT = 3.0  # seconds
_POLL_INTERVAL = 0.02  # seconds
_LARGEST_GROUP = 200  # pieces of work committed together
_GROUP_TIMEOUT = 0.5  # seconds, after which no further piece joins a group


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Transaction], Any]
    done: Future[Any]


class Store:
    """The open database of a daemon. `write` may be called from any number of tasks; readers are never blocked.

    `on_commit` is called on the writer's thread with the duration of each transaction."""

    def __init__(self, path: Path, on_commit: Callable[[timedelta], None] = lambda took: None) -> None:
        """Open, create or upgrade the database, and take its lock. Raises StoreError."""
        self._on_commit = on_commit
        self.path = path = path.resolve()  # a store has one lock, by whatever name it is opened
        check_place(path)
        self._lock = Lock(path)
        try:
            self._engine = open_engine(path)
        except BaseException:
            self._lock.release()
            raise
        self._place = Place(path)
        self._memory = Memory()
        self._replaced: StoreReplaced | None = None
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ended: Future[None] = Future()
        self._finished = 0  # groups of work, committed or not
        # a daemon thread: one that hangs in a write to a dead disk must not keep the process from exiting
        threading.Thread(target=self._run, name="store-writer", daemon=True).start()

    async def write(self, work: Callable[["Transaction"], T]) -> T:
        """Run `work` in a transaction, and return its result once it is committed to the disk.

        Raises what `work` raised, or StoreError; then nothing of it was written."""
        job = _Job(work, Future())
        self._queue.put(job)
        # shielded: a caller that is cancelled must not cancel work that is about to be committed
        result: T = await asyncio.shield(asyncio.wrap_future(job.done))
        return result

    async def is_responsive(self, within: timedelta) -> bool:
        """Return whether the writer finishes any piece of work in time, with or without success.

        A long queue is not a stuck writer, so this does not wait behind it: the next commit counts."""
        before, until = self._finished, time.monotonic() + within.total_seconds()
        if self._queue.empty():
            self._queue.put(_Job(lambda tx: None, Future()))
        while self._finished == before:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(_POLL_INTERVAL)
        return True

    async def read(self, work: Callable[["Transaction"], T]) -> T:
        """Run `work`, which only reads, beside the writer, for as long as it takes. Raises StoreError."""
        return await asyncio.to_thread(_read, self.path, work)

    async def close(self) -> None:
        """Finish the work queued so far, then close the file and release the lock.

        Waits a few seconds at most: another program may hold the write lock."""
        self._queue.put(None)
        ended, _ = await asyncio.wait({asyncio.wrap_future(self._ended)}, timeout=_CLOSE_TIMEOUT)
        if ended:
            self._engine.dispose()
        self._lock.release()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            self._commit(first)
            self._finished += 1
        try:
            with translated(self.path):
                self._keep_place()
        except StoreError as exc:
            log.error("store file is not in its place", extra={"fields": {"error": exc}})
        self._ended.set_result(None)

    def _group(self, first: _Job, began: float) -> Iterator[_Job]:
        """Yield the first piece of work and those queued behind it, up to the limits of a group."""
        yield first
        for _ in range(_LARGEST_GROUP - 1):
            if time.monotonic() - began > _GROUP_TIMEOUT:
                return
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return
            if job is None:  # the end, which is for `_run`
                self._queue.put(None)
                return
            yield job

    def _commit(self, first: _Job) -> None:
        jobs: list[_Job] = []
        results: list[tuple[_Job, Any, BaseException | None]] = []
        began = time.monotonic()
        try:
            with translated(self.path):
                self._keep_place()
                with self._engine.begin() as connection:
                    self._memory.begin(connection)
                    for job in self._group(first, began):
                        jobs.append(job)
                        results.append((job, *self._attempt(job, connection)))
            self._on_commit(timedelta(seconds=time.monotonic() - began))
        except Exception as exc:  # noqa: BLE001 -- the callers get the error; the writer lives on
            self._memory.forget()
            results = [(job, None, exc) for job in jobs or [first]]
        for job, value, error in results:
            if error is None:
                job.done.set_result(value)
            else:
                job.done.set_exception(error)

    def _keep_place(self) -> None:
        """Restore files of the open store that were removed. Raises StoreError if that is impossible."""
        if self._replaced is not None:
            raise self._replaced
        if self._place.is_kept():
            return
        try:
            with closing(self._engine.raw_connection()) as pooled:
                self._place.restore(cast("sqlite3.Connection", pooled.driver_connection), self._lock)
        except StoreReplaced as exc:
            self._replaced = exc
            raise
        self._engine.dispose()  # the next connection opens the restored file
        self._memory.forget()
        self._place = Place(self.path)

    def _attempt(self, job: _Job, connection: Connection) -> tuple[Any, BaseException | None]:
        """Run a piece of work in a savepoint; return its result, or the error after which it was undone.

        Raises if SQLite has rolled back the whole transaction, as on a full disk: the rest of the group must not run,
        or it would be committed piece by piece."""
        connection.exec_driver_sql("SAVEPOINT work")  # SQLAlchemy's own cost as much as a query
        try:
            with translated(self.path):
                value = job.work(Transaction(connection, self._memory))
        except Exception as exc:  # whatever fails is the caller's error, and takes no other poll with it
            self._memory.forget()
            if not in_transaction(connection):
                raise
            connection.exec_driver_sql("ROLLBACK TO work")
            return None, exc
        connection.exec_driver_sql("RELEASE work")
        return value, None


def _read(path: Path, work: Callable[[Transaction], T]) -> T:
    with reading(path) as connection:
        return work(Transaction(connection))


def amend(path: Path, work: Callable[[Transaction], T]) -> T:
    """Run `work` in a transaction beside a running daemon, which sees the changes in its next transaction.

    Raises what `work` raised, or StoreError; then nothing of it was written."""
    path = path.resolve()
    with attached(path) as connection:
        return work(Transaction(connection))
