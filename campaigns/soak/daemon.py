"""The process, by a clock that runs faster than ours, and what it takes of the machine."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from campaigns.soak.plot import Json

PATIENCE = 240.0  # seconds; on a busy machine a start takes some
_TICKS = os.sysconf("SC_CLK_TCK")
_FAKETIME = ("libfaketimeMT.so.1", "libfaketime.so.1")
_PLACES = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime", "/usr/lib64/faketime")


class Clock:
    """A clock that starts now and runs `speed` times as fast; with libfaketime, a process can be given it."""

    def __init__(self, speed: int) -> None:
        self.speed = speed
        self._began = datetime.now(UTC)
        self._started = time.monotonic()
        self._library = library() if speed != 1 else None

    def now(self) -> datetime:
        """What it shows, in UTC."""
        return self._began + timedelta(seconds=(time.monotonic() - self._started) * self.speed)

    def environ(self) -> dict[str, str]:
        """What makes a process that starts now go by it: its waits end so much the sooner too."""
        if self._library is None:
            return {}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME": f"@{self.now():%Y-%m-%d %H:%M:%S} x{self.speed}",
            "TZ": "UTC",
        }


def library() -> Path:
    """Where libfaketime is installed. Raises FileNotFoundError where it is not."""
    root = Path("/")
    for place in _PLACES:
        for folder in root.glob(place.lstrip("/")):
            for name in _FAKETIME:
                if (folder / name).exists():
                    return folder / name
    raise FileNotFoundError("libfaketime is not installed (Debian: apt install faketime); or use --speed 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process takes now. `cpu` is seconds since its start, sizes are bytes."""

    cpu: float
    rss: int
    pss: int
    fds: int
    threads: int


class Daemon:
    """One process after another on one configuration and one store."""

    def __init__(self, folder: Path, package: Path, clock: Clock) -> None:
        self.folder = folder
        self.store = folder / "balances.db"
        self.clock = clock
        self.life = 0
        self.stops: list[float] = []
        self._environ = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PYTHONPATH": str(package),
            "LC_ALL": "C.UTF-8",
        }
        self._process: asyncio.subprocess.Process | None = None
        self._launched = 0.0
        self._reloads = 0

    @property
    def age(self) -> float:
        """Seconds since the latest process was launched."""
        return time.monotonic() - self._launched

    @property
    def has_ended(self) -> bool:
        """Whether the latest process has gone."""
        return self._running.returncode is not None

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("no process was launched")
        return self._process

    @property
    def _log(self) -> Path:
        return self.folder / f"process-{self.life:03d}.log"

    def configure(self, document: Json) -> None:
        """Writes the configuration file."""
        (self.folder / "config.yaml").write_text(json.dumps(document, indent=1))  # JSON is YAML

    async def launch(self) -> None:
        """Starts the next process; returns once it runs."""
        self.life += 1
        self._reloads = 0
        self._launched = time.monotonic()
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "monitor", "run", "-c", str(self.folder / "config.yaml")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**self._environ, **self.clock.environ()},
            )
        await self._logged(" running ", 1)

    async def reload(self) -> None:
        """SIGHUP; returns once the configuration has been taken."""
        self._reloads += 1
        self._running.send_signal(signal.SIGHUP)
        await self._logged("configuration reloaded", self._reloads)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        self._running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            code = await self._running.wait()
        self.stops.append(time.monotonic())
        return code

    async def kill(self) -> None:
        """The end, if it has not come."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def usage(self) -> Usage:
        """What the latest process takes now. OSError where it has gone."""
        proc = Path(f"/proc/{self._running.pid}")
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
        """How many rows the tables hold that grow, and how many messages wait."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
            return {
                name: db.execute(f"SELECT count(*) FROM {what}").fetchone()[0]  # noqa: S608 (names of ours)
                for name, what in _COUNTED.items()
            }

    def integrity(self) -> str:
        """What SQLite says of the store, while nothing runs."""
        with closing(sqlite3.connect(self.store)) as db:
            return "; ".join(text for (text,) in db.execute("PRAGMA integrity_check"))

    def sizes(self) -> tuple[int, int]:
        """The sizes of the file and of its write-ahead log."""
        wal = self.store.with_name(self.store.name + "-wal")
        return self.store.stat().st_size, wal.stat().st_size if wal.exists() else 0

    def complaints(self) -> list[str]:
        """What the processes logged as errors; that a critical alert fires is told as one too, and is none."""
        return [
            f"{log.stem}: {line}"
            for log in sorted(self.folder.glob("process-*.log"))
            for line in log.read_text(errors="replace").splitlines()
            if _complains(line)
        ]

    async def _logged(self, text: str, times: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._log.read_text(errors="replace").count(text) < times:
            if self.has_ended or time.monotonic() > deadline:
                raise RuntimeError(f"process {self.life} did not say{text!r}: {self._log}")
            await asyncio.sleep(0.05)


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


def _complains(line: str) -> bool:
    _, level, said, *_ = [*line.split(maxsplit=2), "", "", ""]
    return "Traceback" in line or (level in ("ERROR", "CRITICAL") and not said.startswith("alert "))
