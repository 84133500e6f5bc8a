"""The services of both providers: every request gets the response that the account's script has now."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import parse_qs

from campaigns.harness.web import Reply, Request, Server
from campaigns.kills.script import FINAL, Level, Moment, Player, Response, Script, no_act


class Service:
    """Both services on one port. `process` is the number of the process that sends requests, set before each start."""

    def __init__(
        self,
        scripts: Sequence[Script],
        continues: Callable[[str, int], bool | None],
        begin: Callable[[str, int, Level], Callable[[], bool]] = no_act,
    ) -> None:
        self.players = {
            script.account: Player(script, partial(continues, script.account), begin) for script in scripts
        }
        self.process = 0
        self.responses: list[Response] = []
        self.moments: dict[Moment, list[float]] = defaultdict(list)
        self._server = Server(self._handle)
        self._waiting: list[asyncio.Future[Response]] = []
        self.start, self.stop, self.drained = self._server.start, self._server.stop, self._server.drained

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return self._server.port

    @property
    def finished(self) -> bool:
        """Return whether the script of every account is over, and its last reading certain."""
        return all(player.finished for player in self.players.values())

    def is_time_for(self, account: str, cycle: int) -> bool:
        """Return whether all accounts that begin a cycle together with this one are ready for it."""
        others = (self.players[name] for name in self.players[account].script.together)
        return all(other.wants >= cycle or other.cycle == FINAL for other in others)

    def next_fresh(self) -> asyncio.Future[Response]:
        """Return a future of the next fresh response; it is done as soon as that has been sent."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    async def _handle(self, request: Request) -> Reply:
        response = self.players[_account(request)].ask(self.process, time.monotonic())
        self.responses.append(response)
        self.moments[response.moment].append(response.at)
        level = response.level
        return Reply(status=level.status, body=level.body.encode(), sent=lambda: self._sent(response))

    def _sent(self, response: Response) -> None:
        if not response.fresh:
            return
        for future in self._waiting:
            if not future.done():
                future.set_result(response)
        self._waiting.clear()


def _account(request: Request) -> str:
    """Return the account of a request: of Nami the first part of the path, of WDCF the client id in the query."""
    first = request.path.split("/")[1]
    return first if first in ("spot", "futures") else parse_qs(request.query)["clientId"][0]
