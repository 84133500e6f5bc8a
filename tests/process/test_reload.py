"""SIGHUP: what changed takes effect, what did not goes on undisturbed, what is wrong is refused."""

import asyncio
import signal
from decimal import Decimal
from typing import Any

from monitor.sandbox import constant
from monitor.sandbox.nami import Holding

from .stage import together
from .support import Installation, Json, incident, jobs, scenario, usdt_low

FUTURES: Json = {
    "name": "futures",
    "provider": "nami",
    "every": "1h",
    "wallet": "futures",
    "currencies": {22: "USDT"},
}
TWO_WALLETS = scenario(
    nami={
        "spot": {22: Holding(value=constant(Decimal("2500.75")))},
        "futures": {22: Holding(value=constant(Decimal(7)))},
    },
    wdcf={client: constant(Decimal("1500.50")) for client in ("CLIENT_001", "CLIENT_002")},
)


@together(TWO_WALLETS)
async def test_a_new_rule_takes_effect_and_other_jobs_are_not_polled_anew(site: Installation) -> None:
    """A rule that the reload brings is judged at the next poll; an hourly job keeps its hour, a quick one its pace."""
    old: list[Any] = site.document["jobs"]
    site.write(jobs=[*old, FUTURES])
    daemon = await site.start()
    await site.wait_for_status(
        lambda shown: jobs(shown)["futures"]["outcome"] == "ok", "the hourly job polled"
    )
    low: Json = {"name": "new", "type": "threshold", "match": {"job": "spot"}, "below": "100000"}
    site.write(rules=[*site.document["rules"], low])
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    [fired] = await site.received(1)
    await site.more_requests("type=0", 2)
    assert fired.title.startswith("WARNING new: spot/spot/USDT available 2500.75 < 100000")
    assert site.request_count("type=2") == 1


@together()
async def test_an_invalid_configuration_is_refused_with_its_place(site: Installation) -> None:
    """File, line and column are logged, the old rules stay in force, and a firing alert goes on firing."""
    daemon = await site.start()
    site.set_balance("5.10")
    await site.received(1)
    alerts = await site.wait_for_status(
        lambda shown: shown["notifications"]["delivered"] == 1, "the delivery recorded"
    )
    good = site.config.read_text()
    site.config.write_text(good.replace("every: 1s", "evry: 1s", 1))
    daemon.send(signal.SIGHUP)
    await daemon.logged("evry")
    line = next(n for n, text in enumerate(good.splitlines(), 1) if "every: 1s" in text)
    assert f"{site.config}:{line}:3: jobs[0].evry: unknown key" in daemon.log
    assert "reload failed, keeping the current configuration" in daemon.log
    site.config.write_text(good)
    await site.more_requests("type=0", 2)
    assert [alert["id"] for alert in site.current_status()["alerts"]] == [alerts["alerts"][0]["id"]]
    site.set_balance("5000")
    [_, resolved] = await site.received(2)
    assert resolved.title.startswith("RESOLVED usdt-low")


@together()
async def test_a_url_that_apprise_refuses_keeps_the_old_configuration(site: Installation) -> None:
    """A reload with an unknown service is refused without showing its URL; the old channel still delivers."""
    daemon = await site.start()
    good = site.config.read_text()
    site.write(channels={"ops": {"urls": ["nosuchservice://user:hunter2hunter2@host/"]}})
    daemon.send(signal.SIGHUP)
    await daemon.logged("reload failed")
    await daemon.logged("nosuchservice://")
    site.config.write_text(good)
    site.set_balance("5.10")
    await site.received(1)
    assert "hunter2" not in daemon.log


@together()
async def test_a_file_that_is_gone_keeps_the_old_configuration(site: Installation) -> None:
    """A reload while the file is being moved about changes nothing and ends nothing."""
    daemon = await site.start()
    site.config.rename(site.folder / "moved.yaml")
    daemon.send(signal.SIGHUP)
    await daemon.logged("reload failed")
    await site.more_requests("type=0", 2)
    (site.folder / "moved.yaml").rename(site.config)
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")


@together()
async def test_removing_a_firing_rule_closes_its_alert(site: Installation) -> None:
    """The people who were told of it are told that it is closed, under the same incident with the next number."""
    daemon = await site.start()
    site.set_balance("5.10")
    [fired] = await site.received(1)
    await site.wait_for_status(
        lambda shown: shown["notifications"]["delivered"] == 1, "the delivery recorded"
    )
    site.write(rules=[])
    daemon.send(signal.SIGHUP)
    [_, closed] = await site.received(2)
    assert closed.title.startswith("CLOSED usdt-low: spot/spot/USDT")
    assert closed.type == "info"
    assert incident(closed) == (incident(fired)[0], "2")
    assert site.current_status()["alerts"] == []


@together()
async def test_editing_a_firing_rule_keeps_its_alert(site: Installation) -> None:
    """A limit changed, but still broken: the incident goes on, and nobody is told anything twice."""
    daemon = await site.start()
    site.set_balance("5.10")
    [fired] = await site.received(1)
    site.write(rules=[usdt_low(below="900", clear="950")])
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    await site.more_requests("type=0", 2)
    assert len(site.messages) == 1
    [alert] = await _alerts_expecting(site, "900")
    assert alert["id"] == incident(fired)[0]


async def _alerts_expecting(site: Installation, limit: str) -> list[Json]:
    shown = await site.wait_for_status(
        lambda status: any(f"< {limit}" in alert["reason"] for alert in status["alerts"]),
        f"an alert with the limit {limit}",
    )
    alerts: list[Json] = shown["alerts"]
    return alerts


@together(TWO_WALLETS)
async def test_jobs_come_and_go(site: Installation) -> None:
    """A job that the reload brings is polled, one that it takes away is not polled any more."""
    daemon = await site.start()
    await site.more_requests("type=0")
    site.write(jobs=[{**FUTURES, "every": "1s"}], rules=[])
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    await site.more_requests("type=2")
    spot = site.request_count("type=0")
    await site.more_requests("type=2", 2)
    assert site.request_count("type=0") == spot


@together(TWO_WALLETS)
async def test_the_file_of_clients_is_read_again(site: Installation) -> None:
    """A client added to `clients_file` is polled after a reload, one taken out is shown no more."""
    clients = site.folder / "clients.txt"
    clients.write_text("CLIENT_001\n")
    site.write(
        jobs=[{"name": "clients", "provider": "wdcf", "every": "1s", "clients_file": "clients.txt"}], rules=[]
    )
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 1, "the first client")
    clients.write_text("CLIENT_002\n")
    site.write(rules=[usdt_low(match={"job": "clients"}, below="1")])
    daemon.send(signal.SIGHUP)
    shown = await site.wait_for_status(
        lambda status: status["balances"] and status["balances"][0]["total"], "the other client"
    )
    assert [balance["account"] for balance in shown["balances"]] == ["CLIENT_002"]


@together()
async def test_a_burst_of_reloads_is_survived(site: Installation) -> None:
    """Fifty SIGHUPs on each other's heels, half of them on a broken file: it polls, tells and ends as ever."""
    daemon = await site.start()
    good = site.config.read_text()
    for number in range(50):
        site.config.write_text(good if number % 2 else good[: 10 * number])
        daemon.send(signal.SIGHUP)
        await asyncio.sleep(0.01)  # two signals at the same instant would be one
    site.config.write_text(good)
    daemon.send(signal.SIGHUP)
    site.set_balance("5.10")
    await site.received(1)
    await site.more_requests("type=0", 2)
    assert await daemon.stop() == 0
    assert "Traceback" not in daemon.log


@together()
async def test_a_channel_that_moved_gets_what_waited_for_the_old_url(site: Installation) -> None:
    """The operator mends a dead URL and reloads: the message that could not be delivered goes to the new one."""
    good = site.document["channels"]
    site.write(channels={"ops": {"urls": ["json://127.0.0.1:9/"]}})
    daemon = await site.start()
    site.set_balance("5.10")
    await daemon.logged("notification not delivered")
    site.write(channels=good)
    daemon.send(signal.SIGHUP)
    [message] = await site.received(1)
    assert incident(message) == (site.current_status()["alerts"][0]["id"], "1")


@together()
async def test_a_renamed_channel_gets_the_end(site: Installation) -> None:
    """By a reload, then by a restart: the same URL under another name, in another place, beside a new one."""
    daemon = await site.start()
    site.set_balance("5.10")
    [fired] = await site.received(1)
    await site.wait_for_status(
        lambda shown: shown["notifications"]["delivered"] == 1, "the delivery recorded"
    )
    ours = site.webhook.url
    site.write(channels={"oncall": {"urls": [f"{ours}elsewhere", ours]}})
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    assert await daemon.stop() == 0
    site.write(channels={"duty": {"urls": [f"{ours}elsewhere", ours]}})
    await site.start()
    site.set_balance("5000")
    [_, resolved] = await site.received(2)
    await site.wait_for_status(
        lambda shown: shown["notifications"]["delivered"] == 2, "one message, one recipient"
    )
    assert resolved.title.startswith("RESOLVED usdt-low")
    assert incident(resolved) == (incident(fired)[0], "2")


@together(TWO_WALLETS)
async def test_a_rule_waits_for_its_client_to_come_back(site: Installation) -> None:
    """A client that leaves the file of clients does not fail the reload. A warning names the rule, which has no effect
    meanwhile. When the client is back, the rule evaluates it."""
    clients = site.folder / "clients.txt"
    clients.write_text("CLIENT_001\nCLIENT_002\n")
    low: Json = {"name": "low", "type": "threshold", "match": {"account": "CLIENT_002"}, "below": "10000"}
    job = {"name": "clients", "provider": "wdcf", "every": "1s", "clients_file": "clients.txt"}
    site.write(jobs=[job], rules=[low])
    daemon = await site.start()
    await site.received(1)
    clients.write_text("CLIENT_001\n")
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    warning = (
        "rule low: match.account 'CLIENT_002' matches nothing that is configured, so the rule has no effect"
    )
    assert warning in daemon.log
    assert warning in (await site.command("check")).err
    [_, closed] = await site.received(2)
    assert closed.title.startswith("CLOSED low: ")
    clients.write_text("CLIENT_001\nCLIENT_002\n")
    daemon.send(signal.SIGHUP)
    [*_, fired] = await site.received(3)
    assert fired.title.startswith("WARNING low: clients/CLIENT_002/USD ")
