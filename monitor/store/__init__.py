"""The SQLite store. `writer` changes it, `read` reads it beside a running daemon. No other package contains SQL."""
