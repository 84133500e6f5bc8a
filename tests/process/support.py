"""One installation to test: a folder, its configuration, the services it asks, and the process at work on it.

Nothing here sleeps for a fixed time: `until` looks again and again, and fails after a generous deadline.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeAlias

import yaml

from campaigns.harness.program import send_signal
from monitor import config as configuration
from monitor.alerting.status import assemble
from monitor.payloads import status as payloads
from monitor.sandbox import Fault, Message, Sandbox, Scenario, Script, Service, Webhook, constant
from monitor.sandbox.http import Response
from monitor.sandbox.nami import Holding, Nami, NamiEndpoint
from monitor.sandbox.wdcf import Wdcf, WdcfEndpoint
from monitor.store.read.state import read

from .fork_server import ENVIRONMENT, Forked, can_be_forked, fork

PATIENCE = 60.0
"""Seconds a condition may take before the test fails; on an idle machine it takes one or two."""

NAMI = Nami(wallets={}, api_key="process-key", api_secret="process-secret")
WDCF = Wdcf(clients={}, client_secret="process-client-secret")
MANY_CALLS = 100_000
"""Calls a minute that no test makes."""

Json: TypeAlias = dict[str, Any]
Process: TypeAlias = asyncio.subprocess.Process | Forked


async def until(
    condition: Callable[[], object], what: str, *, within: float = PATIENCE, pause: float = 0.03
) -> None:
    """Returns once the condition holds. AssertionError, saying what was waited for, when it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within} s in vain: {what}"
        await asyncio.sleep(pause)


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment of the process's own: nothing of the machine's, and a time zone that is not UTC."""
    return {**ENVIRONMENT, "HOME": str(home), **more}


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Daemon:
    """A `run` process. Its output goes to files, so that a full pipe never stops it."""

    process: Process
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has written to stderr so far."""
        return self.err.read_text()

    def send(self, number: signal.Signals) -> None:
        """Signals it."""
        send_signal(self.process, number)

    async def logged(self, text: str, times: int = 1) -> None:
        """Waits for a text in its log."""

        def found() -> bool:
            assert self.process.returncode is None or self.log.count(text) >= times, self.log
            return self.log.count(text) >= times

        await until(found, f"{text!r} in the log")

    async def ended(self, within: float = PATIENCE) -> int:
        """Waits for its end; the exit code."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it by a signal; the exit code."""
        self.send(number)
        return await self.ended()


@dataclass(slots=True)
class Installation:
    """Everything on one machine: what is configured, who is asked, who is told."""

    folder: Path
    sandbox: Sandbox
    webhook: Webhook
    document: Json
    environ: dict[str, str]
    wrapper: tuple[str, ...] = ()
    """A command that each daemon is started by: it has to end in exec, so that signals reach the daemon."""
    execs: bool = False
    """Every process is started by `exec`, as outside the tests, and none is forked."""
    _daemons: list[Daemon] = field(default_factory=list)
    _loaded: tuple[str, configuration.Config] | None = None

    @classmethod
    def on(cls, folder: Path, story: Scenario | None = None, *, limit: int = MANY_CALLS) -> "Installation":
        """A sandbox, a receiver and an empty folder; `document` is filled in by `__aenter__`."""
        sandbox = Sandbox((story or small_story()).allowing(limit))
        return cls(
            folder=folder, sandbox=sandbox, webhook=Webhook(), document={}, environ=environment(folder)
        )

    async def __aenter__(self) -> Self:
        await self.sandbox.start()
        await self.webhook.start()
        self.document = small_document(self.sandbox, self.webhook)
        self.write()
        return self

    async def __aexit__(self, *_: object) -> None:
        for daemon in self._daemons:
            if daemon.process.returncode is None:
                with suppress(ProcessLookupError):
                    daemon.send(signal.SIGKILL)
                await daemon.process.wait()
        await self.webhook.stop()
        await self.sandbox.stop()

    @property
    def nami(self) -> Service[NamiEndpoint]:
        """The simulated exchange."""
        return self.sandbox.services["nami"]

    @property
    def wdcf(self) -> Service[WdcfEndpoint]:
        """The simulated wallet service."""
        return self.sandbox.services["wdcf"]

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.yaml"

    @property
    def store(self) -> Path:
        """The database."""
        return self.folder / "balances.db"

    @property
    def messages(self) -> list[Message]:
        """What the receiver took."""
        return self.webhook.messages

    def write(self, **sections: object) -> None:
        """Writes the configuration, with these sections of it exchanged."""
        self.document |= sections
        self.config.write_text(yaml.safe_dump(self.document, sort_keys=False, allow_unicode=True))

    def holds(self, amount: str, locked: str = "0", *, wallet: str = "spot", currency: int = 22) -> None:
        """Sets a balance of Nami's."""
        holding = Holding(value=constant(Decimal(amount)), locked=constant(Decimal(locked)))
        self.nami.endpoint.wallets[wallet][currency] = holding

    def asked(self, text: str = "") -> int:
        """How many requests Nami has had, with this text in their query."""
        return sum(text in logged.request.query for logged in self.nami.requests)

    async def asked_again(self, text: str = "", times: int = 1) -> None:
        """Waits for that many further requests to Nami."""
        before = self.asked(text)
        await until(lambda: self.asked(text) >= before + times, f"{times} more requests to Nami")

    async def told(self, count: int) -> list[Message]:
        """Waits for so many messages in all."""
        await until(lambda: len(self.messages) >= count, f"{count} messages")
        return self.messages

    async def launch(self, *options: str, **environ: str) -> Daemon:
        """Starts a daemon and does not wait for anything."""
        number = len(self._daemons)
        out, err = self.folder / f"out-{number}.txt", self.folder / f"err-{number}.txt"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = await start(
                "run",
                *("-c", str(self.config), *options),
                cwd=self.folder,
                environ={**self.environ, **environ},
                stdout=stdout.fileno(),
                stderr=stderr.fileno(),
                wrapper=self.wrapper,
                execs=self.execs,
            )
        daemon = Daemon(process, out, err)
        self._daemons.append(daemon)
        return daemon

    async def start(self, *options: str, **environ: str) -> Daemon:
        """Starts a daemon; returns once it says that it runs."""
        daemon = await self.launch(*options, **environ)
        await daemon.logged("running")
        return daemon

    async def command(self, *arguments: str, **environ: str) -> Done:
        """Runs a command on this configuration to its end."""
        name, *rest = arguments
        return await run(
            *(name, "-c", str(self.config), *rest),
            cwd=self.folder,
            environ={**self.environ, **environ},
            execs=self.execs,
        )

    async def status(self) -> Json:
        """What `status --json` shows, as the command."""
        done = await self.command("status", "--json")
        shown: Json = json.loads(done.out)
        return shown

    def look(self) -> Json:
        """What `status --json` would show, without the price of a process: for waiting."""
        loaded = self.loaded()
        return dict(payloads.status(assemble(read(loaded.store.path), loaded, datetime.now(UTC))))

    def loaded(self) -> configuration.Config:
        """The configuration as it stands in the file."""
        text = self.config.read_text()
        if self._loaded is None or self._loaded[0] != text:
            self._loaded = text, configuration.load(self.config, self.environ, need_secrets=False)
        return self._loaded[1]

    async def shows(self, condition: Callable[[Json], object], what: str) -> Json:
        """Waits for the status to show something; what it then shows."""
        shown: Json = {}

        def holds() -> object:
            nonlocal shown
            shown = self.look()
            return condition(shown)

        await until(holds, what, pause=0.1)
        return shown


async def start(
    *arguments: str,
    cwd: Path,
    environ: Mapping[str, str],
    stdout: int = asyncio.subprocess.PIPE,
    stderr: int = asyncio.subprocess.PIPE,
    wrapper: Sequence[str] = (),
    execs: bool = False,
) -> Process:
    """Start the program with nothing to read. By `exec` on demand, and where a fork would not be the same."""
    if not wrapper and not execs and can_be_forked(environ):
        return await fork(arguments, cwd=cwd, environ=environ, stdout=stdout, stderr=stderr)
    return await asyncio.create_subprocess_exec(
        *(*wrapper, sys.executable, "-m", "monitor", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=environ,
    )


async def run(*arguments: str, cwd: Path, environ: Mapping[str, str], execs: bool = False) -> Done:
    """Run a command to its end, with nothing to read and its output piped."""
    process = await start(*arguments, cwd=cwd, environ=environ, execs=execs)
    try:
        async with asyncio.timeout(2 * PATIENCE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                send_signal(process, signal.SIGKILL)
    return Done(process.returncode or 0, out.decode(), err.decode())


def scenario(
    *, nami: Mapping[str, Mapping[int, Holding]] | None = None, wdcf: Mapping[str, Script] | None = None
) -> Scenario:
    """The exchange with these wallets, the wallet service with these clients."""
    return Scenario(services=(replace(NAMI, wallets=nami or {}), replace(WDCF, clients=wdcf or {})))


def small_story() -> Scenario:
    """One wallet with plenty of USDT, one client with dollars."""
    plenty = Holding(value=constant(Decimal("2500.75")), locked=constant(Decimal("100.25")))
    return scenario(nami={"spot": {22: plenty}}, wdcf={"CLIENT_001": constant(Decimal("1500.50"))})


def small_document(sandbox: Sandbox, webhook: Webhook) -> Json:
    """A configuration that polls the small story each second, with a threshold and a failing rule."""
    return {
        "store": {"url": "sqlite:///balances.db"},
        "providers": {
            "nami": {
                "type": "nami",
                "base_url": sandbox.services["nami"].url,
                "api_key": NAMI.api_key,
                "api_secret": NAMI.api_secret,
                "rate_limit": "6000/1m",
                "timeout": "8s",
                "retries": 0,
            },
            "wdcf": {
                "type": "wdcf",
                "base_url": sandbox.services["wdcf"].url,
                "client_secret": WDCF.client_secret,
                "timeout": "8s",
                "retries": 0,
            },
        },
        "channels": {"ops": {"urls": [webhook.url]}},
        "routes": [{"group_wait": "0s"}],  # messages come at once, unless a test is about waiting
        "jobs": [
            {"name": "spot", "provider": "nami", "every": "1s", "wallet": "spot", "currencies": {22: "USDT"}},
            {"name": "clients", "provider": "wdcf", "every": "1s", "clients": ["CLIENT_001"]},
        ],
        "failing": "off",
        "rules": [usdt_low(), endpoint_failing()],
    }


def usdt_low(**changes: object) -> Json:
    """A critical threshold on the wallet's USDT."""
    rule = {"name": "usdt-low", "type": "threshold", "match": {"job": "spot", "currency": "USDT"}}
    return {**rule, "below": "1000", "clear": "1200", "severity": "critical", **changes}


def endpoint_failing(**changes: object) -> Json:
    """A warning when two polls fail in a row."""
    return {"name": "endpoint-failing", "type": "failing", "polls": 2, **changes}


def balances(status: Json) -> dict[str, Json]:
    """The balances of `status --json` by their series."""
    return {balance["series"]: balance for balance in status["balances"]}


def jobs(status: Json) -> dict[str, Json]:
    """The jobs of `status --json` by their names."""
    return {job["name"]: job for job in status["jobs"]}


def incident(message: Message) -> tuple[str, str]:
    """The incident's id and the message's number, as the message's last line tells them."""
    name, _, number = message.body.rpartition("Incident: ")[2].partition(", message ")
    return name, number


@dataclass(slots=True)
class Refusing:
    """A fault that refuses everything, and notes when it was asked."""

    at: list[float] = field(default_factory=list)

    @property
    def fault(self) -> Fault:
        """For `webhook.fault`."""
        return Fault(change=self._refuse)

    def _refuse(self, response: Response) -> Response:
        self.at.append(time.monotonic())
        return replace(response, status=503)
