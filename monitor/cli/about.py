"""The commands about the program itself: `version` and `schema`."""

import platform
import sqlite3
from importlib.metadata import version as installed

import typer

from monitor import __version__
from monitor.cli.shared import JsonOption
from monitor.config import json_schema
from monitor.terminal.console import show_json, stdout

app = typer.Typer()


@app.command()
def schema() -> None:
    """Print the configuration's JSON Schema, for editors: `balance-monitor schema > schema.json`."""
    show_json(json_schema())


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the versions of this program and of its dependencies."""
    names = (
        "apprise",
        "apscheduler",
        "httpx",
        "sqlmodel",
        "sqlalchemy",
        "alembic",
        "pydantic",
        "pyyaml",
        "typer",
    )
    found = {
        "balance-monitor": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: installed(name) for name in names},
    }
    if as_json:
        show_json(found)
    else:
        for name, number in found.items():
            stdout().print(f"{name} {number}")
