"""`status --watch`: reads the store again and again, and keeps the screen up to date."""

import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from rich.live import Live

from monitor import terminal
from monitor.alerting.status import assemble
from monitor.config import Config
from monitor.config.coverage import idle_silences
from monitor.domain.units import compact
from monitor.errors import StoreError
from monitor.store.read.state import read
from monitor.terminal.watch import WatchState, picture

_REDRAWN = 1.0  # seconds: the age that is shown grows, and the terminal's size may have changed
_TERMINATED = 143


def watch(config: Config, every: timedelta) -> NoReturn:
    """Shows the status until KeyboardInterrupt. A store that can't be read is said, and tried again."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # or the terminal would stay as it is
    console, seen, due = terminal.stdout(), WatchState(), time.monotonic()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            if time.monotonic() >= due:
                seen = look(config, seen, datetime.now(UTC))
                due = time.monotonic() + every.total_seconds()
            live.update(picture(console, seen, compact(every), datetime.now(UTC)), refresh=True)
            time.sleep(max(0.0, min(_REDRAWN, due - time.monotonic())))


def look(config: Config, before: WatchState, now: datetime) -> WatchState:
    """What the store knows now; where that can't be read, what was known before, and why."""
    path = config.store.path
    try:
        known = read(path)
    except StoreError as exc:
        return replace(before, problem=str(exc))
    if known is None and before.status is not None:
        return replace(before, problem=f"{path}: there is no store any more; what it knew is shown")
    accounts = [account for job in config.jobs for account in job.accounts]
    providers = {job.name: job.provider for job in config.jobs}
    idle = idle_silences(known, config, now)
    status = assemble(known, providers, accounts, now, config.maintenance, config.problems, idle)
    if known is None:
        return WatchState(problem=f"{path}: there is no store yet; `balance-monitor run` makes it")
    return WatchState(status=status)
