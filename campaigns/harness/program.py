"""The program in a directory of its own: configuration, store, and one process after another."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

ROOT = Path(__file__).resolve().parents[2]

Json: TypeAlias = dict[str, Any]

_NEVER = ("Traceback", "notifications dropped")
_NOTHING: Mapping[str, str] = MappingProxyType({})


def copied(package: Path, folder: Path) -> Path:
    """Copy the program into a directory; return the path of the copy."""
    # the checkout may change while the campaign runs, and a failure has to be reproduced with the code that failed
    copy = folder / "package"
    shutil.copytree(package / "monitor", copy / "monitor", ignore=shutil.ignore_patterns("__pycache__"))
    return copy


class Child(Protocol):
    """A child process, as asyncio knows it."""

    @property
    def pid(self) -> int:
        """Return its id."""

    @property
    def returncode(self) -> int | None:
        """Return its exit code, None as long as asyncio has not seen its end."""


def send_signal(child: Child, number: int) -> None:
    """Send a signal to a child process. Raises ProcessLookupError once it has ended."""
    if child.returncode is not None:
        raise ProcessLookupError(f"process {child.pid} has ended")
    # Not by the methods of `asyncio.subprocess.Process`: in CPython 3.11 they poll the child first. That may reap it
    # before the thread that waits for it does, and asyncio then reports an exit code of 255 instead of the true one.
    os.kill(child.pid, number)


class Program:
    """One process after another. `package` contains the `monitor` to run; `patience` is the number of seconds that a
    start, a command or a stop may take. `launched` is in monotonic seconds."""

    def __init__(self, folder: Path, package: Path, *, patience: float = 60.0) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.store = folder / "balances.db"
        self.wal = folder / "balances.db-wal"
        self.launches = 0
        self.launched = 0.0
        self._patience = patience
        self._environ = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PYTHONPATH": str(package),
            "LC_ALL": "C.UTF-8",
            "TZ": "Asia/Ho_Chi_Minh",
        }
        self._process: asyncio.subprocess.Process | None = None

    def configure(self, document: Json) -> None:
        """Replace the configuration file, atomically."""
        new = self.config.with_suffix(".new")
        new.write_text(json.dumps(document, indent=2))  # JSON is YAML
        new.replace(self.config)

    # The process

    @property
    def process(self) -> asyncio.subprocess.Process:
        """Return the latest process. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("no process was launched")
        return self._process

    @property
    def log(self) -> str:
        """Return the log of the latest process."""
        return self._log(self.launches).read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        """Return whether the latest process has logged that it is running."""
        return " running " in self.log

    @property
    def has_ended(self) -> bool:
        """Return whether the latest process has ended, by itself or by a signal."""
        return self.process.returncode is not None

    async def start(self, environ: Mapping[str, str] = _NOTHING) -> None:
        """Start the next process, and return at once."""
        self.launches += 1
        with self._log(self.launches).open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "monitor", "run", "-c", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**self._environ, **environ},
            )
        self.launched = time.monotonic()

    async def logged(self, text: str, times: int = 1) -> None:
        """Wait for a text in the log of the latest process. Raises RuntimeError if it does not come."""
        deadline = time.monotonic() + self._patience
        while self.log.count(text) < times:
            if self.has_ended or time.monotonic() > deadline:
                raise RuntimeError(
                    f"process {self.launches} did not log {text!r}: {self._log(self.launches)}"
                )
            await asyncio.sleep(0.02)

    async def stop(self) -> int:
        """Send SIGTERM; return the exit code. Raises TimeoutError."""
        send_signal(self.process, signal.SIGTERM)
        async with asyncio.timeout(self._patience):
            return await self.process.wait()

    async def kill(self) -> int:
        """Send SIGKILL, if the process is still running; return the exit code."""
        with suppress(ProcessLookupError):
            send_signal(self.process, signal.SIGKILL)
        return await self.process.wait()

    # Commands beside it

    async def command(self, *arguments: str, cut_off: float | None = None) -> tuple[int, str, str]:
        """Run a command, killed after `cut_off` seconds; return its exit code, stdout and stderr."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monitor", *arguments, "-c", str(self.config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env=self._environ,
        )
        try:
            async with asyncio.timeout(self._patience if cut_off is None else cut_off):
                out, err = await process.communicate()
        except TimeoutError:
            with suppress(ProcessLookupError):
                send_signal(process, signal.SIGKILL)
            out, err = await process.communicate()
        return await process.wait(), out.decode(), err.decode()

    async def status(self) -> Json:
        """Return the output of `status --json`. Raises RuntimeError if it is not JSON."""
        _, out, err = await self.command("status", "--json")
        try:
            shown: Json = json.loads(out)
        except ValueError as exc:
            raise RuntimeError(f"status --json: {err}") from exc
        return shown

    # Store and logs

    def integrity(self) -> str:
        """Return the result of SQLite's integrity check, "ok" if there is no store. Call it while no process runs."""
        # checks a copy, because opening the store itself would roll back what a kill has left
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

    def logged_errors(self) -> list[str]:
        """Return all errors that the processes logged, with the numbers of the processes.

        Critical alerts are left out, though they are logged as errors too."""
        return [
            f"process {number}: {line}"
            for number in range(1, self.launches + 1)
            for line in self._log(number).read_text(errors="replace").splitlines()
            if _is_error(line)
        ]

    def _log(self, number: int) -> Path:
        return self.folder / f"process-{number:04d}.log"


def _is_error(line: str) -> bool:
    _, level, text, *_ = [*line.split(maxsplit=2), "", "", ""]
    return any(one in line for one in _NEVER) or (
        level in ("ERROR", "CRITICAL") and not text.startswith("alert ")
    )
