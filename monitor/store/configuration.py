"""The configuration in force, stored for commands that run while its file is broken."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, literal, update

from monitor.store.sqlite import insert_or_update
from monitor.store.tables import Instant, configuration

_ACCEPT = insert_or_update(
    configuration, ("id",), ("file", "version", "document", "accepted_at", "refused_at", "problems")
)


class Configuration:
    """The queries about the configuration in force, within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def accept(self, file: str, version: str, document: object, at: datetime) -> None:
        """Store a configuration as the one in force, with the version of the program that accepted it."""
        self._db.execute(
            _ACCEPT,
            {
                "id": 1,
                "file": file,
                "version": version,
                "document": document,
                "accepted_at": at,
                "refused_at": None,
                "problems": [],
            },
        )

    def refuse(self, problems: Sequence[str], at: datetime) -> None:
        """Record why the file was refused, and since when. The configuration in force stays."""
        since = func.coalesce(configuration.c.refused_at, literal(at, Instant))
        self._db.execute(update(configuration).values(refused_at=since, problems=list(problems)))
