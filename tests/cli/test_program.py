"""The program itself: help, versions, completion, misuse, the schema, and the demo."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import jsonschema
import pytest
import yaml
from typer.main import get_group

from campaigns.harness.program import send_signal
from monitor import cli
from monitor.cli import main
from monitor.cli.main import COMMANDS, load_command
from monitor.sandbox import Fault
from tests.process.fork_server import ROOT
from tests.process.stage import together
from tests.process.support import PATIENCE, Done, Installation, environment, run, until


async def _run(site: Installation, *arguments: str, **environ: str) -> Done:
    return await run(*arguments, cwd=site.folder, environ={**site.environ, **environ})


@together()
async def test_the_demo_takes_half_a_minute(site: Installation) -> None:
    """Readings, a drain's alert and resolve, an outage's alert and resolve, in this order; then what to do next."""
    began = time.monotonic()
    done = await _run(site, "demo")
    assert (done.code, done.err) == (0, "")
    assert time.monotonic() - began < 40
    titles = [line.split(": ")[0].split("MESSAGE ")[1] for line in done.out.splitlines() if "MESSAGE" in line]
    assert titles == [
        "CRITICAL usdt-low",
        "RESOLVED usdt-low",
        "WARNING endpoint-failing",
        "RESOLVED endpoint-failing",
    ]
    assert re.search(r"CRITICAL usdt-low: nami-spot/spot/USDT available \d+\.\d\d < 1000", done.out)
    assert (
        "clients/CLIENT_001 not read (connect: connection reset by peer); its last balance stays" in done.out
    )
    assert "clients/CLIENT_001 is read again" in done.out
    assert "Next steps:" in done.out
    assert done.out.index("first reading") < done.out.index("MESSAGE CRITICAL")
    moments = [float(found) for found in re.findall(r"^ *(\d+\.\d)s ", done.out, re.MULTILINE)]
    assert max(moments) < 30


@together()
async def test_ctrl_c_ends_the_demo(site: Installation) -> None:
    """It stops within seconds, without a traceback, and leaves no folder behind."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "monitor", "demo"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=site.folder,
        env={**site.environ, "TMPDIR": str(site.folder)},
    )
    await until(lambda: list(site.folder.glob("balance-monitor-demo-*/*.db")), "the demo at work")
    send_signal(process, signal.SIGINT)
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        _, err = await process.communicate()
    assert time.monotonic() - began < 8
    assert err == b""
    assert list(site.folder.glob("balance-monitor-demo-*")) == []


@together()
async def test_the_sandbox_prints_a_configuration_that_fits(site: Installation) -> None:
    """Its stdout is a file that `check --live` likes; Ctrl-C ends it with 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "monitor", "sandbox", "--webhook", "--balance", "nami/spot/USDT constant 7.50"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=site.environ,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        said = await process.stderr.readline()
        text = await process.stdout.read(65536)
    (site.folder / "sandbox.yaml").write_bytes(text)
    done = await _run(site, "check", "--live", "-c", "sandbox.yaml")
    told = await _run(site, "notify", "-c", "sandbox.yaml")
    send_signal(process, signal.SIGINT)
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert b"Ctrl-C ends it" in said
    assert (done.code, told.code, process.returncode, out) == (0, 0, 0, b"")
    assert "USDT" in done.out
    assert b"TEST balance-monitor: webhook" in err


@together()
async def test_the_sandbox_refuses_what_it_cannot_play(site: Installation) -> None:
    """A story that can't be read, a port that is taken: one line, exit 1."""
    taken = site.nami.url.rpartition(":")[2]
    for arguments, said in (
        (["--balance", "nami/spot/USDT fly to 50"], "expected one of"),
        (["--fault", "wdcf nonsense"], "expected one of"),
        (["--nami-port", taken], "choose another port"),
    ):
        done = await _run(site, "sandbox", *arguments)
        assert (done.code, done.out) == (1, "")
        assert said in done.err
        assert len(done.err.splitlines()) == 1


@together()
async def test_misuse_is_64(site: Installation) -> None:
    """An unknown command, option or argument is a misuse, and never 1 to 3, which mean an alert."""
    misused = (["nope"], ["status", "--nope"], ["run", "--log-level", "loud"])
    for arguments in misused:
        done = await _run(site, *arguments)
        assert (done.code, done.out) == (64, "")
        assert "Usage: balance-monitor" in done.err
        assert "Traceback" not in done.err


@together()
async def test_help_says_what_one_needs(site: Installation) -> None:
    """Help, with `-h` too, is on stdout with exit 0 and names every command; the plugins tell their exit codes."""
    shown = {name: await _run(site, name, "-h") for name in ("run", "check", "poll", "status")}
    assert {done.code for done in shown.values()} == {0}
    codes = "Exit codes as of a Nagios plugin: 0 ok, 1 a warning fires, 2 a critical fires, 3 unknown"
    assert all(codes in shown[name].out for name in ("poll", "status"))
    assert "SIGHUP" in shown["run"].out
    assert "Stores no readings" in shown["check"].out
    assert "BALANCE_MONITOR_CONFIG" in shown["status"].out
    everything = await _run(site, "--help")
    assert all(re.search(rf"\b{name}\b", everything.out) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_listed_command_is_the_one_that_is_loaded(name: str) -> None:
    """What `--help` lists before any command is loaded is the first paragraph of the command's own help."""
    command = load_command(name)
    assert (command.name, command.help.partition("\n\n")[0]) == (name, COMMANDS[name].help)


def test_every_command_is_listed() -> None:
    """A command that is missing in the list could not be called."""
    modules = [import_module(f"monitor.cli.{one.name}") for one in iter_modules(cli.__path__)]
    apps = [module.app for module in modules if hasattr(module, "app") and module is not main]
    assert {name for app in apps for name in get_group(app).commands} == COMMANDS.keys()


def test_help_loads_no_command() -> None:
    """Neither the configuration nor a command's module: a look at the help starts at once."""
    program = (
        "import sys; from monitor.cli.main import COMMANDS, execute; code = execute(['--help']);"
        "loaded = {f'monitor.cli.{one.module}' for one in COMMANDS.values()} & set(sys.modules);"
        "print(code, sorted(loaded), 'pydantic' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "0 [] False\n"


@together()
async def test_without_a_command_it_shows_its_help(site: Installation) -> None:
    """Somebody who types just its name learns what there is."""
    done = await run(cwd=site.folder, environ=site.environ)
    assert "demo" in done.out + done.err
    assert done.code in (0, 64)


@together()
async def test_completion_is_offered(site: Installation) -> None:
    """The script for the shell, and what it then asks for."""
    sourced = await run(cwd=site.folder, environ={**site.environ, "_BALANCE_MONITOR_COMPLETE": "source_bash"})
    words = {"COMP_WORDS": "balance-monitor st", "COMP_CWORD": "1"}
    completed = await run(
        cwd=site.folder, environ={**site.environ, **words, "_BALANCE_MONITOR_COMPLETE": "complete_bash"}
    )
    assert "_BALANCE_MONITOR_COMPLETE=complete_bash" in sourced.out
    assert completed.out.split() == ["status"]


@together()
async def test_versions_are_printed(site: Installation) -> None:
    """Its own, Python's, SQLite's and those of the libraries, as lines and as JSON."""
    plain, data = await _run(site, "version"), await _run(site, "version", "--json")
    shown = json.loads(data.out)
    assert (plain.code, data.code) == (0, 0)
    assert {
        "balance-monitor",
        "python",
        "sqlite",
        "httpx",
        "apprise",
        "sqlmodel",
        "apscheduler",
    } <= shown.keys()
    assert all(f"{name} {number}" in plain.out.splitlines() for name, number in shown.items())


@together()
async def test_the_schema_is_one_and_the_example_fits_it(site: Installation) -> None:
    """Draft 2020-12, and an editor that checks config.example.yaml by it finds nothing; a typo it finds."""
    done = await _run(site, "schema")
    schema = json.loads(done.out)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    example = _as_json(yaml.safe_load((ROOT / "config.example.yaml").read_text()))
    assert [error.message for error in validator.iter_errors(example)] == []
    mine = _as_json(yaml.safe_load(site.config.read_text()))
    assert [error.message for error in validator.iter_errors(mine)] == []
    mine["jobs"][0]["evry"] = "1s"
    assert list(validator.iter_errors(mine))


def _as_json(value: object) -> Any:
    """Keys as an editor sees them: text, even where YAML makes numbers of them."""
    match value:
        case dict():
            return {str(key): _as_json(item) for key, item in value.items()}
        case list():
            return [_as_json(item) for item in value]
        case _:
            return value


@together()
async def test_ctrl_c_during_poll_is_quiet(site: Installation) -> None:
    """130 and no traceback, as a shell expects it."""
    site.document["providers"]["wdcf"]["timeout"] = "60s"
    site.write()
    site.wdcf.fault = Fault.hang()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "monitor", "poll", "-c", str(site.config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=site.environ,
    )
    await until(lambda: site.wdcf.requests, "the poll under way")
    send_signal(process, signal.SIGINT)
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err


UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
"""As root without the right to read what belongs to others."""


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can give files to other users"
)
@pytest.mark.parametrize("found_by", ["option", "variable", "directory"])
def test_a_configuration_that_cannot_be_read_is_an_invalid_one(tmp_path: Path, found_by: str) -> None:
    """78, which systemd does not restart; 64 would be a misused command line, tried again for ever."""
    folder = tmp_path / "of-another-user"
    folder.mkdir()
    config = folder / "config.yaml"
    config.touch(mode=0o600)
    os.chown(config, 61234, 61234)
    environ = environment(tmp_path)
    arguments = ["-c", str(config)] if found_by == "option" else []
    if found_by == "variable":
        environ["BALANCE_MONITOR_CONFIG"] = str(config)
    for command in (["run"], ["check"], ["status"], ["alerts"], ["history", "a/b/c"]):
        done = subprocess.run(
            [*UNPRIVILEGED, sys.executable, "-m", "monitor", *command, *arguments],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stdout) == (78, ""), done.stderr
        assert "can't be read: Permission denied" in done.stderr
