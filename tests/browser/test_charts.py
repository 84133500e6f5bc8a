"""The chart of a series: that it tells nothing false, leaves nothing out, and can be worked with while it goes on."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from monitor.domain.rules import Rule
from tests.web.support import LOW, MINUTE, SPOT, World, opened, serving

from .support import PATIENCE, Look, accessible, looking

CHART = re.compile("/api/v1/chart")
PATH = "/series?name=nami-spot/spot/USDT&span=24h"

# What is written and dotted on canvases, since the last `look.begin()`
_SPY = """
window.texts = []; window.dots = [];
const fillText = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const { textAlign, font } = this;
  texts.push({ text, align: textAlign, left: x - (textAlign === "right" ? this.measureText(text).width : 0) });
  fillText.call(this, text, x, y);
};
const arc = Path2D.prototype.arc;
Path2D.prototype.arc = function (x, ...more) { dots.push(Math.round(x)); arc.call(this, x, ...more); };
"""


@dataclass
class Shown:
    """A chart before somebody's eyes."""

    world: World
    look: Look

    @property
    def page(self) -> Page:
        """It is on."""
        return self.look.page

    async def reads(self, *amounts: str) -> None:
        """Further readings, a minute apart, once they are seen."""
        async with opened(self.world) as store:
            for text in amounts:
                await self.world.poll(store, SPOT, {"USDT": text})
        await expect(self.page.locator(".chart")).to_have_attribute(
            "aria-label", re.compile(f"to {amounts[-1]},")
        )

    async def texts(self, align: str) -> list[str]:
        """What was written on the canvas: numbers at the axis stand right-aligned, instants centred, limits left."""
        return [one["text"] for one in await self.written() if one["align"] == align]

    async def instants_after(self, action: Awaitable[None]) -> list[str]:
        """Those at the axis of the picture that something leads to."""
        await self.page.evaluate("texts.length = 0")
        await action
        async with asyncio.timeout(PATIENCE / 1000):
            while not await self.page.evaluate("texts.length"):
                await asyncio.sleep(0.05)
        return await self.texts("center")

    async def written(self) -> list[Mapping[str, Any]]:
        """All of it, of the last picture."""
        found: list[Mapping[str, Any]] = await self.page.evaluate("texts")
        return found


@asynccontextmanager
async def charted(
    browser: Browser, path: Path, amounts: Sequence[str | None], rules: tuple[Rule, ...] = (LOW,)
) -> AsyncIterator[Shown]:
    """A series with these readings, a minute apart (None: ten minutes without any)."""
    world = World(path=path / "balances.db", rules=rules, now=datetime.now(UTC) - timedelta(hours=3))
    async with opened(world) as store:
        for text in amounts:
            if text is None:
                world.now += 10 * MINUTE
            else:
                await world.poll(store, SPOT, {"USDT": text})
    with serving(world.app()) as url:
        async with looking(browser, url) as look:
            await look.page.add_init_script(_SPY)
            await look.to(PATH)
            await expect(look.page.locator(".chart canvas")).to_be_visible()
            yield Shown(world, look)


@pytest.mark.parametrize(
    ("amounts", "label"),
    [
        pytest.param(["50000"] * 3, "usdt-low: below 1000", id="flat and far from it"),
        pytest.param(["50000", "50010", "50005"], "▼ usdt-low: below 1000", id="far from it, and moving"),
        pytest.param(["5", "5.1", "5"], "usdt-low: below 1000", id="below it, and moving"),
        pytest.param(["1200", "1300", "1250"], "usdt-low: below 1000", id="near it"),
    ],
)
async def test_a_limit_is_always_named(
    browser: Browser, tmp_path: Path, amounts: list[str], label: str
) -> None:
    """In the picture, or at its edge; in words below it."""
    async with charted(browser, tmp_path, amounts) as shown:
        assert await shown.texts("left") == [label]
        await expect(shown.page.locator("#chart-note")).to_contain_text("limits: usdt-low: below 1000")


@pytest.mark.parametrize(
    ("amounts", "one"),
    [
        pytest.param(["1000000000.00", "1000000000.50", "999999999.50"], "1,000,000,000.0", id="a-billion"),
        pytest.param(["0.000000002", "0.000000003"], r"0\.0000000\d+", id="a-billionth"),
        pytest.param(["0.00000000000002", "0.00000000000003"], r"\d(\.\d+)?e-14", id="a-hundred-trillionth"),
        pytest.param(["3" + "0" * 24, "3" + "1" * 24], r"\d(\.\d+)?e\+24", id="a-septillion"),
        pytest.param(["12345678901234567890.1", "12345678901234567890.6"], r"\+0\.\d+", id="beyond-floats"),
        pytest.param(["2400.50"], r"2,\d00", id="ordinary"),
    ],
)
async def test_each_tick_says_what_it_stands_for(
    browser: Browser, tmp_path: Path, amounts: list[str], one: str
) -> None:
    """With as many digits as that needs, none of them cut off, and no two alike."""
    async with charted(browser, tmp_path, amounts, rules=()) as shown:
        ticks = await shown.texts("right")
        assert len(ticks) > 2
        assert len(set(ticks)) == len(ticks)
        assert [tick for tick in ticks if re.match(one, tick)], ticks
        assert min(found["left"] for found in await shown.written()) >= 0


async def test_an_axis_that_counts_from_an_amount_says_from_which(browser: Browser, tmp_path: Path) -> None:
    """Where floats can't tell the amounts apart."""
    async with charted(browser, tmp_path, ["12345678901234567890.1", "12345678901234567890.6"]) as shown:
        note = shown.page.locator("#chart-note")
        await expect(note).to_contain_text("counts from 12345678901234567890.1")


async def test_a_reading_between_two_gaps_is_seen(browser: Browser, tmp_path: Path) -> None:
    """As a dot, as is the newest one after a gap; a line has none."""
    async with charted(browser, tmp_path, [*["5"] * 70, None, "7", None, "6"]) as shown:
        assert len(set(await shown.page.evaluate("dots"))) == 2


async def test_the_keyboard_s_cursor_stays_at_its_reading(browser: Browser, tmp_path: Path) -> None:
    """While readings come in: it neither moves nor speaks, and what is written below says the same."""
    async with charted(browser, tmp_path, ["1001", "1002", "1003"]) as shown:
        chart = shown.page.get_by_role("slider", name=re.compile("Chart of available"))
        await chart.focus()
        for _ in range(2):
            await shown.page.keyboard.press("ArrowLeft")
        told = await chart.get_attribute("aria-valuetext")
        assert told is not None
        assert told.endswith(": 1002")
        await shown.reads("1004", "1005")
        await expect(chart).to_have_attribute("aria-valuetext", told)
        await expect(chart.locator(".u-legend")).to_contain_text(told.split(" UTC")[0])
        await expect(chart.locator(".u-legend")).to_contain_text("1002")
        await expect(shown.page.locator("#news")).to_be_empty()
        await shown.page.keyboard.press("ArrowRight")
        await expect(chart).to_have_attribute("aria-valuetext", re.compile(": 1003$"))
        assert await accessible(shown.page) == ""


async def test_the_mouse_keeps_its_reading(browser: Browser, tmp_path: Path) -> None:
    """The words below go on to tell what is under it."""
    async with charted(browser, tmp_path, ["1001", "1002", "1003"]) as shown:
        await shown.page.locator(".u-over").hover()
        await expect(shown.page.locator(".u-legend")).to_contain_text("UTC")
        await shown.reads("1004")
        await expect(shown.page.locator(".u-legend")).to_contain_text("UTC")


async def zoom(page: Page) -> None:
    """To the last quarter of the picture."""
    box = await page.locator(".u-over").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.75, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.98, middle, steps=4)
    await page.mouse.up()


async def test_a_zoomed_chart_goes_on(browser: Browser, tmp_path: Path) -> None:
    """With the readings that come in, in the window that was chosen, whatever the colours and its size are; a double
    click shows all of it again."""
    async with charted(browser, tmp_path, ["1001", "1002", "1003"]) as shown:
        page = shown.page
        whole = await shown.texts("center")
        zoomed = await shown.instants_after(zoom(page))
        assert zoomed != whole
        assert await shown.instants_after(shown.reads("1004")) == zoomed
        assert await shown.instants_after(page.emulate_media(color_scheme="dark")) == zoomed
        wider = await shown.instants_after(page.set_viewport_size({"width": 1290, "height": 900}))
        assert wider == zoomed
        assert len(await shown.instants_after(page.locator(".u-over").dblclick())) == len(whole)


async def test_the_words_below_a_chart_stay(browser: Browser, tmp_path: Path) -> None:
    """When the page around it is exchanged."""
    async with charted(browser, tmp_path, ["1001", "1002"]) as shown:
        note = shown.page.locator("#chart-note")
        await expect(note).to_contain_text("Drag to zoom")
        await note.evaluate(
            """(note) => {
                window.notes = [];
                const watched = { childList: true, characterData: true, subtree: true };
                new MutationObserver(() => notes.push(note.textContent)).observe(note, watched);
            }"""
        )
        await shown.reads("1003")
        await expect(shown.page.locator("table.readings")).to_contain_text("1,003")
        told = await shown.page.evaluate("notes")
        assert told
        assert [text for text in told if "Drag to zoom" not in text] == []


async def test_a_chart_that_can_t_be_loaded_says_so(browser: Browser, tmp_path: Path) -> None:
    """Where it should be, or is from before; once it can be, nothing of that is left."""
    async with charted(browser, tmp_path, ["1001", "1002"]) as shown:
        page, note = shown.page, shown.page.locator("#chart-note")
        await page.route(CHART, lambda route: route.fulfill(status=503))
        await expect(note).to_contain_text(
            re.compile("Outdated chart, as of .* UTC: the daemon responds with 503")
        )
        await page.reload()
        await expect(note).to_contain_text("The chart could not be loaded: the daemon responds with 503")
        await page.unroute(CHART)
        await expect(note).to_contain_text("Drag to zoom")
