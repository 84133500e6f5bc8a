"""What a poll read is what is judged, also while older readings lie in the future: through the real store."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.alerting.recording import record
from monitor.domain.alerts import Event
from monitor.domain.model import Balance, PollResult
from monitor.domain.rules import Delta, Rule, Threshold
from monitor.errors import Outcome
from monitor.store.connection import open_engine
from monitor.store.transaction import Transaction

from ..support import configured
from .support import ACCOUNT, HOUR, MINUTE, START, kinds

LOW = Threshold(name="low", below=Decimal(1000))
DROP = Delta(name="drop", direction="drop", limit=Decimal(50), percent=True)


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    engine = open_engine(tmp_path / "balances.db")
    with engine.connect() as connection:
        yield Transaction(connection)
    engine.dispose()


def polled(tx: Transaction, rule: Rule, available: str, after: timedelta) -> tuple[Event, ...]:
    """What is told at a poll that reads this amount, so long after START by our clock."""
    amount, now = Decimal(available), START + after
    result = PollResult(
        outcome=Outcome.OK,
        started_at=now,
        finished_at=now,
        attempts=1,
        balances=(Balance(currency="USDT", total=amount, available=amount),),
    )
    return record(tx, ACCOUNT, result, configured(rule, accounts=[ACCOUNT])).events


def test_a_low_balance_fires(tx: Transaction) -> None:
    """It does not wait until the clock is where it was."""
    polled(tx, LOW, "5000", HOUR)
    assert kinds(polled(tx, LOW, "3", timedelta(0))) == "F"


def test_a_balance_that_is_back_resolves(tx: Transaction) -> None:
    """Nor does a resolve."""
    polled(tx, LOW, "3", HOUR)
    assert kinds(polled(tx, LOW, "5000", timedelta(0))) == "R"


def test_a_drop_since_the_clock_was_set_back_fires(tx: Transaction) -> None:
    """The reading before is the one read before."""
    polled(tx, DROP, "1000", HOUR)
    polled(tx, DROP, "1000", timedelta(0))
    assert kinds(polled(tx, DROP, "100", MINUTE)) == "F"


def test_the_alert_has_the_number_that_was_read(tx: Transaction) -> None:
    """What is known of a firing alert is the newest reading's number."""
    polled(tx, LOW, "20", HOUR)
    polled(tx, LOW, "3", timedelta(0))
    [alert] = tx.alerts.all().values()
    assert alert.reason == "available 3 < 1000"
