"""From what a service serves to what people read: exact readings, alerts told once, outages told as outages."""

from decimal import Decimal

from monitor.sandbox import Fault, constant
from monitor.sandbox.nami import Holding, broker_error

from .stage import together
from .support import Installation, balances, endpoint_failing, incident, jobs, scenario

LONG_AMOUNTS = scenario(
    nami={
        "spot": {
            1: Holding(value=constant(Decimal("26058942.333333325"))),
            22: Holding(value=constant(Decimal("1009.8500524310101200")), locked=constant(Decimal("0.10"))),
            23: Holding(value=constant(Decimal("12345678901234567890.123456789012345678"))),
            24: Holding(value=constant(Decimal("0.000000000000000001"))),
            25: Holding(value=constant(Decimal("0.00"))),
        }
    },
    wdcf={"CLIENT_001": constant(Decimal("9007199254740993.10"))},
)
CLIENTS = [f"CLIENT_{number}" for number in range(5)]
FIVE_CLIENTS = scenario(nami={}, wdcf={client: constant(Decimal("1500.50")) for client in CLIENTS})


@together(LONG_AMOUNTS)
async def test_readings_are_what_was_served_digit_by_digit(site: Installation) -> None:
    """Amounts of more digits than a float has, trailing zeros and all, arrive in `status --json` as they were sent."""
    everything = {"name": "spot", "provider": "nami", "every": "1s", "wallet": "spot"}
    site.write(jobs=[everything, site.document["jobs"][1]], rules=[])
    await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 6, "six balances")
    amounts = {
        name: (balance["total"], balance["locked"], balance["available"])
        for name, balance in balances(await site.status()).items()
    }
    many = "12345678901234567890.123456789012345678"
    assert amounts == {
        "spot/spot/1": ("26058942.333333325", "0", "26058942.333333325"),
        "spot/spot/22": ("1009.8500524310101200", "0.10", "1009.7500524310101200"),
        "spot/spot/23": (many, "0", many),
        "spot/spot/24": ("0.000000000000000001", "0", "0.000000000000000001"),
        "spot/spot/25": ("0.00", "0", "0.00"),
        "clients/CLIENT_001/USD": ("9007199254740993.10", None, "9007199254740993.10"),
    }


@together()
async def test_a_drain_and_a_top_up_make_one_incident_of_two_messages(site: Installation) -> None:
    """One critical message with the exact amounts, told once however long it lasts; its resolve has the next number."""
    await site.start()
    await site.more_requests("type=0", 2)
    site.set_balance("999.9900000000000001", "0.1000")
    [fired] = await site.received(1)
    await site.more_requests("type=0", 2)
    assert len(site.messages) == 1
    [alert] = site.current_status()["alerts"]
    site.set_balance("3100.10", "0.1000")
    [_, resolved] = await site.received(2)
    settled = await site.wait_for_status(
        lambda shown: shown["notifications"]["delivered"] == 2, "both recorded"
    )

    assert fired.type == "failure"
    assert fired.title == "CRITICAL usdt-low: spot/spot/USDT available 999.8900000000000001 < 1000"
    assert "Reading: available 999.8900000000000001" in fired.body
    assert "Before: 2400.50 at " in fired.body
    assert "change -1400.6099999999999999 (-58.35 %)" in fired.body
    assert (alert["rule"], alert["state"], alert["severity"]) == ("usdt-low", "firing", "critical")
    assert incident(fired) == (alert["id"], "1")
    assert resolved.type == "success"
    assert resolved.title.startswith("RESOLVED usdt-low: spot/spot/USDT available 3100.0000,")
    assert incident(resolved) == (alert["id"], "2")
    assert settled["alerts"] == []
    assert settled["notifications"] == {"pending": 0, "failed": 0, "delivered": 2}


@together(FIVE_CLIENTS)
async def test_an_outage_is_one_message_and_changes_no_balance(site: Installation) -> None:
    """Five accounts behind one dead service are one cause: told once, resolved once, and no number moves."""
    every = {"job": "clients"}
    site.write(
        jobs=[{"name": "clients", "provider": "wdcf", "every": "1s", "clients": CLIENTS}],
        rules=[
            {"name": "low", "type": "threshold", "match": every, "below": "1000"},
            {"name": "drained", "type": "delta", "match": every, "drop": "1%"},
            {"name": "old", "type": "stale", "after": "2s", "match": every},
            endpoint_failing(),
        ],
    )
    await site.start()
    before = await site.wait_for_status(
        lambda shown: jobs(shown)["clients"]["outcome"] == "ok", "every client read"
    )
    site.wdcf.fault = Fault.reset()
    await site.received(1)
    during = await site.wait_for_status(
        lambda shown: jobs(shown)["clients"]["consecutive_failures"] >= 5, "five failures in a row"
    )
    assert [message.title.split(":")[0] for message in site.messages] == ["WARNING endpoint-failing"]
    site.wdcf.fault = None
    fired, resolved = await site.received(2)
    await site.wait_for_status(
        lambda shown: all(
            balance["observed_at"] > resolved.received_at.isoformat() for balance in shown["balances"]
        ),
        "every client read again",
    )

    assert len(site.messages) == 2
    assert resolved.title.startswith("RESOLVED endpoint-failing")
    assert incident(fired)[0] == incident(resolved)[0]
    assert jobs(during)["clients"]["outcome"] == "connect"
    known = {name: balance["total"] for name, balance in balances(before).items()}
    assert {name: balance["total"] for name, balance in balances(during).items()} == known


@together()
async def test_an_unreadable_answer_is_not_an_empty_wallet(site: Installation) -> None:
    """A page for humans, an empty answer, half of one: the balance stays as it was, and no threshold fires."""
    await site.start()
    before = await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    for fault in (Fault.html(), Fault.empty(), Fault.cut_off()):
        site.nami.fault = fault
        await site.more_requests("type=0")
    await site.received(1)
    after = site.current_status()
    for name in ("total", "available", "observed_at"):
        assert balances(after)["spot/spot/USDT"][name] == balances(before)["spot/spot/USDT"][name]
    assert [message.title.split(":")[0] for message in site.messages] == ["WARNING endpoint-failing"]


@together()
async def test_an_outage_that_changes_its_kind_is_not_resolved(site: Installation) -> None:
    """An endpoint that answers errors of another kind is still not read: nobody is told "read again" before it is."""
    await site.start()
    site.nami.fault = Fault.html()
    await site.received(1)
    site.nami.fault = broker_error()
    await site.more_requests("type=0", 3)
    assert not any("RESOLVED" in message.title for message in site.messages)


@together()
async def test_a_missing_currency_is_unknown_and_not_zero(site: Installation) -> None:
    """An answer without the currency changes no balance and fires no threshold; it is told as what it is."""
    await site.start()
    before = await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    del site.nami.endpoint.wallets["spot"][22]
    [told] = await site.received(1)
    after = balances(site.current_status())["spot/spot/USDT"]
    assert told.title.startswith("WARNING endpoint-failing: spot/spot/USDT")
    assert after["missing"] >= 2
    assert after["total"] == balances(before)["spot/spot/USDT"]["total"]
