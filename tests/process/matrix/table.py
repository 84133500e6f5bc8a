"""One run of one daemon over all cells: first every service is right, then all are faulty at once, then right again.

Each test of `test_endpoints.py` inspects the result for one cell.
"""

import asyncio
import json
import re
import signal
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.sandbox import Message, Webhook
from tests.process.stage import Act, Stage
from tests.process.support import MANY_CALLS, NAMI, WDCF, Daemon, Installation, Json, balances, jobs, until
from tests.providers.support import Endpoint, http

from .cells import Cell
from .certificates import CAN_BE_MADE, TRUSTED, make
from .service import Service

_AFTERWARDS = 2
"""Right responses to wait for after the end of a fault."""


_left_to_tests = suppress(AssertionError)
"""Conditions that never hold are left to the tests, which name the cell."""


_PATIENCE = 120.0
"""Seconds: more than elsewhere, because so many cells take long on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A poll as the store keeps it."""

    outcome: str
    detail: str
    finished_at: datetime


@dataclass(slots=True, repr=False)
class Seen:
    """What the run has shown: `during` the faults and `after` them by `status --json`, the first with its exit code.

    Memory is the most the process ever held, in bytes. Instants asked are on the monotonic clock."""

    during: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    check: int = -1
    memory_before: int = 0
    memory_after: int = 0
    polls: dict[str, list[Poll]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    lasting: list[Message] = field(default_factory=list)
    asked: dict[str, list[float]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    asked_elsewhere: int = 0
    log: str = ""
    code: int = -1

    def messages_about(self, cell: Cell) -> list[Message]:
        """Return the messages about a cell."""
        return [message for message in self.messages if about(message) in (cell.subject, cell.series)]


def about(message: Message) -> str:
    """Return the subject of a message. Titles leave out the `/*` of a whole account."""
    subject = message.title.partition(": ")[2].partition(" ")[0]
    return f"{subject}/*" if subject.count("/") == 1 else subject


@dataclass(slots=True, repr=False)
class Table:
    """The cells, their services while they run, and the result."""

    cells: Sequence[Cell]
    seen: Seen = field(default_factory=Seen)
    act: Act = field(init=False)
    _services: dict[str, Service] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cells = [cell for cell in self.cells if CAN_BE_MADE or not cell.tls]
        self.act = Act(self.play, None, MANY_CALLS)

    def result(self, stage: Stage) -> Seen:
        """Wait for the end of the run; return its result. Raises the error in it."""
        stage.result(self.act)
        return self.seen

    def seen_or_fail(self, stage: Stage) -> Seen:
        """Return the result, or fail without a traceback, which else each of many tests would print."""
        try:
            return self.result(stage)
        except AssertionError as failed:
            pytest.fail(f"the run over all cells failed: {failed}", pytrace=False)

    async def play(self, site: Installation) -> None:
        """Run all cells."""
        certificates = site.folder / "certificates"
        certificates.mkdir()
        if CAN_BE_MADE:
            await asyncio.to_thread(make, certificates)
        site.environ |= {"SSL_CERT_FILE": str(certificates / TRUSTED), "RES_OPTIONS": "timeout:1 attempts:1"}
        async with AsyncExitStack() as stack:
            elsewhere = await stack.enter_async_context(Endpoint(http(200, b"{}")))
            lasting = await stack.enter_async_context(Webhook())
            for cell in self.cells:
                service = Service(cell.kind, _port(elsewhere), certificates if cell.tls else None)
                self._services[cell.provider] = await stack.enter_async_context(service)
            site.write(
                **_sections(self.cells),
                channels={"ops": {"urls": [site.webhook.url]}, "lasting": {"urls": [lasting.url]}},
            )
            self._write(site)
            daemon = await site.start()
            await self._all_well(site)
            await self._go_wrong(site, daemon)
            await self._recover(site, daemon)
            self.seen.code = await daemon.stop()
        self.seen.log = daemon.log
        self.seen.messages, self.seen.lasting = site.messages, lasting.messages
        self.seen.asked = {name: service.instants for name, service in self._services.items()}
        self.seen.ports = {name: service.port for name, service in self._services.items()}
        self.seen.asked_elsewhere = elsewhere.connections
        self.seen.polls = _polls(site.store)

    def _write(self, site: Installation) -> None:
        """Write the configuration with the present addresses of the services."""
        for name, service in self._services.items():
            site.document["providers"][name]["base_url"] = service.base_url
        site.write()

    async def _all_well(self, site: Installation) -> None:
        await _shows(site, lambda shown: self._are_well(shown, self.cells), "every cell read")
        await _shows(
            site,
            lambda shown: shown["notifications"]["delivered"] >= len(self.cells),
            "the lasting alerts notified",
        )

    async def _go_wrong(self, site: Installation, daemon: Daemon) -> None:
        self.seen.memory_before = _most_memory(daemon)
        await asyncio.gather(*(cell.fault.begin(self._services[cell.provider]) for cell in self.cells))
        await self._reload(site, daemon)
        with _left_to_tests:
            await _shows(site, self._has_gone_wrong, "every fault noticed")
        done = await site.command("status", "--json")
        self.seen.during, self.seen.check = json.loads(done.out), done.code
        self.seen.memory_after = _most_memory(daemon)

    async def _recover(self, site: Installation, daemon: Daemon) -> None:
        ending = [cell for cell in self.cells if cell.seen_ending]
        await asyncio.gather(*(cell.fault.end(self._services[cell.provider]) for cell in self.cells))
        await self._reload(site, daemon)
        with _left_to_tests:
            await _shows(site, lambda shown: self._are_well(shown, ending), "every cell read again")
            before = {cell.provider: len(self._services[cell.provider].instants) for cell in ending}
            await until(lambda: self._asked_on(before), "further polls of every cell", within=_PATIENCE)
            await _shows(site, lambda shown: shown["notifications"]["pending"] == 0, "no message waits")
        self.seen.after = await site.status()

    async def _reload(self, site: Installation, daemon: Daemon) -> None:
        """Reload, for the faults that only the configuration can begin and end."""
        before = daemon.log.count("configuration reloaded")
        self._write(site)
        daemon.send(signal.SIGHUP)
        await daemon.logged("configuration reloaded", before + 1)

    def _asked_on(self, before: dict[str, int]) -> bool:
        asked = {name: len(self._services[name].instants) for name in before}
        return all(asked[name] >= count + _AFTERWARDS for name, count in before.items())

    def _are_well(self, shown: Json, cells: Sequence[Cell]) -> bool:
        known, failing = jobs(shown), {alert["series"] for alert in _failing(shown)}
        return all(known[cell.job]["outcome"] == "ok" and cell.subject not in failing for cell in cells)

    def _has_gone_wrong(self, shown: Json) -> bool:
        known, held = jobs(shown), balances(shown)
        counts = {
            cell: held[cell.series]["missing"]
            if cell.lacks_currency
            else known[cell.job]["consecutive_failures"]
            for cell in self.cells
        }
        return shown["notifications"]["pending"] == 0 and all(
            count >= cell.polls for cell, count in counts.items()
        )


async def _shows(site: Installation, condition: Callable[[Json], bool], what: str) -> None:
    """Waits for the status to show something."""
    await until(lambda: condition(site.current_status()), what, within=_PATIENCE, pause=0.2)


def _sections(cells: Sequence[Cell]) -> Json:
    return {
        "providers": {cell.provider: _provider(cell) for cell in cells},
        "jobs": [_job(cell) for cell in cells],
        "failing": "off",
        "rules": [
            {"name": "endpoint-failing", "type": "failing", "polls": 2, "notify": ["ops"]},
            {"name": "moved", "type": "delta", "change": "1%", "severity": "critical", "notify": ["ops"]},
            {"name": "empty", "type": "threshold", "below": 1, "severity": "critical", "notify": ["ops"]},
            {"name": "full", "type": "threshold", "above": 1, "severity": "info", "notify": ["lasting"]},
        ],
    }


def _provider(cell: Cell) -> Json:
    common = {"type": cell.kind, "timeout": cell.timeout, "retries": cell.retries}
    if cell.kind == "wdcf":
        return {**common, "client_secret": WDCF.client_secret}
    keys = {"api_key": NAMI.api_key, "api_secret": NAMI.api_secret}
    return {**common, **keys, "rate_limit": "6000/1m"}


def _job(cell: Cell) -> Json:
    polled = {"name": cell.job, "provider": cell.provider, "every": "1s"}
    if cell.kind == "wdcf":
        return {**polled, "clients": [cell.account]}
    return {**polled, "wallet": cell.account, "currencies": {22: "USDT"}}


def _port(endpoint: Endpoint) -> int:
    return int(endpoint.base_url.rpartition(":")[2])


def _failing(shown: Json) -> list[Json]:
    return [alert for alert in shown["alerts"] if alert["rule"] == "endpoint-failing"]


def _most_memory(daemon: Daemon) -> int:
    text = Path(f"/proc/{daemon.pid}/status").read_text()
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", text)
    return int(kilobytes) * 1024


def _polls(store: Path) -> dict[str, list[Poll]]:
    """Return all polls in the store by their jobs, in order."""
    polls: dict[str, list[Poll]] = defaultdict(list)
    query = (
        "SELECT a.job, p.outcome, p.detail, p.finished_at FROM polls p JOIN accounts a ON a.id = p.account_id"
        " ORDER BY p.started_at"
    )
    with closing(sqlite3.connect(store)) as db:
        for job, outcome, detail, micros in db.execute(query):
            at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
            polls[job].append(Poll(outcome=outcome, detail=detail, finished_at=at))
    return polls
