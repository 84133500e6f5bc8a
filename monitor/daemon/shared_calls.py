"""The calls of all processes that use one store: `run`, `poll` and `check --live` share limits and pauses."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol, TypeVar

from monitor.daemon.runtime import now
from monitor.domain.model import NotedCall
from monitor.errors import StoreError
from monitor.providers.limits import Noted
from monitor.store.transaction import Transaction
from monitor.store.writer import amend

T = TypeVar("T")


class Write(Protocol):
    """A function that runs work in a transaction. Raises StoreError."""

    def __call__(self, work: Callable[[Transaction], T], /) -> Coroutine[Any, Any, T]:
        """Return the result of the work."""
        ...


def beside(path: Path) -> Write:
    """Return a function that writes to a store beside its daemon."""

    async def write(work: Callable[[Transaction], T], /) -> T:
        return await asyncio.to_thread(amend, path, work)

    return write


class SharedCalls:
    """The calls of this process, stored among those of the others.

    A failing store stops no poll: this process then counts its own calls and the other processes' calls it knows."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._caller = token_hex(8)
        self._ended: dict[tuple[str, datetime], datetime] = {}

    async def note(
        self, host: str, timeout: timedelta, span: timedelta, fits: Callable[[Sequence[NotedCall]], bool]
    ) -> Noted:
        """Store a call that is about to be sent, if it fits the limit, and which earlier calls have ended.

        The ends are stored with the next call, so that a call costs one transaction, not two."""
        ended, self._ended = self._ended, {}

        def work(tx: Transaction) -> Noted:
            at = now()
            tx.hosts.end_calls(self._caller, ended)
            pause = next((one for one in tx.hosts.pauses(at) if one.host == host), None)
            if not fits(tx.hosts.calls(host, at - span - timeout, besides=self._caller)):
                return Noted(None, pause)
            tx.hosts.add_call(host, NotedCall(caller=self._caller, at=at, ends_by=at + timeout))
            return Noted(at, pause)

        try:
            return await self._write(work)
        except StoreError:
            return Noted(now() if fits(()) else None)

    def end(self, host: str, at: datetime) -> None:
        """Remember that a call has ended, until the next one is stored."""
        self._ended[host, at] = now()
