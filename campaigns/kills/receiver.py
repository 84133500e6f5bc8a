"""The receiver's end: takes apprise's `json://` and `ntfy://`, and writes down when each came and what became of it.

Recipients have characters: `/flaky` takes every third attempt, `/slow` answers late, `/frail` is broken for a while,
`/token` takes what comes with the token of now. The others take what comes; with `moody`, they refuse a few.
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
    """One POST. `process` is the number of the process it came from; instants are monotonic seconds.

    `url` names the recipient, whatever the token. `answered` None: the answer was never sent. What was accepted counts
    as taken from its arrival on."""

    url: str
    process: int
    arrived: float
    accepted: bool
    title: str
    body: str
    answered: float | None = None
    token: int = 0


class Receiver(MessageServer):
    """Accepts most messages at once; with `moody`, some after a while, and refuses a few."""

    def __init__(self, moody: random.Random | None = None) -> None:
        super().__init__()
        self.process = 0
        self.deliveries: list[Delivery] = []
        self.hold_next = 0.0
        self.token = 1
        self.is_frail_broken = False
        self._attempts = 0
        self._slowness = random.Random(0)  # noqa: S311 (it draws delays, not secrets)
        self._moody = moody
        self._arrivals: list[asyncio.Future[Delivery]] = []
        self._answers: list[asyncio.Future[Delivery]] = []

    def next_arrival(self, hold: float) -> asyncio.Future[Delivery]:
        """The next message that is accepted, before its answer is sent, which is then held back for so long."""
        self.hold_next = hold
        return _awaited(self._arrivals)

    def next_answer(self) -> asyncio.Future[Delivery]:
        """The next message that is accepted, as its answer has just been sent."""
        return _awaited(self._answers)

    async def take(self, posted: Posted) -> Reply:
        """Write it down, and answer as its recipient does."""
        delivery = _written_down(posted, self.process)
        status, hold = self._mood(delivery)
        delivery.accepted = status == _OK
        self.deliveries.append(delivery)
        if not delivery.accepted:
            return Reply(status=status)
        if self._arrivals:
            hold = max(hold, self.hold_next)
            _tell(self._arrivals, delivery)
        await asyncio.sleep(hold)
        return Reply(status=_OK, sent=lambda: self._answered(delivery))

    def _mood(self, delivery: Delivery) -> tuple[int, float]:
        """Return the answer, and how long to wait with it."""
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
        drawn, hold = self._moody.random(), self._moody.uniform(0.05, 1.0)
        return (_UNAVAILABLE if drawn < 0.1 else _OK), hold if drawn > 0.8 else 0.0

    def _answered(self, delivery: Delivery) -> None:
        delivery.answered = time.monotonic()
        _tell(self._answers, delivery)


def _written_down(posted: Posted, process: int) -> Delivery:
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


def _tell(futures: list[asyncio.Future[Delivery]], delivery: Delivery) -> None:
    for future in futures:
        if not future.done():
            future.set_result(delivery)
    futures.clear()
