"""The SQLite store. `store` writes, `reader` reads beside a running daemon; SQL stands nowhere else."""
