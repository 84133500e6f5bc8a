"""One drawing, in a process of its own: killed at its deadline, and whatever becomes of it, the daemon goes on."""

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
"""How long getting ready may take: on its first start matplotlib reads every font of the machine."""
LARGEST = 1_000_000
"""Bytes of a chart; a usual one has fifty thousand."""
COMMAND = (sys.executable, "-P", "-m", "monitor.alerting.charts")

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ROOT = Path(__file__).parents[3]
_CHUNK = 65536
_SAID = 200  # characters of what a process says before it fails


class Drawer:
    """Draws from one store, one chart at a time. `close` removes what it keeps meanwhile: matplotlib's cache."""

    def __init__(
        self, store: Path, *, command: Sequence[str] = COMMAND, deadline: timedelta = DEADLINE
    ) -> None:
        self._store = store
        self._command = command
        self._deadline = deadline
        self._folder: TemporaryDirectory[str] | None = None
        self._turn = asyncio.Lock()

    async def ready(self) -> None:
        """Makes the next drawing a quick one, and finds out whether there can be any. Raises NotDrawn."""
        await self._run({}, READY_WITHIN)

    async def draw(self, chart: ChartSpec) -> bytes | None:
        """A PNG; None where there was nothing to draw. Raises NotDrawn."""
        png = await self._run({"store": str(self._store), "chart": chart.to_json()}, self._deadline)
        if png and not png.startswith(_SIGNATURE):
            raise NotDrawn("the drawing process answered with something that is no PNG")
        return png or None

    def close(self) -> None:
        """Only once nothing is being drawn any more."""
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
                raise NotDrawn(f"the drawing process can't be started: {exc}") from exc
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
            start_new_session=True,  # what it starts itself, fontconfig's fc-list, ends with it
        )


def _environment(folder: str) -> dict[str, str]:
    """All that the process gets to see: nothing of the daemon's own environment, where secrets may be."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(_ROOT),
        "LC_ALL": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "MPLCONFIGDIR": folder,
        "MPLBACKEND": "agg",
        "OPENBLAS_NUM_THREADS": "1",  # else numpy reserves memory for a thread per core
    }


class _ended:  # noqa: N801 -- used as a function
    """Leaves no process behind, nor any that it has started, whatever ends the block."""

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
    """Gives the request, takes the answer. Raises NotDrawn where that is too long."""
    if process.stdin is None or process.stdout is None:
        raise NotDrawn("the drawing process has no pipes")
    with suppress(ConnectionError):  # it ended before it read: its exit code says why
        process.stdin.write(request)
        await process.stdin.drain()
    process.stdin.close()
    output = b""
    while chunk := await process.stdout.read(_CHUNK):
        output += chunk
        if len(output) > LARGEST:
            raise NotDrawn(f"the drawing process gave more than {LARGEST:,} bytes")
    return output


def _why(code: int, output: bytes) -> str:
    said = " ".join(output.decode(errors="replace").split())[:_SAID]
    if code < 0:
        return f"the drawing process was ended by signal {-code}"
    return said or f"the drawing process ended with exit code {code}"
