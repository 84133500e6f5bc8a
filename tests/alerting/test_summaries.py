"""When a summary is made, and what it tells."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from monitor.alerting.recording import record
from monitor.alerting.summaries import Summaries
from monitor.config.sections import SummarySection
from monitor.domain.delivery import Notification, Target
from monitor.domain.matching import Match
from monitor.domain.messages import Item, Message, render
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.rules import Threshold
from monitor.domain.windows import QuietHours
from monitor.errors import Outcome
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from ..support import configured

SPOT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT", "VNDC"))
OPS = Target(channel="ops", url_id="aaaa")
LOG = Target(channel="log", url_id="bbbb")
CONFIG = configured(
    Threshold(name="low", below=Decimal(1000), match=Match({"currency": ("USDT",)})),
    accounts=[SPOT],
    targets=[OPS, LOG],
)
DAILY = SummarySection(cron="0 8 * * *")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EIGHT = datetime(2026, 2, 2, 8, tzinfo=UTC)
SEVEN = EIGHT - HOUR


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "store.db")
    yield opened
    await opened.close()


async def polled(store: Store, at: datetime, outcome: Outcome = Outcome.OK, **amounts: str) -> None:
    """A poll, with all that follows."""
    balances = tuple(
        Balance(currency=name, total=Decimal(text), available=Decimal(text)) for name, text in amounts.items()
    )
    result = PollResult(outcome=outcome, started_at=at, finished_at=at, attempts=1, balances=balances)
    await store.write(lambda tx: record(tx, SPOT, result, CONFIG))


async def sent_summaries(
    store: Store, target: Target = OPS, now: datetime = EIGHT + 2 * DAY
) -> list[Message]:
    """The summaries that go to a URL, each as a message of its own."""

    def deliver(tx: Transaction) -> list[Notification]:
        together = [one for incident in tx.outbox.waiting(target, now).due for one in incident]
        tx.outbox.complete([one.id for one in together], delivered=True, at=now)
        return together

    messages = []
    while together := await store.write(deliver):
        if together[0].report.kind == "summary":
            [alone] = together
            messages.append(render([Item(last=alone.report)]))
    return messages


def following(store: Store, since: datetime = SEVEN, wanted: SummarySection = DAILY) -> Summaries:
    """As a daemon would that started then."""
    summaries = Summaries(store)
    summaries.reconfigure(wanted, since)
    return summaries


async def test_it_comes_at_its_time_and_once(store: Store) -> None:
    """Not before, and not again until the next."""
    summaries = following(store)
    looks = [EIGHT - timedelta(seconds=1), EIGHT, EIGHT + HOUR, EIGHT + DAY - HOUR, EIGHT + DAY]
    assert [await summaries.make_if_due(CONFIG, at) for at in looks] == [False, True, False, False, True]
    assert len(await sent_summaries(store)) == 2


async def test_one_that_was_missed_is_made_late_and_those_before_it_are_not(store: Store) -> None:
    """Four days without a daemon are told in one, from the last one on."""
    await following(store).make_if_due(CONFIG, EIGHT)
    late = EIGHT + 4 * DAY + HOUR
    again = following(store, since=late)
    assert [await again.make_if_due(CONFIG, late), await again.make_if_due(CONFIG, late + HOUR)] == [
        True,
        False,
    ]
    last = (await sent_summaries(store, now=late))[-1]
    assert "Period: 2026-02-02 08:00:00 UTC to 2026-02-06 09:00:00 UTC (4d 1h)" in last.plain


async def test_a_restart_makes_none_again(store: Store) -> None:
    """What was made is known from the store."""
    await following(store).make_if_due(CONFIG, EIGHT)
    assert not await following(store, since=EIGHT).make_if_due(CONFIG, EIGHT + timedelta(seconds=5))


async def test_two_that_make_it_at_once_make_one(store: Store) -> None:
    """The second finds, in its transaction, that it is there."""
    first, second = following(store), following(store)
    await first.make_if_due(CONFIG, SEVEN)
    await second.make_if_due(CONFIG, SEVEN)
    assert await first.make_if_due(CONFIG, EIGHT)
    assert not await second._make(DAILY, CONFIG, None, SEVEN, EIGHT)


async def test_a_reload_that_changes_nothing_delays_nothing(store: Store) -> None:
    """The first one is still due at the first time after the start."""
    summaries = following(store)
    summaries.reconfigure(DAILY, EIGHT + timedelta(seconds=1))
    assert await summaries.make_if_due(CONFIG, EIGHT + timedelta(seconds=2))


async def test_one_newly_asked_for_waits_for_its_time(store: Store) -> None:
    """A daemon that has run for a week makes none at once."""
    summaries = Summaries(store)
    summaries.reconfigure(None, EIGHT - 7 * DAY)
    summaries.reconfigure(DAILY, EIGHT + HOUR)
    looks = [EIGHT + HOUR, EIGHT + DAY]
    assert [await summaries.make_if_due(CONFIG, at) for at in looks] == [False, True]


async def test_none_is_made_where_none_is_wanted(store: Store) -> None:
    """Also after a reload took it away."""
    summaries = following(store)
    summaries.reconfigure(None, SEVEN)
    assert not await summaries.make_if_due(CONFIG, EIGHT)


async def test_a_clock_set_back_does_not_end_them(store: Store) -> None:
    """One made in a year that has not come yet does not hold up those of this one."""
    await following(store).make_if_due(CONFIG, EIGHT + 365 * DAY)
    assert await following(store).make_if_due(CONFIG, EIGHT)


async def test_a_clock_set_back_under_it_does_not_put_the_next_one_off(store: Store) -> None:
    """It comes at its next time by the clock as it is now, though it began by one that was ahead."""
    summaries = Summaries(store)
    summaries.reconfigure(DAILY, SEVEN + 200 * DAY)
    assert await summaries.make_if_due(CONFIG, EIGHT + 200 * DAY)
    summaries.clock_was_set()
    assert not await summaries.make_if_due(CONFIG, SEVEN)
    assert await summaries.make_if_due(CONFIG, EIGHT)


@pytest.mark.parametrize(
    ("channels", "ops", "log"),
    [
        pytest.param(None, 1, 1, id="everywhere-if-nothing-is-said"),
        pytest.param(("log",), 0, 1, id="where-it-is-asked-for"),
        pytest.param((), 0, 0, id="nowhere"),
    ],
)
async def test_where_it_goes(store: Store, channels: tuple[str, ...] | None, ops: int, log: int) -> None:
    await following(store, wanted=SummarySection(cron=DAILY.cron, notify=channels)).make_if_due(CONFIG, EIGHT)
    assert (len(await sent_summaries(store, OPS)), len(await sent_summaries(store, LOG))) == (ops, log)


async def test_quiet_hours_put_it_off(store: Store) -> None:
    """It is nothing critical."""
    await following(store).make_if_due(CONFIG, EIGHT)
    quiet = QuietHours(begins=SEVEN.time(), ends=(EIGHT + HOUR).time(), timezone=ZoneInfo("UTC"))
    waiting = await store.write(lambda tx: tx.outbox.waiting(OPS, EIGHT, quiet))
    assert (waiting.due, waiting.next_at) == ((), EIGHT + HOUR)


async def test_its_content(store: Store) -> None:
    """Balances with what they were before, what moved first; incidents, messages, polls."""
    await polled(store, SEVEN - DAY, USDT="1500.00", VNDC="7")
    summaries = following(store)
    await polled(store, SEVEN + timedelta(minutes=10), USDT="900.10", VNDC="7")
    await polled(store, SEVEN + timedelta(minutes=11), Outcome.TIMEOUT)
    await summaries.make_if_due(CONFIG, EIGHT)
    [message] = await sent_summaries(store)
    assert message.title == "SUMMARY: 2 balances, 1 changed, 1 alert firing"
    assert message.plain.splitlines()[1:] == [
        "Period: 2026-02-02 07:00:00 UTC to 2026-02-02 08:00:00 UTC (1h)",
        "Firing: low: nami-spot/spot/USDT: available 900.10 < 1000",
        "nami-spot/spot/USDT: 1500.00 → 900.10, -599.90 (-39.99 %)",
        "nami-spot/spot/VNDC: 7, unchanged",
        "Incidents: 1 fired, 0 ended",
        "Messages: 0 delivered, 2 pending, 0 given up",
        "Polls: 2 made, 1 failed",
    ]


async def test_what_was_not_read_for_the_whole_period_is_not_known(store: Store) -> None:
    """A number of last week is not told as if it were today's."""
    await polled(store, SEVEN - DAY, USDT="1500.00", VNDC="7")
    await following(store).make_if_due(CONFIG, EIGHT)
    [message] = await sent_summaries(store)
    assert message.title == "SUMMARY: 2 balances, 0 changed, 2 unknown, nothing fires"
    assert "nami-spot/spot/VNDC: unknown: 7 when last read, 2026-02-01 07:00:00 UTC" in message.plain
