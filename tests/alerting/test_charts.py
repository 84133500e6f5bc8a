"""Charts beside messages: there where they can be, and never at the message's cost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.alerting.charts.images import MOST_WAITING, ChartImages
from monitor.alerting.charts.process import Drawer
from monitor.alerting.outbox import Outbox
from monitor.config import Channel as Configured
from monitor.config import Config
from monitor.domain.alerts import Alert, Event, EventKind
from monitor.domain.charts import ChartSpec
from monitor.domain.delivery import Addressed, Target
from monitor.domain.messages import Message, Report
from monitor.domain.model import Account, Severity, Subject
from monitor.domain.rules import Presentation, Threshold
from monitor.errors import DeliveryFailed, NotDrawn
from monitor.store.writer import Store

from ..support import configured

OPS = Target(channel="ops", url_id="aaaa")
LOG = Target(channel="log", url_id="bbbb")
PNG = b"\x89PNG\r\n\x1a\n..."
PATIENCE = timedelta(seconds=1)
SOON = timedelta(seconds=20)  # for what should not take long, on a machine that is busy
LOW = Threshold(name="low", below=Decimal(1000), presentation=Presentation(chart=True))
SPOT = Account(provider="nami", job="spot", name="spot")
CHARTS = configured(
    LOW,
    accounts=[SPOT],
    channels=[
        Configured(name=one.channel, urls=(), targets=(one,), takes_charts=frozenset([one]))
        for one in (OPS, LOG)
    ],
)
NO_CHARTS = configured(LOW, accounts=[SPOT], targets=[OPS, LOG])
"""No service takes attachments."""


class Channel:
    """A URL that notes what it is offered, and refuses what the test says."""

    def __init__(
        self, target: Target = OPS, refuses: Callable[[Message], bool] = lambda message: False
    ) -> None:
        self.target = target
        self.refuses = refuses
        self.offered: list[list[str]] = []
        self.taken: list[str] = []

    def send(self, message: Message, taken: set[str]) -> None:
        """Takes it, or not."""
        self.offered.append([one.name for one in message.images])
        if self.refuses(message):
            raise DeliveryFailed("refused")
        self.taken.append(message.title.split(":")[0])


class Hand(Drawer):
    """A drawer that does what the test says."""

    def __init__(self, *, error: str = "", hangs: bool = False) -> None:
        super().__init__(Path("nowhere"))
        self.error = error
        self.hangs = hangs
        self.drawn: list[str] = []
        self.ended = 0

    async def ready(self) -> None:
        """Always."""

    async def draw(self, chart: ChartSpec) -> bytes | None:
        """As told."""
        self.drawn.append(chart.series)
        try:
            if self.hangs:
                await asyncio.sleep(3600)
        finally:
            self.ended += 1
        if self.error:
            raise NotDrawn(self.error)
        return PNG


def _now() -> datetime:
    return datetime.now(UTC)


async def put_into_outbox(
    store: Store,
    incident: str,
    *targets: Target,
    seq: int = 1,
    wait: timedelta = timedelta(0),
    group: str = "",
) -> None:
    """Puts a firing into the outbox."""
    facts = Report(
        kind=EventKind.FIRED,
        rule="low",
        rule_type="threshold",
        severity=Severity.WARNING,
        subject=f"spot/{incident}/USDT",
        incident=incident,
        seq=seq,
        at=_now(),
        since=_now(),
        reason="r",
        expected="e",
        names=(("currency", "USDT"), ("job", "spot")),
        field="available",
    )
    alert = Alert(rule="low", subject=Subject(facts.subject), id=incident, seq=seq, severity=Severity.WARNING)
    event = Event(kind=EventKind.FIRED, at=_now(), alert=alert, reason="r")
    addressed = [Addressed(target=one, group=group or incident, group_wait=wait) for one in targets or (OPS,)]
    await store.write(lambda tx: tx.alerts.add_event(event, facts, addressed))


@asynccontextmanager
async def serving(
    store: Store, hand: Drawer, *channels: Channel, config: Config = CHARTS, patience: timedelta = PATIENCE
) -> AsyncIterator[Outbox]:
    """An outbox at work, with pictures by this hand."""
    images = ChartImages(hand, config, clock=_now, patience=patience)
    box = Outbox(store, config, clock=_now, jitter=lambda: 1.0, images=images)
    box.serve(config, channels)
    try:
        yield box
    finally:
        await box.stop(timedelta(seconds=5))


async def until(condition: Callable[[], object]) -> None:
    """Waits for something that should happen soon."""
    async with asyncio.timeout(SOON.total_seconds()):
        while not condition():
            await asyncio.sleep(0.01)


async def took(channel: Channel, count: int) -> None:
    """Waits until a URL has taken so many messages."""
    await until(lambda: len(channel.taken) >= count)


async def test_a_message_carries_its_chart(store: Store) -> None:
    """Named after its series."""
    ops, hand = Channel(), Hand()
    await put_into_outbox(store, "A")
    async with serving(store, hand, ops):
        await until(lambda: ops.taken)
    assert ops.offered == [["spot-A-USDT.png"]]


async def test_two_urls_share_one_drawing(store: Store) -> None:
    """The same facts are the same picture."""
    ops, log, hand = Channel(), Channel(LOG), Hand()
    await put_into_outbox(store, "A", OPS, LOG)
    async with serving(store, hand, ops, log):
        await until(lambda: ops.taken and log.taken)
    assert ops.offered == log.offered == [["spot-A-USDT.png"]]
    assert hand.drawn == ["spot/A/USDT"]


async def test_a_group_carries_the_charts_of_its_worst(store: Store) -> None:
    """Three at most."""
    ops, hand = Channel(), Hand()
    for incident in "ABCDE":
        await put_into_outbox(store, incident, group="g")
    async with serving(store, hand, ops):
        await until(lambda: ops.taken)
    assert [len(names) for names in ops.offered] == [3]


async def test_charts_are_drawn_while_the_group_is_waited_for(store: Store) -> None:
    """Then the message does not wait for them."""
    ops, hand = Channel(), Hand()
    async with serving(store, hand, ops, patience=timedelta(0)) as box:
        await put_into_outbox(store, "A", wait=timedelta(seconds=1))
        box.wake()
        await until(lambda: hand.drawn)
        assert ops.offered == []
        await until(lambda: ops.taken)
    assert ops.offered == [["spot-A-USDT.png"]]


async def test_what_comes_right_after_is_drawn_ahead_as_well(store: Store) -> None:
    """A moment later: it is not looked at each wake, for in an outage there are hundreds."""
    ops, hand = Channel(), Hand()
    async with serving(store, hand, ops, patience=timedelta(0)) as box:
        for incident in "AB":
            await put_into_outbox(store, incident, wait=timedelta(seconds=5), group="g")
            box.wake()
            await until(lambda: hand.drawn)
        await until(lambda: ops.taken)
    assert ops.offered == [["spot-A-USDT.png", "spot-B-USDT.png"]]


async def test_a_drawing_that_hangs_holds_up_a_message_for_a_moment(store: Store) -> None:
    """It goes out without, and at the end nothing draws on."""
    ops, hand = Channel(), Hand(hangs=True)
    await put_into_outbox(store, "A")
    began = time.monotonic()
    async with serving(store, hand, ops):
        await until(lambda: ops.taken)
        assert PATIENCE.total_seconds() - 0.2 < time.monotonic() - began
    assert ops.offered == [[]]
    assert (len(hand.drawn), hand.ended) == (1, 1)


async def test_of_a_rush_only_the_first_message_waits(store: Store) -> None:
    """Patience counts from when a message was due, not from when its turn comes."""
    ops, hand = Channel(), Hand(hangs=True)
    for number in range(30):
        await put_into_outbox(store, f"A{number}")
    began = time.monotonic()
    async with serving(store, hand, ops):
        await until(lambda: len(ops.taken) == 30)
        assert time.monotonic() - began < 15 * PATIENCE.total_seconds()
    assert len(hand.drawn) <= MOST_WAITING


async def test_after_a_failure_none_is_tried_for_a_while(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that is broken costs every message; the log says so once."""
    ops, hand = Channel(), Hand(error="no matplotlib")
    async with serving(store, hand, ops) as box:
        for number in range(3):
            await put_into_outbox(store, f"A{number}")
            box.wake()
            await took(ops, number + 1)
    assert ops.offered == [[], [], []]
    assert len(hand.drawn) == 1
    assert [record.message for record in caplog.records] == [
        "charts cannot be drawn, sending messages without them"
    ]


async def test_a_drawer_with_a_defect_costs_no_message(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither where it is decided what to draw, nor where it is drawn."""

    class Broken(Hand):
        async def draw(self, chart: ChartSpec) -> bytes | None:
            raise ZeroDivisionError

    ops = Channel()
    await put_into_outbox(store, "A")
    async with serving(store, Broken(), ops):
        await until(lambda: ops.taken)
    assert ops.offered == [[]]
    assert "unexpected error drawing a chart" in caplog.text


async def test_a_message_refused_with_its_chart_is_tried_again_without(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A message must not fail because its picture is refused; nor do the next ones have to be refused first."""
    ops, hand = Channel(refuses=lambda message: bool(message.images)), Hand()
    await put_into_outbox(store, "A")
    async with serving(store, hand, ops) as box:
        await until(lambda: ops.taken)
        await put_into_outbox(store, "B")
        box.wake()
        await until(lambda: len(ops.taken) == 2)
    assert ops.offered == [["spot-A-USDT.png"], [], []]
    assert hand.drawn == ["spot/A/USDT"]
    assert "message accepted only without its chart" in caplog.text


async def test_a_refusal_for_another_reason_keeps_the_chart(store: Store) -> None:
    """It is refused without them as well, and the next message has its picture."""
    ops, hand = Channel(refuses=lambda message: len(ops.offered) < 3), Hand()
    await put_into_outbox(store, "A")
    async with serving(store, hand, ops) as box:
        await until(lambda: ops.taken)
        await put_into_outbox(store, "B")
        box.wake()
        await until(lambda: len(ops.taken) == 2)
    assert ops.offered == [["spot-A-USDT.png"], [], [], ["spot-B-USDT.png"]]


async def test_the_end_waits_for_no_drawing(store: Store) -> None:
    """What is being waited for goes out without it, at once."""
    ops, hand = Channel(), Hand(hangs=True)
    await put_into_outbox(store, "A")
    async with serving(store, hand, ops, patience=timedelta(hours=1)):
        await until(lambda: hand.drawn)
    assert ops.offered == [[]]
    assert hand.ended == 1


async def test_a_reload_can_add_charts(store: Store) -> None:
    """And take them away."""
    ops, hand = Channel(), Hand()
    async with serving(store, hand, ops, config=NO_CHARTS) as box:
        for number, config in enumerate((NO_CHARTS, CHARTS, NO_CHARTS)):
            box.serve(config, [ops])
            await put_into_outbox(store, f"A{number}")
            box.wake()
            await took(ops, number + 1)
    assert ops.offered == [[], ["spot-A1-USDT.png"], []]
