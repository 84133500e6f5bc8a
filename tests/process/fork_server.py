"""Start the program in 20 ms instead of one or two seconds, by forking it from a process that has imported it.

The fork is a process of its own, with the given arguments, environment, directory and files, and signals end it as any
other. Only its command line and its first environment in `/proc` are those of the fork server. Tests of the start
itself, and environments that Python or the loader read at the start, use `exec` (`support.start`).
"""

import asyncio
import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "PATH": os.defpath,
    "PYTHONPATH": str(ROOT),
    "LC_ALL": "C.UTF-8",
    "TZ": "Asia/Ho_Chi_Minh",
    "COLUMNS": "200",
}
"""What the server starts with. What Python, the loader or the C library read at a start is the same in every fork."""

_READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG")
_MOST = 1 << 16  # bytes of a request

_lock = threading.Lock()


# In the tests


@dataclass(slots=True)
class Forked:
    """A forked process, with those parts of `asyncio.subprocess.Process` that the tests use."""

    pid: int
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None
    returncode: int | None = None
    _ended: "asyncio.Task[int] | None" = None

    async def wait(self) -> int:
        """Wait for its end; return the exit code, or the signal that ended it, negative."""
        assert self._ended is not None
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; return what it wrote into its pipes."""
        out, err, _ = await asyncio.gather(_all_of(self.stdout), _all_of(self.stderr), self.wait())
        return out, err

    async def _end(self, status: asyncio.StreamReader) -> int:
        self.returncode = int(await status.readline())
        return self.returncode


def can_be_forked(environ: Mapping[str, str]) -> bool:
    """Return whether a process with this environment may be forked: what is read at a start is the server's.

    A `sitecustomize` in front of the program (`outside.py`) is run by the fork."""
    path = environ.get("PYTHONPATH", "").removesuffix(ENVIRONMENT["PYTHONPATH"])
    return (not path or Path(path.removesuffix(":"), "sitecustomize.py").exists()) and _at_start(
        environ
    ) == _at_start(ENVIRONMENT)


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(_READ_AT_START) and name != "PYTHONPATH"
    }


async def fork(
    arguments: Sequence[str], *, cwd: Path, environ: Mapping[str, str], stdout: int, stderr: int
) -> Forked:
    """Start the program with these arguments. `stdout` and `stderr` as `subprocess` takes them."""
    request = {"arguments": arguments, "cwd": str(cwd), "environ": dict(environ)}
    status, status_end = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    ends = [nothing, stdout, stderr, status_end]
    pipes: dict[int, int] = {}
    for number in (1, 2):
        if ends[number] == asyncio.subprocess.PIPE:
            pipes[number], ends[number] = os.pipe()
    try:
        socket.send_fds(_server(), [json.dumps(request).encode()], ends)
    finally:
        for end in (nothing, status_end, *(ends[number] for number in pipes)):
            os.close(end)
    reports = await _reader(status)
    process = Forked(
        pid=int(await reports.readline()),
        stdout=await _reader(pipes[1]) if 1 in pipes else None,
        stderr=await _reader(pipes[2]) if 2 in pipes else None,
    )
    process._ended = asyncio.create_task(process._end(reports))
    return process


async def _reader(end: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(end, "rb", buffering=0))
    return reader


async def _all_of(reader: asyncio.StreamReader | None) -> bytes:
    return b"" if reader is None else await reader.read()


def _server() -> socket.socket:
    with _lock:
        return _started()


@cache
def _started() -> socket.socket:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", __name__, str(its.fileno())]
    server = subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL
    )
    its.close()

    def stop() -> None:
        ours.close()  # this is its end
        server.wait()

    atexit.register(stop)
    return ours


# In the server


def main() -> None:
    """Import the program, then fork it at each request; in the fork, be the program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_program()
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()  # what is never collected is never written to, and stays shared
    if _serve(socket.socket(fileno=int(sys.argv[1]))):
        runpy.run_module("monitor", run_name="__main__", alter_sys=True)


def _import_program() -> None:
    from monitor.cli.main import COMMANDS, load_command

    for name in COMMANDS:
        load_command(name)
    for module in (
        "monitor.daemon.daemon",
        "monitor.daemon.demo",
        "monitor.web.application",
        "monitor.web.server",
        "uvicorn.lifespan.off",
        "uvicorn.protocols.http.h11_impl",
        "pydantic.v1",
        "jinja2.sandbox",
        "plotext",
        "rich.progress",
    ):
        import_module(module)
    import apprise

    apprise.Apprise().add("json://127.0.0.1")  # loads its hundred plugins


def _serve(control: socket.socket) -> bool:
    """Fork until the other end is closed. Returns True in each fork, False in the server at its end."""
    ended, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reports: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, _MOST)
            _report_ends(reports)
        if control.fileno() in ready:
            data, fds, _, _ = socket.recv_fds(control, _MOST, 4)
            if not data:
                return False
            if (pid := os.fork()) == 0:
                control.detach()
                _become(json.loads(data), fds)
                return True
            *others, report = fds
            for fd in others:
                os.close(fd)
            os.write(report, b"%d\n" % pid)
            reports[pid] = report


def _report_ends(reports: dict[int, int]) -> None:
    while reports:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        report = reports.pop(pid)
        os.write(report, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(report)


def _become(request: dict[str, Any], fds: Sequence[int]) -> None:
    """Make this fork what `exec` would have made of it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        os.dup2(fds[number], number)
        before = getattr(sys, name)
        buffering = 1 if name == "stderr" else -1
        stream = os.fdopen(
            number, mode, buffering, encoding=before.encoding, errors=before.errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.closerange(3, max(fds) + 1024)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    sys.argv = [str(ROOT / "monitor" / "__main__.py"), *request["arguments"]]
    sys.orig_argv = [sys.executable, "-m", "monitor", *request["arguments"]]
    sys.path[0] = request["cwd"]
    outside = Path(os.environ["PYTHONPATH"].partition(":")[0], "sitecustomize.py")
    if outside.exists():
        spec = spec_from_file_location("sitecustomize", outside)
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "__main__":
    main()
