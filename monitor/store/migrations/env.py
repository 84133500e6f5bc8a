"""Alembic's entry point: run by `store/connection.py` only, on the connection and in the transaction that it gives."""

from alembic import context

from monitor.store.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
context.run_migrations()
