"""A provider with many accounts goes out and comes back: one message each, whatever rules there are, and a kill."""

import signal
from collections import Counter
from decimal import Decimal

import pytest

from monitor.sandbox import Fault, Message, Scenario, Webhook, constant

from .stage import together
from .support import Installation, endpoint_failing, incident, scenario, until

AMOUNT = "1500.50"


def crowd(count: int) -> Scenario:
    """So many clients with the same balance."""
    return scenario(
        nami={}, wdcf={f"CLIENT_{number:03}": constant(Decimal(AMOUNT)) for number in range(count)}
    )


def watch_all(site: Installation, url: str, every: str, after: str) -> None:
    """All clients in one job, a rule of each kind that an outage could set off over all of them, and two URLs."""
    clients = [*site.wdcf.endpoint.clients]
    site.write(
        channels={"ops": {"urls": [site.webhook.url, url]}},
        jobs=[{"name": "clients", "provider": "wdcf", "every": every, "clients": clients}],
        rules=[
            endpoint_failing(),
            {"name": "low", "type": "threshold", "below": "1000"},
            {"name": "fell", "type": "delta", "drop": "10%", "within": "10m"},
            {"name": "old", "type": "stale", "after": after},
        ],
    )


async def all_asked(site: Installation, times: int) -> None:
    """Waits until each client has been asked for so many times more, whatever it was answered."""
    service = site.wdcf
    before = len(service.requests)

    def asked() -> bool:
        counted = Counter(logged.request.query for logged in [*service.requests][before:])
        return all(counted[f"clientId={client}"] >= times for client in service.endpoint.clients)

    await until(asked, f"each client asked {times} times", within=180, pause=0.3)


async def all_read(site: Installation) -> None:
    """Waits until each client has been read, later than now."""
    began = site.wdcf.now().isoformat()
    count = len(site.wdcf.endpoint.clients)

    def read() -> bool:
        shown = site.current_status()["balances"]
        return len(shown) == count and all(balance["observed_at"] > began for balance in shown)

    await until(read, "each client read", within=180, pause=0.3)


async def outage(site: Installation, every: str, after: str) -> None:
    """All is read; then nobody is, for longer than `after`, with a kill amid; then all are again."""
    async with Webhook() as second:
        watch_all(site, second.url, every, after)
        daemon = await site.start()
        await until(lambda: site.store.exists(), "a store")
        await all_read(site)

        site.wdcf.fault = Fault.status(503)
        await until(lambda: site.messages and second.messages, "the firing at both", within=180)
        await until(lambda: site.current_status()["notifications"]["delivered"] == 2, "both recorded")
        await all_asked(site, 1)
        await daemon.stop(signal.SIGKILL)
        restarted = await site.start()
        await until(lambda: stale(site), "all readings old", within=180, pause=0.3)
        await all_asked(site, 2)
        during = site.current_status()

        site.wdcf.fault = None
        await until(
            lambda: len(site.messages) > 1 and len(second.messages) > 1, "the end at both", within=180
        )
        await all_read(site)
        assert site.current_status()["alerts"] == []
        assert await restarted.stop() == 0
        for messages in (site.messages, second.messages):
            assert_one_outage(messages, len(during["balances"]))
    assert {balance["total"] for balance in during["balances"]} == {AMOUNT}
    assert {alert["rule"] for alert in during["alerts"] if alert["state"] == "firing"} == {
        "endpoint-failing",
        "old",
    }
    assert daemon.log.count("poll failed") + restarted.log.count("poll failed") <= 3


def stale(site: Installation) -> bool:
    """Whether the stale rule fires for each client: quietly, since the outage says why."""
    firing = [
        alert
        for alert in site.current_status()["alerts"]
        if alert["rule"] == "old" and alert["state"] == "firing"
    ]
    return len(firing) == len(site.wdcf.endpoint.clients)


def assert_one_outage(messages: list[Message], count: int) -> None:
    """One firing and one resolve, of one incident, and nothing else."""
    assert [message.title.partition(":")[0] for message in messages] == [
        "WARNING endpoint-failing",
        "RESOLVED endpoint-failing",
    ]
    fired, resolved = messages
    assert incident(fired)[0] == incident(resolved)[0]
    assert (incident(fired)[1], incident(resolved)[1]) == ("1", "2")
    assert f"all {count} accounts are read again" in resolved.title


@together(crowd(50))
async def test_an_outage_of_fifty_accounts_is_one_message_and_its_end_another(site: Installation) -> None:
    """At each URL, though all grow stale meanwhile and the daemon is killed and started again."""
    await outage(site, every="2s", after="12s")


@pytest.mark.campaign
@together(crowd(500))
async def test_an_outage_of_five_hundred_accounts_is_one_message_and_its_end_another(
    site: Installation,
) -> None:
    """At each URL, though all grow stale meanwhile and the daemon is killed and started again."""
    await outage(site, every="10s", after="60s")
