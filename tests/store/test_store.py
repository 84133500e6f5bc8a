"""The writer and its transactions, on a real SQLite file."""

import asyncio
import sqlite3
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import Ack, Alert, EventKind
from monitor.domain.delivery import Target
from monitor.domain.model import Account, Balance, NotedCall, SeriesView, Severity, Snapshot, State
from monitor.errors import StoreError
from monitor.store.read.state import read
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import add_call, incidents, tell

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
ACCOUNT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",))
USDT = ACCOUNT.series("USDT")
OPS = Target(channel="ops", url_id="abcd1234")


def snapshot(total: str, at: datetime = NOW) -> Snapshot:
    """A reading of a total that is all available."""
    return Snapshot(observed_at=at, total=Decimal(total), available=Decimal(total))


def keep(tx: Transaction, *readings: Snapshot) -> None:
    """Stores readings of the one series, oldest first."""
    tx.accounts.health(ACCOUNT, NOW)
    for reading in readings:
        view = SeriesView(series=USDT, watched_since=NOW, last=reading)
        tx.readings.save_views([view])
        tx.readings.add([view])


def history(tx: Transaction, since: datetime, at_least: int) -> list[str]:
    """The totals of the stored readings, as text."""
    newest = NOW + timedelta(days=1)
    return [format(one.total, "f") for one in tx.readings.history(USDT, newest, since, at_least)]


amounts = st.decimals(allow_nan=False, allow_infinity=False, places=30) | st.integers(-(10**60), 10**60).map(
    Decimal
)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- with a zone


@given(total=amounts, locked=st.none() | amounts, at=instants, updated_at=st.none() | instants)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_readings_survive_the_store_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    total: Decimal,
    locked: Decimal | None,
    at: datetime,
    updated_at: datetime | None,
) -> None:
    """Every digit of an amount, trailing zeros included, and every microsecond of an instant."""

    async def round_trip() -> tuple[Snapshot, ...]:
        store = Store(tmp_path_factory.mktemp("exact") / "store.db")
        try:
            reading = Snapshot(
                observed_at=at, total=total, available=total, locked=locked, updated_at=updated_at
            )
            await store.write(lambda tx: keep(tx, reading))
            return await store.write(lambda tx: tx.readings.history(USDT, at, at, 1))
        finally:
            await store.close()

    (found,) = asyncio.run(round_trip())
    assert (found.observed_at, found.updated_at) == (at, updated_at)
    assert str(found.total.normalize()) == str(total.normalize())
    assert format(found.total, "f") == format(total, "f")
    written = [None if one is None else format(one, "f") for one in (found.locked, locked)]
    assert written[0] == written[1]


async def test_history_reaches_back_to_the_reading_before_the_window(store: Store) -> None:
    """The one before `since` tells what held when the window began."""
    readings = [snapshot(str(n), NOW + timedelta(minutes=n)) for n in range(10)]
    await store.write(lambda tx: keep(tx, *readings))
    assert await store.write(lambda tx: history(tx, NOW + timedelta(minutes=7), 1)) == ["7", "8", "9"]


async def test_history_has_as_many_as_asked_for(store: Store) -> None:
    """A message's sparkline wants some readings, however short the window is."""
    readings = [snapshot(str(n), NOW + timedelta(minutes=n)) for n in range(10)]
    await store.write(lambda tx: keep(tx, *readings))
    assert await store.write(lambda tx: history(tx, NOW + timedelta(minutes=9), 4)) == ["6", "7", "8", "9"]


async def test_history_ends_with_the_newest_reading(store: Store) -> None:
    """What a clock that was since set back put after it belongs to another time."""
    readings = [
        snapshot("1", NOW),
        snapshot("9", NOW + timedelta(hours=1)),
        snapshot("2", NOW + timedelta(minutes=1)),
    ]
    await store.write(lambda tx: keep(tx, *readings))
    newest = NOW + timedelta(minutes=1)
    found = await store.write(lambda tx: tx.readings.history(USDT, newest, NOW, 5))
    assert [str(one.total) for one in found] == ["1", "2"]


async def test_a_failing_piece_of_work_takes_no_other_with_it(store: Store) -> None:
    """Work committed together has a savepoint each."""

    def broken(tx: Transaction) -> None:
        keep(tx, snapshot("1"))
        raise ValueError("broken")

    one, two, three = await asyncio.gather(
        store.write(lambda tx: keep(tx, snapshot("2", NOW + timedelta(seconds=2)))),
        store.write(broken),
        store.write(lambda tx: keep(tx, snapshot("3", NOW + timedelta(seconds=3)))),
        return_exceptions=True,
    )
    assert (one, three) == (None, None)
    assert isinstance(two, ValueError)
    assert await store.write(lambda tx: history(tx, NOW - timedelta(days=1), 9)) == ["2", "3"]


def _keep_one(reading: Snapshot, tx: Transaction) -> None:
    keep(tx, reading)


async def test_work_handed_over_before_the_close_is_written(tmp_path: Path) -> None:
    """`close` is the end of the queue, not the end of what is in it."""
    store = Store(tmp_path / "store.db")
    readings = [snapshot(str(n), NOW + timedelta(seconds=n)) for n in range(50)]
    writes = [asyncio.create_task(store.write(partial(_keep_one, one))) for one in readings]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    connection = sqlite3.connect(tmp_path / "store.db")
    assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (50,)
    connection.close()


async def test_who_gives_up_waiting_does_not_undo_the_write(store: Store) -> None:
    """A cancelled task's work is committed all the same: it may have been already."""
    task = asyncio.create_task(store.write(lambda tx: keep(tx, snapshot("5"))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.write(lambda tx: history(tx, NOW, 1)) == ["5"]


async def test_a_reader_is_not_blocked_by_the_writer(store: Store) -> None:
    """WAL: what was committed can be read while a transaction is under way."""
    await store.write(lambda tx: keep(tx, snapshot("5")))

    def look_from_outside(tx: Transaction) -> int:
        keep(tx, snapshot("6", NOW + timedelta(seconds=1)))
        connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True, timeout=0)
        try:
            (count,) = connection.execute("SELECT count(*) FROM snapshots").fetchone()
        finally:
            connection.close()
        return int(count)

    assert await store.write(look_from_outside) == 1


async def test_a_full_disk_is_said_and_passes(store: Store) -> None:
    """Nothing of the transaction is kept, the words say what to do, and store available again with space."""
    await store.write(lambda tx: keep(tx, snapshot("5")))

    def limit(tx: Transaction, pages: int) -> None:
        tx._db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def much(tx: Transaction) -> None:
        keep(tx, *(snapshot("9" * 900, NOW + timedelta(seconds=n)) for n in range(1, 200)))

    await store.write(lambda tx: limit(tx, 1))
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        await store.write(much)
    assert await store.write(lambda tx: history(tx, NOW - timedelta(days=1), 9)) == ["5"]
    await store.write(lambda tx: limit(tx, 1_000_000))
    await store.write(much)


ALERT = Alert(
    rule="usdt-low",
    subject="nami-spot/spot/USDT",
    state=State.FIRING,
    id="ABCDEFGHJK",
    since=NOW,
    fired_at=NOW + timedelta(minutes=2),
    breached_at=NOW + timedelta(minutes=3),
    held_at=NOW + timedelta(minutes=4),
    worse_since=NOW + timedelta(minutes=5),
    ended_at=NOW - timedelta(minutes=6),
    clearing=True,
    severity=Severity.CRITICAL,
    level=1,
    reason="available 4.10 < 5.00",
    expected="at least 5.00",
    ending="available 6.00, expected at least 5.00",
    again=2,
    changes=(NOW - timedelta(minutes=6), NOW + timedelta(minutes=2, microseconds=1)),
    flapping=True,
    seq=7,
    announced=True,
    announced_at=NOW + timedelta(minutes=7),
    notified_at=NOW + timedelta(minutes=8),
    notified_severity=Severity.INFO,
    notified_level=2,
    notified_flapping=True,
    escalated_at=NOW + timedelta(minutes=9),
    ack=Ack(by="ann", reason="on it", at=NOW + timedelta(minutes=10)),
    muted="silence 3 by bob: upgrade",
)


def test_every_field_of_that_alert_is_set() -> None:
    """A field added to alerts has to be added here, to survive the store."""
    blank = Alert(rule=ALERT.rule, subject=ALERT.subject)
    same = [one.name for one in fields(Alert) if getattr(ALERT, one.name) == getattr(blank, one.name)]
    assert same == ["rule", "subject"]


async def test_an_alert_survives_exactly(store: Store) -> None:
    """After a restart an alert stands where it stood, in every field."""
    await store.write(lambda tx: tx.alerts.save(ALERT))
    assert await store.write(lambda tx: tx.alerts.about(["nami-spot/spot/USDT", "x"])) == {
        ("usdt-low", "nami-spot/spot/USDT"): ALERT
    }


async def test_an_alert_without_what_may_be_missing_survives_too(store: Store) -> None:
    """Not acknowledged, never ended, of no changes."""
    alert = replace(ALERT, ack=None, ended_at=None, changes=(), worse_since=None, announced_at=None)
    await store.write(lambda tx: tx.alerts.save(ALERT))
    await store.write(lambda tx: tx.alerts.save(alert))
    assert await store.write(lambda tx: tx.alerts.of_incident(ALERT.id)) == alert


async def test_an_alert_that_is_over_is_remembered_as_long_as_it_matters(store: Store) -> None:
    """In its cooldown it has a row, though it is inactive."""
    alert = Alert(rule="r", subject="s", id="A", ended_at=NOW, seq=2)
    await store.write(lambda tx: tx.alerts.save(alert))
    assert await store.write(lambda tx: tx.alerts.all()) == {("r", "s"): alert}


async def test_status_shows_what_is_told_as_flapping_whatever_it_is_just_now(store: Store) -> None:
    """Somebody was told that it flaps; what is over and only remembered is not shown."""
    over = Alert(rule="r", subject="t", id="A", since=NOW, ended_at=NOW, changes=(NOW,), seq=1)
    flaps = replace(over, subject="s", flapping=True, announced=True)
    await store.write(lambda tx: tx.alerts.save(over))
    await store.write(lambda tx: tx.alerts.save(flaps))
    known = read(store.path)
    assert known is not None
    assert [(one.subject, one.state, one.flapping) for one in known.alerts] == [("s", "inactive", True)]


async def test_an_alert_of_which_nothing_matters_is_forgotten(store: Store) -> None:
    """It has no row."""
    await store.write(lambda tx: tx.alerts.save(ALERT))
    await store.write(lambda tx: tx.alerts.save(Alert(rule=ALERT.rule, subject=ALERT.subject)))
    assert await store.write(lambda tx: tx.alerts.all()) == {}


async def test_within_an_incident_the_first_holds_back_the_others(store: Store) -> None:
    """A firing that is being put off holds back its resolve, and no other incident."""

    def prepare(tx: Transaction) -> list[str]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tell(tx, "A", 2, EventKind.RESOLVED, NOW, OPS)
        tell(tx, "B", 1, EventKind.FIRED, NOW + timedelta(seconds=1), OPS)
        first = tx.outbox.waiting(OPS, NOW + timedelta(seconds=5)).due
        later = NOW + timedelta(seconds=5)
        tx.outbox.reschedule([first[0][0].id], at=later, until=NOW + timedelta(seconds=30), error="refused")
        return incidents(tx.outbox.waiting(OPS, later))

    assert await store.write(prepare) == ["B"]


async def test_nothing_due_says_when_something_will_be(store: Store) -> None:
    """The deliverer sleeps until then."""

    def prepare(tx: Transaction) -> datetime | None:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        ((first,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.reschedule([first.id], at=NOW, until=NOW + timedelta(seconds=30), error="refused")
        return tx.outbox.waiting(OPS, NOW).next_at

    assert await store.write(prepare) == NOW + timedelta(seconds=30)


async def test_what_waits_for_an_exchanged_url_goes_to_the_channels_new_one(store: Store) -> None:
    """A rotated token loses no alert."""
    new = Target(channel="ops", url_id="ffff0000")

    def prepare(tx: Transaction) -> tuple[int, list[str], int]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        given_up = tx.outbox.reroute([new], lambda *_: [], NOW)
        return given_up, incidents(tx.outbox.waiting(new, NOW)), len(tx.outbox.waiting(OPS, NOW).due)

    assert await store.write(prepare) == (0, ["A"], 0)


async def test_what_waits_for_a_channel_that_is_gone_is_given_up(store: Store) -> None:
    """It is counted, so that somebody hears of it."""

    def prepare(tx: Transaction) -> tuple[int, int]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        return tx.outbox.reroute([Target(channel="other", url_id="1")], lambda *_: [], NOW), len(
            tx.outbox.waiting(OPS, NOW).due
        )

    assert await store.write(prepare) == (1, 0)


async def test_what_nobody_knows_goes_to_the_channels_its_rule_has_now(store: Store) -> None:
    """A channel exchanged for another loses no alert: firing and end go there, in order, once."""
    new = Target(channel="new", url_id="1")

    def prepare(tx: Transaction) -> tuple[int, list[int]]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tell(tx, "A", 2, EventKind.RESOLVED, NOW, OPS)
        given_up = tx.outbox.reroute([new], lambda *_: [new], NOW)
        return given_up, [one.report.seq for waiting in tx.outbox.waiting(new, NOW).due for one in waiting]

    assert await store.write(prepare) == (0, [1, 2])


@pytest.mark.parametrize("delivered", [pytest.param(True, id="told"), pytest.param(False, id="to-be-told")])
async def test_what_others_know_is_given_up_with_its_channel(store: Store, delivered: bool) -> None:
    """Nobody who was told by another channel, or by the old one, is told again; nobody hears of an end alone."""
    gone, new = Target(channel="gone", url_id="1"), Target(channel="new", url_id="2")

    def prepare(tx: Transaction) -> tuple[int, int]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        if delivered:
            [[one]] = tx.outbox.waiting(OPS, NOW).due
            tx.outbox.complete([one.id], delivered=True, at=NOW)
        tell(tx, "A", 2, EventKind.RESOLVED, NOW, gone)
        configured = [new] if delivered else [OPS, new]
        return tx.outbox.reroute(configured, lambda *_: configured, NOW), len(tx.outbox.waiting(new, NOW).due)

    assert await store.write(prepare) == (1, 0)


async def test_what_waits_for_a_renamed_channel_goes_out_by_its_new_name(store: Store) -> None:
    """The same recipient: its notification moves as it is, and others of the channel get nothing twice."""
    renamed, other = Target(channel="oncall", url_id=OPS.url_id), Target(channel="oncall", url_id="0b0b0b0b")

    def prepare(tx: Transaction) -> tuple[int, list[str], list[str]]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        given_up = tx.outbox.reroute([other, renamed], lambda *_: [other, renamed], NOW)
        return given_up, incidents(tx.outbox.waiting(renamed, NOW)), incidents(tx.outbox.waiting(other, NOW))

    assert await store.write(prepare) == (0, ["A"], [])


async def test_a_recipients_former_name_is_its_own(store: Store) -> None:
    """After an upgrade: what waits is delivered once, what was delivered counts as that."""
    new = Target(channel="ops", url_id="0b0b0b0b")

    def prepare(tx: Transaction) -> tuple[list[Target], int, int]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        [[one]] = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([one.id], delivered=True, at=NOW)
        tell(tx, "A", 2, EventKind.RESOLVED, NOW, OPS)
        tx.outbox.rename_targets([(OPS, new)])
        return (
            tx.outbox.notified_targets("A"),
            tx.outbox.reroute([new], lambda *_: [], NOW),
            len(tx.outbox.waiting(new, NOW).due),
        )

    assert await store.write(prepare) == ([new], 0, 1)


async def test_recipients_that_had_one_name_each_get_what_waits_for_it(store: Store) -> None:
    """The end goes to all of them, too; and only once, though the program starts again."""
    alice, bob = (
        Target(channel=OPS.channel, url_id="0a0a0a0a"),
        Target(channel=OPS.channel, url_id="0b0b0b0b"),
    )

    def prepare(tx: Transaction) -> tuple[list[Target], list[list[str]]]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        [[one]] = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([one.id], delivered=True, at=NOW)
        tell(tx, "B", 1, EventKind.FIRED, NOW, OPS)
        for _ in range(2):
            tx.outbox.rename_targets([(OPS, alice), (OPS, bob)])
            tx.outbox.reroute([alice, bob], lambda *_: [], NOW)
        return tx.outbox.notified_targets("A"), [
            incidents(tx.outbox.waiting(target, NOW)) for target in (alice, bob)
        ]

    told, waiting = await store.write(prepare)
    assert (set(told), waiting) == ({alice, bob}, [["B"], ["B"]])


async def test_a_url_that_was_taken_away_and_is_back_gets_what_waits(store: Store) -> None:
    """Taken away while something waited for it, and put back before the other one took it: not lost between."""
    other = Target(channel=OPS.channel, url_id="0b0b0b0b")

    def prepare(tx: Transaction) -> list[list[str]]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tx.outbox.reroute([other], lambda *_: [], NOW)
        tx.outbox.reroute([OPS], lambda *_: [], NOW)
        return [incidents(tx.outbox.waiting(target, NOW)) for target in (OPS, other)]

    assert await store.write(prepare) == [["A"], []]


async def test_a_name_that_was_taken_away_and_is_back_gets_what_waits(store: Store) -> None:
    """A channel renamed to and fro while its recipient can't be reached."""
    renamed = Target(channel="oncall", url_id=OPS.url_id)

    def prepare(tx: Transaction) -> list[list[str]]:
        tell(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tx.outbox.reroute([renamed], lambda *_: [], NOW)
        tx.outbox.reroute([OPS], lambda *_: [], NOW)
        return [incidents(tx.outbox.waiting(target, NOW)) for target in (OPS, renamed)]

    assert await store.write(prepare) == [["A"], []]


async def test_the_newest_is_the_newest_reading(store: Store) -> None:
    """A poll that failed by a wrong clock is no evidence of what time it is."""

    def prepare(tx: Transaction) -> tuple[datetime | None, datetime | None]:
        before = tx.readings.newest()
        keep(tx, snapshot("1", NOW), snapshot("2", NOW + timedelta(minutes=1)))
        return before, tx.readings.newest()

    assert await store.write(prepare) == (None, NOW + timedelta(minutes=1))


async def test_pruning_goes_by_small_steps_and_keeps_the_last_reading(store: Store) -> None:
    """No more than the limit at a time, nothing newer than the border, and a series keeps what it knows."""
    readings = [snapshot(str(n), NOW + timedelta(minutes=n)) for n in range(10)]
    await store.write(lambda tx: keep(tx, *readings))
    border = NOW + timedelta(minutes=8)
    gone = [await store.write(lambda tx: tx.housekeeping.prune(border, 3)) for _ in range(4)]
    assert gone == [3, 3, 2, 0]
    assert await store.write(lambda tx: history(tx, NOW - timedelta(days=1), 99)) == ["8", "9"]


async def test_what_is_set_aside_is_kept_as_long_as_all_else(store: Store) -> None:
    """Counted from when it was, whatever instant it was given by the wrong clock."""
    readings = [snapshot("1", NOW), snapshot("2", NOW + timedelta(days=200))]

    def prepare(tx: Transaction) -> list[int]:
        keep(tx, *readings)
        tx.clock.set_back(NOW + timedelta(minutes=1))
        moved = tx.clock.set_aside_ahead(NOW + timedelta(minutes=1), 10)
        tx.clock.forget(NOW + timedelta(minutes=1))
        later = [tx.housekeeping.prune(NOW + timedelta(minutes=minute), 10) for minute in (-1, 1, 2)]
        return [moved, *later]

    assert await store.write(prepare) == [1, 0, 2, 1]


async def test_calls_on_record_are_bounded_whatever_time_it_is(store: Store) -> None:
    """While the clock is in doubt none is too old; each host keeps its newest."""

    def prepare(tx: Transaction) -> list[tuple[str, datetime]]:
        for minute in range(5):
            add_call(tx, "a", NOW + timedelta(minutes=minute))
        add_call(tx, "b", NOW)
        tx.housekeeping.prune_all_calls_but(2)
        since = NOW - timedelta(days=1)
        return [(host, call.at) for host in ("a", "b") for call in tx.hosts.calls(host, since, besides="")]

    assert await store.write(prepare) == [
        ("a", NOW + timedelta(minutes=3)),
        ("a", NOW + timedelta(minutes=4)),
        ("b", NOW),
    ]


async def test_pruning_spares_incidents_that_last(store: Store) -> None:
    """However long ago an alert fired, what was told of it stays until it is over."""

    def prepare(tx: Transaction) -> list[Target]:
        tx.alerts.save(ALERT)
        tell(tx, ALERT.id, 1, EventKind.FIRED, NOW, OPS)
        ((waiting,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([waiting.id], delivered=True, at=NOW)
        tx.housekeeping.prune(NOW + timedelta(days=400), 100)
        return tx.outbox.notified_targets(ALERT.id)

    assert await store.write(prepare) == [OPS]


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


async def test_a_clock_set_back_overwrites_nothing_but_the_same_instant(store: Store) -> None:
    """The current balance is the one read last, whatever its instant says."""

    def prepare(tx: Transaction) -> Snapshot | None:
        keep(tx, snapshot("1", NOW), snapshot("2", NOW - timedelta(hours=1)))
        return tx.readings.views(ACCOUNT, NOW)["USDT"].last

    assert await store.write(prepare) == snapshot("2", NOW - timedelta(hours=1))


def test_balance_and_snapshot_hold_the_same_amounts() -> None:
    """A reading is the balance with an instant."""
    balance = Balance(
        currency="USDT", total=Decimal("1.50"), available=Decimal("1.20"), locked=Decimal("0.30")
    )
    reading = Snapshot.of(balance, NOW)
    assert (reading.total, reading.available, reading.locked) == (
        balance.total,
        balance.available,
        balance.locked,
    )
