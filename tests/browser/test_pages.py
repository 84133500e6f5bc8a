"""Every page, as people with all kinds of eyes and screens get it."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, ViewportSize, expect
from pydantic import SecretStr

from monitor.domain.model import Account
from monitor.domain.rules import Threshold
from monitor.errors import Outcome
from monitor.web.auth import Access
from monitor.web.view import PAGE
from tests.web.support import FAILING, World, filled, opened, serving

from .support import PHONE, THEMES, WIDE, Place, accessible, looking, overflow, with_clients

PAGES = {
    "overview": "/",
    "overview-filtered-to-nothing": "/?q=nosuchthing",
    "series": "/series?name=nami-spot/spot/USDT",
    "series-of-a-week": "/series?name=clients/CLIENT_003/USD&span=7d",
    "incidents": "/incidents",
    "incident": "/incidents/{incident}",
    "no-page": "/nowhere",
    "no-series": "/series?name=no/such/series",
}
EXPECTED_ERRORS = {"no-page": 404, "no-series": 404}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Some of everything."""
    return filled(World(path=tmp_path_factory.mktemp("world") / "balances.db"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five thousand clients, each read once."""
    return with_clients(tmp_path_factory.mktemp("many") / "balances.db", 5000)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_for_everybody(
    browser: Browser, place: Place, name: str, size: ViewportSize, theme: str
) -> None:
    """By axe-core's rules for what is seen, heard and touched; it fits the screen, and nothing goes wrong on it."""
    path = PAGES[name].format(incident=place.site.current_status()["alerts"][0]["id"])
    async with looking(browser, place.url, viewport=size, color_scheme=theme) as look:
        await look.to(path)
        assert await accessible(look.page) == ""
        assert await overflow(look.page) <= 0
        status = EXPECTED_ERRORS.get(name)
        allowed = [one for one in look.complaints if status is not None and f"status of {status}" in one]
        assert [one for one in look.complaints if one not in allowed] == []
        assert look.others == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("path", ["/login", "/login?wrong=1", "/"], ids=["login", "wrong", "from-a-page"])
async def test_the_login_is_for_everybody(
    browser: Browser, world: World, path: str, size: ViewportSize, theme: str
) -> None:
    """Strangers get all that the form is made of."""
    access = Access(token=SecretStr("a-token-of-24-characters"))
    with serving(world.app(access)) as url:
        async with looking(browser, url, viewport=size, color_scheme=theme) as look:
            await look.to(path)
            await expect(look.page.get_by_label("Token")).to_be_focused()
            assert await accessible(look.page) == ""
            assert await overflow(look.page) <= 0
            look.is_clean()


HOSTILE_TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onfocus=alert(3) autofocus x='",
    "</script><svg onload=alert(4)>",
    "{{7*7}}${7*7}",
    "&lt;b&gt;",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Accounts, currencies, labels, rules and reasons that would like to be markup."""
    accounts = tuple(
        Account(provider="wdcf-main", job="clients", name=text, labels=(("team", text),))
        for text in HOSTILE_TEXTS
    )
    low = Threshold(name="low<script>alert(5)</script>", below=Decimal(10))
    world = World(
        path=tmp_path_factory.mktemp("hostile") / "balances.db",
        accounts=accounts,
        rules=(low, FAILING),
        now=datetime.now(UTC) - timedelta(minutes=30),
    )

    async def fill() -> None:
        async with opened(world) as store:
            for account in accounts:
                await world.poll(store, account, {"<i>USD</i>": "5"})
            for _ in range(3):
                await world.poll(store, accounts[0], Outcome.AUTH)

    asyncio.run(fill())
    return world


async def test_no_name_is_markup(browser: Browser, hostile: World) -> None:
    """On no page, in no title, in no chart: every name is shown letter by letter, and nothing of it runs."""
    with serving(hostile.app()) as url:
        async with looking(browser, url) as look:
            page = look.page
            await look.to("/")
            shown = await page.locator("table.balances").inner_text()
            assert [text for text in HOSTILE_TEXTS if text not in shown] == []
            series = [f"clients/{text}/<i>USD</i>" for text in HOSTILE_TEXTS]
            for name in series:
                await look.to(f"/series?{urlencode({'name': name})}")
                await expect(page.locator("h1")).to_contain_text(name)
                await expect(page).to_have_title(re.compile(re.escape(name)))
                chart = page.locator(".chart")
                await expect(chart.locator("canvas")).to_be_visible()
                await expect(chart).to_have_attribute("aria-label", re.compile(re.escape(name)))
                await chart.hover()
                await expect(chart).to_contain_text(name)
                assert await page.locator("main img, main script, main svg, main i").count() == 0
            await look.to("/incidents")
            await expect(page.locator("main")).to_contain_text("low<script>alert(5)</script>")
            for incident in hostile.site().incidents():
                await look.to(f"/incidents/{incident.id}")
                await expect(page.locator("main")).to_contain_text(incident.subject)
            for text in HOSTILE_TEXTS:
                await look.to(f"/?{urlencode({'q': text, 'job': text})}")
                await expect(page.locator("input[name=q]")).to_have_value(text)
            look.is_clean()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_a_long_name_pushes_nothing_away(browser: Browser, tmp_path: Path, size: ViewportSize) -> None:
    """The balances stay in sight, and no page goes sideways; the name is there to the last letter."""
    long = Account(provider="wdcf-main", job="clients", name="n" * 120 + "-" + "o" * 134)
    short = Account(provider="wdcf-main", job="clients", name="CLIENT_001")
    world = World(path=tmp_path / "balances.db", accounts=(long, short))
    async with opened(world) as store:
        for account in (long, short):
            await world.poll(store, account, {"USD": "5"})
    with serving(world.app()) as url:
        async with looking(browser, url, viewport=size) as look:
            await look.to("/")
            for one in await look.page.locator("table.balances [data-label=Read]").all():
                box = await one.bounding_box()
                assert box is not None
                assert box["x"] + box["width"] <= size["width"]
            assert await overflow(look.page) <= 0
            await expect(look.page.locator("table.balances")).to_contain_text(long.name)
            await look.to(f"/series?{urlencode({'name': f'clients/{long.name}/USD'})}")
            await expect(look.page.locator(".chart canvas")).to_be_visible()
            assert await overflow(look.page) <= 0


async def test_five_thousand_series_stay_usable(browser: Browser, many: World) -> None:
    """A page at a time, found by text at once; how long it takes is printed (-s), and measured by benchmarks/web.py."""
    with serving(many.app()) as url:
        async with looking(browser, url) as look:
            page = look.page
            began = time.perf_counter()
            await look.to("/")
            took = time.perf_counter() - began
            painted = await page.evaluate(
                "performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)"
            )
            weight = len(await page.content())
            print(
                f"\n5,000 series: painted {painted} ms, all there {took * 1000:.0f} ms, {weight / 1024:.0f} KiB"
            )
            await expect(page.locator("#balances")).to_contain_text("5000")
            rows = page.locator("table.balances tbody tr")
            assert await rows.count() == PAGE
            await page.get_by_role("link", name="Next").click()
            await expect(page.locator("nav.pages")).to_contain_text("Page 2 of 50")
            await page.locator("input[name=q]").fill("C4321")
            await expect(rows).to_have_count(1)
            await expect(rows).to_contain_text("C4321")
            look.is_clean()
