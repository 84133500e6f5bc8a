"""What is told besides alerts, and in one's own words: the summary, and templated messages."""

import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from .stage import together
from .support import Installation, usdt_low

_LAST = "INSERT INTO events (incident, seq, rule, subject, kind, at, report) VALUES (?, 1, 'summary', '', ?, ?, '{}')"


async def _last_summary(site: Installation, ago: timedelta) -> None:
    """A store in which the last summary is so old."""
    await site.command("poll")
    at = datetime.now(UTC) - ago
    with closing(sqlite3.connect(site.store)) as db, db:
        db.execute(_LAST, ("SUMMARY-OLD", "summary", int(at.timestamp() * 1_000_000)))


@together()
async def test_a_summary_that_was_missed_is_notified_once_also_over_kills(site: Installation) -> None:
    """Two were due while nothing ran. The one that is made comes out once, whenever the daemon is killed."""
    in_half_a_day = (datetime.now(UTC) + timedelta(hours=12)).hour
    site.write(summary={"cron": f"0 {in_half_a_day} * * *"})
    await _last_summary(site, timedelta(days=3))
    daemon = await site.start()
    [told] = await site.received(1)
    await site.wait_for_status(
        lambda shown: shown["notifications"]["delivered"] == 1, "the delivery recorded"
    )
    daemon.send(signal.SIGKILL)
    await daemon.ended()
    again = await site.start()
    site.set_balance("5.10")
    await site.received(2)
    assert await again.stop() == 0
    assert told.title.startswith("SUMMARY: 2 balances, 0 changed, nothing fires")
    assert "spot/spot/USDT: 2400.50, new" in told.body
    assert "Polls: " in told.body
    assert [one.title.split()[0] for one in site.messages] == ["SUMMARY:", "CRITICAL"]
    listed = await site.command("alerts", "--json")
    assert "SUMMARY" not in listed.out


@together()
async def test_messages_in_words_of_ones_own(site: Installation) -> None:
    """A rule's come out as written; where they fail at the time, the built-in message comes out and says so."""
    words = {"title": "{{ subject }} needs money", "body": "{{ reason }}, see {{ links.runbook }}"}
    failing = {"body": "{{ 1 / (kind != 'resolved') }} it is low"}
    site.write(
        links={"runbook": "https://wiki.example/{{ rule }}"},
        rules=[usdt_low(message=words), usdt_low(name="fails-at-the-end", message=failing)],
    )
    await site.start()
    site.set_balance("5.10")
    await site.received(2)
    site.set_balance("2500")
    await site.received(4)
    told = {(one.title.split()[0], one.body.splitlines()[0]) for one in site.messages}
    assert ("spot/spot/USDT", "available 5.10 < 1000, see https://wiki.example/usdt-low") in told
    assert ("CRITICAL", "1.0 it is low") in told
    [built_in] = [one for one in site.messages if one.title.startswith("RESOLVED fails-at-the-end")]
    assert "Template: failed, so this is the built-in message: ZeroDivisionError" in built_in.body


@together()
async def test_a_reload_brings_other_words(site: Installation) -> None:
    """They are those of the next message."""
    daemon = await site.start()
    site.set_balance("5.10")
    await site.received(1)
    ops = site.document["channels"]["ops"]
    site.write(channels={"ops": {**ops, "message": {"title": "{{ kind }} in other words"}}})
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    site.set_balance("2500")
    [_, resolved] = await site.received(2)
    assert resolved.title == "resolved in other words"
