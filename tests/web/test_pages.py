"""The pages as they are sent: what they hold, that nothing in them is taken for markup, and how they are kept."""

import gzip
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from monitor.domain.model import Account, Subject
from monitor.store.read.incidents import Incident, incidents
from monitor.web import params
from monitor.web.pages import amount, around, link, longest_fraction, signed
from tests.web.support import HOSTILE, LOW, SPOT, World, asking, filled, opened

PAGES = ("/", "/?state=unknown&order=-balance", "/series?name=nami-spot/spot/USDT", "/incidents", "/login")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Some of everything: an alert that fires, one that is over, failures, hostile names."""
    return filled(World(path=tmp_path_factory.mktemp("pages") / "balances.db"))


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser."""
    async with asking(world.app(), {"accept": "text/html"}) as client:
        yield client


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One more."""
        self.found.append((tag, dict(attrs)))


def text_of(page: str) -> str:
    """What a page says."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def all_pages(world: World) -> list[str]:
    """Those, a hostile series, and each incident."""
    hostile = link("/series", name=f"{HOSTILE}/USDT")
    return [*PAGES, hostile, *(f"/incidents/{one.id}" for one in incidents(world.path))]


async def test_the_overview_holds_exact_balances_and_what_fires(client: httpx.AsyncClient) -> None:
    """All digits, grouped; the alert with its reason; what is not known said so."""
    page = text_of((await client.get("/")).text)
    assert "12,345,678,901,234,567,890.123456789012345678" in page
    assert "-0.00000010" in page
    assert "usdt-low nami-spot/spot/USDT available 20 < 1000" in page
    assert "CRITICAL" in page
    assert "auth: what auth looks like" in page


async def test_a_series_page_holds_its_readings_rules_and_incidents(client: httpx.AsyncClient) -> None:
    """As text, too, for who sees no chart."""
    page = text_of((await client.get("/series?name=nami-spot/spot/USDT")).text)
    for words in ("1,500.50", "899", "available at least 1000", "usdt-low", "2026-02-01 14:31:00 UTC"):
        assert words in page


async def test_an_incident_page_has_its_timeline(world: World, client: httpx.AsyncClient) -> None:
    """Readings, messages, and that one of them waits."""
    fires = next(one for one in incidents(world.path) if one.state == "firing" and "spot" in one.subject)
    page = text_of((await client.get(f"/incidents/{fires.id}")).text)
    assert f"Incident {fires.id}" in page
    assert "fired (critical)" in page
    assert "Pending notifications" in page


async def test_no_name_becomes_markup_on_any_page(world: World, client: httpx.AsyncClient) -> None:
    """An account may be called <script>: the only scripts are ours, and no attribute runs anything."""
    for path in all_pages(world):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        for tag, attributes in Tags(answer.text).found:
            assert tag not in ("i", "img", "iframe", "style"), path
            assert not [name for name in attributes if name.startswith("on") or name == "style"], path
            if tag == "script":
                assert (attributes.get("src") or "").startswith("/static/")
            for name in ("src", "href", "action"):
                assert (attributes.get(name) or "/").startswith(("/", "#")), path


async def test_a_hostile_account_s_page_is_found_by_the_link_to_it(client: httpx.AsyncClient) -> None:
    """Slashes, quotes, percent signs and control characters go into an address and come out of it."""
    overview = (await client.get("/")).text
    links = {unescape(found) for found in re.findall(r'href="(/series\?[^"]+)"', overview)}
    assert len(links) == 5
    for found in links:
        answer = await client.get(found)
        assert answer.status_code == 200, found
        assert "Readings" in answer.text


async def test_the_overview_warns_of_a_clock_in_doubt(tmp_path: Path) -> None:
    """With why, and what to do; the status says the same."""
    world = World(path=tmp_path / "balances.db")
    async with opened(world) as store:
        await store.write(lambda tx: tx.clock.note_doubt("this machine's clock is 30d behind a service's"))
    async with asking(world.app(), {"accept": "text/html"}) as client:
        page, data = await client.get("/"), await client.get("/api/v1/status")
    warning = (
        "the clock is in doubt: this machine's clock is 30d behind a service's; old data is kept until this is "
        "resolved: check the clock"
    )
    assert f"Warning: {warning}" in text_of(page.text)
    assert data.json()["warnings"] == [warning]


async def test_a_page_is_sent_again_only_if_it_changed(world: World) -> None:
    """By its tag, and packed where the browser can unpack it."""
    async with asking(world.app(), {"accept": "text/html", "accept-encoding": "gzip"}) as client:
        first = await client.get("/incidents")
        again = await client.get("/incidents", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers["content-encoding"] == "gzip"
        plain = await client.get("/incidents", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert gzip.decompress(gzip.compress(plain.content)) == first.content


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        pytest.param("/series?name=no/such/thing", 404, "unknown series", id="a series that is not there"),
        pytest.param("/incidents/NONE", 404, "unknown incident", id="an incident that is not there"),
        pytest.param("/nothing", 404, "Page not found", id="a page that is not there"),
        pytest.param("/?page=0", 422, "The address contains", id="a page before the first"),
        pytest.param("/?state=<script>", 422, "The address contains", id="a state that is none"),
        pytest.param(
            "/series?name=a&before=yesterday", 422, "The address contains", id="an instant that is none"
        ),
    ],
)
async def test_what_can_t_be_shown_is_said_on_a_page(
    client: httpx.AsyncClient, path: str, status: int, says: str
) -> None:
    """In words, with a way back."""
    answer = await client.get(path)
    assert answer.status_code == status
    assert says in text_of(answer.text)
    assert '<a href="/">' in answer.text


async def test_what_the_title_says_is_not_said_again(client: httpx.AsyncClient) -> None:
    """The protocol's own words for it help nobody."""
    assert "Not Found" not in (await client.get("/nothing")).text


NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


def resolved(began: timedelta, lasted: timedelta) -> Incident:
    """One that began so long before noon."""
    at = NOON - began
    return Incident(
        id="A",
        rule="low",
        subject=Subject("a/b/C"),
        state="resolved",
        severity=1,
        began=at,
        since=at,
        ended_at=at + lasted,
    )


@pytest.mark.parametrize(
    ("incident", "span"),
    [
        pytest.param(resolved(timedelta(days=9), timedelta(minutes=5)), "1h", id="a short one of last week"),
        pytest.param(resolved(timedelta(days=9), timedelta(hours=3)), "24h", id="one of some hours"),
        pytest.param(resolved(timedelta(days=40), timedelta(days=23)), "30d", id="one of weeks"),
        pytest.param(resolved(timedelta(minutes=50), timedelta(minutes=49)), "24h", id="one just over"),
    ],
)
def test_an_incident_s_chart_holds_it(incident: Incident, span: str) -> None:
    """With something before it, and, where there is, something after it."""
    shown, until = around(incident, NOON)
    end = until or NOON
    assert shown == span
    assert incident.ended_at is not None
    assert end - params.SPANS[shown] < incident.began < incident.ended_at < end


def test_the_chart_of_an_incident_that_goes_on_ends_now() -> None:
    """And goes on with it, even where its beginning is too long ago to be shown."""
    firing = Incident(
        id="A",
        rule="low",
        subject=Subject("a/b/C"),
        state="firing",
        severity=1,
        began=NOON - timedelta(days=90),
        since=NOON - timedelta(days=90),
    )
    assert around(firing, NOON) == ("30d", None)


async def test_an_incident_page_asks_for_the_chart_around_it(tmp_path: Path) -> None:
    """Not for today's, on which nothing happened."""
    world = World(path=tmp_path / "balances.db", rules=(LOW,))
    async with opened(world) as store:
        for text in ("1500", "20", "1500"):
            await world.poll(store, SPOT, {"USDT": text})
    [over] = [one for one in incidents(world.path) if one.state == "resolved"]
    world.now += timedelta(days=9)
    async with asking(world.app(), {"accept": "text/html"}) as client:
        page = (await client.get(f"/incidents/{over.id}")).text
        assert "The hour around the incident" in page
        [(_, drawn)] = [one for one in Tags(page).found if "data-chart" in one[1]]
        chart = (await client.get(drawn["data-chart"] or "")).json()
    assert [one for one in chart["amounts"] if one is not None] == ["1500", "20", "1500"]


async def test_a_damaged_store_is_said_on_a_page_and_in_json(tmp_path: Path) -> None:
    """The daemon may still be at work, the page says what is wrong."""
    world = World(path=tmp_path / "balances.db")
    world.path.write_text("this is no database at all")
    async with asking(world.app()) as client:
        page = await client.get("/", headers={"accept": "text/html"})
        data = await client.get("/api/v1/status")
    assert (page.status_code, data.status_code) == (503, 503)
    assert "The store cannot be read" in text_of(page.text)
    assert "not a SQLite database" in data.json()["detail"]


async def test_the_longest_name_that_can_be_configured_has_a_page(tmp_path: Path) -> None:
    """A job's 100 characters, a client's 255, a currency's 64."""
    account = Account(provider="p", job="j" * 100, name="n" * 255)
    world = World(path=tmp_path / "balances.db", accounts=(account,))
    async with opened(world) as store:
        await world.poll(store, account, {"C" * 64: "5"})
    async with asking(world.app()) as client:
        assert (await client.get(link("/series", name=f"{account}/{'C' * 64}"))).status_code == 200


async def test_readings_are_paged_to_the_first(tmp_path: Path) -> None:
    """Each reading on one page, and no page without any."""
    world = World(path=tmp_path / "balances.db")
    async with opened(world) as store:
        for number in range(201):
            await world.poll(store, SPOT, {"USDT": str(2000 + number)})
    path, seen = "/series?name=nami-spot/spot/USDT", []
    async with asking(world.app()) as client:
        while path:
            page = (await client.get(path)).text
            table = page.partition('class="readings"')[2]
            rows = re.findall(r'<tr id="at-[^"]+">.*?<td class="number">(.*?)</td>', table)
            assert rows
            seen += [re.sub("<[^>]+>", "", row) for row in rows]
            older = re.search(r'rel="next" href="([^"]+)"', page)
            path = unescape(older[1]) if older else ""
    assert seen == [f"2,{number:03}" for number in reversed(range(201))]


@pytest.mark.parametrize(
    ("text", "digits", "shown"),
    [
        ("1234567.50", 0, "1,234,567.50"),
        ("1234567.50", 4, '1,234,567.50<span class="pad" aria-hidden="true">00</span>'),
        ("5", 2, '5<span class="pad" aria-hidden="true">.00</span>'),
        ("5", 18, '5<span class="pad" aria-hidden="true">.000000000000000000</span>'),
        ("-0.000000000000000000000000000001", 2, "-0.000000000000000000000000000001"),
        ("0E-8", 0, "0.00000000"),
    ],
)
def test_amounts_keep_their_digits_and_stand_under_each_other(text: str, digits: int, shown: str) -> None:
    """What fills them up is not part of the amount: it is invisible and can't be copied."""
    assert shown in amount(text, digits)


def test_a_change_has_its_sign_and_one_that_is_not_known_none() -> None:
    """Not knowing is not nought."""
    assert [
        re.sub("<[^>]+>", "", signed(move)) for move in (Decimal("1500.5"), Decimal(-3), Decimal(0), None)
    ] == [
        "+1,500.5",
        "-3",
        "0",
        "?",
    ]
    assert longest_fraction([None, "1.25", Decimal("-0.5"), "7"]) == 2


async def test_the_pages_say_when_they_were_made_and_how_often_to_look(
    client: httpx.AsyncClient, world: World
) -> None:
    """So that what is old can say so."""
    page = (await client.get("/")).text
    [(_, attributes)] = [one for one in Tags(page).found if one[1].get("id") == "freshness"]
    assert attributes["data-at"] == world.now.isoformat()
    assert attributes["data-refresh"] == str(int(timedelta(seconds=5).total_seconds()))
