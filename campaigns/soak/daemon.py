"""The process, with a clock that runs faster, and its usage of the machine."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from campaigns.harness import faketime
from campaigns.harness.program import Program, send_signal

_PATIENCE = 240.0  # seconds; on a busy machine a start takes some
_TICKS = os.sysconf("SC_CLK_TCK")


class Clock:
    """A clock that starts now and runs `speed` times as fast. libfaketime can give it to a process."""

    def __init__(self, speed: int) -> None:
        self.speed = speed
        self._began = datetime.now(UTC)
        self._started = time.monotonic()
        self._preloaded = faketime.preloaded() if speed != 1 else {}

    def now(self) -> datetime:
        """Return its time, aware, in UTC."""
        return self._began + timedelta(seconds=(time.monotonic() - self._started) * self.speed)

    def environ(self) -> dict[str, str]:
        """Return the variables that give it to a process that starts now. Its waits are shorter by `speed` too."""
        if not self._preloaded:
            return {}
        return {**self._preloaded, "FAKETIME": f"@{self.now():%Y-%m-%d %H:%M:%S} x{self.speed}", "TZ": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The usage of a process. `cpu` is in seconds since its start, sizes are in bytes."""

    cpu: float
    rss: int
    pss: int
    fds: int
    threads: int


class Daemon(Program):
    """One process after another, with the clock. `stops` is when each was stopped, in monotonic seconds."""

    def __init__(self, folder: Path, package: Path, clock: Clock) -> None:
        super().__init__(folder, package, patience=_PATIENCE)
        self.clock = clock
        self.stops: list[float] = []
        self._reloads = 0

    @property
    def age(self) -> float:
        """Return the seconds since the latest process was launched."""
        return time.monotonic() - self.launched

    async def launch(self) -> None:
        """Start the next process; return once it is running."""
        self._reloads = 0
        await self.start(self.clock.environ())
        await self.logged(" running ")

    async def reload(self) -> None:
        """Send SIGHUP; return once the configuration is loaded."""
        self._reloads += 1
        send_signal(self.process, signal.SIGHUP)
        await self.logged("configuration reloaded", self._reloads)

    async def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        code = await super().stop()
        self.stops.append(time.monotonic())
        return code

    def usage(self) -> Usage:
        """Return the usage of the latest process. Raises OSError if it has ended."""
        proc = Path(f"/proc/{self.process.pid}")
        stat = (proc / "stat").read_text().rpartition(")")[2].split()
        memory = _kilobytes((proc / "smaps_rollup").read_text())
        return Usage(
            cpu=(int(stat[11]) + int(stat[12])) / _TICKS,
            threads=int(stat[17]),
            rss=memory["Rss"],
            pss=memory["Pss"],
            fds=len(list((proc / "fd").iterdir())),
        )

    def counts(self) -> dict[str, int]:
        """Return the number of rows in the tables that grow, and of waiting messages."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
            return {
                name: db.execute(f"SELECT count(*) FROM {what}").fetchone()[0]  # noqa: S608 (names of ours)
                for name, what in _COUNTED.items()
            }

    def sizes(self) -> tuple[int, int]:
        """Return the sizes of the file and of its write-ahead log, in bytes."""
        return self.store.stat().st_size, self.wal.stat().st_size if self.wal.exists() else 0


_COUNTED = {
    "polls": "polls",
    "snapshots": "snapshots",
    "events": "events",
    "notifications": "notifications",
    "pending": "notifications WHERE status = 'pending'",
}


def _kilobytes(text: str) -> dict[str, int]:
    lines = (line.split() for line in text.splitlines()[1:])
    return {name.rstrip(":"): int(value) * 1024 for name, value, *_ in lines}
