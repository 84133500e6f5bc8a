"""The receiver's end: takes apprise's `json://` messages, and writes down when each came and what became of it."""

import asyncio
import json
import random
import time
from dataclasses import dataclass

from campaigns.kills.web import Reply, Request, Server

_OK, _UNAVAILABLE = 200, 503


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One POST. `process` is the number of the process it came from; instants are monotonic seconds.

    `answered` None: the answer was never sent. What was accepted counts as taken from its arrival on."""

    url: str
    process: int
    arrived: float
    accepted: bool
    title: str
    body: str
    answered: float | None = None


class Receiver:
    """Accepts most messages at once; with `moody`, some after a while, and refuses a few."""

    def __init__(self, moody: random.Random | None = None) -> None:
        self.process = 0
        self.deliveries: list[Delivery] = []
        self.hold_next = 0.0
        self._moody = moody
        self._server = Server(self._handle)
        self._arrivals: list[asyncio.Future[Delivery]] = []
        self._answers: list[asyncio.Future[Delivery]] = []
        self.start, self.stop, self.settled = self._server.start, self._server.stop, self._server.settled

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def next_arrival(self, hold: float) -> asyncio.Future[Delivery]:
        """The next message that is accepted, before its answer is sent, which is then held back for so long."""
        self.hold_next = hold
        return _awaited(self._arrivals)

    def next_answer(self) -> asyncio.Future[Delivery]:
        """The next message that is accepted, as its answer has just been sent."""
        return _awaited(self._answers)

    async def _handle(self, request: Request) -> Reply:
        refuse, hold = self._mood()
        delivery = self._written_down(request, accepted=not refuse)
        if refuse:
            return Reply(status=_UNAVAILABLE)
        if self._arrivals:
            hold = max(hold, self.hold_next)
            _tell(self._arrivals, delivery)
        await asyncio.sleep(hold)
        return Reply(status=_OK, sent=lambda: self._answered(delivery))

    def _written_down(self, request: Request, *, accepted: bool) -> Delivery:
        content = json.loads(request.body)
        delivery = Delivery(
            url=request.path,
            process=self.process,
            arrived=time.monotonic(),
            accepted=accepted,
            title=content["title"],
            body=content["message"],
        )
        self.deliveries.append(delivery)
        return delivery

    def _mood(self) -> tuple[bool, float]:
        """Whether to refuse, and how long to wait with the answer."""
        if self._moody is None:
            return False, 0.0
        drawn, hold = self._moody.random(), self._moody.uniform(0.05, 1.0)
        return drawn < 0.1, hold if drawn > 0.8 else 0.0

    def _answered(self, delivery: Delivery) -> None:
        delivery.answered = time.monotonic()
        _tell(self._answers, delivery)


def _awaited(futures: list[asyncio.Future[Delivery]]) -> asyncio.Future[Delivery]:
    future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
    futures.append(future)
    return future


def _tell(futures: list[asyncio.Future[Delivery]], delivery: Delivery) -> None:
    for future in futures:
        if not future.done():
            future.set_result(delivery)
    futures.clear()
