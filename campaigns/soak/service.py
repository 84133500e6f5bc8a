"""What answers the polls as the plot says, and what takes the messages."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from campaigns.harness.receiver import MessageServer, Posted
from campaigns.harness.web import Reply, Request, Server
from campaigns.soak import plot
from campaigns.soak.plot import Course, Plot

_FROZEN_FOR = timedelta(days=30)
_REFUSED = 0.02
"""The share of messages that the receiver refuses."""


class Service:
    """Both services. `clock` is what the wallets' own clocks go by: aware, in UTC."""

    def __init__(self, plot_: Plot, clock: Callable[[], datetime]) -> None:
        self._plot = plot_
        self._clock = clock
        self.exchange, self.wallets, self.feeds = (
            Server(self._spot),
            Server(self._client),
            Server(self._client),
        )
        self._guests = {name: Course(plot.KINDS["calm"], name, 0) for name in plot.GUESTS}

    @property
    def polls(self) -> int:
        """How many polls were answered."""
        return self._plot.polls + sum(guest.answers for guest in self._guests.values())

    async def start(self) -> None:
        """Listens on three ports."""
        for server in (self.exchange, self.wallets, self.feeds):
            await server.start()

    async def stop(self) -> None:
        """Drops every connection."""
        for server in (self.exchange, self.wallets, self.feeds):
            await server.stop()

    async def _spot(self, request: Request) -> Reply:
        course = self._plot.courses["spot"]
        names = ["22"] if course.asked() == plot.LACKING else ["22", "1"]
        fraction = course.answers % 10_000
        data = ", ".join(
            f'"{name}": {{"value": 5000.{fraction:04d}, "locked_value": 10.5, "type": 0}}' for name in names
        )
        return Reply(status=200, body=f'{{"status": "ok", "data": {{{data}}}}}'.encode())

    async def _client(self, request: Request) -> Reply:
        client = parse_qs(request.query)["clientId"][0]
        course = self._plot.courses.get(client) or self._guests[client]
        match course.asked():
            case plot.GONE:
                return _error(404, "User not found")
            case plot.DOWN:
                return _error(503, "maintenance")
            case plot.FROZEN:
                return _balance(client, "5000", course.answers, self._clock() - _FROZEN_FOR)
            case amount:
                return _balance(client, amount, course.answers, self._clock())


def _balance(client: str, amount: str, answers: int, updated: datetime) -> Reply:
    """An amount that is never quite the one before."""
    body = (
        '{"status": "success", "message": "Balance retrieved successfully", "data": {"userId": 1, '
        f'"clientId": "{client}", "balance": {amount}.{answers % 10_000:04d}, '
        f'"updatedAt": "{updated:%Y-%m-%dT%H:%M:%S.000Z}"}}}}'
    )
    return Reply(status=200, body=body.encode())


def _error(status: int, message: str) -> Reply:
    body = json.dumps({"status": "failed", "statusCode": status, "message": message, "data": None})
    return Reply(status=status, body=body.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was accepted: a message's title and its last line, and when it came, in monotonic seconds."""

    at: float
    title: str
    name: str


class Receiver(MessageServer):
    """Takes messages, and refuses a few."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.refused = 0
        self._moods = random.Random(7)  # noqa: S311 (it draws moods, not secrets)

    async def take(self, posted: Posted) -> Reply:
        """Keep it, or refuse it."""
        if self._moods.random() < _REFUSED:
            self.refused += 1
            return Reply(status=503)
        name = posted.body.rpartition("\n")[2]
        self.messages.append(Message(at=posted.at, title=posted.title, name=name))
        return Reply(status=200)
