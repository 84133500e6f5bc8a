"""The services, which answer by the scenario, and the receiver of messages."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from campaigns.harness.receiver import MessageServer, Posted
from campaigns.harness.web import Reply, Request, Server
from campaigns.soak import scenario
from campaigns.soak.scenario import Course, Scenario

_FROZEN_FOR = timedelta(days=30)
_REFUSED = 0.02
"""The share of messages that the receiver refuses."""


class Service:
    """Both services. `clock` returns the time of the wallets' own clocks, aware, in UTC."""

    def __init__(self, scenario_: Scenario, clock: Callable[[], datetime]) -> None:
        self._scenario = scenario_
        self._clock = clock
        self.exchange, self.wallets, self.feeds = (
            Server(self._spot),
            Server(self._client),
            Server(self._client),
        )
        self._guests = {name: Course(scenario.KINDS["calm"], name, 0) for name in scenario.GUESTS}

    @property
    def polls(self) -> int:
        """Return the number of polls that were answered."""
        return self._scenario.polls + sum(guest.answers for guest in self._guests.values())

    async def start(self) -> None:
        """Listen on three ports."""
        for server in (self.exchange, self.wallets, self.feeds):
            await server.start()

    async def stop(self) -> None:
        """Stop listening, and drop every connection."""
        for server in (self.exchange, self.wallets, self.feeds):
            await server.stop()

    async def _spot(self, request: Request) -> Reply:
        course = self._scenario.courses["spot"]
        names = ["22"] if course.next_answer() == scenario.LACKING else ["22", "1"]
        fraction = course.answers % 10_000
        data = ", ".join(
            f'"{name}": {{"value": 5000.{fraction:04d}, "locked_value": 10.5, "type": 0}}' for name in names
        )
        return Reply(status=200, body=f'{{"status": "ok", "data": {{{data}}}}}'.encode())

    async def _client(self, request: Request) -> Reply:
        client = parse_qs(request.query)["clientId"][0]
        course = self._scenario.courses.get(client) or self._guests[client]
        match course.next_answer():
            case scenario.GONE:
                return _error(404, "User not found")
            case scenario.DOWN:
                return _error(503, "maintenance")
            case scenario.FROZEN:
                return _balance(client, "5000", course.answers, self._clock() - _FROZEN_FOR)
            case amount:
                return _balance(client, amount, course.answers, self._clock())


def _balance(client: str, amount: str, answers: int, updated: datetime) -> Reply:
    """Return a response with an amount that differs from the one before in its last digits."""
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
    """An accepted message: its title, its last line, and when it arrived, in monotonic seconds."""

    at: float
    title: str
    name: str


class Receiver(MessageServer):
    """A receiver that accepts messages, and refuses a few."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.refused = 0
        self._moods = random.Random(7)  # noqa: S311 (it draws moods, not secrets)

    async def take(self, posted: Posted) -> Reply:
        """Record the message, or refuse it."""
        if self._moods.random() < _REFUSED:
            self.refused += 1
            return Reply(status=503)
        name = posted.body.rpartition("\n")[2]
        self.messages.append(Message(at=posted.at, title=posted.title, name=name))
        return Reply(status=200)
