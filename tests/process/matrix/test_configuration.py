"""Reloads at bad moments: while something fires, fails, is banned, waits to be told, or is still being written."""

import asyncio
import random
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from monitor.sandbox import Fault, constant
from monitor.sandbox.nami import Holding
from tests.process.stage import together
from tests.process.support import (
    Daemon,
    Installation,
    Json,
    Refusing,
    balances,
    endpoint_failing,
    incident,
    jobs,
    scenario,
    until,
    usdt_low,
)

from .service import Service

CLIENT_POOR: Json = {"name": "poor", "type": "threshold", "match": {"job": "clients"}, "below": "10"}
TWO_CLIENTS = scenario(
    nami={"spot": {22: Holding(value=constant(Decimal("2500.75")), locked=constant(Decimal("100.25")))}},
    wdcf={"CLIENT_001": constant(Decimal("1500.50")), "CLIENT_002": constant(Decimal("7.25"))},
)
NOBODY = "json://127.0.0.1:9/"
"""A URL at which nobody listens."""


async def _reloaded(daemon: Daemon, text: str = "configuration reloaded") -> None:
    """Tells it to reload, and waits for what it says of that."""
    before = daemon.log.count(text)
    daemon.send(signal.SIGHUP)
    await daemon.logged(text, before + 1)


async def _recorded(site: Installation, count: int) -> Json:
    """Waits for so many deliveries to be recorded, and none to be left."""
    return await site.wait_for_status(
        lambda shown: (shown["notifications"]["delivered"], shown["notifications"]["pending"]) == (count, 0),
        f"{count} deliveries recorded",
    )


# What is wrong is refused


@together()
async def test_a_refused_reload_loses_nothing_that_waits(site: Installation) -> None:
    """A firing nobody could be told yet and an alert on its way to firing go on over a reload with an error."""
    refusing = Refusing()
    site.webhook.fault = refusing.fault
    later = usdt_low(name="later", **{"for": "3s"})
    site.write(rules=[usdt_low(), later])
    daemon = await site.start()
    site.set_balance("5.10")
    before = await site.wait_for_status(lambda shown: len(shown["alerts"]) == 2, "one fires, one is pending")
    good = site.config.read_text()
    site.config.write_text(good.replace("below: '1000'", "below: '10OO'", 1))
    await _reloaded(daemon, "reload failed, keeping the current configuration")
    line = next(n for n, text in enumerate(good.splitlines(), 1) if "below: '1000'" in text)
    await daemon.logged(f"{site.config}:{line}:10: rules[0].below")
    site.config.write_text(good)
    site.webhook.fault = None
    told = await site.received(2)
    since = {alert["id"]: alert["rule"] for alert in before["alerts"]}
    assert {incident(one): since[incident(one)[0]] for one in told} == {
        (name, "1"): rule for name, rule in since.items()
    }


@together(TWO_CLIENTS)
async def test_an_error_in_the_file_of_clients_is_refused_with_its_place(site: Installation) -> None:
    """A client listed twice is named with that file's line; all clients are polled on, and what fires goes on."""
    clients = await _with_clients_file(site, "CLIENT_001\nCLIENT_002\n")
    daemon = await site.start()
    await site.received(1)
    good = clients.read_text()
    clients.write_text("CLIENT_001\n\nCLIENT_001\n")
    await _reloaded(daemon, "reload failed, keeping the current configuration")
    await daemon.logged(f"{clients}:3:1: jobs[0].clients_file: is here twice, first in line 1")
    clients.write_text(good)
    polled = len(site.wdcf.requests)
    await until(lambda: len(site.wdcf.requests) >= polled + 4, "two more rounds")
    shown = await _recorded(site, 1)
    assert set(balances(shown)) == {"clients/CLIENT_001/USD", "clients/CLIENT_002/USD"}
    assert [alert["series"] for alert in shown["alerts"]] == ["clients/CLIENT_002/USD"]
    assert len(site.messages) == 1


async def _with_clients_file(site: Installation, text: str) -> Path:
    clients = site.folder / "clients.txt"
    clients.write_text(text)
    job = {"name": "clients", "provider": "wdcf", "every": "1s", "clients_file": "clients.txt"}
    site.write(jobs=[job], rules=[CLIENT_POOR])
    return clients


# What is taken away


@together()
async def test_removing_a_job_closes_its_alert(site: Installation) -> None:
    """It is told as closed and shown no more; when the job is back, what is still so is another incident."""
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(balances(shown)) == 2, "both jobs read")
    site.set_balance("5.10")
    [fired] = await site.received(1)
    await _recorded(site, 1)
    both, rules = site.document["jobs"], site.document["rules"]
    site.write(jobs=both[1:], rules=[endpoint_failing()])
    await _reloaded(daemon)
    [_, closed] = await site.received(2)
    assert closed.title.startswith("CLOSED usdt-low: spot/spot/USDT")
    assert incident(closed) == (incident(fired)[0], "2")
    shown = await _recorded(site, 2)
    assert (set(jobs(shown)), set(balances(shown)), shown["alerts"]) == (
        {"clients"},
        {"clients/CLIENT_001/USD"},
        [],
    )
    site.write(jobs=both, rules=rules)
    await _reloaded(daemon)
    [*_, again] = await site.received(3)
    assert again.title.startswith("CRITICAL usdt-low: spot/spot/USDT available 5.10 < 1000")
    assert incident(again)[0] != incident(fired)[0]


@together(TWO_CLIENTS)
async def test_a_client_taken_out_of_the_file_closes_its_alert(site: Installation) -> None:
    """An edit of the list alone does nothing; with the reload its alert is told as closed, and nobody asks for it."""
    clients = await _with_clients_file(site, "CLIENT_001\nCLIENT_002\n")
    daemon = await site.start()
    [fired] = await site.received(1)
    await _recorded(site, 1)
    clients.write_text("CLIENT_001\n")
    await _asked_for(site, "CLIENT_002", 2)
    await _reloaded(daemon)
    [_, closed] = await site.received(2)
    assert closed.title.startswith("CLOSED poor: clients/CLIENT_002/USD")
    assert incident(closed) == (incident(fired)[0], "2")
    before = _asks(site, "CLIENT_002")
    await _asked_for(site, "CLIENT_001", 2)
    assert _asks(site, "CLIENT_002") == before


def _asks(site: Installation, client: str) -> int:
    return sum(client in logged.request.query for logged in site.wdcf.requests)


async def _asked_for(site: Installation, client: str, times: int) -> None:
    before = _asks(site, client)
    await until(lambda: _asks(site, client) >= before + times, f"{times} more requests for {client}")


@together()
async def test_removing_a_provider_in_an_outage_closes_its_alert(site: Installation) -> None:
    """The outage is told as closed, a poll under way leaves no trace, nothing is asked any more; others go on."""
    site.document["providers"]["nami"]["timeout"] = "2s"
    site.write()
    daemon = await site.start()
    await site.more_requests("type=0")
    site.nami.fault = Fault.status(500)
    [fired] = await site.received(1)
    await _recorded(site, 1)
    site.nami.fault = Fault.hang()
    await site.more_requests("type=0")
    site.write(
        providers={"wdcf": site.document["providers"]["wdcf"]},
        jobs=site.document["jobs"][1:],
        rules=[endpoint_failing()],
    )
    await _reloaded(daemon)
    [_, closed] = await site.received(2)
    assert closed.title.startswith("CLOSED endpoint-failing: nami")
    assert incident(closed) == (incident(fired)[0], "2")
    asked, others = site.request_count(), len(site.wdcf.requests)
    await until(lambda: len(site.wdcf.requests) >= others + 4, "four polls of the other provider")
    assert site.request_count() == asked
    shown = await _recorded(site, 2)
    assert (shown["alerts"], jobs(shown)["clients"]["outcome"]) == ([], "ok")
    assert await daemon.stop() == 0
    assert "Traceback" not in daemon.log


@together()
async def test_a_ban_outlives_the_provider(site: Installation) -> None:
    """A banned provider that is taken out and put back is not asked before the ban is over."""
    daemon = await site.start()
    await site.more_requests("type=0")
    site.nami.fault = Fault.banned()
    await site.wait_for_status(lambda shown: shown["pauses"], "the pause")
    asked = site.request_count()
    site.nami.fault = None
    whole = dict(site.document)
    site.write(
        providers={"wdcf": whole["providers"]["wdcf"]}, jobs=whole["jobs"][1:], rules=[endpoint_failing()]
    )
    await _reloaded(daemon)
    site.write(**{key: whole[key] for key in ("providers", "jobs", "rules")})
    await _reloaded(daemon)
    before = jobs(site.current_status())["spot"]["consecutive_failures"]
    shown = await site.wait_for_status(
        lambda shown: jobs(shown)["spot"]["consecutive_failures"] >= before + 2, "polls held back again"
    )
    assert site.request_count() == asked
    assert jobs(shown)["spot"]["outcome"] == "banned"


TWELVE = [f"CLIENT_{number:03}" for number in range(12)]
MANY_CLIENTS = scenario(nami={}, wdcf=dict.fromkeys(TWELVE, constant(Decimal(100))))


@together(MANY_CLIENTS)
async def test_a_banned_provider_that_moves_is_not_asked_at_its_old_place(site: Installation) -> None:
    """Also while the reload waits for the store: a poll goes by the old configuration or by the new, never by both."""
    clients = TWELVE
    site.write(jobs=[{"name": "clients", "provider": "wdcf", "every": "4s", "clients": clients}], rules=[])
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(balances(shown)) == len(clients), "all clients read")
    site.wdcf.fault = Fault.banned()
    await site.wait_for_status(lambda shown: shown["pauses"], "the pause")
    asked = len(site.wdcf.requests)
    async with Service("wdcf", elsewhere=0) as other:
        site.document["providers"]["wdcf"]["base_url"] = other.base_url
        site.write()
        with closing(sqlite3.connect(site.store)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            daemon.send(signal.SIGHUP)
            await asyncio.sleep(3)
        await daemon.logged("configuration reloaded")
        await until(lambda: len(other.requests) >= len(clients), "everybody asked for at the new place")
    assert len(site.wdcf.requests) == asked


@together()
async def test_a_rule_removed_before_its_firing_was_delivered(site: Installation) -> None:
    """Firing and closing wait together, and go out as one message."""
    refusing = Refusing()
    site.webhook.fault = refusing.fault
    daemon = await site.start()
    site.set_balance("5.10")
    await until(lambda: refusing.at, "an attempt")
    site.write(rules=[])
    await _reloaded(daemon)
    site.webhook.fault = None
    [message] = await site.received(1)
    assert message.title.startswith("FIRED AND CLOSED usdt-low: spot/spot/USDT")
    assert incident(message)[1] == "1-2"
    await _recorded(site, 2)
    assert len(site.messages) == 1


@together()
async def test_a_channel_removed_with_a_message_that_another_has(site: Installation) -> None:
    """What waited for it is given up: logged, counted as failed; the end goes where the firing went."""
    ops = site.document["channels"]["ops"]
    site.write(channels={"ops": ops, "dead": {"urls": [NOBODY]}})
    daemon = await site.start()
    site.set_balance("5.10")
    [fired] = await site.received(1)
    await daemon.logged("notification not delivered")
    site.write(channels={"ops": ops})
    await _reloaded(daemon)
    await daemon.logged("notifications dropped: their channel was removed count=1")
    site.set_balance("5000")
    [_, resolved] = await site.received(2)
    shown = await _recorded(site, 2)
    assert incident(resolved) == (incident(fired)[0], "2")
    assert shown["notifications"] == {"delivered": 2, "pending": 0, "failed": 1}


@together()
async def test_a_channel_exchanged_for_another_loses_no_alert(site: Installation) -> None:
    """What nobody was told yet goes to the channels that the rule has now; its end follows it there."""
    site.write(channels={"dead": {"urls": [NOBODY]}}, rules=[usdt_low(notify=["dead"])])
    daemon = await site.start()
    site.set_balance("5.10")
    await daemon.logged("notification not delivered")
    alert = site.current_status()["alerts"][0]
    site.write(channels={"ops": {"urls": [site.webhook.url]}}, rules=[usdt_low(notify=["ops"])])
    await _reloaded(daemon)
    [fired] = await site.received(1)
    assert fired.title.startswith("CRITICAL usdt-low: spot/spot/USDT available 5.10 < 1000")
    site.set_balance("5000")
    [_, resolved] = await site.received(2)
    assert [incident(one) for one in (fired, resolved)] == [(alert["id"], "1"), (alert["id"], "2")]
    await _recorded(site, 2)


@together()
async def test_the_last_channel_removed(site: Installation) -> None:
    """With nobody left to tell, what waited is given up: logged, counted as failed; polls and alerts go on."""
    site.write(channels={"dead": {"urls": [NOBODY]}})
    daemon = await site.start()
    site.set_balance("5.10")
    await daemon.logged("notification not delivered")
    site.write(channels={})
    await _reloaded(daemon)
    await daemon.logged("notifications dropped: their channel was removed count=1")
    await site.more_requests("type=0", 2)
    shown = site.current_status()
    assert shown["notifications"] == {"delivered": 0, "pending": 0, "failed": 1}
    assert [alert["rule"] for alert in shown["alerts"]] == ["usdt-low"]


# Reloads in a row


@together(limit=6)
async def test_fifty_reloads_in_a_second(site: Installation) -> None:
    """They cost no poll its turn, no message, no descriptor and no thread, and win no call over the limit."""
    site.document["providers"]["nami"]["rate_limit"] = "6/1m"
    site.write()
    daemon = await site.start()
    site.wdcf.fault = Fault.status(500)
    [fired] = await site.received(1)
    await _reloaded(daemon)
    await site.wait_for_status(lambda shown: jobs(shown)["spot"]["outcome"] == "ok", "a poll")
    before = _held(daemon)
    for _ in range(50):
        daemon.send(signal.SIGHUP)
        await asyncio.sleep(0.02)
    await _reloaded(daemon)
    site.wdcf.fault = None
    [_, resolved] = await site.received(2)
    assert incident(resolved) == (incident(fired)[0], "2")
    await until(lambda: site.request_count() >= 6, "the last call allowed")
    clients = len(site.wdcf.requests)
    await until(lambda: len(site.wdcf.requests) >= clients + 3, "three polls at the other host")
    await until(lambda: _held(daemon) <= before + 2, "nothing held beyond what was before")
    assert {logged.status for logged in site.nami.requests} == {200}
    assert len(site.messages) == 2


def _held(daemon: Daemon) -> int:
    """Descriptors and threads of the process."""
    return sum(len(list(Path(f"/proc/{daemon.pid}/{what}").iterdir())) for what in ("fd", "task"))


# Files that are being written


@together()
async def test_a_configuration_half_written_is_not_acted_upon(site: Installation) -> None:
    """Told to reload within an edit, also where its first half is a valid file, it waits for the rest."""
    daemon, fired = await _firing(site)
    text = site.config.read_text()
    cuts = [text.index("- name: usdt-low"), *random.Random(7).sample(range(1, len(text)), 9)]
    for cut in cuts:
        await _write_in_two(site.config, text, cut, daemon)
    await _goes_on(site, daemon, fired)


@together(TWO_CLIENTS)
async def test_a_file_of_clients_half_written_is_not_acted_upon(site: Installation) -> None:
    """Clients not yet written are not clients taken out."""
    text = "CLIENT_001\nCLIENT_002\n"
    clients = await _with_clients_file(site, text)
    daemon = await site.start()
    [fired] = await site.received(1)
    await _recorded(site, 1)
    for cut in (11, 5, 11):
        await _write_in_two(clients, text, cut, daemon)
    site.wdcf.endpoint.clients["CLIENT_002"] = constant(Decimal(100))
    [_, resolved] = await site.received(2)
    assert resolved.title.startswith("RESOLVED poor: clients/CLIENT_002/USD")
    assert incident(resolved) == (incident(fired)[0], "2")
    assert "Traceback" not in daemon.log


async def _firing(site: Installation) -> tuple[Daemon, Any]:
    """A daemon with an alert that has been told, of a rule that stands last in the file."""
    site.write(rules=[endpoint_failing(), usdt_low()])
    daemon = await site.start()
    site.set_balance("5.10")
    [fired] = await site.received(1)
    await _recorded(site, 1)
    return daemon, fired


async def _goes_on(site: Installation, daemon: Daemon, fired: Any) -> None:
    """The alert is the same, a further edit takes effect, and the incident ends as it should."""
    await _reloaded(daemon)
    assert [alert["id"] for alert in site.current_status()["alerts"]] == [incident(fired)[0]]
    site.write(rules=[endpoint_failing(), usdt_low(clear="1500")])
    await _reloaded(daemon)
    site.set_balance("1400")
    await site.wait_for_status(
        lambda shown: balances(shown)["spot/spot/USDT"]["total"] == "1400", "the new reading"
    )
    assert len(site.messages) == 1
    site.set_balance("1500")
    [_, resolved] = await site.received(2)
    assert incident(resolved) == (incident(fired)[0], "2")
    assert "Traceback" not in daemon.log


async def _write_in_two(file: Path, text: str, cut: int, daemon: Daemon) -> None:
    """Writes a file as a slow editor does: emptied, then the first part, then the rest; with reloads in between."""
    pause: Callable[[], Any] = lambda: asyncio.sleep(0.02)  # noqa: E731
    with file.open("w") as out:
        daemon.send(signal.SIGHUP)
        await pause()
        out.write(text[:cut])
        out.flush()
        daemon.send(signal.SIGHUP)
        await pause()
        out.write(text[cut:])
    daemon.send(signal.SIGHUP)
