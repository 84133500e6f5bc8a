"""A store that nobody keeps: in memory, for rule tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from monitor.store.tables import Table
from monitor.store.transaction import Transaction


@contextmanager
def scratch() -> Iterator[Transaction]:
    """One transaction over empty tables, which are gone at its end."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            Table.metadata.create_all(connection)
            yield Transaction(connection)
    finally:
        engine.dispose()
