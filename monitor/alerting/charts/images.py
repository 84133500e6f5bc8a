"""Which charts go with a message: drawn ahead where there is time, waited for a little, and never insisted on."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.alerting.charts.process import Drawer
from monitor.config import Config
from monitor.domain.charts import ChartSpec, may_want, wanted
from monitor.domain.delivery import Delivery, Target
from monitor.domain.messages import ChartImage
from monitor.errors import NotDrawn

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=4)
"""How long after it was due a message still waits for its charts: in a rush, only the first ones wait at all."""
AHEAD = timedelta(seconds=10)
"""How long before a message is due its charts are drawn."""
LOOK_EVERY = timedelta(seconds=1)
"""How often it is looked for what will be due soon, however many messages come."""
PAUSE = timedelta(minutes=10)
"""How long nothing is drawn after a drawing has failed: what is broken is not to cost every message its patience."""
REFUSED = timedelta(hours=1)
"""How long a URL gets no charts that took a message only without them."""
MOST_WAITING = 8
"""Drawings that are begun and not ended; beyond that, messages go without."""
KEPT = 16
"""Images kept for other URLs that get the same message."""

_STOPPED_WITHIN = 1.0  # seconds; a killed process may still wait for a disk

Drawing = asyncio.Task[bytes | None]


class ChartImages:
    """Draws for the outbox. Nothing here raises, whatever goes wrong: a message is worth more than its chart."""

    def __init__(
        self,
        drawer: Drawer,
        config: Config,
        *,
        clock: Callable[[], datetime],
        patience: timedelta = PATIENCE,
    ) -> None:
        self._drawer = drawer
        self._config = config
        self._takers: Mapping[Target, bool | None] = {}  # with what their channel says of charts
        self._clock = clock
        self._patience = patience
        self._since = clock()
        self._drawings: OrderedDict[ChartSpec, Drawing] = OrderedDict()
        self._getting_ready: asyncio.Task[None] | None = None
        self._pause_ends = 0.0  # by the loop's clock
        self._failing = False
        self._stopped = False
        self._looked: dict[Target, float] = {}  # when, by the loop's clock
        self._suspects: dict[Target, frozenset[int]] = {}
        self._refused: dict[Target, float] = {}  # until when, by the loop's clock

    def reconfigure(self, config: Config) -> None:
        """Draw by this configuration from now on, and get ready where there may be something to draw."""
        self._config, self._since = config, self._clock()  # what was due before could not be drawn before
        self._takers = {
            target: channel.chart
            for channel in config.channels.values()
            if may_want(channel.chart, config.rules)
            for target in channel.takes_charts
        }
        if self._takers and self._getting_ready is None and not self._stopped:
            self._getting_ready = asyncio.create_task(self._get_ready(), name="get ready to draw")

    def may_carry(self, target: Target) -> bool:
        """Return whether messages to this URL carry charts at all."""
        return target in self._takers

    def is_to_look(self, target: Target) -> bool:
        """Whether to look now what will be due soon: not at each of the hundreds of messages of one outage."""
        at = asyncio.get_running_loop().time()
        if at - self._looked.get(target, float("-inf")) < LOOK_EVERY.total_seconds():
            return False
        self._looked[target] = at
        return True

    def begin(self, target: Target, delivery: Delivery) -> None:
        """Has drawn what a message will carry that is due soon."""
        self._begun(target, delivery)

    async def of(self, target: Target, delivery: Delivery) -> tuple[ChartImage, ...]:
        """What a message carries that goes out now: what is drawn by now, or within what is left of its patience."""
        drawings = self._begun(target, delivery)
        waiting = [one for one in drawings.values() if not one.done()]
        if waiting:
            due = max(self._since, min(one.next_attempt_at for one in delivery.covers))
            left = min(due + self._patience - self._clock(), self._patience)
            await asyncio.wait(waiting, timeout=max(left.total_seconds(), 0))
        done = {chart: one.result() for chart, one in drawings.items() if _succeeded(one)}
        return tuple(_image(chart, png) for chart, png in done.items() if png)

    def note(self, target: Target, delivery: Delivery, *, carried: bool, taken: bool) -> None:
        """What came of a message, with charts or without. It is tried again without them; if the URL takes it then,
        it was them that it refused."""
        ids = frozenset(one.id for one in delivery.covers)
        if carried and not taken:
            self._suspects[target] = ids
        elif self._suspects.pop(target, frozenset()) & ids and taken:
            self._refused[target] = asyncio.get_running_loop().time() + REFUSED.total_seconds()
            log.warning(
                "a message was taken only without its picture; there are none for an hour",
                extra={"fields": {"channel": target.channel, "url": target.url_id}},
            )

    async def stop(self) -> None:
        """Ends every drawing, and lets go of those who wait for one."""
        self._stopped = True
        running: list[asyncio.Task[Any]] = [*self._drawings.values(), *filter(None, [self._getting_ready])]
        for one in running:
            one.cancel()
        if running:
            await asyncio.wait(running, timeout=_STOPPED_WITHIN)
        self._drawings.clear()
        self._drawer.close()

    def _begun(self, target: Target, delivery: Delivery) -> dict[ChartSpec, Drawing]:
        if target not in self._takers or delivery.attempts or self._refuses(target):
            return {}  # after an attempt: perhaps it was the chart that was refused
        try:
            config = self._config
            charts = wanted(delivery.items, self._takers[target], config.rules_by_name, config.gaps_after)
        except Exception:  # a defect must cost nobody the message
            log.exception("unexpected error drawing a chart")
            return {}
        return {chart: drawing for chart in charts if (drawing := self._drawing(chart)) is not None}

    def _refuses(self, target: Target) -> bool:
        return asyncio.get_running_loop().time() < self._refused.get(target, 0.0)

    def _drawing(self, chart: ChartSpec) -> Drawing | None:
        if chart in self._drawings:
            return self._drawings[chart]
        paused = asyncio.get_running_loop().time() < self._pause_ends
        under_way = sum(not one.done() for one in self._drawings.values())
        if self._stopped or paused or under_way >= MOST_WAITING:
            return None
        self._drawings[chart] = asyncio.create_task(self._draw(chart), name=f"draw {chart.series}")
        while len(self._drawings) > KEPT and next(iter(self._drawings.values())).done():
            self._drawings.popitem(last=False)
        return self._drawings[chart]

    async def _draw(self, chart: ChartSpec) -> bytes | None:
        if asyncio.get_running_loop().time() < self._pause_ends:
            return None
        try:
            png = await self._drawer.draw(chart)
        except NotDrawn as exc:
            self._failed(str(exc))
            return None
        except Exception:  # as above
            log.exception("unexpected error drawing a chart")
            return None
        self._works()
        return png

    async def _get_ready(self) -> None:
        try:
            await self._drawer.ready()
        except NotDrawn as exc:
            self._failed(str(exc))

    def _failed(self, error: str) -> None:
        self._pause_ends = asyncio.get_running_loop().time() + PAUSE.total_seconds()
        if not self._failing:
            log.warning(
                "charts cannot be drawn, sending messages without them", extra={"fields": {"error": error}}
            )
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            log.info("charts are drawn again")
        self._failing = False


def _succeeded(drawing: Drawing) -> bool:
    return drawing.done() and not drawing.cancelled() and drawing.exception() is None


def _image(chart: ChartSpec, png: bytes) -> ChartImage:
    return ChartImage(name=file_name(chart), png=png)


def file_name(chart: ChartSpec) -> str:
    """What a chart is called as a file: the series, in characters that no service minds."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in chart.series)
    return f"{plain.strip('-')[:60] or 'chart'}.png"
