"""Reading beside a running daemon: plain `sqlite3`, read-only."""
