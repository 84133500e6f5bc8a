"""The pictures in the README: the status page as it is, on an ordinary day. `SCREENSHOTS=docs pytest …` writes them."""

import asyncio
import io
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, ViewportSize, expect

from monitor.alerting.recording import record
from monitor.config import Config
from monitor.domain.matching import Match
from monitor.domain.model import Account, Balance, PollResult, Severity
from monitor.domain.rules import Delta, Failing, Policy, Threshold
from monitor.errors import Outcome
from tests.web.support import World, opened, serving

from .support import THEMES, looking

SIZE = ViewportSize(width=1280, height=880)
LARGEST = 200 * 1024
EVERY = timedelta(minutes=10)
POLLS = 25 * 6  # a day, and what an hour's change needs before it

SPOT = Account(provider="nami-main", job="nami-spot", name="spot", labels=(("team", "treasury"),))
FUTURES = Account(provider="nami-main", job="nami-futures", name="futures", labels=(("team", "treasury"),))
CLIENTS = [Account(provider="wdcf-main", job="clients", name=f"CLIENT_00{number}") for number in range(1, 6)]
STARTS = {"CLIENT_001": "12400.50", "CLIENT_002": "8120.00", "CLIENT_003": "640.25", "CLIENT_004": "99310.75"}

RULES = (
    Threshold(
        name="usdt-low",
        match=Match({"job": ("nami-spot",), "currency": ("USDT",)}),
        below=Decimal(20000),
        clear=Decimal(25000),
        policy=Policy(severity=Severity.CRITICAL, repeat_every=None),
    ),
    Delta(
        name="client-drained",
        match=Match({"job": ("clients",)}),
        direction="drop",
        limit=Decimal(20),
        percent=True,
        within=timedelta(hours=1),
    ),
    Failing(name="failing", polls=3),
)


TIMED_OUT = "no complete response within 10s"


@dataclass(kw_only=True)
class Day(World):
    """One on which all messages were delivered, since none were wanted."""

    @property
    def config(self) -> Config:
        """What is judged."""
        return replace(super().config, channels={})


def walked(amount: Decimal, step: Decimal, dice: random.Random) -> Decimal:
    """A move, up or down."""
    return (amount + step * Decimal(dice.randint(-100, 100)) / 100).quantize(Decimal("0.01"))


def late(at: datetime) -> PollResult:
    """A poll without an answer."""
    return PollResult(outcome=Outcome.TIMEOUT, started_at=at, finished_at=at, attempts=3, detail=TIMED_OUT)


async def a_day(world: World) -> None:
    """A spot wallet that runs dry towards the evening, clients that trade, one whose wallet can't be read any more."""
    dice = random.Random(7)  # the same picture each time
    usdt, vndc, futures = Decimal("61250.75"), Decimal("2605894200.33"), Decimal("1009.8500524310101")
    clients = {account: Decimal(STARTS.get(account.name, "310.00")) for account in CLIENTS}

    def spot() -> Mapping[str, Balance]:
        locked = Decimal("1200.25")
        return {
            "USDT": Balance(currency="USDT", total=usdt, available=usdt - locked, locked=locked),
            "VNDC": Balance(currency="VNDC", total=vndc, available=vndc),
        }

    async with opened(world) as store:
        for number in range(POLLS):
            left = POLLS - number
            usdt = walked(usdt, Decimal(600), dice) - (Decimal(1420) if left < 34 else Decimal(-20))
            vndc = walked(vndc, Decimal(9_000_000), dice)
            await world.poll(store, SPOT, spot(), after=EVERY)
            await world.poll(store, FUTURES, {"USDT": str(futures)}, after=timedelta(0))
            for account in CLIENTS:
                clients[account] = max(walked(clients[account], clients[account] / 60, dice), Decimal(0))
                broken = account is CLIENTS[2] and left <= 3
                if broken:
                    await store.write(
                        partial(record, account=account, result=late(world.now), config=world.config)
                    )
                else:
                    await world.poll(store, account, {"USD": str(clients[account])}, after=timedelta(0))
    world.next_polls = {str(account): world.now + EVERY for account in (SPOT, FUTURES, *CLIENTS)}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A day's worth of readings that ends now."""
    world = Day(
        path=tmp_path_factory.mktemp("day") / "balances.db",
        accounts=(SPOT, FUTURES, *CLIENTS),
        rules=RULES,
        now=datetime.now(UTC) - POLLS * EVERY - timedelta(seconds=20),
        every=EVERY,
    )
    asyncio.run(a_day(world))
    world.now += timedelta(seconds=20)
    return world


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="SCREENSHOTS names no folder for the pictures")
@pytest.mark.parametrize("theme", THEMES)
async def test_the_readme_shows_the_page_as_it_is(browser: Browser, day: World, theme: str) -> None:
    """In both themes, small enough for a README."""
    name = "status-page.png" if theme == "light" else f"status-page-{theme}.png"
    with serving(day.app()) as url:
        async with looking(browser, url, viewport=SIZE, color_scheme=theme) as look:
            await look.to("/")
            await expect(look.page.locator("h1")).to_contain_text("CRITICAL")
            await expect(look.page.locator(".outline canvas").first).to_be_visible()
            picture = Image.open(io.BytesIO(await look.page.screenshot()))
            look.is_clean()
    path = Path(os.environ["SCREENSHOTS"]) / name
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < LARGEST
