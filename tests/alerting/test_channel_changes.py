"""Channels, URLs and routes change while an alert fires: each row of the table in docs/alerting.md, on a real store."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.alerting.reconcile import reconcile
from monitor.alerting.recording import record
from monitor.config import Config
from monitor.domain.delivery import Target
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.routing import Route
from monitor.domain.rules import Policy, Threshold
from monitor.errors import Outcome
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from ..support import configured

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "alerting.md"
START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPOT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",))
LOW = Threshold(name="low", below=Decimal(1000), policy=Policy(repeat_every=10 * MINUTE))


def urls(*names: str) -> tuple[Target, ...]:
    """Targets from `channel/recipient`."""
    return tuple(Target(channel=one.split("/")[0], url_id=one.split("/")[1]) for one in names)


def watching(targets: Sequence[Target], channel: str) -> Config:
    """A configuration with these URLs, whose alerts go to one channel."""
    return configured(LOW, accounts=[SPOT], targets=targets, routes=(Route(channels=(channel,)),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """URLs before and after a change, the channel that the route names after it, and who gets what then."""

    before: Sequence[str]
    after: Sequence[str]
    to: str = "ops"
    reminder: Sequence[str]
    end_only: Sequence[str]
    end_after_reminder: Sequence[str]


ROWS = {
    "channel renamed": Row(
        before=["ops/a", "ops/b"],
        after=["oncall/a", "oncall/b"],
        to="oncall",
        reminder=["oncall/a", "oncall/b"],
        end_only=["oncall/a", "oncall/b"],
        end_after_reminder=["oncall/a", "oncall/b"],
    ),
    "URLs reordered": Row(
        before=["ops/a", "ops/b"],
        after=["ops/b", "ops/a"],
        reminder=["ops/a", "ops/b"],
        end_only=["ops/a", "ops/b"],
        end_after_reminder=["ops/a", "ops/b"],
    ),
    "URL moved to another channel of the route": Row(
        before=["ops/a", "other/x"],
        after=["ops/n", "oncall/a"],
        to="oncall",
        reminder=["oncall/a"],
        end_only=["oncall/a"],
        end_after_reminder=["oncall/a"],
    ),
    "URL added": Row(
        before=["ops/a"],
        after=["ops/n", "ops/a"],
        reminder=["ops/a", "ops/n"],
        end_only=["ops/a"],
        end_after_reminder=["ops/a", "ops/n"],
    ),
    "URL exchanged, token rotated": Row(
        before=["ops/a", "ops/b"],
        after=["ops/n", "ops/b"],
        reminder=["ops/b", "ops/n"],
        end_only=["ops/b", "ops/n"],
        end_after_reminder=["ops/b", "ops/n"],
    ),
    "URL removed": Row(
        before=["ops/a", "ops/b"],
        after=["ops/b"],
        reminder=["ops/b"],
        end_only=["ops/b"],
        end_after_reminder=["ops/b"],
    ),
    "route leads to another channel": Row(
        before=["ops/a", "team/t"],
        after=["ops/a", "team/t"],
        to="team",
        reminder=["team/t"],
        end_only=["ops/a"],
        end_after_reminder=["ops/a", "team/t"],
    ),
    "channel removed with its URLs": Row(
        before=["ops/a", "team/t"],
        after=["team/t"],
        to="team",
        reminder=["team/t"],
        end_only=["team/t"],
        end_after_reminder=["team/t"],
    ),
}


def test_the_table_is_the_manuals() -> None:
    """A row that is documented is tested, and the other way round."""
    section = DOCUMENT.read_text().split("## When channels change")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| ([^|]+?) \|", section)[1:] == list(ROWS)


@pytest.mark.parametrize("delivered", [pytest.param(True, id="delivered"), pytest.param(False, id="waiting")])
@pytest.mark.parametrize("restart", [pytest.param(False, id="reload"), pytest.param(True, id="restart")])
@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
async def test_who_gets_what_after_a_change(tmp_path: Path, row: Row, restart: bool, delivered: bool) -> None:
    """The end alone, or a reminder and the end. What was not delivered before the change is not lost by it."""
    assert await _end_of(tmp_path / "end.db", row, restart, delivered) == sorted(row.end_only)
    reminder, end = await _reminder_and_end_of(tmp_path / "both.db", row, restart, delivered)
    assert (reminder, end) == (sorted(row.reminder), sorted(row.end_after_reminder))


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
async def test_what_waits_goes_once_to_whoever_takes_a_place(tmp_path: Path, row: Row) -> None:
    """The firing is on its way to as many as before, or to those that are left; to nobody twice."""
    store = await _fired(tmp_path / "store.db", row, delivered=False)
    after = watching(urls(*row.after), row.to)
    await store.write(lambda tx: reconcile(tx, after, START + MINUTE))
    waits = await store.write(
        lambda tx: [str(one) for one in urls(*row.after) if tx.outbox.waiting(one, START + MINUTE).due]
    )
    await store.close()
    assert len({one.split("/")[1] for one in waits}) == len(waits) > 0
    lost = [one for one in row.before if one.startswith("ops/") and one in row.after and one not in waits]
    assert lost == []


@pytest.mark.parametrize("delivered", [pytest.param(True, id="delivered"), pytest.param(False, id="waiting")])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([("oncall/a", "oncall/b"), ("oncall/n", "oncall/b")], id="renamed, then rotated"),
        pytest.param([("ops/n", "ops/b"), ("oncall/n", "oncall/b")], id="rotated, then renamed"),
        pytest.param([("oncall/n", "oncall/b")], id="both at once"),
    ],
)
async def test_a_channel_that_is_renamed_and_has_a_token_rotated_gets_the_end(
    tmp_path: Path, changes: Sequence[Sequence[str]], delivered: bool
) -> None:
    """No message goes between the changes: the firing is known by the names of before them."""
    row = Row(before=["ops/a", "ops/b"], after=[], reminder=[], end_only=[], end_after_reminder=[])
    store = await _fired(tmp_path / "store.db", row, delivered=delivered)
    for recipients in changes:
        after = watching(urls(*recipients), recipients[0].split("/")[0])
        await store.write(lambda tx, after=after: reconcile(tx, after, START + MINUTE))  # type: ignore[misc]
    end = await store.write(lambda tx: _poll(tx, after, 2, "5000"))
    await store.close()
    assert end == ["oncall/b", "oncall/n"]


async def _fired(path: Path, row: Row, *, delivered: bool) -> Store:
    """A store in which `low` fires, and ops was notified or is about to be."""
    store = Store(path)
    before = watching(urls(*row.before), "ops")
    await store.write(lambda tx: reconcile(tx, before, START))
    await store.write(lambda tx: _poll(tx, before, 0, "5"))
    if delivered:
        await store.write(lambda tx: _take(tx, urls(*row.before), START))
    return store


async def _changed(path: Path, row: Row, restart: bool, delivered: bool) -> tuple[Store, Config]:
    store = await _fired(path, row, delivered=delivered)
    if restart:
        await store.close()
        store = Store(path)
    after = watching(urls(*row.after), row.to)
    await store.write(lambda tx: reconcile(tx, after, START + MINUTE))
    return store, after


async def _end_of(path: Path, row: Row, restart: bool, delivered: bool) -> list[str]:
    store, after = await _changed(path, row, restart, delivered)
    end = await store.write(lambda tx: _poll(tx, after, 2, "5000"))
    await store.close()
    return end


async def _reminder_and_end_of(
    path: Path, row: Row, restart: bool, delivered: bool
) -> tuple[list[str], list[str]]:
    store, after = await _changed(path, row, restart, delivered)
    reminder = await store.write(lambda tx: _poll(tx, after, 11, "5"))
    end = await store.write(lambda tx: _poll(tx, after, 12, "5000"))
    await store.close()
    return reminder, end


def _poll(tx: Transaction, config: Config, minute: int, amount: str) -> list[str]:
    """Record a poll; return where its event goes."""
    at = START + minute * MINUTE
    read = Balance(currency="USDT", total=Decimal(amount), available=Decimal(amount))
    result = PollResult(
        outcome=Outcome.OK, started_at=at, finished_at=at, attempts=1, balances=(read,), detail=""
    )
    [event] = record(tx, SPOT, result, config).events
    return sorted(str(target) for target in tx.outbox.addressed(event.alert.id, event.seq))


def _take(tx: Transaction, targets: Sequence[Target], at: datetime) -> None:
    """Deliver all that waits for these, as soon as its group has waited."""
    for target in targets:
        for waiting in tx.outbox.waiting(target, at, wait_for_group=False).due:
            tx.outbox.complete([one.id for one in waiting], delivered=True, at=at)
