"""`alerts`, `ack` and `silence` as commands: what they show, what they refuse, how they exit."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from monitor.store.identity import SCHEMA
from tests.process.stage import together
from tests.process.support import Done, Installation, run, usdt_low

ANSI = "\x1b["
AT_ONCE = [{"group_wait": "0s"}]


async def _run(site: Installation, *arguments: str, **environ: str) -> Done:
    """A command line, with the configuration found in the folder."""
    return await run(*arguments, cwd=site.folder, environ={**site.environ, **environ})


async def _firing(site: Installation, **rule: object) -> str:
    """Polls once, so that the wallet's alert fires; its id."""
    site.write(rules=[usdt_low(**rule)], routes=AT_ONCE)
    site.set_balance("5.10", "0.10")
    await site.command("poll")
    return str(site.current_status()["alerts"][0]["id"])


def _kept(site: Installation) -> list[object]:
    """What a refused command must not change."""
    with closing(sqlite3.connect(site.store)) as db:
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("alerts", "silences", "notes")]


@together()
async def test_an_alert_that_is_known_and_silenced_still_counts(site: Installation) -> None:
    """`status` shows who knows and what keeps it quiet, to people and programs, and exits as before: 2."""
    wanted = await _firing(site)
    await _run(site, "ack", wanted, "--reason", "topping\nup", "--by", "lena")
    of_rule = ["--match", "rule=usdt-low", "--for", "2h", "--by", "max", "--reason", "upgrade"]
    made = await _run(site, "silence", "add", *of_rule)
    await site.command("poll")
    shown = await site.command("status")
    [alert] = (await site.status())["alerts"]
    assert shown.code == 2
    assert "acknowledged by lena" in shown.out
    assert re.search(r"^silence 1: rule=usdt-low for .* more, by max: upgrade$", shown.out, re.MULTILINE)
    assert (alert["acknowledged"]["by"], alert["acknowledged"]["reason"]) == ("lena", "topping up")
    assert (alert["muted"], alert["flapping"], alert["announced"]) == (
        "silence 1 by max: upgrade",
        False,
        True,
    )
    assert f"muted: {wanted} critical usdt-low: spot/spot/USDT available 5.00 < 1000" in made.out


@together()
async def test_what_cannot_be_acknowledged_is_refused(site: Installation) -> None:
    """Nothing of that id, pending, over, not acknowledged yet: 1, one line that says what there is, nothing changed."""
    wanted = await _firing(site, **{"for": "1h"})
    before = _kept(site)
    said = {
        "ZZZ": "no firing incident 'ZZZ'; none is firing",
        wanted: f"{wanted} is pending: it is not firing yet",
    }
    for given, why in said.items():
        done = await _run(site, "ack", given, "--reason", "x")
        assert (done.code, done.out) == (1, "")
        assert why in done.err
        assert len(done.err.splitlines()) == 1
    assert _kept(site) == before
    wanted = await _firing(site)
    removed = await _run(site, "ack", wanted, "--reason", "x", "--remove")
    assert (removed.code, "is not acknowledged" in removed.err) == (1, True)
    site.set_balance("5000")
    await site.command("poll")
    over = await _run(site, "ack", wanted, "--reason", "x")
    assert (over.code, "is over" in over.err) == (1, True)


@together()
async def test_without_a_store_nothing_is_made(site: Installation) -> None:
    """Before the first poll: `ack` and `silence expire` are refused, lists are empty, and no file appears."""
    refused = [
        await _run(site, "ack", "ABC", "--reason", "x"),
        await _run(site, "silence", "expire", "1"),
        await _run(site, "silence", "add", "--match", "rule=usdt-low", "--for", "1h", "--reason", "x"),
        await _run(site, "alerts", "show", "ABC"),
    ]
    listed = [await _run(site, "alerts", "--json"), await _run(site, "silence", "list", "--json")]
    assert [done.code for done in refused] == [1, 1, 1, 1]
    assert "there is no store yet" in refused[0].err
    assert [(done.code, json.loads(done.out)) for done in listed] == [(0, []), (0, [])]
    assert not list(site.folder.glob("balances*"))


@together()
async def test_a_store_of_another_version_or_program_is_left_alone(site: Installation) -> None:
    """An older one is for the daemon to upgrade; somebody else's is not ours to write into."""
    wanted = await _firing(site)
    with closing(sqlite3.connect(site.store)) as db:
        db.execute("UPDATE alembic_version SET version_num = '0001'")
        db.commit()
    older = await _run(site, "ack", wanted, "--reason", "x")
    with closing(sqlite3.connect(site.store)) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    newer = await _run(site, "ack", wanted, "--reason", "x")
    with closing(sqlite3.connect(site.store)) as db:
        db.execute("PRAGMA application_id = 1")
        db.execute("UPDATE alembic_version SET version_num = ?", (SCHEMA,))
        db.commit()
    foreign = await _run(site, "silence", "add", "--match", "rule=usdt-low", "--for", "1h", "--reason", "x")
    assert [done.code for done in (older, newer, foreign)] == [1, 1, 1]
    assert "of an older version" in older.err
    assert "written by a newer balance-monitor (schema 9999)" in newer.err
    assert "a database of another program" in foreign.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--match", "rule=usdt-low", "--reason", "x"], "a silence needs one end"),
        (["--match", "rule=usdt-low", "--reason", "x", "--until", "2020-01-01T00:00Z"], "is past"),
        (["--match", "rule=usdt-low", "--reason", "x", "--for", "400d"], "within 366 days"),
        (["--match", "rule=usdt-low", "--reason", " ", "--for", "1h"], "--reason is empty"),
        (["--match", "rule=usdt-lw", "--reason", "x", "--for", "1h"], "did you mean `usdt-low`?"),
        (["--match", "rul=usdt-low", "--reason", "x", "--for", "1h"], "did you mean `rule`?"),
        (["--match", "rule=usdt-low", "--for", "1h"], "--reason"),
        (["--reason", "x", "--for", "1h"], "--match is needed"),
    ],
    ids=[
        "no-end",
        "over-already",
        "too-long",
        "an-empty-reason",
        "a-rule-that-is-not-there",
        "a-key-that-is-not-there",
        "no-reason",
        "no-match",
    ],
)
def test_a_silence_that_cannot_be_meant_is_64(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str], refusing_store: str
) -> None:
    """What is wrong and what is expected on stderr, nothing on stdout, nothing in the store."""
    from monitor.cli.main import execute

    assert execute(["silence", "add", "-c", refusing_store, *arguments]) == 64
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert execute(["silence", "list", "--all", "--json", "-c", refusing_store]) == 0
    assert json.loads(capfd.readouterr().out) == []


@together()
async def test_silences_are_listed_and_ended(site: Installation) -> None:
    """The number to end it by is data; who ended it is kept; one that is over can't be ended again."""
    await _firing(site)
    match = ["--match", "rule=usdt-*", "--match", "currency=USDT,USD*"]
    made = await _run(
        site, "silence", "add", *match, "--for", "2h", "--by", "lena", "--reason", "x", "--json"
    )
    later = await _run(
        site, "silence", "add", *match, "--for", "2h", "--from", "2099-01-01T00:00Z", "--reason", "x"
    )
    new = json.loads(made.out)
    assert (later.code, new["id"], new["state"]) == (64, 1, "active")
    assert new["match"] == {"rule": ["usdt-*"], "currency": ["USDT", "USD*"]}
    assert (new["rules"], new["series"]) == (["usdt-low"], ["spot/spot/USDT"])
    assert [one["series"] for one in new["firing"]] == ["spot/spot/USDT"]
    plain = await _run(site, "silence", "list")
    assert "rule=usdt-* currency=USDT,USD*" in plain.out
    ended = await _run(site, "silence", "-c", str(site.config), "expire", "1", "--by", "max")
    again = await _run(site, "silence", "expire", "1")
    assert (ended.code, again.code) == (0, 1)
    assert "no current silence 1; there is none" in again.err
    assert json.loads((await _run(site, "silence", "list", "--json")).out) == []
    [kept] = json.loads((await _run(site, "silence", "list", "--all", "--json")).out)
    assert (kept["state"], kept["by"], kept["expired_by"], kept["reason"]) == ("expired", "lena", "max", "x")


@together()
async def test_alerts_lists_and_shows(site: Installation) -> None:
    """Current and past, filtered, 0 whatever fires; one's story by the beginning of its id, for people and programs."""
    wanted = await _firing(site)
    listed = await site.command("alerts")
    none = await _run(site, "alerts", "--state", "resolved", "--json")
    some = await _run(site, "alerts", "--state", "firing", "--rule", "usdt-*", "--since", "24h", "--json")
    assert (listed.code, none.code, some.code) == (0, 0, 0)
    assert ANSI not in listed.out
    assert wanted in listed.out
    assert json.loads(none.out) == []
    assert [one["id"] for one in json.loads(some.out)] == [wanted]
    told = await _run(site, "alerts", "show", wanted[:5].lower())
    data = json.loads((await _run(site, "alerts", "-c", str(site.config), "show", wanted, "--json")).out)
    assert "CRITICAL usdt-low: spot/spot/USDT available 5.00 < 1000" in told.out
    types = [one["type"] for one in data["timeline"]]
    assert types == ["reading", "event", "attempt"]
    assert data["timeline"][0]["available"] == "5.00"
    assert data["timeline"][2]["error"] is None
    coloured = await _run(site, "alerts", "show", wanted, FORCE_COLOR="1")
    assert ANSI in coloured.out


@together()
async def test_alerts_refuses_what_it_does_not_know(site: Installation) -> None:
    """An id nobody has is 1 and names those there are; a span that is none is 64."""
    wanted = await _firing(site)
    unknown = await _run(site, "alerts", "show", "ZZZ")
    misused = await _run(site, "alerts", "--since", "yesterday")
    assert (unknown.code, misused.code) == (1, 64)
    assert f"no known incident 'ZZZ'; known: {wanted} (usdt-low spot/spot/USDT)" in unknown.err
    assert "--since: expected a whole number and a unit" in misused.err


@together()
async def test_undelivered_notifications_show_with_their_error(site: Installation) -> None:
    """Per channel: how many, since when, and what the last attempt said."""
    site.webhook.fault = None
    await site.webhook.stop()
    wanted = await _firing(site)
    [waiting] = (await site.status())["undelivered"]
    shown = await site.command("status")
    assert (waiting["channel"], waiting["count"]) == ("ops", 1)
    assert waiting["attempts"] >= 1
    assert waiting["last_error"]
    assert f"last error: {waiting['last_error']}" in shown.out
    told = await _run(site, "alerts", "show", wanted)
    assert "undelivered: message 1 for ops/" in told.out


@together()
async def test_a_silence_says_when_it_matches_nothing(site: Installation) -> None:
    """Its rule was renamed: the list says so, and so does `status`, to people and programs."""
    await _firing(site)
    given = ["--match", "rule=usdt-low", "--for", "2h", "--by", "max", "--reason", "upgrade"]
    await _run(site, "silence", "add", *given)
    before = await _run(site, "silence", "list")
    site.write(rules=[usdt_low(name="usdt-is-low")])
    listed = await _run(site, "silence", "list")
    shown = await site.command("status")
    assert "matches nothing" not in before.out
    assert "matches nothing: its rule or account is gone" in listed.out
    assert re.search(r"^silence 1: .*; matches nothing: ", shown.out, re.MULTILINE)
    for command in (["silence", "list", "--json"], ["status", "--json"]):
        told = json.loads((await _run(site, *command)).out)
        [one] = told if isinstance(told, list) else told["silences"]
        assert (one["state"], one["matches_nothing"]) == ("active", True)
