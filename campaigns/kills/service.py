"""The services' end: answers every account with what the story says, whoever asks and however often."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import parse_qs

from campaigns.harness.web import Reply, Request, Server
from campaigns.kills.story import FINAL, Level, Moment, Part, Teller, Told, no_act


class Service:
    """Both services on one port. `process` is the number of the process that asks, set before each start."""

    def __init__(
        self,
        parts: Sequence[Part],
        continues: Callable[[str, int], bool | None],
        begin: Callable[[str, int, Level], Callable[[], bool]] = no_act,
    ) -> None:
        self.tellers = {part.account: Teller(part, partial(continues, part.account), begin) for part in parts}
        self.process = 0
        self.answers: list[Told] = []
        self.told: dict[Moment, list[float]] = defaultdict(list)
        self._server = Server(self._handle)
        self._waiting: list[asyncio.Future[Told]] = []
        self.start, self.stop, self.settled = self._server.start, self._server.stop, self._server.settled

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    @property
    def finished(self) -> bool:
        """Whether every account's story has been told, and has been recorded for certain."""
        return all(teller.finished for teller in self.tellers.values())

    def is_time_for(self, account: str, cycle: int) -> bool:
        """Whether all that begin a cycle together with this account are ready for it."""
        others = (self.tellers[name] for name in self.tellers[account].part.together)
        return all(other.wants >= cycle or other.cycle == FINAL for other in others)

    def next_fresh(self) -> asyncio.Future[Told]:
        """The next answer of a level of which nothing is certain yet, at the moment it has been sent."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    async def _handle(self, request: Request) -> Reply:
        told = self.tellers[_account(request)].ask(self.process, time.monotonic())
        self.answers.append(told)
        self.told[told.moment].append(told.at)
        return Reply(status=told.level.status, body=told.level.body.encode(), sent=lambda: self._sent(told))

    def _sent(self, told: Told) -> None:
        if not told.fresh:
            return
        for future in self._waiting:
            if not future.done():
                future.set_result(told)
        self._waiting.clear()


def _account(request: Request) -> str:
    """`/spot/api/…` and `/desk/api/…` are accounts of their own; a client's id stands in the query."""
    first = request.path.split("/")[1]
    return first if first in ("spot", "desk") else parse_qs(request.query)["clientId"][0]
