"""One installation in a folder of its own: configuration, store, and the process at work on it."""

import asyncio
import contextlib
import csv
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from campaigns.kills.acts import Acts
from campaigns.kills.clock import wrong
from campaigns.kills.plot import Json, Plot
from campaigns.kills.receiver import Receiver
from campaigns.kills.service import Service
from campaigns.kills.setup import Setup

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds


_NAMES = {"futures": "desk"}
"""What the story calls an account otherwise."""


class World:
    """A service, a receiver, a folder and, at most times, a process. `package` holds the `monitor` to run."""

    def __init__(
        self,
        folder: Path,
        package: Path,
        plots: Sequence[Plot],
        continues: Callable[[str, int], bool | None],
        receiver: Receiver,
        seed: str = "",
    ) -> None:
        self.folder = folder
        self.acts = Acts(self, random.Random(seed))  # noqa: S311 (it draws delays, not secrets)
        self.service = Service([one.part for one in plots], continues, self.acts.begin)
        self.receiver = receiver
        self._plots = plots
        self.launches = 0
        self.launched = 0.0
        self.by_wrong_clock: set[int] = set()
        self._environ = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PYTHONPATH": str(package),
            "LC_ALL": "C.UTF-8",
            "TZ": "Asia/Ho_Chi_Minh",
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def store(self) -> Path:
        """The database."""
        return self.folder / "balances.db"

    @property
    def wal(self) -> Path:
        """The database's write-ahead log."""
        return self.folder / "balances.db-wal"

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._running.pid

    @property
    def is_running(self) -> bool:
        """Whether the latest process has said that it runs."""
        return " running " in self.log

    @property
    def log(self) -> str:
        """What the latest process has said."""
        return self._log(self.launches).read_text(errors="replace")

    @property
    def has_ended(self) -> bool:
        """Whether the process has gone, by itself or by a signal."""
        return self._running.returncode is not None

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("no process was launched")
        return self._process

    async def open(self) -> None:
        """Starts both servers and writes the configuration that leads to them."""
        self.folder.mkdir(parents=True)
        await self.service.start()
        await self.receiver.start()
        service, receiver = f"127.0.0.1:{self.service.port}", f"127.0.0.1:{self.receiver.port}"
        self.acts.setup = Setup(plots=self._plots, service=service, receiver=receiver)
        self.acts.write()

    async def close(self) -> None:
        """Ends everything."""
        await self.acts.stop()
        if self._process is not None:
            await self.kill()
        await self.service.stop()
        await self.receiver.stop()

    async def launch(self, ahead: timedelta = timedelta(0)) -> None:
        """Starts the next process, whose wall clock is so much ahead; returns at once."""
        self.launches += 1
        if ahead:
            self.by_wrong_clock.add(self.launches)
        self.service.process = self.receiver.process = self.launches
        with self._log(self.launches).open("wb") as log:
            environ = wrong(ahead) if ahead else {}
            self._process = await self._monitor("run", stdout=log, stderr=log, environ=environ)
        self.launched = time.monotonic()

    def hang_up(self) -> None:
        """Has the process reload; not by a wrong clock, for libfaketime makes its `time.sleep` fail now and then."""
        if self.launches in self.by_wrong_clock:
            return
        with contextlib.suppress(ProcessLookupError):
            self._running.send_signal(signal.SIGHUP)

    async def command(self, *arguments: str, cut_off: float | None = None) -> tuple[int, str, str]:
        """Runs a command; killed after `cut_off` seconds. Its exit code and what it said."""
        process = await self._monitor(
            *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(PATIENCE if cut_off is None else cut_off):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            out, err = await process.communicate()
        return await process.wait(), out.decode(), err.decode()

    async def kill(self) -> int:
        """SIGKILL; returns its exit code once it is gone, and all it sent has been read."""
        with contextlib.suppress(ProcessLookupError):
            self._running.kill()
        code = await self._running.wait()
        await self.service.settled()
        await self.receiver.settled()
        return code

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        self._running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            return await self._running.wait()

    async def status(self) -> Json:
        """What `status --json` shows."""
        _, out, err = await self.command("status", "--json")
        try:
            shown: Json = json.loads(out)
        except ValueError as exc:
            raise RuntimeError(f"status --json: {err}") from exc
        return shown

    async def readings(self) -> list[tuple[str, str, str]]:
        """All readings that are kept: account, as the story calls it, currency, and what was available."""
        code, out, err = await self.command("export")
        if code:
            raise RuntimeError(f"export: {err}")
        return [
            (_NAMES.get(row["account"], row["account"]), row["currency"], row["available"])
            for row in csv.DictReader(out.splitlines())
        ]

    def set_aside(self) -> list[tuple[str, str, str]]:
        """The readings that a wrong clock's start has put out of the history, in the same way: they are kept."""
        with closing(sqlite3.connect(f"file:{quote(str(self.store))}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT accounts.name, series.currency, set_aside.available FROM set_aside"
                " JOIN series ON series.id = series_id JOIN accounts ON accounts.id = account_id"
            ).fetchall()
        return [(_NAMES.get(name, name), currency, amount) for name, currency, amount in rows]

    def integrity(self) -> str:
        """What SQLite says of a copy of the store, so that looking at it does not mend it. While nothing runs."""
        if not self.store.exists():
            return "ok"
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            for file in (self.store, self.wal):
                if file.exists():
                    shutil.copy(file, place)
            with closing(sqlite3.connect(Path(place) / self.store.name)) as db:
                try:
                    return "; ".join(text for (text,) in db.execute("PRAGMA integrity_check"))
                except sqlite3.Error as exc:
                    return str(exc)

    def complaints(self) -> list[str]:
        """What the processes logged as errors, with their numbers: nothing here gives them cause.

        That a critical alert fires is told as an error too; it is not one of the program's own."""
        return [
            f"process {number}: {line}"
            for number in range(1, self.launches + 1)
            for line in self._log(number).read_text(errors="replace").splitlines()
            if _complains(line)
        ]

    def _log(self, number: int) -> Path:
        return self.folder / f"process-{number:04d}.log"

    async def _monitor(
        self,
        *arguments: str,
        stdout: object,
        stderr: object,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "monitor", *arguments, "-c", str(self.folder / "config.yaml")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,  # type: ignore[arg-type]  # a file or a number, as subprocess has it
            stderr=stderr,  # type: ignore[arg-type]
            cwd=self.folder,
            env={**self._environ, **environ},
        )


_NEVER = ("Traceback", "notifications dropped")


def _complains(line: str) -> bool:
    _, level, said, *_ = [*line.split(maxsplit=2), "", "", ""]
    return any(text in line for text in _NEVER) or (
        level in ("ERROR", "CRITICAL") and not said.startswith("alert ")
    )
