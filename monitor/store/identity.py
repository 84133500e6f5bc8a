"""What tells a store of this version from everything else that may be at its path."""

APPLICATION_ID = 0x42414C4D
"""SQLite's `application_id` of our files: "BALM"."""

SCHEMA = "0002"
"""The newest migration's revision."""

FOREIGN = "a database of another program; nothing was changed. Set store.url to another path"
NEWER = (
    "written by a newer balance-monitor (schema {}); nothing was changed. Install that version again, "
    "or set store.url to another path"
)
DAMAGED = (
    "damaged or not a SQLite database ({}); nothing was changed. Move it away and restore a backup, try "
    "`sqlite3 FILE .recover`, or start with a new file"
)
