"""Faults from outside the program: a disk, a resolver or a loop that hangs for as long as the test wants.

Python runs a `sitecustomize` before the program, and this environment has one. The program contains no code for this.
"""

import shutil

from monitor.store.identity import SCHEMA

from .fork_server import ROOT
from .support import Installation, until

_HELD = """\
import os
import threading
import time
from pathlib import Path

def held(what):
    gate, sign = (Path(__file__).with_name(f"{what}.{end}") for end in ("shut", "held"))
    while gate.exists():
        sign.touch()
        time.sleep(0.02)
"""

LOOKUPS = """\
import socket

def getaddrinfo(host, *args, known=socket.getaddrinfo, **kwargs):
    if "hang.example" in str(host):
        held("lookups")
        raise socket.gaierror(-3, "Temporary failure in name resolution")
    return known(host, *args, **kwargs)

socket.getaddrinfo = getaddrinfo
"""
"""Names that end in `hang.example` are looked up while the gate `lookups` is shut."""

DISK = """\
import sqlite3
from functools import partial

class Disk(sqlite3.Connection):
    def commit(self):
        held(f"commits of {threading.current_thread().name}")
        super().commit()

    def backup(self, target):
        super().backup(target, pages=1, progress=lambda *_: held("backups"))

sqlite3.connect = sqlite3.dbapi2.connect = partial(sqlite3.connect, factory=Disk)
"""
"""A commit does not end while the gate `commits of THREAD` is shut, nor a backup while `backups` is."""

LOOP = """\
import signal

signal.signal(signal.SIGUSR1, lambda *_: held("loop"))
"""
"""SIGUSR1 blocks the main thread, and so the event loop, while the gate `loop` is shut."""

CHECKS_SOON = """\
from datetime import timedelta
from monitor.daemon import running
from monitor.domain import clock

clock.GRACE = timedelta(seconds=1)
running.CHECK_EVERY = running.PRUNE_EVERY = timedelta(seconds=1)
"""
"""The clock is trusted, and old readings are deleted, within seconds."""

WRITER = "commits of store-writer"


def surround(site: Installation, *code: str) -> None:
    """Make the processes of an installation run this code before the program."""
    folder = site.folder / "outside"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text("\n".join((_HELD, *code)))
    site.environ["PYTHONPATH"] = f"{folder}:{site.environ['PYTHONPATH']}"


class Gate:
    """A gate: a part of the environment hangs while it is shut."""

    def __init__(self, site: Installation, what: str) -> None:
        self._what = what
        self._gate, self._sign = (site.folder / "outside" / f"{what}.{end}" for end in ("shut", "held"))

    def shut(self) -> None:
        """Make everything that reaches the gate hang from now on."""
        self._gate.touch()

    def open(self) -> None:
        """Let everything that hangs continue."""
        self._gate.unlink()

    async def holds(self) -> None:
        """Wait until something hangs at the gate."""
        self._sign.unlink(missing_ok=True)
        await until(self._sign.exists, f"something held: {self._what}")


_MIGRATION = f"""\
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{SCHEMA}"

def upgrade():
    op.add_column("accounts", sa.Column("note", sa.String(), nullable=False, server_default=""))
"""


def next_version(site: Installation) -> str:
    """Install a version of the program whose schema has one more column; return the schema."""
    package = site.folder / "next" / "monitor"
    shutil.copytree(ROOT / "monitor", package, ignore=shutil.ignore_patterns("__pycache__"))
    identity = package / "store" / "identity.py"
    identity.write_text(identity.read_text().replace(f'SCHEMA = "{SCHEMA}"', 'SCHEMA = "9999"'))
    (package / "store" / "migrations" / "versions" / "9999_next.py").write_text(_MIGRATION)
    site.environ["PYTHONPATH"] = f"{package.parent}:{site.environ['PYTHONPATH']}"
    return "9999"
