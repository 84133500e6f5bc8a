"""The hosts of providers: the calls that count toward their limits, and their pauses."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from monitor.domain.model import NotedCall, Pause
from monitor.errors import Outcome
from monitor.store.sqlite import insert_new, insert_or_update
from monitor.store.tables import calls, pauses

_ADD_CALL = insert_new(calls)  # a clock set back may give one process the same microsecond twice

_END_CALL = (
    update(calls)
    .where(
        calls.c.host == bindparam("of_host"),
        calls.c.at == bindparam("noted_at"),
        calls.c.caller == bindparam("of_caller"),
    )
    .values(ends_by=bindparam("ended_at"))
)

_CALLS = select(calls.c.caller, calls.c.at, calls.c.ends_by).where(
    calls.c.host == bindparam("host"),
    calls.c.at >= bindparam("since"),
    calls.c.caller != bindparam("besides"),
)

_SAVE_PAUSE = insert_or_update(pauses, ("host",), ("until", "outcome", "detail", "began_at"))

_PAUSES = select(pauses).where(pauses.c.until > bindparam("now"))


class Hosts:
    """The queries about hosts, within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add_call(self, host: str, call: NotedCall) -> None:
        """Record a call that is about to be sent to a host with a limit."""
        values = {"host": host, "at": call.at, "caller": call.caller, "ends_by": call.ends_by}
        self._db.execute(_ADD_CALL, values)

    def end_calls(self, caller: str, ended: Mapping[tuple[str, datetime], datetime]) -> None:
        """Record when calls of a process ended, by host and the instant at which each was noted."""
        rows = [
            {"of_host": host, "noted_at": at, "of_caller": caller, "ended_at": ended_at}
            for (host, at), ended_at in ended.items()
        ]
        if rows:
            self._db.execute(_END_CALL, rows)

    def calls(self, host: str, since: datetime, *, besides: str = "") -> list[NotedCall]:
        """Return the calls to a host noted since an instant, by all processes except `besides`."""
        rows = self._db.execute(_CALLS, {"host": host, "since": since, "besides": besides})
        return [NotedCall(caller=row.caller, at=row.at, ends_by=row.ends_by) for row in rows]

    def save_pause(self, pause: Pause) -> None:
        """Store the pause of a host, so that it holds after a restart too."""
        self._db.execute(
            _SAVE_PAUSE,
            {
                "host": pause.host,
                "until": pause.until,
                "outcome": pause.outcome,
                "detail": pause.detail,
                "began_at": pause.began_at,
            },
        )

    def pauses(self, now: datetime) -> list[Pause]:
        """Return the pauses that have not ended."""
        return [
            Pause(
                host=row.host,
                until=row.until,
                outcome=Outcome(row.outcome),
                detail=row.detail,
                began_at=row.began_at,
            )
            for row in self._db.execute(_PAUSES, {"now": now})
        ]
