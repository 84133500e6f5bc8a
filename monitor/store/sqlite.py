"""Statements that are specific to SQLite: another database needs its own version of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Table, func
from sqlalchemy.dialects.sqlite import insert


def insert_new(table: Table) -> Insert:
    """Return an insert that does nothing if a row has the same key."""
    return insert(table).on_conflict_do_nothing()


def insert_or_update(
    table: Table,
    key: Sequence[str],
    columns: Sequence[str],
    *,
    fixed: Mapping[str, Any] | None = None,
    where: ColumnElement[bool] | None = None,
) -> Insert:
    """Return an insert that updates an existing row of the same key: `columns` to the inserted values, others to
    `fixed` ones. `where` limits which rows are updated."""
    new = insert(table)
    values = {name: new.excluded[name] for name in columns} | dict(fixed or {})
    return new.on_conflict_do_update(index_elements=key, set_=values, where=where)


def later(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the later of two instants of one row; NULL if one of them is NULL."""
    return func.max(one, other)


def data_version(connection: Connection) -> int:
    """Return a number that changes whenever another connection has committed."""
    version: int = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return version


def in_transaction(connection: Connection) -> bool:
    """Return whether a transaction is still open: after some errors, as on a full disk, SQLite rolls it back itself."""
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))


def release_pages(connection: Connection, pages: int) -> None:
    """Return up to `pages` free pages at the end of the file to the file system."""
    connection.exec_driver_sql(f"PRAGMA incremental_vacuum({pages})")
