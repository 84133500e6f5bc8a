"""Signals in the first tenths of a second, while the program is still importing: it ends, and says nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "monitor")
STARTING = "import time; time.sleep(60)"
"""What stands in for slow imports."""


def _namespaces_are_allowed() -> bool:
    made = subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False)
    return made.returncode == 0


@pytest.fixture
def slow(tmp_path: Path) -> dict[str, str]:
    """An environment in which the import of the command line takes a minute, and says when it has begun."""
    (tmp_path / "typer.py").write_text(f"open({str(tmp_path / 'begun')!r}, 'w').close()\n{STARTING}\n")
    return {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}


def _begun(folder: Path) -> None:
    deadline = time.monotonic() + 30
    while not (folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("command", "number", "code"),
    [
        pytest.param("run", signal.SIGTERM, 0, id="run ends as if it had ended in order"),
        pytest.param("run", signal.SIGINT, 130, id="run is interrupted"),
        pytest.param("status", signal.SIGINT, 130, id="a command is interrupted, without a traceback"),
        pytest.param("status", signal.SIGTERM, -signal.SIGTERM, id="a command ends as any"),
    ],
)
def test_a_signal_among_the_imports_ends_it(
    tmp_path: Path, slow: dict[str, str], command: str, number: signal.Signals, code: int
) -> None:
    """At once, with the code that is documented."""
    with subprocess.Popen(
        [*PROGRAM, command], env=slow, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        _begun(tmp_path)
        started.send_signal(number)
        out, err = started.communicate(timeout=10)
    assert (started.returncode, out, err) == (code, b"", b"")


def test_a_reload_among_the_imports_is_no_end(tmp_path: Path, slow: dict[str, str]) -> None:
    """There is nothing to reload yet; by default a hangup kills."""
    with subprocess.Popen([*PROGRAM, "run"], env=slow) as started:
        _begun(tmp_path)
        started.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            started.wait(0.2)
        started.terminate()
        assert started.wait(10) == 0


@pytest.mark.skipif(not _namespaces_are_allowed(), reason="no namespaces of processes here")
@pytest.mark.parametrize(("command", "code"), [("run", 0), ("status", 143)])
def test_a_containers_first_process_hears_sigterm_among_the_imports(
    tmp_path: Path, slow: dict[str, str], command: str, code: int
) -> None:
    """The kernel drops signals that process 1 does not listen for, instead of ending it."""
    arguments = ["unshare", "--pid", "--fork", "--kill-child", *PROGRAM, command]
    with subprocess.Popen(arguments, env=slow) as outer:
        _begun(tmp_path)
        (inner,) = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        os.kill(int(inner), signal.SIGTERM)
        assert outer.wait(10) == code
