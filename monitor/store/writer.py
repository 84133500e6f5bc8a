"""The writer: one thread and one connection, through which everything is changed.

Work is handed over as a function of a `Transaction`. All that waits at a time is committed together, each
piece in a savepoint of its own, so that one that fails takes no other with it.
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

_CLOSE_MAY_TAKE = 3.0  # seconds
_LOOK_AGAIN = 0.02  # seconds
_GROUP = 200  # pieces of work committed together, at most
_GROUP_MAY_TAKE = 0.5  # seconds, after which no further piece joins a group


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Transaction], Any]
    done: Future[Any]


class Store:
    """The open database. `write` may be called from any number of tasks; readers are never blocked.

    `on_commit` is told, on the writer's thread, how long each transaction took."""

    def __init__(self, path: Path, on_commit: Callable[[timedelta], None] = lambda took: None) -> None:
        """Opens, creates or upgrades the database and takes its lock. Raises StoreError."""
        self._on_commit = on_commit
        self.path = path = path.resolve()  # one store, one lock, by whatever name
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
        threading.Thread(target=self._run, name="store-writer", daemon=True).start()

    async def write(self, work: Callable[["Transaction"], T]) -> T:
        """Runs `work` in a transaction and returns what it returned, once that is on the disk.

        Raises what `work` raised, or StoreError; then nothing of it was written."""
        job = _Job(work, Future())
        self._queue.put(job)
        # shielded: whoever gives up waiting must not undo what is about to be committed
        result: T = await asyncio.shield(asyncio.wrap_future(job.done))
        return result

    async def gets_on(self, within: timedelta) -> bool:
        """Say whether the writer finishes something in time, whatever it is, with success or not.

        Many pieces of work that wait are no standstill: this is not queued behind them."""
        before, until = self._finished, time.monotonic() + within.total_seconds()
        if self._queue.empty():
            self._queue.put(_Job(lambda tx: None, Future()))
        while self._finished == before:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(_LOOK_AGAIN)
        return True

    async def read(self, work: Callable[["Transaction"], T]) -> T:
        """Runs `work`, which changes nothing, beside the writer: it may take long. Raises StoreError."""
        return await asyncio.to_thread(_read, self.path, work)

    async def close(self) -> None:
        """Writes what was handed over before, then closes the file and gives the lock back.

        Does not wait for ever where another program holds up the writing."""
        self._queue.put(None)
        ended, _ = await asyncio.wait({asyncio.wrap_future(self._ended)}, timeout=_CLOSE_MAY_TAKE)
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
        """The first piece of work and those that wait behind it, as far as they belong into one transaction."""
        yield first
        for _ in range(_GROUP - 1):
            if time.monotonic() - began > _GROUP_MAY_TAKE:
                return
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return
            if job is None:
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
        except Exception as exc:  # noqa: BLE001 -- whatever stops a commit is for those who wait, not for the writer
            self._memory.forget()
            results = [(job, None, exc) for job in jobs or [first]]
        for job, value, error in results:
            if error is None:
                job.done.set_result(value)
            else:
                job.done.set_exception(error)

    def _keep_place(self) -> None:
        """Makes good what somebody took away of the open store. Raises StoreError where that can't be done."""
        if self._replaced is not None:
            raise self._replaced
        if self._place.is_kept():
            return
        try:
            with closing(self._engine.raw_connection()) as pooled:
                self._place.make_good(cast("sqlite3.Connection", pooled.driver_connection), self._lock)
        except StoreReplaced as exc:
            self._replaced = exc
            raise
        self._engine.dispose()  # the next connection opens what now lies there
        self._memory.forget()
        self._place = Place(self.path)

    def _attempt(self, job: _Job, connection: Connection) -> tuple[Any, BaseException | None]:
        """What the work returned, or what it raised; then nothing of it stays.

        Raises where SQLite has rolled back everything, as on a full disk: nothing more may run then."""
        connection.exec_driver_sql("SAVEPOINT work")  # SQLAlchemy's own cost as much as a query
        try:
            with translated(self.path):
                value = job.work(Transaction(connection, self._memory))
        except Exception as exc:
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
    """Runs `work` in a transaction of its own, beside a daemon at work on the store, which sees it with its next one.

    Raises what `work` raised, or StoreError; then nothing of it was written."""
    path = path.resolve()
    with attached(path) as connection:
        return work(Transaction(connection))
