"""What the pages show of series: how they stand, how far they have come, and which of them are asked for."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.domain.model import Account
from monitor.errors import Outcome
from monitor.store.writer import Store
from monitor.web.view import PAGE, Overview, Row, SeriesFilter, choose, read_overview
from tests.web.support import CLIENT, MINUTE, SPOT, START, World, opened

HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two accounts, nothing read yet."""
    return World(path=tmp_path / "balances.db", accounts=(SPOT, CLIENT))


def overview_of(world: World) -> Overview:
    """All of it, as it is now."""
    site = world.site()
    return read_overview(site.config, site.live, world.now)


async def usdt(world: World, store: Store, amount: str, after: timedelta = MINUTE) -> Row:
    """The row of USDT after one more reading of it."""
    await world.poll(store, SPOT, {"USDT": amount}, after=after)
    return overview_of(world).by_name["nami-spot/spot/USDT"]


async def test_a_change_is_exact_and_counted_from_the_reading_that_held_then(world: World) -> None:
    """An hour ago is the last reading at that instant or before it."""
    world.every = HOUR
    async with opened(world) as store:
        await usdt(world, store, "12345678901234567890.000000000000000001")
        await usdt(world, store, "5000", after=50 * MINUTE)
        row = await usdt(world, store, "12345678901234567890.000000000000000003", after=20 * MINUTE)
        assert row.changes == (Decimal("0.000000000000000002"), None)


async def test_a_change_is_not_known_where_nothing_was_read_since_or_long_before(world: World) -> None:
    """Neither is nought."""
    async with opened(world) as store:
        await usdt(world, store, "5000")
        row = await usdt(world, store, "5000", after=3 * HOUR)
        assert row.changes[0] is None  # the reading before is of three hours ago
        row = await usdt(world, store, "5000", after=HOUR)
        assert row.changes[0] == 0
        row = await usdt(world, store, "5000", after=HOUR + 3 * MINUTE)
        assert (
            row.changes[0] is None
        )  # nor does one that is three minutes older, where polls come by the minute
        world.now += 2 * HOUR
        assert overview_of(world).by_name[row.name].changes[0] is None  # nothing was read for two hours


async def test_a_series_stands_as_the_worst_of_its_rules_and_its_polls_say(world: World) -> None:
    """Firing before unknown before ok; an amount that was read stays, whatever fails."""
    async with opened(world) as store:
        assert (await usdt(world, store, "5000")).state == "ok"
        assert (await usdt(world, store, "5")).state == "firing"
        assert (await usdt(world, store, "5000")).state == "ok"
        await world.poll(store, SPOT, Outcome.TIMEOUT)
        row = overview_of(world).by_name["nami-spot/spot/USDT"]
        assert (row.state, row.balance.available) == ("unknown", "5000")
        assert row.problem == "timeout: what timeout looks like"
        states = {one.rule: one.state for one in row.rules}
        assert states == {"usdt-low": "unknown", "failing": "inactive"}  # what is not read is not fine


async def test_a_series_that_could_never_be_read_is_shown_as_unknown(world: World) -> None:
    """An endpoint that fails from the start hides nothing of what should be there."""
    async with opened(world) as store:
        await world.poll(store, SPOT, Outcome.AUTH)
    row = overview_of(world).by_name["nami-spot/spot/VNDC"]
    assert (row.state, row.balance.available, row.changes) == ("firing", None, (None, None))
    assert row.problem == "auth: what auth looks like"


async def test_an_outage_shows_at_every_series_of_its_provider(world: World) -> None:
    """The provider's one alert is what their rule has to say."""
    async with opened(world) as store:
        await usdt(world, store, "5000")
        for _ in range(3):
            await world.poll(store, SPOT, Outcome.TIMEOUT)
    [failing] = [
        one for one in overview_of(world).by_name["nami-spot/spot/USDT"].rules if one.rule == "failing"
    ]
    assert failing.alert is not None
    assert (failing.state, failing.alert.subject) == ("firing", "nami-main")


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        pytest.param(SeriesFilter(), ["b", "d", "a", "c"], id="trouble comes first"),
        pytest.param(SeriesFilter(order="name"), ["a", "c", "d", "b"], id="by name"),
        pytest.param(SeriesFilter(order="-name"), ["b", "d", "c", "a"], id="by name, turned round"),
        pytest.param(
            SeriesFilter(order="balance"), ["b", "c", "a", "d"], id="by balance, as numbers and not as text"
        ),
        pytest.param(
            SeriesFilter(order="-balance"), ["a", "c", "b", "d"], id="what is unknown comes last either way"
        ),
        pytest.param(
            SeriesFilter(order="nonsense"),
            ["b", "d", "a", "c"],
            id="an order that does not exist is the usual one",
        ),
        pytest.param(SeriesFilter(state="firing"), ["b"], id="only what fires"),
        pytest.param(SeriesFilter(words="gold"), ["c"], id="by a label"),
        pytest.param(SeriesFilter(words="USDT-low"), ["b"], id="by a rule that has something to say"),
        pytest.param(
            SeriesFilter(words="nami A"), ["d", "a", "c"], id="by several words, all of which have to fit"
        ),
        pytest.param(SeriesFilter(job="other"), [], id="by a job that has none"),
    ],
)
async def test_series_are_found_and_sorted(tmp_path: Path, wish: SeriesFilter, found: list[str]) -> None:
    """Filters and orders, on four series: 10000, 20 (fires), 3000.5, and one that no answer ever held."""
    named = {
        "a": ("nami-a", "10000"),
        "b": ("xx-b", "20"),
        "c": ("nami-ac", "3000.5"),
        "d": ("nami-ad", None),
    }
    accounts = {
        short: Account(
            provider="p",
            job="j",
            name=name,
            currencies=("USDT",),
            labels=(("k", "gold"),) if short == "c" else (),
        )
        for short, (name, _) in named.items()
    }
    world = World(path=tmp_path / "balances.db", accounts=tuple(accounts.values()))
    async with opened(world) as store:
        for short, (_, amount) in named.items():
            await world.poll(store, accounts[short], {"USDT": amount} if amount else {})
    rows = overview_of(world).rows
    order = {name: short for short, (name, _) in named.items()}
    assert [order[row.series.account.name] for row in choose(rows, wish).rows] == found


async def test_a_page_beyond_the_last_is_the_last(world: World) -> None:
    """Somebody filtered while on page 40."""
    async with opened(world) as store:
        row = await usdt(world, store, "1")
    rows = [row] * (PAGE + 1)
    chosen = choose(rows, SeriesFilter(page=40))
    assert (len(chosen.rows), chosen.page, chosen.pages, chosen.total) == (1, 2, 2, PAGE + 1)


def test_before_anything_was_read_there_is_a_page(world: World) -> None:
    """The daemon has just been installed: what it shall read is there, and said to be unknown."""
    found = overview_of(world)
    assert {row.name: (row.balance.available, row.problem) for row in found.rows} == {
        "nami-spot/spot/USDT": (None, "never read"),
        "nami-spot/spot/VNDC": (None, "never read"),
    }
    assert found.alerts == []
    assert found.at == START
    assert [one.last_poll for one in found.providers] == [None, None]


def test_the_next_poll_of_a_job_is_its_first_account_s(world: World) -> None:
    """Accounts of a job are spread over its interval."""
    soon, later = START + MINUTE, START + 2 * MINUTE
    other = replace(CLIENT, name="CLIENT_002")
    world.accounts = (SPOT, CLIENT, other)
    world.next_polls = {str(CLIENT): later, str(other): soon, str(SPOT): later}
    found = overview_of(world)
    nexts: dict[str, datetime | None] = {
        job.name: found.next_polls.get(job.name) for job in found.status.jobs
    }
    assert nexts == {"clients": soon, "nami-spot": later}
