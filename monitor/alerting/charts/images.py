"""The chart images of messages: drawn ahead of time if possible, awaited for seconds, left out if they are late."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.alerting.charts.process import Drawer
from monitor.config import Config
from monitor.domain.charts import ChartSpec, charts_for, may_be_wanted
from monitor.domain.delivery import Delivery, Target
from monitor.domain.messages import ChartImage
from monitor.errors import NotDrawn

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=4)
"""How long a message waits for its images after it was due. In a burst, only the first messages wait at all."""
AHEAD = timedelta(seconds=10)
"""How long before a message is due its images are drawn."""
LOOK_EVERY = timedelta(seconds=1)
"""How often the outbox is searched for messages due soon, however many are sent."""
PAUSE = timedelta(minutes=10)
"""How long nothing is drawn after a failure, so that not every message waits for a broken drawer."""
REFUSED = timedelta(hours=1)
"""How long a URL gets no images after it accepted a message only without them."""
MOST_WAITING = 8
"""Drawings in progress or queued, at most; further messages are sent without images."""
KEPT = 16
"""Images kept for the other URLs that receive the same event."""

_STOPPED_WITHIN = 1.0  # seconds; a killed process may still wait for the disk

Drawing = asyncio.Task[bytes | None]


class ChartImages:
    """Provides the outbox with chart images. Never raises: a message matters more than its image."""

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
        self._takers: Mapping[Target, bool | None] = {}  # with the `chart` setting of their channel
        self._clock = clock
        self._patience = patience
        self._since = clock()
        self._drawings: OrderedDict[ChartSpec, Drawing] = OrderedDict()
        self._preparing: asyncio.Task[None] | None = None
        self._pause_ends = 0.0  # by the loop's clock
        self._failing = False
        self._stopped = False
        self._looked: dict[Target, float] = {}  # when, by the loop's clock
        self._suspects: dict[Target, frozenset[int]] = {}
        self._refused: dict[Target, float] = {}  # until when, by the loop's clock

    def reconfigure(self, config: Config) -> None:
        """Draw by this configuration from now on. Prepares the drawer if there may be something to draw."""
        self._config, self._since = config, self._clock()  # messages due before this could not be drawn ahead
        self._takers = {
            target: channel.chart
            for channel in config.channels.values()
            if may_be_wanted(channel.chart, config.rules)
            for target in channel.takes_charts
        }
        if self._takers and self._preparing is None and not self._stopped:
            self._preparing = asyncio.create_task(self._prepare(), name="prepare the drawer")

    def may_carry(self, target: Target) -> bool:
        """Return whether messages to this URL carry charts at all."""
        return target in self._takers

    def should_look_ahead(self, target: Target) -> bool:
        """Return whether to search now for messages due soon; at most once a second, as an outage sends hundreds."""
        at = asyncio.get_running_loop().time()
        if at - self._looked.get(target, float("-inf")) < LOOK_EVERY.total_seconds():
            return False
        self._looked[target] = at
        return True

    def begin(self, target: Target, delivery: Delivery) -> None:
        """Begin to draw the images of a message that is due soon."""
        self._started(target, delivery)

    async def of(self, target: Target, delivery: Delivery) -> tuple[ChartImage, ...]:
        """Return the images of a message that is sent now: those drawn by now, or within its remaining PATIENCE."""
        drawings = self._started(target, delivery)
        waiting = [one for one in drawings.values() if not one.done()]
        if waiting:
            due = max(self._since, min(one.next_attempt_at for one in delivery.covers))
            left = min(due + self._patience - self._clock(), self._patience)
            await asyncio.wait(waiting, timeout=max(left.total_seconds(), 0))
        done = {chart: one.result() for chart, one in drawings.items() if _succeeded(one)}
        return tuple(ChartImage(name=file_name(chart), png=png) for chart, png in done.items() if png)

    def note(self, target: Target, delivery: Delivery, *, carried: bool, taken: bool) -> None:
        """Note whether a message was accepted (`taken`), with images (`carried`) or without.

        After a refusal with images the outbox retries without them. If the URL accepts that, it refuses images."""
        ids = frozenset(one.id for one in delivery.covers)
        if carried and not taken:
            self._suspects[target] = ids
        elif self._suspects.pop(target, frozenset()) & ids and taken:
            self._refused[target] = asyncio.get_running_loop().time() + REFUSED.total_seconds()
            log.warning(
                "message accepted only without its chart; no charts for an hour",
                extra={"fields": {"channel": target.channel, "url": target.url_id}},
            )

    async def stop(self) -> None:
        """End all drawings; messages that wait for one are sent without it."""
        self._stopped = True
        running: list[asyncio.Task[Any]] = [*self._drawings.values(), *filter(None, [self._preparing])]
        for one in running:
            one.cancel()
        if running:
            await asyncio.wait(running, timeout=_STOPPED_WITHIN)
        self._drawings.clear()
        self._drawer.close()

    def _started(self, target: Target, delivery: Delivery) -> dict[ChartSpec, Drawing]:
        refuses = asyncio.get_running_loop().time() < self._refused.get(target, 0.0)
        if target not in self._takers or delivery.attempts or refuses:
            return {}  # an earlier attempt may have failed because of its image
        try:
            config = self._config
            charts = charts_for(delivery.items, self._takers[target], config.rules_by_name, config.gaps_after)
        except Exception:  # a defect here must not cost anybody the message
            log.exception("unexpected error drawing a chart")
            return {}
        return {chart: drawing for chart in charts if (drawing := self._drawing(chart)) is not None}

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
        if self._failing:
            log.info("charts are drawn again")
        self._failing = False
        return png

    async def _prepare(self) -> None:
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


def _succeeded(drawing: Drawing) -> bool:
    return drawing.done() and not drawing.cancelled() and drawing.exception() is None


def file_name(chart: ChartSpec) -> str:
    """Return the file name of an image: the series in letters and digits, which every service accepts."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in chart.series)
    return f"{plain.strip('-')[:60] or 'chart'}.png"
