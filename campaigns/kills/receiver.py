"""The receiver of messages (`json://` and `ntfy://` of apprise). It records when each arrived, and the answer.

Some recipients are special: `/flaky` accepts every third attempt, `/slow` answers late, `/frail` is broken for a while,
`/token` accepts only messages with the current token. The others accept everything; with `moody`, they refuse a few.
"""

import asyncio
import random
import re
import time
from dataclasses import dataclass

from campaigns.harness.receiver import MessageServer, Posted
from campaigns.harness.web import Reply

_OK, _GONE, _UNAVAILABLE = 200, 410, 503
_TOKEN = re.compile(r"/token/(\d+)")


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One POST. `process` is the number of the process that sent it; instants are monotonic seconds.

    `url` identifies the recipient, whatever the token. `answered` is None if the answer was never sent. An accepted
    message counts as delivered from its arrival on."""

    url: str
    process: int
    arrived: float
    accepted: bool
    title: str
    body: str
    answered: float | None = None
    token: int = 0


class Receiver(MessageServer):
    """A receiver that accepts messages at once; with `moody`, some after a while, and refuses a few."""

    def __init__(self, moody: random.Random | None = None) -> None:
        super().__init__()
        self.process = 0
        self.deliveries: list[Delivery] = []
        self.delay_next = 0.0
        self.token = 1
        self.is_frail_broken = False
        self._attempts = 0
        self._slowness = random.Random(0)  # noqa: S311 (it draws delays, not secrets)
        self._moody = moody
        self._arrivals: list[asyncio.Future[Delivery]] = []
        self._answers: list[asyncio.Future[Delivery]] = []

    def next_arrival(self, delay: float) -> asyncio.Future[Delivery]:
        """Return a future of the next accepted message, done before its answer, which is delayed by `delay` seconds."""
        self.delay_next = delay
        return _awaited(self._arrivals)

    def next_answer(self) -> asyncio.Future[Delivery]:
        """Return a future of the next accepted message; it is done as soon as its answer has been sent."""
        return _awaited(self._answers)

    async def take(self, posted: Posted) -> Reply:
        """Record the message, and answer as its recipient does."""
        delivery = _delivery(posted, self.process)
        status, delay = self._mood(delivery)
        delivery.accepted = status == _OK
        self.deliveries.append(delivery)
        if not delivery.accepted:
            return Reply(status=status)
        if self._arrivals:
            delay = max(delay, self.delay_next)
            _resolve(self._arrivals, delivery)
        await asyncio.sleep(delay)
        return Reply(status=_OK, sent=lambda: self._answered(delivery))

    def _mood(self, delivery: Delivery) -> tuple[int, float]:
        """Return the status to answer with, and the seconds to wait before."""
        match delivery.url:
            case "/flaky":
                self._attempts += 1
                return (_UNAVAILABLE if self._attempts % 3 else _OK), 0.0
            case "/slow":
                return _OK, self._slowness.uniform(0.5, 2.0)
            case "/frail" if self.is_frail_broken:
                return _UNAVAILABLE, 0.0
            case "/token" if delivery.token != self.token:
                return _GONE, 0.0
        if self._moody is None:
            return _OK, 0.0
        drawn, delay = self._moody.random(), self._moody.uniform(0.05, 1.0)
        return (_UNAVAILABLE if drawn < 0.1 else _OK), delay if drawn > 0.8 else 0.0

    def _answered(self, delivery: Delivery) -> None:
        delivery.answered = time.monotonic()
        _resolve(self._answers, delivery)


def _delivery(posted: Posted, process: int) -> Delivery:
    token = _TOKEN.fullmatch(posted.path)
    return Delivery(
        url="/token" if token else posted.path,
        process=process,
        arrived=posted.at,
        accepted=False,
        title=posted.title,
        body=posted.body,
        token=int(token[1]) if token else 0,
    )


def _awaited(futures: list[asyncio.Future[Delivery]]) -> asyncio.Future[Delivery]:
    future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
    futures.append(future)
    return future


def _resolve(futures: list[asyncio.Future[Delivery]], delivery: Delivery) -> None:
    for future in futures:
        if not future.done():
            future.set_result(delivery)
    futures.clear()
