"""A store that nobody keeps: in memory, for rule tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from monitor.store.tables import Table
from monitor.store.transaction import Transaction


@contextmanager
def scratch() -> Iterator[Transaction]:
    """One transaction over empty tables, which are empty again at its end. One at a time."""
    with _engine().connect() as connection:  # whose end rolls back
        yield Transaction(connection)


@cache
def _engine() -> Engine:
    """One for all: each compiles every statement anew, which takes longer than most stories."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Table.metadata.create_all(engine)
    return engine
