"""Measure the load when all accounts breach at once, or fail, with `inhibit`, silences and three channels, one slow.

    python -m benchmarks.breach [--accounts 10000] [--minutes 4] [--group-wait 75s]

Needs the development dependencies. A real daemon polls a sandbox on loopback. This process takes the roles of the
channels and of systemd, which receives the daemon's signs of life. Prints a table with a row for each phase: before,
all balances are below their limit, all are back, the service fails.
"""

import argparse
import asyncio
import socket
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import quantiles

from benchmarks.web import used
from monitor.domain.matching import Match
from monitor.domain.time import to_micros
from monitor.sandbox import Fault, Webhook, constant
from monitor.sandbox.scripts import Script
from monitor.store.writer import amend
from tests.process.support import Installation, scenario, until

EVERY = timedelta(seconds=60)
SILENCES = 50
SLOW = timedelta(seconds=10)
"""Time that the slow channel takes to answer."""
WATCHDOG = timedelta(seconds=60)
INHIBIT = [
    {
        "source": {"rule": "endpoint-failing"},
        "target": {"type": ["threshold", "delta"], "severity": ["info", "warning"]},
        "equal": ["provider"],
    }
]
REFUSES = Fault.status(500)
PLENTY, LITTLE = constant(Decimal(1500)), constant(Decimal(5))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000, help="number of accounts")
    parser.add_argument("--minutes", type=float, default=4, help="length of each phase except the first")
    parser.add_argument("--group-wait", default="75s", help="`group_wait` of the route")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(
            measure(Path(folder), wanted.accounts, timedelta(minutes=wanted.minutes), wanted.group_wait)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A phase of the run: its start and end (UTC), CPU seconds per minute, and signs of life (monotonic seconds)."""

    name: str
    began: datetime
    ended: datetime
    cpu: float
    signs: Sequence[float]


@dataclass(slots=True)
class Run:
    """A running daemon, its channels, and its signs of life (monotonic seconds)."""

    site: Installation
    pid: int
    channels: dict[str, Webhook]
    signs: list[float] = field(default_factory=list)

    async def phase(self, name: str, lasts: timedelta) -> Phase:
        """Let the daemon run for a time, and return the measurements."""
        began, cpu, first = datetime.now(UTC), used(self.pid), time.monotonic()
        await asyncio.sleep(lasts.total_seconds())
        seconds = time.monotonic() - first
        return Phase(
            name=name,
            began=began,
            ended=datetime.now(UTC),
            cpu=(used(self.pid) - cpu) / seconds * 60,
            signs=[first, *(at for at in self.signs if at >= first), time.monotonic()],
        )

    def hold(self, balance: Script) -> None:
        """Give every account this balance from now on."""
        clients = self.site.wdcf.endpoint.clients
        clients.update(dict.fromkeys(clients, balance))


async def measure(folder: Path, accounts: int, lasts: timedelta, group_wait: str) -> None:
    """Run the phases and print the table."""
    names = [f"C{number:05}" for number in range(accounts)]
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(
            Installation.on(folder, scenario(nami={}, wdcf=dict.fromkeys(names, PLENTY)))
        )
        channels = {name: await stack.enter_async_context(Webhook()) for name in ("ops", "phone", "slow")}
        channels["slow"].fault = Fault.latency(SLOW)
        site.write(
            channels={name: {"urls": [one.url]} for name, one in channels.items()},
            routes=[{"group_wait": group_wait}],
            inhibit=INHIBIT,
            jobs=[{"name": "clients", "provider": "wdcf", "every": "60s", "clients": names}],
            rules=[
                {"name": "low", "type": "threshold", "below": "1000", "clear": "1200"},
                {"name": "endpoint-failing", "type": "failing", "polls": 3},
            ],
        )
        signs: list[float] = []
        manager = stack.enter_context(
            closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        )
        manager.bind(str(folder / "notify"))
        loop = asyncio.get_running_loop()
        loop.add_reader(manager, lambda: heard(manager, signs))
        daemon = await site.start(
            NOTIFY_SOCKET=str(folder / "notify"), WATCHDOG_USEC=str(int(WATCHDOG.total_seconds() * 1e6))
        )
        run = Run(site=site, pid=daemon.pid, channels=channels, signs=signs)
        await until(
            lambda: count(site.store, "accounts WHERE polled_at > 0") == accounts,
            "all read",
            within=600,
            pause=1,
        )
        await silence(site.store, names[:SILENCES])
        phases = [await run.phase("before", EVERY + timedelta(seconds=10))]
        missed = [count_missed(site.store)]
        steps = (
            ("all breach", LITTLE, None),
            ("all are back", PLENTY, None),
            ("none answers", PLENTY, REFUSES),
        )
        for name, balance, fault in steps:
            run.hold(balance)
            site.wdcf.fault = fault
            phases.append(await run.phase(name, lasts))
            missed.append(count_missed(site.store))
        loop.remove_reader(manager)
        print(f"{accounts} accounts every {EVERY.total_seconds():.0f} s, group_wait {group_wait}")  # noqa: T201 -- its output
        print(table(site.store, phases, missed, channels))  # noqa: T201 -- its output
        restarts = int(daemon.process.returncode is not None)
        print(f"restarts: {restarts}")  # noqa: T201 -- its output


def heard(manager: socket.socket, signs: list[float]) -> None:
    """Record a sign of life."""
    if manager.recv(4096).startswith(b"WATCHDOG=1"):
        signs.append(time.monotonic())


async def silence(store: Path, names: Sequence[str]) -> None:
    """Add a silence for each account while the daemon runs, as `balance-monitor silence add` does."""
    at = datetime.now(UTC)
    for name in names:
        match = Match({"account": (name,)})
        await asyncio.to_thread(
            amend,
            store,
            lambda tx, match=match: tx.alerts.add_silence(
                match, starts_at=at, ends_at=at + timedelta(hours=1), by="ann", reason="known", now=at
            ),
        )


def count(store: Path, what: str) -> int:
    """Return the number of rows of a table or of a selection (`accounts WHERE …`)."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
        found: int = db.execute(f"SELECT count(*) FROM {what}").fetchone()[0]  # noqa: S608 -- our own text
        return found


def count_missed(store: Path) -> int:
    """Return the number of runs missed so far."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
        found: int = db.execute("SELECT sum(missed_runs) FROM accounts").fetchone()[0]
        return found


def table(store: Path, phases: Sequence[Phase], missed: Sequence[int], channels: dict[str, Webhook]) -> str:
    """Return a table with a row for each phase, and its CPU as a multiple of the first phase's."""
    rows = [
        "\n| phase | CPU seconds per minute | polls per minute | delay of polls, p99 | missed runs "
        "| longest time without a sign of life | messages |\n|--|--|--|--|--|--|--|"
    ]
    for phase, before, after in zip(phases, [0, *missed], missed, strict=False):
        minutes = (phase.ended - phase.began) / timedelta(minutes=1)
        late, polls = lateness(store, phase)
        gap = max(after - before for before, after in zip(phase.signs, phase.signs[1:], strict=False))
        messages = ", ".join(
            f"{name} {sum(phase.began <= one.received_at < phase.ended for one in webhook.messages)}"
            for name, webhook in channels.items()
        )
        rows.append(
            f"| {phase.name} | {phase.cpu:.1f} ({phase.cpu / phases[0].cpu:.2f} times) | {polls / minutes:.0f} "
            f"| {late:.2f} s | {after - before} | {gap:.1f} s | {messages} |"
        )
    return "\n".join(rows)


def lateness(store: Path, phase: Phase) -> tuple[float, int]:
    """Return the 99th percentile of the delay of polls in seconds, and the number of polls.

    The delay of a poll is the time since the previous poll of its account, minus the interval."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT started_at - lag(started_at) OVER (PARTITION BY account_id ORDER BY started_at), started_at"
            " FROM polls"
        ).fetchall()
    began, ended = to_micros(phase.began), to_micros(phase.ended)
    late = [
        max(gap / 1e6 - EVERY.total_seconds(), 0.0)
        for gap, at in rows
        if gap is not None and began <= at < ended
    ]
    return (quantiles(late, n=100)[98] if len(late) > 1 else float("nan")), len(late)


if __name__ == "__main__":
    main()
