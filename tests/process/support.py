"""One installation to test: a directory, its configuration, the services that it polls, and the process.

Nothing here sleeps for a fixed time: `until` checks repeatedly, and fails after a generous deadline.
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
    """Return once the condition holds. Raises AssertionError, with `what` was waited for, if it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within} s in vain: {what}"
        await asyncio.sleep(pause)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment with nothing of the machine's, and with a time zone that is not UTC."""
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
        """Return the process id."""
        return self.process.pid

    @property
    def log(self) -> str:
        """Return what it has written to stderr so far."""
        return self.err.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        send_signal(self.process, number)

    async def logged(self, text: str, times: int = 1) -> None:
        """Wait for a text in its log."""

        def found() -> bool:
            assert self.process.returncode is None or self.log.count(text) >= times, self.log
            return self.log.count(text) >= times

        await until(found, f"{text!r} in the log")

    async def ended(self, within: float = PATIENCE) -> int:
        """Wait for its end; return the exit code."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; return the exit code."""
        self.send(number)
        return await self.ended()


@dataclass(slots=True)
class Installation:
    """Everything on one machine: the configuration, the services, the receiver, and the daemons."""

    folder: Path
    sandbox: Sandbox
    webhook: Webhook
    document: Json
    environ: dict[str, str]
    wrapper: tuple[str, ...] = ()
    """A command that starts each daemon. It has to end in exec, so that signals reach the daemon."""
    execs: bool = False
    """Every process is started by `exec`, as outside the tests, and none is forked."""
    _daemons: list[Daemon] = field(default_factory=list)
    _loaded: tuple[str, configuration.Config] | None = None

    @classmethod
    def on(cls, folder: Path, scenario: Scenario | None = None, *, limit: int = MANY_CALLS) -> "Installation":
        """Return an installation in an empty directory; `__aenter__` starts its servers and fills in `document`."""
        sandbox = Sandbox((scenario or small_scenario()).allowing(limit))
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
        """Return the simulated exchange."""
        return self.sandbox.services["nami"]

    @property
    def wdcf(self) -> Service[WdcfEndpoint]:
        """Return the simulated wallet service."""
        return self.sandbox.services["wdcf"]

    @property
    def config(self) -> Path:
        """Return the path of the configuration file."""
        return self.folder / "config.yaml"

    @property
    def store(self) -> Path:
        """Return the path of the database."""
        return self.folder / "balances.db"

    @property
    def messages(self) -> list[Message]:
        """Return the messages that the receiver accepted."""
        return self.webhook.messages

    def write(self, **sections: object) -> None:
        """Write the configuration, with these sections replaced."""
        self.document |= sections
        self.config.write_text(yaml.safe_dump(self.document, sort_keys=False, allow_unicode=True))

    def set_balance(
        self, amount: str, locked: str = "0", *, wallet: str = "spot", currency: int = 22
    ) -> None:
        """Set a balance of Nami's."""
        holding = Holding(value=constant(Decimal(amount)), locked=constant(Decimal(locked)))
        self.nami.endpoint.wallets[wallet][currency] = holding

    def request_count(self, text: str = "") -> int:
        """Return how many requests Nami has had with this text in their query."""
        return sum(text in logged.request.query for logged in self.nami.requests)

    async def more_requests(self, text: str = "", times: int = 1) -> None:
        """Wait for so many further requests to Nami."""
        before = self.request_count(text)
        await until(lambda: self.request_count(text) >= before + times, f"{times} more requests to Nami")

    async def received(self, count: int) -> list[Message]:
        """Wait for so many messages in all; return them."""
        await until(lambda: len(self.messages) >= count, f"{count} messages")
        return self.messages

    async def launch(self, *options: str, **environ: str) -> Daemon:
        """Start a daemon, and return at once."""
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
        """Start a daemon; return once it logs that it is running."""
        daemon = await self.launch(*options, **environ)
        await daemon.logged("running")
        return daemon

    async def command(self, *arguments: str, **environ: str) -> Done:
        """Run a command with this configuration to its end."""
        name, *rest = arguments
        return await run(
            *(name, "-c", str(self.config), *rest),
            cwd=self.folder,
            environ={**self.environ, **environ},
            execs=self.execs,
        )

    async def status(self) -> Json:
        """Return the output of the command `status --json`."""
        done = await self.command("status", "--json")
        shown: Json = json.loads(done.out)
        return shown

    def current_status(self) -> Json:
        """Return what `status --json` would print, without the cost of a process: for waiting."""
        loaded = self.loaded()
        return dict(payloads.status(assemble(read(loaded.store.path), loaded, datetime.now(UTC))))

    def loaded(self) -> configuration.Config:
        """Return the configuration as it is in the file."""
        text = self.config.read_text()
        if self._loaded is None or self._loaded[0] != text:
            self._loaded = text, configuration.load(self.config, self.environ, need_secrets=False)
        return self._loaded[1]

    async def wait_for_status(self, condition: Callable[[Json], object], what: str) -> Json:
        """Wait until the status fulfils a condition; return it."""
        shown: Json = {}

        def holds() -> object:
            nonlocal shown
            shown = self.current_status()
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
    """Return a scenario with these wallets of the exchange, and these clients of the wallet service."""
    return Scenario(services=(replace(NAMI, wallets=nami or {}), replace(WDCF, clients=wdcf or {})))


def small_scenario() -> Scenario:
    """Return a scenario of one wallet with plenty of USDT, and one client with dollars."""
    plenty = Holding(value=constant(Decimal("2500.75")), locked=constant(Decimal("100.25")))
    return scenario(nami={"spot": {22: plenty}}, wdcf={"CLIENT_001": constant(Decimal("1500.50"))})


def small_document(sandbox: Sandbox, webhook: Webhook) -> Json:
    """Return a configuration that polls the small scenario each second, with a threshold and a failing rule."""
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
    """Return a critical threshold on the wallet's USDT."""
    rule = {"name": "usdt-low", "type": "threshold", "match": {"job": "spot", "currency": "USDT"}}
    return {**rule, "below": "1000", "clear": "1200", "severity": "critical", **changes}


def endpoint_failing(**changes: object) -> Json:
    """Return a rule that warns when two polls fail in a row."""
    return {"name": "endpoint-failing", "type": "failing", "polls": 2, **changes}


def balances(status: Json) -> dict[str, Json]:
    """Return the balances of `status --json` by their series."""
    return {balance["series"]: balance for balance in status["balances"]}


def jobs(status: Json) -> dict[str, Json]:
    """Return the jobs of `status --json` by their names."""
    return {job["name"]: job for job in status["jobs"]}


def incident(message: Message) -> tuple[str, str]:
    """Return the incident's id and the message's number, as the message's last line has them."""
    name, _, number = message.body.rpartition("Incident: ")[2].partition(", message ")
    return name, number


@dataclass(slots=True)
class Refusing:
    """A fault that refuses everything, and records when (monotonic seconds)."""

    at: list[float] = field(default_factory=list)

    @property
    def fault(self) -> Fault:
        """Return the fault for `webhook.fault`."""
        return Fault(change=self._refuse)

    def _refuse(self, response: Response) -> Response:
        self.at.append(time.monotonic())
        return replace(response, status=503)
