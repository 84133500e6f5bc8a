"""The health file for a container's health check: its modification time is renewed while the daemon works.

A check of it needs no configuration, no secret and no Python, so that neither a busy machine nor a typo in the
configuration makes the container unhealthy."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)

VARIABLE = "BALANCE_MONITOR_ALIVE"


class HealthFile:
    """The file named by `$BALANCE_MONITOR_ALIVE`; without the variable, every call does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        named = environ.get(VARIABLE)
        self._path = Path(named) if named else None
        self._failed = False

    def renew(self) -> None:
        """Set the file's modification time to now. A failure is logged once; the health check notices it too."""
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
