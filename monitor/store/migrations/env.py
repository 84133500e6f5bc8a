"""Alembic's entry point: it is only ever run by `database.py`, on the connection and transaction given there."""

from alembic import context

from monitor.store.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
context.run_migrations()
