"""What messages show of earlier readings. Few polls tell anything, and only those load them."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from monitor.alerting.between_polls import check_time_based
from monitor.domain.messages import Report
from monitor.domain.model import Reading
from monitor.domain.rules import Policy
from monitor.store.readings import Readings
from monitor.store.writer import Store

from .test_recording import LOW, OPS, SPOT, START, played, read, watch


async def reports(store: Store) -> list[Report]:
    """What waits for a URL."""
    due = (await store.write(lambda tx: tx.outbox.waiting(OPS, START + timedelta(days=1)))).due
    return [one.report for waiting in due for one in waiting]


async def test_a_message_shows_the_readings_before(store: Store) -> None:
    """A threshold is judged by one reading, and its message shows those before it too."""
    await played(store, watch(LOW), *(read(60 * n, USDT=str(1002 - n), VNDC="1") for n in range(4)))
    (report,) = await reports(store)
    trend = tuple(map(str, report.trend))
    assert (str(report.reading), str(report.before), trend) == (
        "999",
        "1000",
        ("1002", "1001", "1000", "999"),
    )


async def test_a_reminder_between_polls_shows_them_too(store: Store) -> None:
    """What only time brings shows the last readings as well."""
    watched = watch(replace(LOW, policy=Policy(repeat_every=timedelta(hours=4))))
    await played(store, watched, read(0, USDT="998", VNDC="1"), read(60, USDT="999", VNDC="1"))
    later = START + timedelta(hours=5)
    await store.write(partial(check_time_based, config=watched, now=later, polled={SPOT.key}))
    assert [(report.kind, tuple(map(str, report.trend))) for report in await reports(store)] == [
        ("fired", ("998",)),
        ("reminder", ("998", "999")),
    ]


async def test_a_poll_without_notifications_loads_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many readings there are, a threshold that holds looks at none but the newest."""
    asked: list[object] = []

    def history(_: Readings, *which: object) -> tuple[Reading, ...]:
        asked.append(which)
        return ()

    monkeypatch.setattr(Readings, "history", history)
    await played(store, watch(LOW), *(read(60 * n, USDT="1002", VNDC="1") for n in range(3)))
    assert asked == []
