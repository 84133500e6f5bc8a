"""The real process, against the real sandbox, a real receiver of its messages and real SQLite files."""
