"""A real browser and a real daemon, and checks for errors on its pages."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, ConsoleMessage, Page, Playwright, Request, ViewportSize, expect

from monitor.domain.model import Account
from monitor.domain.rules import Threshold
from monitor.sandbox import Scenario, constant, parse_script
from monitor.sandbox.nami import Holding
from tests.process.support import Daemon, Installation, Json, scenario, until
from tests.web.support import FAILING, World, opened

WIDE, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
THEMES = ("light", "dark")
PATIENCE = float(os.environ.get("BROWSER_PATIENCE", "60")) * 1000
"""Milliseconds that anything may take on a busy machine."""

expect.set_options(timeout=PATIENCE)


def chromium() -> str | None:
    """Return the path of the browser of this machine, None if it has none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((found for name in names if (found := shutil.which(name))), None)


async def launched(playwright: Playwright, executable: str) -> Browser:
    """Start the browser."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to start otherwise
    return await playwright.chromium.launch(executable_path=executable, args=as_root)


@dataclass  # without slots: playwright hangs something on whose methods listen
class Look:
    """A page and its errors: `complaints` of scripts, policies and the browser, requests to `others`, and `visits`,
    the number of times that it was loaded."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Record errors from now on."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._request)
        self.page.on("framenavigated", lambda frame: self.visits.append(frame.url))

    async def to(self, path: str) -> None:
        """Go to a page, and wait until it is loaded completely."""
        await self.page.goto(self.url + path, wait_until="networkidle")

    def is_clean(self) -> None:
        """Raise AssertionError if there was an error."""
        assert not self.complaints, self.complaints
        assert not self.others, self.others

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc and not request.url.startswith("data:"):
            self.others.append(request.url)


_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI} ${event.sample}`));
"""


@asynccontextmanager
async def looking(browser: Browser, url: str, **context: Any) -> AsyncIterator[Look]:
    """Yield the page of a new visitor."""
    opened = await browser.new_context(**{"viewport": WIDE, "color_scheme": "light", **context})
    opened.set_default_timeout(PATIENCE)
    try:
        page = await opened.new_page()
        await page.add_init_script(_VIOLATIONS)
        look = Look(page, url)
        look.watch()
        yield look
    finally:
        await opened.close()


async def accessible(page: Page) -> str:
    """Return the violations that axe-core finds on a page."""
    results = await Axe().run(page)
    return "\n".join(
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
        for one in results.response["violations"]
    )


async def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    width: int = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width


def free_port() -> int:
    """Return a port that is free now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def several_wallets() -> Scenario:
    """Return a scenario of wallets: some move, one is low, one is empty."""
    return scenario(
        nami={
            "spot": {
                1: Holding(value=parse_script("walk 26058942.333333325 step 150000 seed 1")),
                22: Holding(value=constant(Decimal("2500.75")), locked=constant(Decimal("100.25"))),
            },
            "futures": {22: Holding(value=constant(Decimal("1009.8500524310101")))},
        },
        wdcf={
            "CLIENT_001": constant(Decimal("1500.50")),
            "CLIENT_002": parse_script("walk 820.00 step 3 seed 2"),
            "CLIENT_003": constant(Decimal(0)),
        },
    )


def all_jobs() -> list[Json]:
    """Return jobs that poll all accounts each second."""
    return [
        {
            "name": "nami-spot",
            "provider": "nami",
            "every": "1s",
            "wallet": "spot",
            "currencies": {1: "VNDC", 22: "USDT"},
            "labels": {"team": "treasury"},
        },
        {
            "name": "nami-futures",
            "provider": "nami",
            "every": "1s",
            "wallet": "futures",
            "currencies": {22: "USDT"},
        },
        {
            "name": "clients",
            "provider": "wdcf",
            "every": "1s",
            "clients": ["CLIENT_001", "CLIENT_002", "CLIENT_003"],
        },
    ]


def rules() -> list[Json]:
    """Return rules: a limit of the wallet, one that the empty client breaches from the start, and failing polls."""
    return [
        {
            "name": "usdt-low",
            "type": "threshold",
            "match": {"job": "nami-spot", "currency": "USDT"},
            "below": "1000",
            "clear": "1200",
            "severity": "critical",
        },
        {
            "name": "client-empty",
            "type": "threshold",
            "match": {"account": "CLIENT_003"},
            "below": "1",
            "severity": "warning",
        },
        {"name": "endpoint-failing", "type": "failing", "polls": 2},
    ]


@dataclass(slots=True)
class Place:
    """An installation with a status page."""

    site: Installation
    port: int
    daemon: Daemon

    @property
    def url(self) -> str:
        """Return the URL of the page."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def installed(folder: Path, web: Mapping[str, object] | None = None) -> AsyncIterator[Place]:
    """Yield an installation whose daemon polls several wallets and serves a page, once all were read."""
    port = free_port()
    async with Installation.on(folder, several_wallets()) as site:
        site.write(web={"listen": f"127.0.0.1:{port}", **(web or {})}, jobs=all_jobs(), rules=rules())
        daemon = await site.start()
        await site.wait_for_status(
            lambda shown: len(shown["balances"]) == 6 and shown["alerts"], "all of it read"
        )
        await until(lambda: reachable(port), "the status page")
        yield Place(site, port, daemon)


def reachable(port: int) -> bool:
    """Return whether a server listens on the port."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return True
    except OSError:
        return False


def with_clients(path: Path, count: int) -> World:
    """Yield an installation with so many clients, each read once, of which one in a hundred is low."""
    accounts = tuple(
        Account(provider="wdcf-main", job=f"clients-{number % 5}", name=f"C{number:04}")
        for number in range(count)
    )
    low = Threshold(name="client-low", below=Decimal(100))
    started = datetime.now(UTC) - timedelta(minutes=1)
    world = World(path=path, accounts=accounts, rules=(low, FAILING), now=started, every=timedelta(hours=3))

    async def fill() -> None:
        async with opened(world) as store:
            polls = (
                world.poll(
                    store,
                    account,
                    {"USD": "7.25" if number % 100 == 0 else f"1500.50{number}"},
                    after=timedelta(0),
                )
                for number, account in enumerate(accounts)
            )
            await asyncio.gather(*polls)

    asyncio.run(fill())
    world.next_polls = {str(account): world.now + timedelta(hours=1) for account in accounts}
    return world
