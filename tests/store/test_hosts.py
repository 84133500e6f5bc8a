"""Calls that count toward a host's limit, on a real SQLite file."""

from datetime import datetime, timedelta

from monitor.domain.model import NotedCall
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import NOW, add_call


async def test_calls_of_an_earlier_process_are_remembered(store: Store) -> None:
    """Those since an instant: what a limit still counts."""

    host, second = "https://nami.exchange:443", timedelta(seconds=1)

    def prepare(tx: Transaction) -> list[datetime]:
        add_call(tx, host, NOW)
        add_call(tx, host, NOW + second)
        add_call(tx, "https://elsewhere:443", NOW + second)
        return [call.at for call in tx.hosts.calls(host, NOW + second)]

    assert await store.write(prepare) == [NOW + second]


async def test_two_processes_calls_in_one_microsecond_are_two(store: Store) -> None:
    """Each process sees the other's, with the end that the other noted, and not its own."""
    seconds = [NOW + timedelta(seconds=number) for number in range(3)]

    def prepare(tx: Transaction) -> list[NotedCall]:
        for caller in ("daemon", "check"):
            tx.hosts.add_call("host", NotedCall(caller=caller, at=seconds[0], ends_by=seconds[2]))
        tx.hosts.end_calls("check", {("host", seconds[0]): seconds[1]})
        return tx.hosts.calls("host", NOW, besides="daemon") + tx.hosts.calls("host", NOW, besides="check")

    ends = {"check": seconds[1], "daemon": seconds[2]}
    assert [(call.caller, call.ends_by) for call in await store.write(prepare)] == [*ends.items()]
