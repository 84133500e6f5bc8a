"""A terminal or a pipe whose encoding lacks some characters: everything is readable, and exits as it does elsewhere."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.cli.main import execute
from monitor.log.encoding import write_readably
from tests.process.support import environment

NAME = "CLIËNT_漢💰"
CONFIG = f"""
store: {{url: "sqlite:///store.db"}}
providers: {{wdcf: {{type: wdcf, client_secret: a-client-secret}}}}
channels: {{ops: {{urls: ["json://127.0.0.1:9/x"]}}}}
jobs: [{{name: clients, provider: wdcf, every: 1m, clients: ["{NAME}", CLIENT_2]}}]
rules: [{{name: "low", type: threshold, match: {{account: "{NAME}"}}, below: 1000}}]
"""
TESTS = f"""
tests: [{{name: "ⓐ", every: 1m, series: {{"clients/{NAME}/USD": "1 1"}}, expect: []}}]
"""
MATCH = ("--match", f"account={NAME}", "--for", "1h", "--reason", "→ später", "--by", "lèna")

Run = Callable[..., tuple[int, bytes, bytes]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration and a store with names that no old encoding has; one long gap, one silence."""
    folder = tmp_path_factory.mktemp("encoding")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "rules.test.yaml").write_text(TESTS, encoding="utf-8")
    now = datetime.now(UTC)
    lines = ["job,account,currency,observed_at,total,available"]
    for minutes in (600, 599, 598, 3, 2, 1):
        at = now - timedelta(minutes=minutes)
        lines.append(f"clients,{NAME},USD,{at:%Y-%m-%dT%H:%M:%SZ},{minutes},{minutes}")
    (folder / "in.csv").write_text("\n".join(lines), encoding="utf-8")
    assert execute(["import", str(folder / "in.csv"), "-c", str(folder / "config.yaml")]) == 0
    assert execute(["silence", "add", "-c", str(folder / "config.yaml"), *MATCH]) == 0
    return folder


@pytest.fixture(params=["ascii", "latin-1", "utf-8"])
def run(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command whose output goes into a pipe of one encoding: its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, bytes, bytes]:
        files = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patched:
            for name, file in zip(("stdout", "stderr"), files, strict=True):
                patched.setattr(sys, name, io.TextIOWrapper(file, encoding=request.param))
            patched.setenv("BALANCE_MONITOR_CONFIG", str(folder / "config.yaml"))
            patched.chdir(folder)
            write_readably()
            code = execute(list(arguments))
            sys.stdout.flush()
            sys.stderr.flush()
            return code, files[0].getvalue(), files[1].getvalue()

    return run


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("status",), 3, id="status"),
        pytest.param(("status", "--json"), 3, id="status-json"),
        pytest.param(("alerts",), 0, id="alerts"),
        pytest.param(("ack", "漢", "--reason", "→"), 1, id="ack"),
        pytest.param(("silence", "list"), 0, id="silence-list"),
        pytest.param(("silence", "list", "--json"), 0, id="silence-list-json"),
        pytest.param(("silence", "add", *MATCH), 0, id="silence-add"),
        pytest.param(
            ("silence", "add", "--match", "account=漢", "--for", "1h", "--reason", "x"), 64, id="refused"
        ),
        pytest.param(("history", f"clients/{NAME}/USD"), 0, id="history"),
        pytest.param(("history", f"clients/{NAME}/USD", "--chart"), 0, id="history-chart"),
        pytest.param(("history", f"clients/{NAME}/USD", "--format", "csv"), 0, id="history-csv"),
        pytest.param(("history", f"clients/{NAME}/USD", "--format", "json"), 0, id="history-json"),
        pytest.param(("export",), 0, id="export"),
        pytest.param(("import", "--dry-run", "in.csv"), 0, id="import"),
        pytest.param(("check",), 0, id="check"),
        pytest.param(("route", f"clients/{NAME}/USD"), 0, id="route"),
        pytest.param(("notify",), 1, id="notify"),
        pytest.param(("test", "-v", "rules.test.yaml"), 1, id="test"),
        pytest.param(("schema",), 0, id="schema"),
        pytest.param(("version",), 0, id="version"),
        pytest.param(("--help",), 0, id="help"),
        pytest.param(("status", "-c", "漢.yaml"), 78, id="a-file-that-is-not-there"),
        pytest.param(("stätus",), 64, id="misuse"),
        pytest.param(("status", "-c", "\udcff.yaml"), 78, id="a-name-that-is-no-text"),
    ],
)
def test_every_command_exits_as_it_does_anywhere(run: Run, arguments: tuple[str, ...], code: int) -> None:
    """Whatever its output cannot hold."""
    done = run(*arguments)
    assert (done[0], b"Traceback" in done[2]) == (code, False), done
    assert done[1] + done[2] != b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_is_lacking_is_readable(encoding: str) -> None:
    """One character for each that only draws; for a letter of a name its escape, which says which it is."""
    file = io.BytesIO()
    text = io.TextIOWrapper(file, encoding=encoding)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", text)
        write_readably()
    text.write("… ✓ ✗ ▲ ─│┼ ⣿⠀█ 漢 💰 \udcff")
    text.flush()
    assert file.getvalue() == rb"~ + x ^ -|+ * # \u6f22 \U0001f4b0 \udcff"


def test_json_is_json_and_names_are_whole(run: Run) -> None:
    """A program gets every character, in whatever encoding."""
    balances = [
        json.loads(run("status", "--json")[1])["balances"],
        [json.loads(run("history", "*NT_[!2]*", "--format", "json")[1])],
    ]
    assert {one["series"] for found in balances for one in found} == {f"clients/{NAME}/USD"}


@pytest.mark.parametrize(
    "command", [("export",), ("history", "*NT_[!2]*", "--format", "csv")], ids=["export", "history"]
)
def test_files_are_in_utf_8_wherever_they_are_written(run: Run, command: tuple[str, ...]) -> None:
    """What is piped is for `import` and other programs, not for a terminal."""
    rows = list(csv.DictReader(io.StringIO(run(*command)[1].decode("utf-8"), newline="")))
    assert {row["account"] for row in rows} == {NAME}


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"PYTHONIOENCODING": "latin-1"}, id="an-old-terminal"),
        pytest.param({"PYTHONIOENCODING": "ascii:strict"}, id="nothing-but-ascii"),
        pytest.param({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="the-c-locale"),
    ],
)
def test_the_program_itself_writes_readably(folder: Path, environ: dict[str, str]) -> None:
    """Not only what it calls: the same table as in UTF-8, but for the names."""
    command = [sys.executable, "-m", "monitor", "history", "-c", str(folder / "config.yaml"), "*NT_[!2]*"]
    env = {**environment(folder), **environ}
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"~ no reading for 9h" in done.stdout
    assert rb"NT_\u6f22\U0001f4b0/USD" in done.stdout
