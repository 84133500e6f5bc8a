"""Acknowledgements and silences from the command line, on the store of a daemon at work: seen at once, never lost."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta
from functools import partial

from monitor.alerting import actions
from monitor.domain.alerts import Ack
from monitor.domain.matching import Match

from .stage import together
from .support import Done, Installation, Json, incident, run, usdt_low

AT_ONCE = [{"group_wait": "0s"}]
LEVELS = {"warning": {"below": "1000", "clear": "1200"}, "critical": {"below": "100", "clear": "150"}}
GRADED: Json = {
    "name": "usdt-low",
    "type": "threshold",
    "match": {"job": "spot", "currency": "USDT"},
    "levels": LEVELS,
}


async def _silence(site: Installation, *arguments: str) -> Done:
    name, *rest = arguments
    return await run("silence", name, "-c", str(site.config), *rest, cwd=site.folder, environ=site.environ)


async def _fired(site: Installation) -> str:
    """Waits for one firing alert that was told, and for the record of it; its id."""
    shown = await site.wait_for_status(
        lambda shown: (
            any(one["state"] == "firing" for one in shown["alerts"])
            and shown["notifications"]["delivered"]
            and not shown["notifications"]["pending"]
        ),
        "an alert that was told",
    )
    return str(shown["alerts"][0]["id"])


async def _quiet_for_some_polls(site: Installation) -> None:
    """Lets three polls and a look pass in which nothing may be told."""
    before = len(site.messages)
    await site.more_requests("type=0", 3)
    shown = site.current_status()
    assert (len(site.messages), shown["notifications"]["pending"]) == (before, 0)


async def _acknowledged(site: Installation, wanted: str, *options: str) -> Done:
    return await site.command("ack", wanted, "--by", "lena", "--reason", "topping up", *options)


@together()
async def test_an_acknowledgement_stops_reminders_and_what_gets_worse_gets_through(
    site: Installation,
) -> None:
    """Reminders each second until somebody knows; then none, until the severity rises: that is told, and the
    acknowledgement is over."""
    site.write(rules=[{**GRADED, "repeat_every": "1s"}], routes=AT_ONCE)
    await site.start()
    site.set_balance("500", "0")
    await site.received(3)
    fired = site.messages[0]
    done = await _acknowledged(site, incident(fired)[0][:6].lower())
    assert (done.code, done.err) == (0, "")
    assert "is acknowledged by lena" in done.out
    await site.wait_for_status(
        lambda shown: not shown["notifications"]["pending"], "the last reminder delivered"
    )
    await _quiet_for_some_polls(site)
    [alert] = site.current_status()["alerts"]
    assert (alert["acknowledged"]["by"], alert["acknowledged"]["reason"]) == ("lena", "topping up")
    before = len(site.messages)
    site.set_balance("50", "0")
    messages = await site.received(before + 1)
    assert messages[before].title.startswith("CRITICAL worse usdt-low")
    assert incident(messages[before])[0] == incident(fired)[0]
    assert site.current_status()["alerts"][0]["acknowledged"] is None


@together()
async def test_an_acknowledgement_taken_back_lets_reminders_go_on(site: Installation) -> None:
    """`--remove` is kept as well, by whom and why; the next reminder comes."""
    site.write(rules=[usdt_low(repeat_every="1s")], routes=AT_ONCE)
    await site.start()
    site.set_balance("5", "0")
    await site.received(1)
    wanted = incident(site.messages[0])[0]
    await _acknowledged(site, wanted)
    await site.wait_for_status(
        lambda shown: not shown["notifications"]["pending"], "the last reminder delivered"
    )
    await _quiet_for_some_polls(site)
    before = len(site.messages)
    done = await _acknowledged(site, wanted, "--remove")
    assert "no longer acknowledged" in done.out
    await site.received(before + 1)
    shown = json.loads((await run_show(site, wanted)).out)
    notes = [(one["kind"], one["by"]) for one in shown["timeline"] if one["type"] == "note"]
    assert notes == [("acknowledged", "lena"), ("unacknowledged", "lena")]


async def run_show(site: Installation, wanted: str) -> Done:
    """`alerts show ID --json`."""
    return await run(
        "alerts", "show", wanted, "--json", "-c", str(site.config), cwd=site.folder, environ=site.environ
    )


@together()
async def test_a_kill_right_after_an_acknowledgement_keeps_it(site: Installation) -> None:
    """Done means on the disk: after kill -9 and a start, and after a reload, nobody is reminded."""
    site.write(rules=[usdt_low(repeat_every="1s")], routes=AT_ONCE)
    daemon = await site.start()
    site.set_balance("5", "0")
    await site.received(1)
    done = await _acknowledged(site, incident(site.messages[0])[0])
    daemon.send(signal.SIGKILL)
    assert done.code == 0
    await daemon.ended()
    again = await site.start()
    await site.wait_for_status(lambda shown: not shown["notifications"]["pending"], "what waited delivered")
    await _quiet_for_some_polls(site)
    again.send(signal.SIGHUP)
    await again.logged("configuration reloaded")
    await _quiet_for_some_polls(site)
    assert site.current_status()["alerts"][0]["acknowledged"]["by"] == "lena"


@together()
async def test_in_a_silence_nothing_is_notified_and_after_it_the_difference_is(site: Installation) -> None:
    """It fires, quietly, and shows as such; a restart keeps the silence; once that is ended it is told."""
    site.write(routes=AT_ONCE)
    daemon = await site.start()
    made = await _silence(
        site, "add", "--match", "rule=usdt-*", "--for", "1h", "--by", "lena", "--reason", "upgrade"
    )
    assert (made.code, made.err) == (0, "")
    site.set_balance("5", "0")
    shown = await site.wait_for_status(lambda shown: shown["alerts"], "the alert")
    [alert] = shown["alerts"]
    assert (alert["state"], alert["announced"]) == ("firing", False)
    assert alert["muted"] == "silence 1 by lena: upgrade"
    assert [one["id"] for one in shown["silences"]] == [1]
    daemon.send(signal.SIGKILL)
    await daemon.ended()
    await site.start()
    await _quiet_for_some_polls(site)
    assert site.messages == []
    assert (await _silence(site, "expire", "1", "--by", "max")).code == 0
    [fired] = await site.received(1)
    assert fired.title.startswith("CRITICAL usdt-low")
    assert incident(fired) == (alert["id"], "1")


@together()
async def test_an_end_within_a_silence_is_notified_when_that_ends(site: Installation) -> None:
    """People knew that it fired: that it no longer does differs, and is told once the silence has ended by itself."""
    site.write(routes=AT_ONCE)
    await site.start()
    site.set_balance("5", "0")
    await _fired(site)
    made = await _silence(
        site, "add", "--match", "currency=USDT", "--for", "10s", "--reason", "upgrade", "--json"
    )
    site.set_balance("5000", "0")
    [_, resolved] = await site.received(2)
    assert resolved.title.startswith("RESOLVED usdt-low")
    assert resolved.received_at >= datetime.fromisoformat(json.loads(made.out)["ends_at"])
    assert site.current_status()["silences"] == []


@together()
async def test_an_alert_that_fires_and_resolves_in_a_silence_is_never_notified(site: Installation) -> None:
    """Only the next one is, as an incident of its own; `alerts` has the quiet one too."""
    site.write(routes=AT_ONCE)
    await site.start()
    await _silence(site, "add", "--match", "rule=usdt-low", "--for", "1h", "--reason", "upgrade")
    site.set_balance("5", "0")
    quiet = (await site.wait_for_status(lambda shown: shown["alerts"], "the alert"))["alerts"][0]
    site.set_balance("5000", "0")
    await site.wait_for_status(lambda shown: shown["alerts"] == [], "it fires no more")
    await _silence(site, "expire", "1")
    site.set_balance("7", "0")
    [fired] = await site.received(1)
    assert incident(fired)[0] != quiet["id"]
    assert incident(fired)[1] == "1"
    listed = json.loads((await site.command("alerts", "--json")).out)
    assert [(one["id"] == quiet["id"], one["state"], one["announced"]) for one in listed] == [
        (False, "firing", True),
        (True, "resolved", False),
    ]


@together()
async def test_many_write_beside_the_daemon_and_nothing_is_lost(site: Installation) -> None:
    """Forty silences and as many acknowledgements while polls are recorded: each is kept, each poll as well."""
    site.write(routes=AT_ONCE)
    daemon = await site.start()
    site.set_balance("5", "0")
    wanted = await _fired(site)
    now = datetime.now(UTC)
    mine = [partial(_add_silence, site, now, number) for number in range(40)]
    mine += [partial(_add_ack, site, wanted, number) for number in range(40)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(asyncio.to_thread(one) for one in mine))
    await site.more_requests("type=0", 2)
    shown = site.current_status()
    told = json.loads((await run_show(site, wanted)).out)
    notes = {one["by"] for one in told["timeline"] if one["type"] == "note" and one["kind"] == "acknowledged"}
    assert sorted(one["reason"] for one in shown["silences"]) == sorted(str(number) for number in range(40))
    assert notes == {str(number) for number in range(40)}
    assert shown["alerts"][0]["acknowledged"] is not None
    assert "store unavailable" not in daemon.log


def _add_silence(site: Installation, now: datetime, number: int) -> None:
    wish = actions.SilenceRequest(
        match=Match({"rule": ("endpoint-failing",)}),
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        by="lena",
        reason=str(number),
    )
    actions.silence(site.loaded(), wish, now)


def _add_ack(site: Installation, wanted: str, number: int) -> None:
    actions.ack(site.store, wanted, Ack(by=str(number), reason="known", at=datetime.now(UTC)))
