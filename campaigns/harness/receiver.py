"""A server that receives notifications as apprise posts them: `json://` and `ntfy://`."""

import json
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from campaigns.harness.web import Reply, Request, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A notification that arrived, `at` monotonic seconds. `path` identifies the recipient, as ntfy's topic does."""

    at: float
    path: str
    title: str
    body: str


class MessageServer(ABC):
    """A server for notifications; `take` decides about each."""

    def __init__(self) -> None:
        self._server = Server(self._handle)
        self.start, self.stop, self.drained = self._server.start, self._server.stop, self._server.drained

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return self._server.port

    @abstractmethod
    async def take(self, posted: Posted) -> Reply:
        """Return the response. The code up to the first `await` runs as the notification arrives."""

    async def _handle(self, request: Request) -> Reply:
        content = json.loads(request.body)
        path = f"/{content['topic']}" if "topic" in content else request.path
        return await self.take(
            Posted(at=time.monotonic(), path=path, title=content["title"], body=content["message"])
        )
