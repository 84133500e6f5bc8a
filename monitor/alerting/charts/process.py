"""Draw a chart in a process of its own, which is killed at its deadline and cannot harm the daemon."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from monitor.domain.charts import ChartSpec
from monitor.errors import NotDrawn

DEADLINE = timedelta(seconds=10)
READY_WITHIN = timedelta(seconds=30)
"""The deadline of `ready`: at its first start, matplotlib reads every font of the machine."""
LARGEST = 1_000_000
"""Bytes of an image, at most; a usual one has fifty thousand."""
COMMAND = (sys.executable, "-P", "-m", "monitor.alerting.charts")

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ROOT = Path(__file__).parents[3]
_CHUNK = 65536
_LONGEST_OUTPUT = 200  # characters of a failed process's output


class Drawer:
    """Draws charts from one store, one at a time. `close` removes its temporary folder, matplotlib's cache."""

    def __init__(
        self, store: Path, *, command: Sequence[str] = COMMAND, deadline: timedelta = DEADLINE
    ) -> None:
        self._store = store
        self._command = command
        self._deadline = deadline
        self._folder: TemporaryDirectory[str] | None = None
        self._turn = asyncio.Lock()

    async def ready(self) -> None:
        """Fill matplotlib's caches, so that the first drawing is fast. Raises NotDrawn if nothing can be drawn."""
        await self._run({}, READY_WITHIN)

    async def draw(self, chart: ChartSpec) -> bytes | None:
        """Return a PNG; None if there is nothing to draw. Raises NotDrawn."""
        png = await self._run({"store": str(self._store), "chart": chart.to_json()}, self._deadline)
        if png and not png.startswith(_SIGNATURE):
            raise NotDrawn("the output of the drawing process is not a PNG")
        return png or None

    def close(self) -> None:
        """Remove the temporary folder. Call it after the last drawing has ended."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def _run(self, request: dict[str, Any], deadline: timedelta) -> bytes:
        async with self._turn:
            try:
                process = await self._start()
                async with _ended(process), asyncio.timeout(deadline.total_seconds()):
                    output = await _exchange(process, json.dumps(request).encode())
                    code = await process.wait()
            except TimeoutError as exc:
                raise NotDrawn(f"not finished within {deadline.total_seconds():g} s") from exc
            except OSError as exc:
                raise NotDrawn(f"the drawing process cannot be started: {exc}") from exc
        if code != 0:
            raise NotDrawn(_why(code, output))
        return output

    async def _start(self) -> asyncio.subprocess.Process:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="balance-monitor-", ignore_cleanup_errors=True)
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._folder.name,
            env=_environment(self._folder.name),
            start_new_session=True,  # a process group: fontconfig's fc-list, which it starts, is killed with it
        )


def _environment(folder: str) -> dict[str, str]:
    """Return the environment of the process: nothing of the daemon's own, which may hold secrets."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(_ROOT),
        "LC_ALL": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "MPLCONFIGDIR": folder,
        "MPLBACKEND": "agg",
        "OPENBLAS_NUM_THREADS": "1",  # otherwise numpy reserves memory for one thread per core
    }


class _ended:  # noqa: N801 -- used as a function
    """Kills a process and those that it started at the end of the block, however that ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    """Send the request, and return the output. Raises NotDrawn if that is too long."""
    if process.stdin is None or process.stdout is None:
        raise NotDrawn("the drawing process has no pipes")
    with suppress(ConnectionError):  # it ended before it read the request: its exit code gives the reason
        process.stdin.write(request)
        await process.stdin.drain()
    process.stdin.close()
    output = b""
    while chunk := await process.stdout.read(_CHUNK):
        output += chunk
        if len(output) > LARGEST:
            raise NotDrawn(f"the output of the drawing process exceeds {LARGEST:,} bytes")
    return output


def _why(code: int, output: bytes) -> str:
    text = " ".join(output.decode(errors="replace").split())[:_LONGEST_OUTPUT]
    if code < 0:
        return f"the drawing process was killed by signal {-code}"
    return text or f"the drawing process ended with exit code {code}"
