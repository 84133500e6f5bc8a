"""Which file is the configuration."""

from collections.abc import Mapping
from pathlib import Path

from monitor.errors import ConfigError, Problem

VARIABLE = "BALANCE_MONITOR_CONFIG"
LOCAL = Path("config.yaml")
SYSTEM = Path("/etc/balance-monitor/config.yaml")


def find(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The file asked for: `explicit` (-c), else `$BALANCE_MONITOR_CONFIG`, else the first of the usual places.

    Only the usual places have to exist; `load` says what is wrong with the others. Raises ConfigError where
    there is none, naming the places."""
    asked = explicit or environ.get(VARIABLE)
    if asked:
        return Path(asked)
    for candidate in (cwd / LOCAL, SYSTEM):
        if _is_there(candidate):
            return candidate
    places = f"-c FILE, ${VARIABLE}, {cwd / LOCAL}, {SYSTEM}"
    raise ConfigError("configuration", (Problem(path="", reason=f"there is none; looked at {places}"),))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # its directory can't be entered: `load` says so
        return True
