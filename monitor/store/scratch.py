"""A temporary store in memory, for rule tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from monitor.store.tables import Table
from monitor.store.transaction import Transaction


@contextmanager
def scratch() -> Iterator[Transaction]:
    """Open a transaction over empty tables, which is rolled back at its end. One at a time."""
    with _engine().connect() as connection:
        yield Transaction(connection)


@cache
def _engine() -> Engine:
    """Return the engine of all tests: a new one compiles every statement again, which takes longer than most tests."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Table.metadata.create_all(engine)
    return engine
