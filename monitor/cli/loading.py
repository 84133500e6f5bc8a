"""Loading the configuration for a command."""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import SecretStr

from monitor.cli.shared import print_error
from monitor.config import Config, find
from monitor.config import load as load_file
from monitor.config.in_force import in_force
from monitor.errors import ConfigError
from monitor.log.lines import set_up


def load(path: Path | None, *, need_secrets: bool = True) -> Config:
    """Return the configuration of a file, or of the default places for None. Raises ConfigError."""

    def refused(channels: Mapping[str, Iterable[SecretStr]]) -> list[tuple[str, int, str]]:
        from monitor.notify.channels import open_channels  # apprise takes a third of a second to load

        return open_channels(channels)[1]

    return load_file(
        find(path, os.environ, Path()),
        os.environ,
        need_secrets=need_secrets,
        refused=refused if need_secrets else None,
    )


def load_in_force(path: Path | None) -> Config:
    """Return the configuration for a command that needs no secrets. Raises ConfigError.

    While its file is broken, return the configuration in force and print a warning."""
    file = None
    try:
        file = find(path, os.environ, Path())
        return load_file(file, os.environ, need_secrets=False)
    except ConfigError as exc:
        config, warning = in_force(file, os.environ, exc)
    print_error(warning)
    return config


def quietly(loaded: Config) -> None:
    """Log only warnings, as a command with an output of its own does."""
    set_up("text", logging.WARNING).set(loaded.secrets)
