"""A page that stays open: what changes is seen on it, and whoever works on it is not disturbed."""

import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.process.support import Json

from .support import PHONE, Look, Place, installed, looking

SERIES = "nami-spot/spot/USDT"
LIVE = re.compile(r"live")


@pytest_asyncio.fixture(loop_scope="session")
async def own(tmp_path: Path) -> AsyncIterator[Place]:
    """A daemon that a test does with as it likes."""
    async with installed(tmp_path) as found:
        yield found


def row(series: str = SERIES) -> str:
    """The selector of a series' row."""
    return f'table.balances tr:has(a[href="/series?name={series}"])'


async def stays(look: Look) -> None:
    """Marks the page as it was loaded, so that a reload would show."""
    await look.page.evaluate("window.loadedOnce = true")


async def stayed(look: Look) -> None:
    """AssertionError if the page was loaded again."""
    assert await look.page.evaluate("window.loadedOnce")
    assert len(look.visits) == 1
    look.is_clean()


async def test_a_change_an_alert_and_its_end_are_seen_without_a_reload(browser: Browser, own: Place) -> None:
    """The balance, the row's state, the headline, the list of what fires, and the title of the tab."""
    async with looking(browser, own.url) as look:
        await look.to("/")
        await stays(look)
        page = look.page
        balance = page.locator(row()).locator("[data-label=Available]")
        firing = page.locator("section", has=page.locator("#firing")).locator("tr", has_text="usdt-low")
        await expect(balance).to_contain_text("2,400.50")
        await expect(firing).to_have_count(0)

        own.site.set_balance("816.63", "0")
        await expect(balance).to_contain_text("816.63")
        await expect(firing).to_contain_text("available 816.63 < 1000")
        await expect(page.locator("h1")).to_contain_text("CRITICAL")
        await expect(page).to_have_title(re.compile("CRITICAL"))
        await expect(page.locator(row())).to_contain_text("firing")

        own.site.set_balance("3100.10", "100.25")
        await expect(balance).to_contain_text("2,999.85")
        await expect(firing).to_have_count(0)
        await expect(page.locator("h1")).not_to_contain_text("CRITICAL")
        await stayed(look)


async def test_a_series_page_goes_on_as_well(browser: Browser, own: Place) -> None:
    """Its amounts, its readings and its chart; and an incident's page sees the incident's end."""
    async with looking(browser, own.url) as look, looking(browser, own.url) as other:
        await look.to(f"/series?name={SERIES}&span=1h")
        await stays(look)
        chart = look.page.locator(".chart canvas")
        await expect(chart).to_be_visible()
        own.site.set_balance("816.63", "0")
        await expect(look.page.locator("dl.facts")).to_contain_text("816.63")
        await expect(look.page.locator("table.readings")).to_contain_text("816.63")
        await expect(look.page.locator(".chart")).to_have_attribute("aria-label", re.compile("to 816.63"))

        incident = next(one["id"] for one in own.site.current_status()["alerts"] if one["rule"] == "usdt-low")
        await other.to(f"/incidents/{incident}")
        await stays(other)
        own.site.set_balance("5000")
        await expect(other.page.locator("main")).to_contain_text("resolved")
        await stayed(other)
        await expect(look.page.locator("dl.facts")).to_contain_text("5,000")
        await stayed(look)


async def test_the_focus_and_what_is_typed_stay(browser: Browser, own: Place) -> None:
    """While everything around it is exchanged: a field with half a word, a link in a row that changes."""
    async with looking(browser, own.url) as look:
        await look.to("/")
        await stays(look)
        page = look.page
        balance = page.locator(row()).locator("[data-label=Available]")
        await page.locator(f"{row()} a").first.focus()
        own.site.set_balance("2000", "0")
        await expect(balance).to_contain_text("2,000")
        assert await page.evaluate("document.activeElement.getAttribute('href')") == f"/series?name={SERIES}"

        await page.locator("input[name=q]").press_sequentially("nami")
        await page.wait_for_url(re.compile("q=nami"))
        own.site.set_balance("2100", "0")
        await expect(balance).to_contain_text("2,100")
        assert await page.evaluate("document.activeElement.name") == "q"
        await expect(page.locator("input[name=q]")).to_have_value("nami")
        await page.keyboard.type("-spot")
        await expect(page.locator("input[name=q]")).to_have_value("nami-spot")
        look.is_clean()


async def test_the_selection_of_a_filter_stays_while_it_is_used(browser: Browser, place: Place) -> None:
    """Filtered by job, by state and by text, in any combination; the address tells which, and shows the same again."""
    async with looking(browser, place.url) as look:
        await look.to("/")
        page = look.page
        series = page.locator("table.balances tbody tr")
        await expect(series).to_have_count(6)
        await page.locator("select[name=job]").select_option("clients")
        await expect(series).to_have_count(3)
        await page.locator("select[name=state]").select_option("firing")
        await expect(series).to_have_count(1)
        await expect(series).to_contain_text("CLIENT_003")
        await expect(page).to_have_url(re.compile(r"\?(?=.*job=clients)(?=.*state=firing)"))
        await page.reload()
        await expect(series).to_have_count(1)
        await expect(page.locator("select[name=job]")).to_have_value("clients")
        await page.locator("input[name=q]").fill("nosuchthing")
        await expect(page.locator("main")).to_contain_text("No series matches")
        await page.get_by_role("link", name="Show all").first.click()
        await expect(series).to_have_count(6)
        await page.locator("input[name=q]").fill("TREASURY usdt")
        await expect(series).to_have_count(1)
        await expect(series).to_contain_text("nami-spot/spot/")
        look.is_clean()


async def test_the_way_back_undoes_a_filter(browser: Browser, place: Place) -> None:
    """One after the other; a word is one, however many letters it has."""
    async with looking(browser, place.url) as look:
        await look.to("/")
        page = look.page
        series, words = page.locator("table.balances tbody tr"), page.locator("input[name=q]")
        await page.locator("select[name=job]").select_option("clients")
        await expect(series).to_have_count(3)
        await words.press_sequentially("CLIENT_001", delay=400)
        await expect(series).to_have_count(1)
        await page.go_back()
        await expect(series).to_have_count(3)
        await expect(words).to_have_value("")
        await expect(page.locator("select[name=job]")).to_have_value("clients")
        await page.go_back()
        await expect(series).to_have_count(6)
        await expect(page.locator("select[name=job]")).to_have_value("")
        await page.go_forward()
        await expect(series).to_have_count(3)
        await expect(page.locator("select[name=job]")).to_have_value("clients")
        look.is_clean()


async def test_what_is_selected_stays_so(browser: Browser, own: Place) -> None:
    """An amount in the table of readings that somebody is about to copy, while rows come in above it."""
    async with looking(browser, own.url) as look:
        await look.to(f"/series?name={SERIES}")
        readings = look.page.locator("table.readings tbody tr")
        amount = await readings.first.locator("td .amount").first.element_handle()
        assert amount is not None
        await amount.evaluate("(one) => getSelection().selectAllChildren(one)")
        own.site.set_balance("2000", "0")
        await expect(readings.first).to_contain_text("2,000")
        assert await look.page.evaluate("getSelection().toString()") == "2,400.50"


async def test_ages_are_right_by_a_clock_that_is_wrong(browser: Browser, place: Place) -> None:
    """From the first on, which is seen."""
    async with looking(browser, place.url) as look:
        await look.page.add_init_script(
            """const now = Date.now; Date.now = () => now() + 3 * 3600e3;
            window.ages = new Set();
            const seen = () => document.querySelectorAll("td [data-ago]");
            setInterval(() => seen().forEach((one) => ages.add(one.textContent)), 5);"""
        )
        await look.to("/")
        await expect(look.page.locator("table.balances td [data-ago]").first).to_contain_text("s ago")
        assert [age for age in await look.page.evaluate("[...ages]") if " h" in age] == []


async def test_rows_can_be_sorted(browser: Browser, place: Place) -> None:
    """By what stands at the head of a column, and the other way round; screen readers are told."""
    async with looking(browser, place.url) as look:
        await look.to("/")
        page = look.page
        await page.get_by_role("link", name="Available").click()
        await expect(page.locator("table.balances tbody tr").first).to_contain_text("VNDC")
        await expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
        await page.get_by_role("link", name="Available").click()
        await expect(page.locator("table.balances tbody tr").first).to_contain_text("CLIENT_003")
        look.is_clean()


async def tabbed(page: Page, times: int) -> list[str]:
    """What Tab leads to, one after the other."""
    described = """() => { const one = document.activeElement;
        return one.name || one.getAttribute("href") || one.id || one.className || one.tagName; }"""
    found = []
    for _ in range(times):
        await page.keyboard.press("Tab")
        found.append(str(await page.evaluate(described)))
    return found


async def test_everything_is_reached_with_the_keyboard(browser: Browser, place: Place) -> None:
    """In the order in which it is read: past the navigation at once, the filters, then the rows."""
    async with looking(browser, place.url) as look:
        await look.to("/")
        seen = await tabbed(look.page, 60)
        assert seen[0] == "#main"
        wanted = ["/", "/incidents", "q", "job", "state", f"/series?name={SERIES}"]
        places = [seen.index(one) for one in wanted]
        assert places == sorted(places)
        outline = await look.page.evaluate("getComputedStyle(document.activeElement).outline")
        assert not re.search(r"\bnone\b|\b0px\b", outline)


async def test_the_way_past_the_navigation_works(browser: Browser, place: Place) -> None:
    """The first thing that Tab reaches leads to the content."""
    async with looking(browser, place.url) as look:
        await look.to("/")
        await look.page.keyboard.press("Tab")
        await expect(look.page.locator(".skip")).to_be_in_viewport()
        await look.page.keyboard.press("Enter")
        assert await look.page.evaluate("document.activeElement.id") == "main"


async def test_a_chart_is_read_with_the_keyboard(browser: Browser, place: Place) -> None:
    """Point by point, and each is told to screen readers with its exact amount."""
    async with looking(browser, place.url) as look:
        await look.to("/series?name=nami-futures/futures/USDT&span=1h")
        chart = look.page.locator(".chart")
        await expect(chart.locator("canvas")).to_be_visible()
        await expect(chart).to_have_attribute(
            "aria-label", re.compile("Chart of available of .*futures/USDT")
        )
        await chart.focus()
        await look.page.keyboard.press("ArrowLeft")
        await expect(chart).to_have_attribute("aria-valuetext", re.compile("1009.8500524310101"))
        look.is_clean()


async def test_what_is_stale_never_looks_fresh(browser: Browser, own: Place) -> None:
    """A daemon that is gone is said to be that, with the age of what is seen; once it is back, so is the page."""
    async with looking(browser, own.url) as look:
        await look.to("/")
        await stays(look)
        page = look.page
        await expect(page.locator("#freshness")).to_contain_text(LIVE)
        await own.daemon.stop(signal.SIGKILL)
        await expect(page.locator("#lost")).to_be_visible()
        await expect(page.locator("#lost")).to_contain_text("does not answer")
        await expect(page.locator("#freshness")).not_to_contain_text(LIVE)
        own.site.set_balance("816.63", "0")
        await own.site.start()
        await expect(page.locator("#lost")).to_be_hidden()
        await expect(page.locator("#freshness")).to_contain_text(LIVE)
        await expect(page.locator(row())).to_contain_text("816.63")
        assert await page.evaluate("window.loadedOnce")
        assert [one for one in look.complaints if "ERR_CONNECTION" not in one] == []


async def test_staleness_is_seen_wherever_one_is_on_a_page(browser: Browser, place: Place) -> None:
    """At the end of a long one on a phone as well."""
    async with looking(browser, place.url, viewport=PHONE) as look:
        await look.to("/")
        await look.page.context.set_offline(True)
        lost = look.page.locator("#lost")
        await expect(lost).to_contain_text("does not answer")
        for place_of in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
            await look.page.evaluate(f"scrollTo(0, {place_of})")
            await expect(lost).to_be_in_viewport(ratio=1)
        end = await look.page.locator("footer p").bounding_box()
        banner = await lost.bounding_box()
        assert end is not None
        assert banner is not None
        assert end["y"] + end["height"] <= banner["y"]


async def test_a_service_that_is_gone_is_no_empty_wallet(browser: Browser, own: Place) -> None:
    """The last balance stays, marked as not known; why is told; and the age of the reading goes on."""
    async with looking(browser, own.url) as look:
        await look.to("/?job=clients")
        page = look.page
        client = page.locator(row("clients/CLIENT_001/USD"))
        await expect(client).to_contain_text("1,500.50")
        await own.site.wdcf.stop()
        await expect(client).to_contain_text("connect")
        await expect(client).to_contain_text("1,500.50")
        await expect(page.locator("#provider-wdcf")).to_contain_text("connect")
        look.is_clean()


async def test_a_login_lets_in_and_a_logout_out(browser: Browser, own: Place) -> None:
    """To the page that was asked for; a wrong token is said to be that; the address bar never shows it."""
    token = "a-token-of-24-characters"
    web: Json = {**own.site.document["web"], "token": token}
    own.site.write(web=web)
    own.daemon.send(signal.SIGHUP)
    await own.daemon.logged("who has the token")
    async with looking(browser, own.url) as look:
        page = look.page
        await look.to("/?job=clients")
        await expect(page).to_have_url(re.compile("/login"))
        await page.get_by_label("Token").fill("a-wrong-token-of-somebody")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Wrong token")
        await page.get_by_label("Token").fill(token)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{own.url}/?job=clients")
        await expect(page.locator("table.balances tbody tr")).to_have_count(3)
        await page.go_back()
        await expect(page.locator("table.balances tbody tr")).to_have_count(3)
        assert token not in " ".join(look.visits)
        assert await page.evaluate("document.cookie") == ""

        await page.get_by_role("button", name="Log out").click()
        await expect(page).to_have_url(re.compile("/login"))
        await page.go_back()
        await expect(page).to_have_url(re.compile("/login"))
        look.is_clean()


async def test_who_is_not_logged_in_any_more_is_asked_to(browser: Browser, own: Place) -> None:
    """A page that stays open does not go on as if nothing had happened."""
    token = "a-token-of-24-characters"
    own.site.write(web={**own.site.document["web"], "token": token})
    own.daemon.send(signal.SIGHUP)
    await own.daemon.logged("who has the token")
    async with looking(browser, own.url) as look:
        await look.to("/")
        await look.page.get_by_label("Token").fill(token)
        await look.page.keyboard.press("Enter")
        await expect(look.page.locator("#freshness")).to_contain_text(LIVE)
        await look.page.context.clear_cookies()
        await expect(look.page).to_have_url(re.compile("/login"))


async def test_a_link_from_elsewhere_leads_to_the_page(browser: Browser, own: Place) -> None:
    """From a web mail, say: browsers keep strict cookies back at first. Who is logged in sees the page, who is not
    the login, and neither is sent round in circles."""
    token = "a-token-of-24-characters"
    own.site.write(web={**own.site.document["web"], "token": token})
    own.daemon.send(signal.SIGHUP)
    await own.daemon.logged("who has the token")
    elsewhere = own.site.nami.url.replace("127.0.0.1", "localhost")
    async with looking(browser, own.url) as look:
        page = look.page

        async def follow() -> None:
            await page.route(
                f"{elsewhere}/mail", lambda route: route.fulfill(body=mail, content_type="text/html")
            )
            await page.goto(f"{elsewhere}/mail")
            await page.get_by_role("link").click()

        mail = f'<a href="{own.url}/?job=clients">an alert</a>'
        await follow()
        await expect(page.get_by_label("Token")).to_be_visible()
        await page.get_by_label("Token").fill(token)
        await page.keyboard.press("Enter")
        await expect(page.locator("table.balances tbody tr")).to_have_count(3)
        before = len(look.visits)
        await follow()
        await expect(page.locator("table.balances tbody tr")).to_have_count(3)
        await expect(page).to_have_url(f"{own.url}/?job=clients")
        assert len(look.visits) - before <= 3
