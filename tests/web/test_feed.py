"""The feed is valid Atom, whatever accounts are called; its ids outlive names, addresses and restarts.

`atom` checks all that RFC 4287 demands with MUST of the elements that are used."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import actions
from monitor.domain.alerts import Ack
from monitor.domain.model import Severity, Subject
from monitor.domain.rules import Policy
from monitor.store.read.incidents import Incident
from monitor.web.feed import ENTRIES, feed
from tests.web.support import HOSTILE, LOW, MINUTE, SPOT, START, World, asking, filled, opened, serving

ATOM = "{http://www.w3.org/2005/Atom}"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
ONCE = ("id", "title", "updated")
FEED = {"id", "title", "updated", "author", "generator", "link", "entry"}
ENTRY = {"id", "title", "updated", "published", "link", "category", "summary"}


@dataclass(frozen=True)
class Entry:
    """An entry as a reader sees it."""

    id: str
    title: str
    summary: str
    updated: datetime
    link: str
    categories: list[str]


@dataclass(frozen=True)
class Feed:
    """A feed as a reader sees it."""

    id: str
    updated: datetime
    self_link: str
    entries: list[Entry]


def atom(text: bytes) -> Feed:
    """The feed that a text is, once it was found to be valid."""
    root = ElementTree.fromstring(text)
    assert root.tag == f"{ATOM}feed"
    assert {child.tag.removeprefix(ATOM) for child in root} <= FEED
    check_once(root)
    [author] = root.findall(f"{ATOM}author")
    assert author.findtext(f"{ATOM}name")
    links = dict(linked(root))
    entries = [entry(child) for child in root.iter(f"{ATOM}entry")]
    assert len({one.id for one in entries}) == len(entries)
    assert len({one.id for one in entries} | {root.findtext(f"{ATOM}id")}) == len(entries) + 1
    return Feed(
        id=text_of(root, "id"),
        updated=instant(text_of(root, "updated")),
        self_link=links["self"],
        entries=entries,
    )


def entry(found: ElementTree.Element) -> Entry:
    """An entry, once it was found to be valid."""
    assert {child.tag.removeprefix(ATOM) for child in found} <= ENTRY
    check_once(found)
    for name in ("published", "summary"):
        assert len(found.findall(f"{ATOM}{name}")) == 1
    for name in ("title", "summary"):
        assert [child.get("type") for child in found.iter(f"{ATOM}{name}")] == ["text"]
        assert not any(list(child) for child in found.iter(f"{ATOM}{name}"))
    assert instant(text_of(found, "published")) <= instant(text_of(found, "updated"))
    categories = [child.attrib["term"] for child in found.iter(f"{ATOM}category")]
    return Entry(
        id=text_of(found, "id"),
        title=text_of(found, "title"),
        summary=text_of(found, "summary"),
        updated=instant(text_of(found, "updated")),
        link=dict(linked(found))["alternate"],
        categories=categories,
    )


def check_once(parent: ElementTree.Element) -> None:
    for name in ONCE:
        assert len(parent.findall(f"{ATOM}{name}")) == 1
    assert text_of(parent, "id").startswith("urn:uuid:")
    UUID(text_of(parent, "id"))


def linked(parent: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Where links lead, by what they are; only one of each kind."""
    links = [(link.attrib["rel"], link.attrib["href"]) for link in parent.findall(f"{ATOM}link")]
    assert len(dict(links)) == len(links)
    for _, href in links:
        assert urlsplit(href).scheme in ("http", "https")
        assert re.fullmatch(r"[!-~]+", href)
    yield from links


def text_of(parent: ElementTree.Element, name: str) -> str:
    found = parent.findtext(f"{ATOM}{name}")
    assert found
    return found


def instant(text: str) -> datetime:
    assert RFC_3339.fullmatch(text)
    return datetime.fromisoformat(text)


async def read(world: World, base: str = "http://127.0.0.1:8787") -> Feed:
    """The feed of a world."""
    async with asking(world.app()) as client:
        answer = await client.get(f"{base}/alerts.atom")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    return atom(answer.content)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with some of everything; nothing is added to it."""
    return filled(World(path=tmp_path_factory.mktemp("web") / "store.db"))


async def test_every_incident_has_an_entry_the_last_changed_first(world: World) -> None:
    """Current and past."""
    told = await read(world)
    known = {one.id for one in world.site().incidents()}
    assert {one.link.rpartition("/")[2] for one in told.entries} == known
    changed = [one.updated for one in told.entries]
    assert changed == sorted(changed, reverse=True)
    assert told.updated == changed[0]


async def test_what_was_resolved_shows_its_end(world: World) -> None:
    """And what fires shows that it does."""
    told = await read(world)
    [over] = [one for one in told.entries if "resolved" in one.categories]
    assert over.title == "RESOLVED usdt-low: nami-spot/spot/USDT"
    assert over.summary.splitlines()[:3] == [
        "available 1500.50, expected at least 1000",
        "Since 2026-02-01 14:32:00 UTC.",
        "Ended 2026-02-01 14:34:00 UTC.",
    ]
    assert over.updated == START + 4 * MINUTE
    continues = next(one for one in told.entries if one.title == "CRITICAL usdt-low: nami-spot/spot/USDT")
    assert "available 20 < 1000" in continues.summary
    assert "Ended" not in continues.summary
    assert continues.categories == ["firing", "critical"]


async def test_names_are_text(world: World) -> None:
    """Markup in them is none, and what XML cannot hold is replaced."""
    told = await read(world)
    expected = str(HOSTILE.series("USDT"))
    for unheld in ("\x07", "\x1b", "\ufffe"):
        expected = expected.replace(unheld, "\ufffd")
    assert f"CRITICAL usdt-low: {expected}" in [one.title for one in told.entries]


async def test_ids_are_the_same_wherever_it_is_served(world: World) -> None:
    """Only links follow the address."""
    here, there = await read(world), await read(world, "http://localhost:1234")
    assert (here.id, [one.id for one in here.entries]) == (there.id, [one.id for one in there.entries])
    assert here.self_link == "http://127.0.0.1:8787/alerts.atom"
    assert there.self_link == "http://localhost:1234/alerts.atom"
    assert {urlsplit(one.link).netloc for one in there.entries} == {"localhost:1234"}


async def test_links_lead_to_the_proxy_that_speaks_tls(world: World) -> None:
    """It says so in a header."""
    async with asking(world.app(), {"X-Forwarded-Proto": "https"}) as client:
        told = atom((await client.get("/alerts.atom")).content)
    assert told.self_link.startswith("https://")


async def test_an_incident_keeps_its_id_until_it_is_over_and_beyond(tmp_path: Path) -> None:
    """Its entry is changed, and says when; a reminder and one more reading are no change."""
    repeated = replace(LOW, policy=Policy(repeat_every=MINUTE))
    world = World(path=tmp_path / "store.db", rules=(repeated,))
    async with opened(world) as store:
        await world.poll(store, SPOT, {"USDT": "1", "VNDC": "1"})
        [fired] = (await read(world)).entries
        await world.poll(store, SPOT, {"USDT": "2", "VNDC": "1"})
        [still] = (await read(world)).entries
        assert "2 messages" in still.summary
        await world.poll(store, SPOT, {"USDT": "1000", "VNDC": "1"})
        [over] = (await read(world)).entries
    assert fired.id == still.id == over.id
    assert (fired.updated, still.updated, over.updated) == (
        START + MINUTE,
        START + MINUTE,
        START + 3 * MINUTE,
    )


async def test_an_acknowledgement_is_a_change(tmp_path: Path) -> None:
    """With who it was, and why."""
    world = World(path=tmp_path / "store.db")
    async with opened(world) as store:
        await world.poll(store, SPOT, {"USDT": "1", "VNDC": "1"})
        [incident] = world.site().incidents()
        actions.ack(world.path, incident.id, Ack(by="ann", reason="on <it>", at=world.now + MINUTE))
        [one] = (await read(world)).entries
    assert "Acknowledged by ann, 2026-02-01 14:32:00 UTC: on <it>" in one.summary
    assert one.updated == world.now + MINUTE


async def test_what_may_be_about_to_fire_is_no_incident_yet(tmp_path: Path) -> None:
    """A feed is read by people who were not asked."""
    patient = replace(LOW, policy=Policy(for_=2 * MINUTE))
    world = World(path=tmp_path / "store.db", rules=(patient,))
    async with opened(world) as store:
        await world.poll(store, SPOT, {"USDT": "1", "VNDC": "1"})
        [pending] = world.site().incidents()
        told = await read(world)
    assert pending.state == "pending"
    assert told.entries == []
    assert told.updated == world.started


async def test_the_newest_are_in_the_feed(tmp_path: Path) -> None:
    """As many as fit."""
    world = World(path=tmp_path / "store.db")
    async with opened(world) as store:
        for _ in range(ENTRIES + 3):
            await world.poll(store, SPOT, {"USDT": "1", "VNDC": "1"})
            await world.poll(store, SPOT, {"USDT": "1000", "VNDC": "1"})
    told = await read(world)
    assert len(told.entries) == ENTRIES
    assert told.entries[0].updated == world.now


def test_who_has_it_is_not_sent_it_again(world: World) -> None:
    """Readers ask every few minutes, for years."""
    with serving(world.app()) as url:
        first = httpx.get(f"{url}/alerts.atom")
        again = httpx.get(f"{url}/alerts.atom", headers={"If-None-Match": first.headers["etag"]})
    assert first.status_code == 200
    assert (again.status_code, again.content) == (304, b"")


@given(st.text(), st.text(), st.sampled_from(["firing", "resolved"]))
def test_no_text_breaks_it(subject: str, reason: str, state: str) -> None:
    """Not even surrogates and control characters."""
    one = Incident(
        id="ABC",
        rule="low",
        subject=Subject(subject),
        state=state,
        severity=Severity.WARNING,
        began=START,
        since=START,
        reason=reason,
    )
    [told] = atom(feed([one], "http://localhost", Path("/srv/store.db"), START + timedelta(days=1))).entries
    assert told.title.startswith(("WARNING low: ", "RESOLVED low: "))
