"""The command `run`."""

import asyncio
import logging
import os
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from monitor.cli.loading import load
from monitor.cli.shared import EX_FAILED, EX_OK, ConfigOption
from monitor.config import warnings
from monitor.errors import StoreReplaced
from monitor.log.lines import set_up

app = typer.Typer()


class LogFormat(StrEnum):
    """The formats of log lines."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The levels of log lines."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@app.command()
def run(
    config: ConfigOption = None,
    log_format: Annotated[
        LogFormat, typer.Option(help="Plain lines, or one JSON object per line.")
    ] = LogFormat.TEXT,
    log_level: Annotated[LogLevel, typer.Option(help="Lowest level that is logged.")] = LogLevel.INFO,
) -> None:
    """Run the daemon, in the foreground.

    SIGTERM and SIGINT stop it within ten seconds without losing anything. SIGHUP reloads the configuration; an
    invalid one is rejected and the current one stays in effect."""
    from monitor.daemon.daemon import (
        Daemon,
    )  # its libraries take a second to load, which `run --help` does not need

    os.umask(0o077)  # everything that the daemon creates is for its owner only
    redact = set_up(log_format.value, logging.getLevelNamesMapping()[log_level.value.upper()])
    loaded = load(config)
    for warning in warnings(loaded, datetime.now(UTC)):
        logging.getLogger(__name__).warning("%s", warning)

    async def daemon() -> None:
        code = EX_OK
        try:
            await Daemon(loaded, environ=os.environ, redact=redact).run()
        except StoreReplaced:  # logged by the daemon; systemd restarts it, and the start opens the new file
            code = EX_FAILED
        logging.shutdown()
        # everything is written and closed; any other exit would wait for a thread stuck in a name lookup
        os._exit(code)

    asyncio.run(daemon())
