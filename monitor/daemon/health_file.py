"""A sign of life for a container's health check: a file whose time of change is renewed while the daemon works.

To look at it takes no configuration, no secret and no Python, so a busy machine or a file with a typo does not make
the container unhealthy."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)

VARIABLE = "BALANCE_MONITOR_ALIVE"


class LifeSign:
    """The file named by `$BALANCE_MONITOR_ALIVE`; without the variable there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        named = environ.get(VARIABLE)
        self._path = Path(named) if named else None
        self._failed = False

    def renew(self) -> None:
        """Sets the file's time of change to now. A failure is logged once: the health check will see it too."""
        if self._path is None:
            return
        try:
            self._path.touch(mode=0o600)
            os.utime(self._path)
        except OSError as exc:
            if not self._failed:
                log.warning("health file not written", extra={"fields": {"path": self._path, "error": exc}})
            self._failed = True
        else:
            self._failed = False
