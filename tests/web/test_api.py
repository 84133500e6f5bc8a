"""What the API says is true and exact, and pages lose nothing."""

import gzip
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from monitor.payloads import incidents as incident_payloads
from monitor.payloads import status as status_payloads
from monitor.store.read.incidents import timeline
from monitor.web import payloads
from monitor.web.params import instant
from monitor.web.payloads import MOST_GAPS
from monitor.web.server import listening
from tests.web.support import (
    CLIENT,
    HOSTILE,
    MINUTE,
    SPOT,
    START,
    World,
    asking,
    filled,
    opened,
)

USDT = "nami-spot/spot/USDT"
API = "/api/v1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with some of everything; nothing is added to it."""
    return filled(World(path=tmp_path_factory.mktemp("web") / "store.db"))


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Asks about that."""
    async with asking(world.app()) as client:
        yield client


async def get(client: httpx.AsyncClient, path: str, /, **query: str | int) -> Any:
    """What is answered, once all went well."""
    answer = await client.get(f"{API}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(client: httpx.AsyncClient, path: str, /, **query: str | int) -> tuple[int, str]:
    """Why nothing is answered."""
    answer = await client.get(f"{API}/{path}", params=query)
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert list(told) == ["detail"]
    return answer.status_code, told["detail"]


# As it is described


def as_described(model: type[Any], told: object) -> object:
    """Return what the description knows of an answer; fail where it lacks something."""
    adapter = TypeAdapter(model)
    return adapter.dump_python(adapter.validate_python(told), mode="json")


@pytest.mark.parametrize(
    ("path", "query", "model"),
    [
        ("status", {}, status_payloads.Status),
        ("alerts", {}, payloads.Alerts),
        ("series", {}, payloads.SeriesPage),
        ("readings", {"series": USDT, "limit": "2"}, payloads.ReadingsPage),
        ("chart", {"series": USDT}, payloads.Chart),
        ("incidents", {}, payloads.IncidentsPage),
    ],
    ids=["status", "alerts", "series", "readings", "chart", "incidents"],
)
async def test_every_key_is_described(
    client: httpx.AsyncClient, path: str, query: dict[str, str], model: type[Any]
) -> None:
    """And no key that is described is missing."""
    told = await get(client, path, **query)
    assert as_described(model, told) == told


async def test_every_key_of_a_story_is_described(client: httpx.AsyncClient, world: World) -> None:
    """It is what `alerts show --json` prints."""
    for one in (await get(client, "incidents"))["incidents"]:
        told = await get(client, f"incidents/{one['id']}")
        assert as_described(incident_payloads.Story, told) == told
        known = timeline(world.path, one["id"])
        assert known is not None
        assert told == incident_payloads.timeline(known, world.now)


async def test_the_status_is_that_of_the_command_line(client: httpx.AsyncClient, world: World) -> None:
    """Key by key, whatever accounts are called."""
    assert await get(client, "status") == status_payloads.status(world.site().overview().status)


async def test_the_alerts_are_those_of_the_status(client: httpx.AsyncClient) -> None:
    """Pending and firing, the worst first."""
    alerts = await get(client, "alerts")
    assert alerts["alerts"] == (await get(client, "status"))["alerts"]
    assert alerts["alerts"][0]["severity"] == "critical"


async def test_before_there_is_a_store_nothing_is_known(tmp_path: Path) -> None:
    """That is no error: the daemon is about to make it."""
    async with asking(World(path=tmp_path / "store.db").app()) as client:
        assert (await get(client, "status"))["balances"] == []
        series = (await get(client, "series"))["series"]
        assert {one["series"]: one["available"] for one in series} == {
            "nami-spot/spot/USDT": None,
            "nami-spot/spot/VNDC": None,
        }
        assert (await get(client, "incidents"))["incidents"] == []
        assert await refused(client, "chart", series="no/such/series") == (
            404,
            "unknown series; expected job/account/currency, percent-encoded",
        )


# Amounts


async def test_amounts_keep_every_digit(client: httpx.AsyncClient) -> None:
    """Thirty-eight of them, zeros at the end and all."""
    [vnd] = (await get(client, "series", words="vnd client_001"))["series"]
    exact = {"total": "12345678901234567890.123456789012345678", "locked": "0.00000000"}
    exact["available"] = "-0.00000010"
    assert {name: vnd[name] for name in exact} == exact
    [read] = (await get(client, "readings", series=vnd["series"]))["readings"]
    assert {name: read[name] for name in exact} == exact
    chart = await get(client, "chart", series=vnd["series"], field="total")
    assert chart["amounts"] == [exact["total"]]


async def test_what_was_never_read_is_null_and_not_zero(client: httpx.AsyncClient) -> None:
    """Nor has it changed."""
    [vndc] = (await get(client, "series", words="vndc"))["series"]
    unknown = ("total", "locked", "available", "observed_at", "updated_at", "change_1h", "change_24h")
    assert [vndc[name] for name in unknown] == [None] * len(unknown)
    assert vndc["problem"] == "missing from the response"
    assert (await get(client, "chart", series=vndc["series"]))["values"] == []


async def test_a_change_is_exact(tmp_path: Path) -> None:
    """Digit for digit, where floats would be off; and null, where nothing is known of then."""
    world = World(path=tmp_path / "store.db")
    async with opened(world) as store:
        await world.poll(store, SPOT, {"USDT": "12345678901234567890.10"})
        await world.poll(store, SPOT, {"USDT": "12345678901234567890.30"}, after=61 * MINUTE)
    async with asking(world.app()) as client:
        [usdt] = (await get(client, "series", words="usdt"))["series"]
        assert (usdt["change_1h"], usdt["change_24h"]) == ("0.20", None)


# Series


async def test_a_series_has_each_of_its_rules(client: httpx.AsyncClient) -> None:
    """With the incident, while there is one."""
    [usdt] = (await get(client, "series", words="nami-spot usdt"))["series"]
    firing = (await get(client, "incidents", rule="usdt-*", state="firing"))["incidents"]
    mine = next(one["id"] for one in firing if one["series"] == USDT)
    assert usdt["rules"] == [
        {"rule": "usdt-low", "state": "firing", "expected": "available at least 1000", "alert": mine},
        {
            "rule": "failing",
            "state": "inactive",
            "expected": "fewer than 3 failures in a row",
            "alert": None,
        },
    ]
    assert usdt["labels"] == {"team": "treasury"}
    assert usdt["next_poll_at"] == "2026-02-01T14:41:00.000000Z"


async def test_series_are_chosen_by_job_standing_and_words(client: httpx.AsyncClient) -> None:
    """All of it at once."""
    assert (await get(client, "series", job="clients"))["total"] == 3
    assert (await get(client, "series", job="nobody"))["total"] == 0
    assert (await get(client, "series", standing="ok"))["total"] == 0
    assert (await get(client, "series", job="clients", standing="firing", words="<SCRIPT>"))["total"] == 2


async def test_pages_of_series_hold_each_of_them_once(tmp_path: Path) -> None:
    """And beyond the last page is the last page."""
    world = World(path=tmp_path / "store.db", accounts=(CLIENT,), rules=())
    async with opened(world) as store:
        await world.poll(store, CLIENT, {f"C{number:03}": str(number) for number in range(250)})
    async with asking(world.app()) as client:
        pages = [await get(client, "series", order="-balance", page=page) for page in (1, 2, 3)]
        assert [(page["total"], page["page"], page["pages"]) for page in pages] == [
            (250, 1, 3),
            (250, 2, 3),
            (250, 3, 3),
        ]
        amounts = [one["available"] for page in pages for one in page["series"]]
        assert amounts == [str(number) for number in reversed(range(250))]
        assert await get(client, "series", order="-balance", page=4) == pages[2]


# Readings


async def followed(client: httpx.AsyncClient, first: str) -> list[dict[str, str]]:
    """All readings, page after page, as long as there is a next one."""
    found, url = [], first
    while url:
        page = (await client.get(url)).json()
        found += page["readings"]
        url = page["next"]
    return found


async def test_pages_of_readings_lose_none_and_repeat_none(tmp_path: Path) -> None:
    """Though readings come in between, and names mean something to URLs."""
    world = World(path=tmp_path / "store.db", rules=())
    async with opened(world) as store:
        for number in range(23):
            await world.poll(store, HOSTILE, {"USDT": str(number)}, after=timedelta(microseconds=1))
        async with asking(world.app()) as client:
            query = {"series": str(HOSTILE.series("USDT")), "limit": "5"}
            first = (await client.get(f"{API}/readings", params=query)).json()
            await world.poll(store, HOSTILE, {"USDT": "99"})
            rest = await followed(client, first["next"])
            read = [one["available"] for one in first["readings"] + rest]
            assert read == [str(number) for number in reversed(range(23))]


async def test_the_last_page_has_no_next_one(client: httpx.AsyncClient) -> None:
    """Not even where it is full."""
    assert (await get(client, "readings", series=USDT, limit=5))["next"] is None
    assert (await get(client, "readings", series=USDT, limit=4))["next"] is not None


async def test_readings_can_be_bounded(client: httpx.AsyncClient) -> None:
    """From `since` on, and earlier than `before`; what is asked for on the next pages as well."""
    query = {"since": "2026-02-01T21:32:00+07:00", "before": "2026-02-01T14:35:00Z"}
    page = await get(client, "readings", series=USDT, **query)
    assert [one["at"][11:16] for one in page["readings"]] == ["14:34", "14:33", "14:32"]
    short = await get(client, "readings", series=USDT, limit=1, **query)
    assert [one["at"][11:16] for one in await followed(client, short["next"])] == ["14:33", "14:32"]


# Charts


def history(path: Path, series: str, readings: list[tuple[datetime, str]]) -> None:
    """Puts readings into the past: a month of polls would take a minute."""
    with sqlite3.connect(path) as db:
        (number,) = db.execute(
            "SELECT s.id FROM series s JOIN accounts a ON a.id = s.account_id"
            " WHERE a.job || '/' || a.name || '/' || s.currency = ?",
            (series,),
        ).fetchone()
        db.executemany(
            "INSERT OR REPLACE INTO snapshots (series_id, observed_at, total, available) VALUES (?, ?, ?, ?)",
            [
                (number, (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1), amount, amount)
                for at, amount in readings
            ],
        )
    db.close()


async def a_month(world: World, left_out: range = range(0), **spikes: str) -> None:
    """Thirty days of polls, a minute apart, up to the world's now; but for some minutes, and with a spike or two."""
    async with opened(world) as store:
        await world.poll(store, SPOT, {"USDT": "1500"})
    minutes = [number for number in range(1, 30 * 24 * 60) if number not in left_out]
    amounts = {number: f"15{number % 10}0.50" for number in minutes}
    amounts |= {int(at.removeprefix("at")): amount for at, amount in spikes.items()}
    history(world.path, USDT, [(world.now - number * MINUTE, amount) for number, amount in amounts.items()])


async def test_a_spike_of_one_reading_in_a_month_is_kept_exactly(tmp_path: Path) -> None:
    """One up and one down; the rest is thinned."""
    world, low, high = World(path=tmp_path / "store.db"), "-0.000000000000000000001", "9" * 38 + ".01"
    await a_month(world, at20001=high, at30003=low)
    async with asking(world.app()) as client:
        chart = await get(client, "chart", series=USDT, span="30d")
    times, amounts = chart["times"], chart["amounts"]
    assert chart["readings"] == 30 * 24 * 60
    assert len(times) <= 2400
    for minutes, amount in ((20001, high), (30003, low)):
        at = (world.now - minutes * MINUTE).timestamp()
        assert amounts[times.index(at)] == amount
        assert chart["values"][times.index(at)] == float(amount)
    assert times == sorted(set(times))
    assert None not in amounts


async def test_where_nothing_was_known_stands_a_null(tmp_path: Path) -> None:
    """Between the readings around it, even where both are in one slice of the picture; a line drawn through would
    claim to know."""
    world = World(path=tmp_path / "store.db")
    await a_month(world, left_out=range(1000, 1010))
    async with asking(world.app()) as client:
        chart = await get(client, "chart", series=USDT, span="30d")
    [nothing] = [at for at, value in zip(chart["times"], chart["values"], strict=True) if value is None]
    [[begin, end]] = chart["gaps"]
    assert (begin, end) == ((world.now - 1010 * MINUTE).timestamp(), (world.now - 999 * MINUTE).timestamp())
    assert begin < nothing < end
    assert [at for at in chart["times"] if begin < at < end] == [nothing]
    assert [amount for amount in chart["amounts"] if amount is None] == [None]
    assert chart["times"] == sorted(chart["times"])


async def test_of_many_gaps_the_longest_are_listed(tmp_path: Path) -> None:
    """More than a picture has pixels for; but there is a null wherever two points of it lie around one."""
    world = World(path=tmp_path / "store.db", every=timedelta(seconds=10))
    await a_month(world)
    soon_after = [world.now - number * MINUTE + world.every for number in range(1, 30 * 24 * 60)]
    history(world.path, USDT, [(at, "1500") for at in soon_after])
    async with asking(world.app()) as client:
        chart = await get(client, "chart", series=USDT, span="30d")
    assert len(chart["gaps"]) == MOST_GAPS
    points = list(zip(chart["times"], chart["values"], strict=True))
    for (before, value), (at, other) in pairwise(points):
        assert value is None or other is None or at - before <= 25


async def test_a_chart_shows_limits_and_what_fired(client: httpx.AsyncClient) -> None:
    """An incident that is over has an end; one that goes on has none."""
    chart = await get(client, "chart", series=USDT, span="1h")
    assert chart["limits"] == [
        {"rule": "usdt-low", "severity": "critical", "side": "below", "amount": "1000"}
    ]
    at = START.timestamp()
    assert [(band["since"], band["until"]) for band in chart["bands"]] == [
        (at + 300, None),
        (at + 120, at + 240),
    ]
    assert chart["until"] - chart["since"] == 3600


# Incidents


async def test_incidents_are_chosen_by_state_rule_and_time(client: httpx.AsyncClient) -> None:
    """What goes on is part of any time."""
    assert (await get(client, "incidents"))["total"] == 5
    assert (await get(client, "incidents", state="resolved"))["total"] == 1
    assert (await get(client, "incidents", rule="usdt-*"))["total"] == 3
    assert (await get(client, "incidents", rule="usdt-*", since="2026-02-01T14:34:00Z"))["total"] == 3
    assert (await get(client, "incidents", rule="usdt-*", since="2026-02-01T14:34:01Z"))["total"] == 2


async def test_pages_of_incidents_hold_each_of_them_once(tmp_path: Path) -> None:
    """The newest first."""
    world = World(path=tmp_path / "store.db")
    async with opened(world) as store:
        for _ in range(101):
            await world.poll(store, SPOT, {"USDT": "1", "VNDC": "1"})
            await world.poll(store, SPOT, {"USDT": "2000", "VNDC": "1"})
    async with asking(world.app()) as client:
        pages = [await get(client, "incidents", page=page) for page in (1, 2, 3)]
    assert [(page["total"], page["page"], page["pages"]) for page in pages] == [
        (101, 1, 2),
        (101, 2, 2),
        (101, 2, 2),
    ]
    since = [one["since"] for page in pages[:2] for one in page["incidents"]]
    assert since == sorted(set(since), reverse=True)
    assert len(since) == 101


async def test_an_incident_that_is_not_kept_is_not_found(client: httpx.AsyncClient) -> None:
    """And said to be so in JSON."""
    assert await refused(client, "incidents/NOSUCH") == (404, "unknown incident")


# Mistakes


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        (
            "series",
            {"standng": "firing"},
            "standng: unknown parameter; expected one of job, standing, words, order, page",
        ),
        ("series", {"page": "0"}, "page: input should be greater than or equal to 1"),
        ("series", {"page": "9" * 5000}, "page: unable to parse input string as an integer"),
        ("series", {"standing": "fine"}, "standing: input should be 'firing', 'pending', 'unknown' or 'ok'"),
        ("readings", {}, "series: field required"),
        ("readings", {"series": USDT, "limit": "1001"}, "limit: input should be less than or equal to 1000"),
        (
            "readings",
            {"series": USDT, "since": "2026-02-01T14:30:00"},
            "since: expected an instant such as 2026-02-01T14:30:00Z",
        ),
        ("readings", {"series": USDT, "since": "2026-02-30T14:30:00Z"}, "since: "),
        ("chart", {"series": USDT, "span": "31d"}, "span: input should be '1h', '24h', '7d' or '30d'"),
        ("incidents", {"since": "yesterday"}, "since: expected an instant such as 2026-02-01T14:30:00Z"),
    ],
    ids=[
        "a-parameter-that-is-misspelt",
        "a-page-before-the-first",
        "a-number-too-long-to-be-read",
        "a-word-that-is-not-one-of-them",
        "no-series",
        "more-than-a-page-may-hold",
        "an-instant-without-a-zone",
        "a-day-that-is-not-in-the-calendar",
        "a-span-that-is-not-offered",
        "no-instant-at-all",
    ],
)
async def test_the_error_of_a_wrong_query_is_a_sentence(
    client: httpx.AsyncClient, path: str, query: dict[str, str], said: str
) -> None:
    """Which parameter, and what is accepted."""
    code, detail = await refused(client, path, **query)
    assert code == 422
    assert detail.startswith(said)


@pytest.mark.parametrize(
    "series",
    [
        "",
        "/",
        "nami-spot/spot",
        "nami-spot/spot/usdt",
        "\0",
        "\ud800".encode("utf-8", "replace").decode(),
        "%",
    ],
    ids=["nothing", "a-slash", "an-account", "other-case", "a-NUL", "a-surrogate", "a-percent-sign"],
)
@pytest.mark.parametrize("path", ["readings", "chart"])
async def test_a_series_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, path: str, series: str
) -> None:
    """Whatever it is called."""
    assert (await refused(client, path, series=series))[0] == 404


@pytest.mark.parametrize(
    "at",
    [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "2016-12-31T23:59:60Z",
        "9999-12-31T23:59:59.999999999-12:00",
        "9999-12-31T23:59:60Z",
    ],
)
async def test_an_instant_at_the_calendars_ends_is_an_instant(client: httpx.AsyncClient, at: str) -> None:
    """Nothing is out of range."""
    for path, names in {
        "readings": ("since", "before"),
        "chart": ("until",),
        "incidents": ("since",),
    }.items():
        for name in names:
            series = {} if path == "incidents" else {"series": USDT}
            await get(client, path, **series, **{name: at})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-01T14:30:00Z", START),
        ("2026-02-01t14:30:00z", START),
        ("2026-02-01T21:30:00.0000009+07:00", START),
        ("2026-02-01T14:29:60Z", START),
        ("2026-02-01T14:30:00.5Z", START + timedelta(milliseconds=500)),
        ("0001-01-01T00:00:00+00:01", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-00:01", datetime.max.replace(tzinfo=UTC)),
    ],
    ids=[
        "in-utc",
        "in-small-letters",
        "elsewhere-and-finer-than-a-microsecond",
        "a-leap-second-is-the-next-ones-beginning",
        "half-a-second",
        "before-the-calendar-is-its-beginning",
        "after-it-its-end",
    ],
)
def test_instants_are_read_as_rfc_3339_writes_them(text: str, expected: datetime) -> None:
    """In UTC, to the microsecond."""
    assert instant(text) == expected


async def test_a_store_that_fails_is_reported_and_nothing_else_breaks(tmp_path: Path) -> None:
    """503 with the reason, for who asks with a program."""
    path = tmp_path / "store.db"
    path.write_bytes(b"this is no database, " * 100)
    async with asking(World(path=path).app()) as client:
        for wanted in ("status", "alerts", "series", "incidents", "incidents/A", f"readings?series={USDT}"):
            answer = await client.get(f"{API}/{wanted}")
            assert (answer.status_code, list(answer.json())) == (503, ["detail"])
            assert "not a SQLite database" in answer.json()["detail"]


async def test_an_address_that_does_not_exist_is_not_found(client: httpx.AsyncClient) -> None:
    """In JSON, below the API."""
    assert (await refused(client, "nothing"))[0] == 404


# What is sent


async def test_who_has_an_answer_is_not_sent_it_again(world: World) -> None:
    """Though meanwhile it was looked again: `at` alone is no change."""
    world = World(path=world.path, now=world.now)
    async with asking(world.app()) as client:
        first = await client.get(f"{API}/alerts")
        mark = {"If-None-Match": f'"other", {first.headers["etag"]}'}
        again = await client.get(f"{API}/alerts", headers=mark)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    world.now += MINUTE
    async with asking(world.app()) as client:
        assert (await client.get(f"{API}/alerts", headers=mark)).status_code == 304
        later = await client.get(f"{API}/alerts")
        assert later.json() == {**first.json(), "at": "2026-02-01T14:41:00.000000Z"}


async def test_who_has_another_answer_is_sent_the_new_one(tmp_path: Path) -> None:
    """One more reading is one."""
    world = World(path=tmp_path / "store.db")
    async with opened(world) as store:
        await world.poll(store, SPOT, {"USDT": "1500"})
        async with asking(world.app()) as client:
            first = await client.get(f"{API}/status")
        await world.poll(store, SPOT, {"USDT": "1501"})
        async with asking(world.app()) as client:
            mark = {"If-None-Match": first.headers["etag"]}
            again = await client.get(f"{API}/status", headers=mark)
    assert again.status_code == 200
    assert again.json()["balances"][0]["available"] == "1501"


@pytest.mark.parametrize(
    ("accept", "zipped"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("", False),
    ],
    ids=["asked-for", "among-others", "not-asked-for", "refused", "refused-at-length", "nothing-said"],
)
async def test_a_long_answer_is_compressed_for_who_takes_that(
    client: httpx.AsyncClient, accept: str, zipped: bool
) -> None:
    """And for nobody else."""
    async with client.stream("GET", f"{API}/status", headers={"Accept-Encoding": accept}) as answer:
        sent = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == ("gzip" if zipped else None)
    assert answer.headers["vary"] == "Accept-Encoding"
    plain = await client.get(f"{API}/status", headers={"Accept-Encoding": "identity"})
    assert (gzip.decompress(sent) if zipped else sent) == plain.content


async def test_a_short_answer_is_not_compressed(tmp_path: Path) -> None:
    """It would only grow."""
    async with asking(World(path=tmp_path / "store.db").app()) as client:
        answer = await client.get(f"{API}/alerts", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


async def test_the_description_names_who_gets_in_and_what_goes_wrong(client: httpx.AsyncClient) -> None:
    """A token or a session; every error as an object with its detail."""
    described = (await client.get(f"{API}/openapi.json")).json()
    schemes = described["components"]["securitySchemes"]
    assert {name: one["type"] for name, one in schemes.items()} == {"token": "http", "session": "apiKey"}
    for path, operations in described["paths"].items():
        if not path.startswith(API):
            continue
        operation = operations["get"]
        assert operation["description"], path
        assert operation["security"] == [{"token": []}, {"session": []}]
        for code in {"404", "422", "503"} & set(operation["responses"]):
            content = operation["responses"][code]["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert all(parameter["description"] for parameter in operation.get("parameters", []))


def test_an_answer_does_not_wait_for_what_the_visitor_says_to_its_head() -> None:
    """Head and body are sent apart: by TCP's default the body would wait for 40 ms on every kept connection."""
    with listening("127.0.0.1", 0) as door, closing(create_connection(door.getsockname())):
        connection, _ = door.accept()
        with connection:
            assert connection.getsockopt(IPPROTO_TCP, TCP_NODELAY)
