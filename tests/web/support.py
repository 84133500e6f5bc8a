"""A store filled as the daemon fills it, a site over it, and the two ways to ask it: in this process, or through the
real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from socket import create_server

import httpx
from pydantic import SecretStr
from starlette.types import ASGIApp

from monitor.alerting.recording import record
from monitor.config import Config, Every, StoreSettings
from monitor.daemon.metrics import Metrics
from monitor.domain.delivery import Target
from monitor.domain.matching import Match
from monitor.domain.model import Account, Balance, PollResult, Severity
from monitor.domain.rules import Failing, Policy, Rule, Threshold
from monitor.errors import Outcome
from monitor.providers.base import Settings
from monitor.providers.nami import NamiSettings
from monitor.providers.wdcf import WdcfSettings
from monitor.store.writer import Store
from monitor.web.application import application
from monitor.web.auth import Access
from monitor.web.queries import Site
from monitor.web.server import Server
from monitor.web.view import Live

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPEN = Access()
"""Everybody gets in."""

SPOT = Account(
    provider="nami-main",
    job="nami-spot",
    name="spot",
    currencies=("USDT", "VNDC"),
    labels=(("team", "treasury"),),
)
CLIENT = Account(provider="wdcf-main", job="clients", name="CLIENT_001")
HOSTILE = Account(
    provider="wdcf-main",
    job="clients",
    name="<script>alert(1)</script>/\"'&amp; %2F%00\u0007\x1b\ufffe \u202eünï 漢 💰 {{7*7}} ?a=b#c",
    labels=(("<b>team</b>", "</textarea><script>alert(2)</script>"),),
)

LOW = Threshold(
    name="usdt-low",
    match=Match({"currency": ("USDT",)}),
    below=Decimal(1000),
    policy=Policy(severity=Severity.CRITICAL, repeat_every=None),
)
FAILING = Failing(name="failing", polls=3)


@dataclass(kw_only=True)
class World:
    """Accounts that a test polls, one minute after another. `now` is the time of the site."""

    path: Path
    accounts: tuple[Account, ...] = (SPOT, CLIENT, HOSTILE)
    rules: tuple[Rule, ...] = (LOW, FAILING)
    now: datetime = START
    started: datetime = START
    next_polls: Mapping[str, datetime] = field(default_factory=dict)
    unready: str = ""
    liveness_problem: str = ""
    readiness_problem: str = ""
    every: timedelta = MINUTE
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def config(self) -> Config:
        """Return the configuration of the accounts and rules."""
        jobs = {account.job: account.provider for account in self.accounts}
        return configured(
            *self.rules,
            accounts=self.accounts,
            targets=[Target(channel="ops", url_id="aaaa")],
            schedules=dict.fromkeys(jobs, Every(interval=self.every)),
            providers={name: _settings(name) for name in dict.fromkeys(jobs.values())},
            store=StoreSettings(path=self.path, keep=timedelta(days=90)),
        )

    def site(self) -> Site:
        """Return a site of the present state; later changes need a new site."""
        config = self.config
        return Site(
            config=lambda: config,
            live=lambda: Live(started_at=self.started, next_polls=self.next_polls, unready=self.unready),
            liveness_problem=lambda: self.liveness_problem,
            readiness_problem=lambda: self.readiness_problem,
            clock=lambda: self.now,
            metrics=self.metrics,
        )

    def app(self, access: Access = OPEN) -> ASGIApp:
        """Return the application."""
        return application(self.site(), access)

    async def poll(
        self,
        store: Store,
        account: Account,
        read: Mapping[str, str | Balance] | Outcome,
        *,
        after: timedelta = MINUTE,
    ) -> None:
        """Poll an account so long after the last poll: balances by currency, or the kind of failure."""
        self.now += after
        result = _failed(read, self.now) if isinstance(read, Outcome) else _ok(read, self.now)
        await store.write(partial(record, account=account, result=result, config=self.config))


def _settings(provider: str) -> Settings:
    """Return settings of a provider, by its name."""
    url = f"https://{provider}.example"
    if provider.startswith("wdcf"):
        return WdcfSettings(type="wdcf", base_url=url, client_secret=SecretStr("s"))
    return NamiSettings(type="nami", base_url=url, api_key=SecretStr("k"), api_secret=SecretStr("s"))


def _failed(outcome: Outcome, at: datetime) -> PollResult:
    detail = f"what {outcome} looks like"
    return PollResult(outcome=outcome, started_at=at, finished_at=at, attempts=1, detail=detail)


def _ok(read: Mapping[str, str | Balance], at: datetime) -> PollResult:
    balances = tuple(_balance(*one) for one in read.items())
    return PollResult(outcome=Outcome.OK, started_at=at, finished_at=at, attempts=1, balances=balances)


def _balance(currency: str, amount: str | Balance) -> Balance:
    if isinstance(amount, Balance):
        return amount
    return Balance(currency=currency, total=Decimal(amount), available=Decimal(amount))


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[Store]:
    """Yield the store of the world, open for writing."""
    store = Store(world.path)
    try:
        yield store
    finally:
        await store.close()


async def some_of_everything(world: World) -> None:
    """Put into a world: a resolved incident, a firing one, a failing account, a series without readings, hostile names,
    and amounts of all lengths."""
    long = "12345678901234567890.123456789012345678"
    async with opened(world) as store:
        for amount in ("1500.50", "900.10", "899", "1500.50", "20"):
            await world.poll(store, SPOT, {"USDT": amount})
        locked = Balance(
            currency="VND",
            total=Decimal(long),
            available=Decimal("-0.00000010"),
            locked=Decimal("0E-8"),
            updated_at=world.now,
        )
        await world.poll(store, CLIENT, {"VND": locked})
        await world.poll(store, HOSTILE, {"<i>USDT</i>": "1", "USDT": "5"})
        for outcome in (Outcome.TIMEOUT, Outcome.AUTH, Outcome.AUTH):
            await world.poll(store, HOSTILE, outcome)
    world.next_polls = {str(account): world.now + MINUTE for account in world.accounts}


def filled(world: World) -> World:
    """Call `some_of_everything` from a test that is not asynchronous."""
    asyncio.run(some_of_everything(world))
    return world


@asynccontextmanager
async def asking(app: ASGIApp, headers: Mapping[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Send a request to the application in this process: no socket, no lifespan."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8787", headers=headers
    ) as client:
        yield client


@contextmanager
def serving(app: ASGIApp, host: str = "127.0.0.1") -> Iterator[str]:
    """Run the real server on a free port; yield its URL."""
    port = free_port(host)
    server = Server(app, host, port)
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.stop()
        deadline = time.monotonic() + 10
        while server.is_alive and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not server.is_alive


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free now."""
    with create_server((host, 0)) as found:
        return int(found.getsockname()[1])
